#include "codec/view.h"

#include <algorithm>

#include "codec/gen/view_generated.h"

namespace magneto::codec {

namespace {

using flatbuffers::Offset;
template <class T>
using Tables = Offset<flatbuffers::Vector<Offset<T>>>;
using Holdings = std::vector<std::pair<std::string, std::vector<std::string>>>;

class Writer {
 public:
  explicit Writer(const core::Core& core) : core_(core), state_(core.state) {}

  std::vector<uint8_t> write(const std::string& master_url, core::Millis now_ms) {
    const auto url = builder_.CreateString(master_url);
    const auto workers = all_workers();
    const auto active = active_applications();
    const auto completed = completed_applications();
    view::FinishClusterViewBuffer(
        builder_, view::CreateClusterView(builder_, url, view::MasterState::ALIVE, now_ms, workers,
                                          active, completed));
    return {builder_.GetBufferPointer(), builder_.GetBufferPointer() + builder_.GetSize()};
  }

 private:
  Tables<control::Resource> resources(const Holdings& from) {
    std::vector<Offset<control::Resource>> all;
    for (const auto& [name, addresses] : from) {
      const auto units = builder_.CreateVectorOfStrings(addresses);
      all.push_back(control::CreateResource(builder_, builder_.CreateString(name), units));
    }
    return builder_.CreateVector(all);
  }

  Offset<view::WorkerView> worker(const core::Worker& from) {
    Holdings total;
    Holdings used;
    for (const core::ResourcePool& pool : from.resources) {
      total.emplace_back(pool.name, pool.addresses);
      used.emplace_back(pool.name, std::vector<std::string>());
      for (size_t unit = 0; unit < pool.addresses.size(); ++unit)
        if (pool.used[unit]) used.back().second.push_back(pool.addresses[unit]);
    }
    std::vector<std::string> names;
    for (const core::Runtime* runtime : from.runtimes) names.push_back(runtime->name);
    const auto id = builder_.CreateString(from.id);
    const auto host = builder_.CreateString(from.host);
    const auto url = builder_.CreateString(from.web_ui_url);
    const auto all = resources(total);
    const auto held = resources(used);
    const auto runtimes = builder_.CreateVectorOfStrings(names);
    return view::CreateWorkerView(builder_, id, host, from.port, url, from.cores, from.cores_used,
                                  from.memory_mb, from.memory_used_mb, all, held,
                                  static_cast<view::WorkerState>(from.state),
                                  from.last_heartbeat_ms, runtimes);
  }

  Tables<view::WorkerView> all_workers() {
    std::vector<const core::Worker*> sorted;
    state_.workers.each(
        [&](core::WorkerSlot, const core::Worker& each) { sorted.push_back(&each); });
    std::sort(sorted.begin(), sorted.end(),
              [](const core::Worker* a, const core::Worker* b) { return a->id < b->id; });
    std::vector<Offset<view::WorkerView>> all;
    for (const core::Worker* each : sorted) all.push_back(worker(*each));
    return builder_.CreateVector(all);
  }

  Offset<view::ExecutorView> executor(const core::PastExecutor& from) {
    const auto worker_id = builder_.CreateString(from.worker_id);
    const auto held = resources(from.resources);
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
                                            uint32_t limit, Tables<view::ExecutorView> live) {
    const auto removed = executors(from.removed);
    std::vector<Offset<control::ResourceAmount>> amounts;
    for (const auto& [name, amount] : from.default_resources)
      amounts.push_back(
          control::CreateResourceAmount(builder_, builder_.CreateString(name), amount));
    const auto per_executor = builder_.CreateVector(amounts);
    const auto id = builder_.CreateString(from.id);
    const auto name = builder_.CreateString(from.name);
    const auto user = builder_.CreateString(from.user);
    const auto url = builder_.CreateString(from.ui_url);
    const auto runtime = builder_.CreateString(from.runtime);
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
    return to.Finish();
  }

  Tables<view::ApplicationView> active_applications() {
    std::vector<const core::Application*> sorted;
    state_.applications.each(
        [&](core::ApplicationSlot, const core::Application& each) { sorted.push_back(&each); });
    std::sort(
        sorted.begin(), sorted.end(),
        [](const core::Application* a, const core::Application* b) { return a->order < b->order; });
    std::vector<Offset<view::ApplicationView>> all;
    for (const core::Application* each : sorted) {
      std::vector<core::PastExecutor> live;
      for (const auto& [id, running] : each->executors) live.push_back(past(core_, running));
      const core::Request& defaults = each->requests.at(each->default_profile_id);
      all.push_back(application(*each, defaults.memory_mb, defaults.target, executors(live)));
    }
    return builder_.CreateVector(all);
  }

  Tables<view::ApplicationView> completed_applications() {
    std::vector<Offset<view::ApplicationView>> all;
    for (const core::CompletedApplication& each : state_.completed)
      all.push_back(application(each.application, each.memory_per_executor_mb, each.executor_limit,
                                executors(each.executors)));
    return builder_.CreateVector(all);
  }

  const core::Core& core_;
  const core::State& state_;
  flatbuffers::FlatBufferBuilder builder_;
};

}  // namespace

std::vector<uint8_t> write_view(const core::Core& core, const std::string& master_url,
                                core::Millis now_ms) {
  return Writer(core).write(master_url, now_ms);
}

}  // namespace magneto::codec
