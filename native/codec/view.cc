#include "codec/view.h"

#include <algorithm>

#include "codec/view_parts.h"

namespace magneto::codec {

namespace {

using flatbuffers::Offset;

// The values are the schema's.
static_assert(static_cast<int>(core::MasterState::completing_recovery) ==
              static_cast<int>(view::MasterState::COMPLETING_RECOVERY));
static_assert(static_cast<int>(core::Limit::earlier) == static_cast<int>(view::Limit::EARLIER));
static_assert(static_cast<int>(core::DriverState::error) ==
              static_cast<int>(control::DriverState::ERROR));

template <class Item>
std::vector<const Item*> by_order(std::vector<const Item*> all) {
  std::sort(all.begin(), all.end(),
            [](const Item* a, const Item* b) { return a->order < b->order; });
  return all;
}

class Writer {
 public:
  explicit Writer(const core::Core& core) : core_(core), state_(core.state), explainer_(core) {}

  std::vector<uint8_t> write(const std::string& master_url, core::Millis now_ms) {
    const auto url = builder_.CreateString(master_url);
    const auto workers = all_workers();
    // Drivers first, then applications: the explainer wants the order of the queue.
    const auto drivers = active_drivers();
    const auto ended_drivers = completed_drivers();
    const auto active = active_applications();
    const auto completed = completed_applications();
    const auto leader_url = text(state_.leader_url);
    const auto leader_ui = text(state_.leader_web_ui_url);
    view::FinishClusterViewBuffer(
        builder_,
        view::CreateClusterView(builder_, url, static_cast<view::MasterState>(state_.master),
                                now_ms, workers, active, completed, drivers, ended_drivers,
                                state_.leads() ? state_.epoch : state_.leader_epoch, leader_url,
                                leader_ui, state_.recovery.due_ms));
    return {builder_.GetBufferPointer(), builder_.GetBufferPointer() + builder_.GetSize()};
  }

 private:
  // Nothing is written for what is empty.
  Offset<flatbuffers::String> text(const std::string& from) {
    return from.empty() ? Offset<flatbuffers::String>() : builder_.CreateString(from);
  }

  Offset<view::WorkerView> worker(const core::Worker& from) {
    core::Holdings total;
    core::Holdings used;
    for (const core::ResourcePool& pool : from.resources) {
      total.emplace_back(pool.name, pool.addresses);
      used.emplace_back(pool.name, std::vector<std::string>());
      for (size_t unit = 0; unit < pool.addresses.size(); ++unit)
        if (pool.used[unit]) used.back().second.push_back(pool.addresses[unit]);
    }
    std::vector<std::string> names;
    for (const core::Runtime* runtime : *from.runtimes) names.push_back(runtime->name);
    const auto id = builder_.CreateString(from.id());
    const auto host = builder_.CreateString(from.host());
    const auto url = builder_.CreateString(from.texts.web_ui_url());
    const auto all = write_holdings(builder_, total);
    const auto held = write_holdings(builder_, used);
    std::vector<std::string> ids;
    for (const core::Driver* driver : from.drivers) ids.push_back(driver->id);
    std::sort(ids.begin(), ids.end());
    const auto runtimes = builder_.CreateVectorOfStrings(names);
    const auto drivers = builder_.CreateVectorOfStrings(ids);
    Offset<flatbuffers::String> report;
    if (!from.healthy) report = text(state_.unhealthy.at(from.slot));
    return view::CreateWorkerView(builder_, id, host, from.port, url, from.cores, from.cores_used,
                                  from.memory_mb, from.memory_used_mb, all, held,
                                  static_cast<view::WorkerState>(from.state),
                                  from.last_heartbeat_ms, runtimes, drivers, report);
  }

  Tables<view::WorkerView> all_workers() {
    std::vector<const core::Worker*> sorted;
    state_.workers.each(
        [&](core::WorkerSlot, const core::Worker& each) { sorted.push_back(&each); });
    std::sort(sorted.begin(), sorted.end(),
              [](const core::Worker* a, const core::Worker* b) { return a->id() < b->id(); });
    std::vector<Offset<view::WorkerView>> all;
    for (const core::Worker* each : sorted) all.push_back(worker(*each));
    return builder_.CreateVector(all);
  }

  Offset<view::ExecutorView> executor(const core::PastExecutor& from) {
    const auto worker_id = builder_.CreateString(from.worker_id);
    const auto held = write_holdings(builder_, from.resources);
    return view::CreateExecutorView(builder_, from.id, worker_id, from.profile_id, from.cores,
                                    from.memory_mb, held,
                                    static_cast<control::ExecutorState>(from.state));
  }

  template <class Executors>
  Tables<view::ExecutorView> executors(const Executors& from) {
    std::vector<Offset<view::ExecutorView>> all;
    for (const core::PastExecutor& each : from) all.push_back(executor(each));
    return builder_.CreateVector(all);
  }

