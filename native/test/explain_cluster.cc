#include "test/explain_cluster.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace magneto::test {

namespace {

core::ResourceAmounts amounts(const Size& size) {
  if (size.gpus == 0) return {};
  return {{"gpu", size.gpus}};
}

}  // namespace

void Cluster::worker(const std::string& id, Size size, std::vector<std::string> runtimes) {
  core::RegisterWorker message;
  message.worker_id = id;
  message.host = id;
  message.port = 7000;
  message.cores = size.cores;
  message.memory_mb = size.memory_mb;
  std::vector<std::string> units;
  for (uint32_t unit = 0; unit < size.gpus; ++unit) units.push_back(std::to_string(unit));
  if (size.gpus > 0) message.resources.push_back({"gpu", {units.begin(), units.end()}});
  message.runtimes.assign(runtimes.begin(), runtimes.end());
  say(connect(), message);
}

void Cluster::lose(const std::string& worker_id) {
  core.begin(now_ms_, 0);
  core.disconnected(core.state.find_worker(worker_id)->session, "gone");
  step();
}

void Cluster::decommission(const std::string& worker_id) {
  core::DecommissionWorkersOnHosts message;
  message.hosts = {worker_id};
  say(connect(), message);
}

void Cluster::health(const std::string& worker_id, bool healthy, const std::string& report) {
  say(core.state.find_worker(worker_id)->session, core::WorkerHealth{worker_id, healthy, report});
}

std::string Cluster::app(Size executor, const std::string& runtime, AppOptions options) {
  core::RegisterApplication message;
  message.name = "app";
  message.runtime = runtime;
  message.max_cores = options.max_cores;
  message.initial_executor_limit = options.limit;
  message.default_profile = {0, executor.cores, executor.memory_mb, amounts(executor)};
  say(connect(), message);
  return last_id_;
}

void Cluster::request(const std::string& app_id, uint32_t profile_id, Size executor,
                      uint32_t total) {
  core::RequestExecutors message;
  message.app_id = app_id;
  message.targets = {{{profile_id, executor.cores, executor.memory_mb, amounts(executor)}, total}};
  say(application(app_id).session, message);
}

void Cluster::end(const std::string& app_id) {
  say(application(app_id).session, core::UnregisterApplication{app_id});
}

std::string Cluster::driver(Size size, std::vector<std::string> runtimes) {
  const uint8_t description = 0;  // what it is nobody here looks at, but it is there
  core::SubmitDriver message;
  message.description = {&description, 1};
  message.jar_url = "file:/app.jar";
  message.main_class = "Main";
  message.cores = size.cores;
  message.memory_mb = size.memory_mb;
  message.resources = amounts(size);
  message.runtimes.assign(runtimes.begin(), runtimes.end());
  say(connect(), message);
  return last_id_;
}

void Cluster::idle_event(core::Millis later_ms) {
  now_ms_ += later_ms;
  core.begin(now_ms_, 0);
  core.disconnected(connect(), "gone");
  step();
}

core::Application& Cluster::application(const std::string& id) {
  return core.state.applications[core.state.application_by_id.at(id)];
}

std::vector<core::Explanation> Cluster::explain(const std::string& id) {
  explainer_.emplace(core);
  std::vector<core::Explanation> all;
  for (const auto& [order, slot] : core.state.waiting_drivers) {
    const core::Driver& driver = core.state.drivers[slot];
    const core::Explanation found = explainer_->explain(driver);
    if (driver.id == id) return {found};
    all.push_back(found);
  }
  std::vector<const core::Application*> queue;
  core.state.applications.each(
      [&](core::ApplicationSlot, const core::Application& each) { queue.push_back(&each); });
  std::sort(queue.begin(), queue.end(),
            [](const auto* a, const auto* b) { return a->order < b->order; });
  for (const core::Application* each : queue) {
    const auto found = explainer_->explain(*each);
    if (each->id == id) return found;
    all.insert(all.end(), found.begin(), found.end());
  }
  if (!id.empty()) throw std::runtime_error(id + " does not wait");
  return all;
}

std::vector<std::string> Cluster::warnings() { return std::exchange(warnings_, {}); }

std::vector<std::string> Cluster::told(const std::string& code) const {
  std::vector<std::string> texts;
  for (const auto& [each, text] : log_)
    if (each == code) texts.push_back(text);
  return texts;
}

void Cluster::send(core::Session, uint64_t, const core::Outgoing& message) {
  if (const auto* m = std::get_if<core::ApplicationRegistered>(&message)) last_id_ = m->app_id;
  if (const auto* m = std::get_if<core::Reply>(&message))
    if (!m->id.empty()) last_id_ = m->id;
}

void Cluster::notice(core::NoticeLevel level, core::Text code, core::Text text) {
  log_.emplace_back(code, text);
  if (level >= core::NoticeLevel::warn)
    warnings_.push_back(std::string(code) + ": " + std::string(text));
}

core::Session Cluster::connect() {
  core.begin(now_ms_, 0);
  core.connected(next_session_, "peer:1");
  return next_session_++;
}

void Cluster::say(core::Session session, const core::Message& message) {
  core.begin(now_ms_, 0);
  core.message(session, message);
  step();
}

void Cluster::step() {
  core.finish();
  core.check();
}

}  // namespace magneto::test
