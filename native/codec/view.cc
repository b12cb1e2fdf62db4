#include "codec/view.h"

#include <algorithm>

#include "codec/rows.h"

namespace magneto::codec {

namespace {

using flatbuffers::Offset;

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
    ClusterParts parts;
    parts.workers = all_workers();
    // Drivers first, then applications: the explainer wants the order of the queue.
    parts.drivers = active_drivers();
    parts.completed_drivers = completed_drivers();
    parts.active = active_applications();
    parts.completed = completed_applications();
    view::FinishClusterViewBuffer(builder_,
                                  write_cluster(builder_, state_, master_url, now_ms, parts));
    return {builder_.GetBufferPointer(), builder_.GetBufferPointer() + builder_.GetSize()};
  }

 private:
  Tables<view::WorkerView> all_workers() {
    std::vector<Offset<view::WorkerView>> all;
    for (const core::Worker* each : state_.workers_by_id)
      all.push_back(write_worker(builder_, state_, *each));
    return builder_.CreateVector(all);
  }

  template <class Executors>
  Tables<view::ExecutorView> executors(const Executors& from) {
    std::vector<Offset<view::ExecutorView>> all;
    for (const core::PastExecutor& each : from) all.push_back(write_executor(builder_, each));
    return builder_.CreateVector(all);
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
      const ApplicationParts parts{defaults.memory_mb, defaults.target, executors(live),
                                   executors(each->removed), explanations};
      all.push_back(write_application(builder_, *each, parts));
    }
    return builder_.CreateVector(all);
  }

  Tables<view::ApplicationView> completed_applications() {
    std::vector<Offset<view::ApplicationView>> all;
    for (const core::CompletedApplication& each : state_.completed) {
      const ApplicationParts parts{each.memory_per_executor_mb,
                                   each.executor_limit,
                                   executors(each.executors),
                                   executors(each.application.removed),
                                   {}};
      all.push_back(write_application(builder_, each.application, parts));
    }
    return builder_.CreateVector(all);
  }

  Tables<view::DriverView> active_drivers() {
    std::vector<const core::Driver*> found;
    state_.drivers.each(
        [&](core::DriverSlot, const core::Driver& each) { found.push_back(&each); });
    std::vector<Offset<view::DriverView>> all;
    for (const core::Driver* each : by_order(std::move(found))) {
      Offset<view::Explanation> explanation;
      if (each->shape) explanation = write_explanation(builder_, explainer_.explain(*each));
      all.push_back(write_driver(builder_, *each, explanation));
    }
    return builder_.CreateVector(all);
  }

  Tables<view::DriverView> completed_drivers() {
    std::vector<Offset<view::DriverView>> all;
    for (const core::Driver& each : state_.completed_drivers)
      all.push_back(write_driver(builder_, each, {}));
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