  Offset<view::ApplicationView> application(const core::Application& from, uint32_t memory_mb,
                                            uint32_t limit, Tables<view::ExecutorView> live,
                                            Tables<view::Explanation> explanations) {
    const auto removed = executors(from.removed);
    const auto per_executor = write_amounts(builder_, from.default_resources);
    const auto id = builder_.CreateString(from.id);
    const auto name = builder_.CreateString(from.name());
    const auto user = builder_.CreateString(from.user());
    const auto url = builder_.CreateString(from.ui_url());
    const auto runtime = builder_.CreateString(from.runtime());
    view::ApplicationViewBuilder to(builder_);
    to.add_id(id);
    to.add_name(name);
    to.add_user(user);
    to.add_ui_url(url);
    to.add_runtime(runtime);
    to.add_submitted_ms(from.submitted_ms);
    to.add_started_ms(from.submitted_ms);
    to.add_ended_ms(from.ended_ms);
    to.add_state(static_cast<view::ApplicationState>(from.state));
    to.add_cores_granted(from.cores_granted);
    if (from.max_cores) to.add_cores_max(*from.max_cores);
    if (limit != core::unlimited) to.add_executor_limit(limit);
    to.add_memory_per_executor_mb(memory_mb);
    to.add_resources_per_executor(per_executor);
    to.add_executors(live);
    to.add_removed_executors(removed);
    to.add_explanations(explanations);
    return to.Finish();
  }

  Tables<view::ApplicationView> active_applications() {
    std::vector<const core::Application*> found;
    state_.applications.each(
        [&](core::ApplicationSlot, const core::Application& each) { found.push_back(&each); });
    std::vector<Offset<view::ApplicationView>> all;
    for (const core::Application* each : by_order(std::move(found))) {
      std::vector<core::PastExecutor> live;
      for (const auto& [id, running] : each->executors) live.push_back(past(core_, running));
      const core::Request& defaults = each->requests.at(each->default_profile_id);
      std::vector<Offset<view::Explanation>> why;
      for (const core::Explanation& one : explainer_.explain(*each))
        why.push_back(write_explanation(builder_, one));
      const auto explanations = builder_.CreateVector(why);
      all.push_back(
          application(*each, defaults.memory_mb, defaults.target, executors(live), explanations));
    }
    return builder_.CreateVector(all);
  }

  Tables<view::ApplicationView> completed_applications() {
    std::vector<Offset<view::ApplicationView>> all;
    for (const core::CompletedApplication& each : state_.completed)
      all.push_back(application(each.application, each.memory_per_executor_mb, each.executor_limit,
                                executors(each.executors), {}));
    return builder_.CreateVector(all);
  }

  Offset<view::DriverView> driver(const core::Driver& from) {
    const auto id = builder_.CreateString(from.id);
    const auto worker_id = text(from.worker_id);
    const auto worker_host_port = text(from.worker_host_port);
    const auto held = write_holdings(builder_, from.resources);
    const auto asked = write_amounts(builder_, from.resources_asked);
    const auto jar_url = builder_.CreateString(from.jar_url);
    const auto main_class = text(from.main_class);
    const auto exception = text(from.exception);
    Offset<view::Explanation> explanation;
    if (from.shape) explanation = write_explanation(builder_, explainer_.explain(from));
    view::DriverViewBuilder to(builder_);
    to.add_id(id);
    to.add_state(static_cast<control::DriverState>(from.state));
    to.add_submitted_ms(from.submitted_ms);
    to.add_started_ms(from.started_ms);
    to.add_ended_ms(from.ended_ms);
    to.add_worker_id(worker_id);
    to.add_worker_host_port(worker_host_port);
    to.add_cores(from.cores);
    to.add_memory_mb(from.memory_mb);
    to.add_resources(held);
    to.add_resources_asked(asked);
    to.add_supervise(from.supervise);
    to.add_jar_url(jar_url);
    to.add_main_class(main_class);
    to.add_exception(exception);
    to.add_explanation(explanation);
    return to.Finish();
  }

  Tables<view::DriverView> active_drivers() {
    std::vector<const core::Driver*> found;
    state_.drivers.each(
        [&](core::DriverSlot, const core::Driver& each) { found.push_back(&each); });
    std::vector<Offset<view::DriverView>> all;
    for (const core::Driver* each : by_order(std::move(found))) all.push_back(driver(*each));
    return builder_.CreateVector(all);
  }

  Tables<view::DriverView> completed_drivers() {
    std::vector<Offset<view::DriverView>> all;
    for (const core::Driver& each : state_.completed_drivers) all.push_back(driver(each));
    return builder_.CreateVector(all);
  }

  const core::Core& core_;
  const core::State& state_;
  core::Explainer explainer_;
  flatbuffers::FlatBufferBuilder builder_;
};

}  // namespace

std::vector<uint8_t> write_view(const core::Core& core, const std::string& master_url,
                                core::Millis now_ms) {
  return Writer(core).write(master_url, now_ms);
}

}  // namespace magneto::codec
