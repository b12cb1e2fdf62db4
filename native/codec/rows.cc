#include "codec/rows.h"

#include <algorithm>

namespace magneto::codec {

namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

// The values are the schema's.
static_assert(static_cast<int>(core::MasterState::completing_recovery) ==
              static_cast<int>(view::MasterState::COMPLETING_RECOVERY));
static_assert(static_cast<int>(core::Limit::earlier) == static_cast<int>(view::Limit::EARLIER));
static_assert(static_cast<int>(core::DriverState::error) ==
              static_cast<int>(control::DriverState::ERROR));

// Nothing is written for what is empty.
Offset<flatbuffers::String> text(FlatBufferBuilder& builder, core::Text from) {
  return from.empty() ? Offset<flatbuffers::String>() : builder.CreateString(from);
}

}  // namespace

Offset<view::WorkerView> write_worker(FlatBufferBuilder& builder, const core::State& state,
                                      const core::Worker& from) {
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
  const auto id = builder.CreateString(from.id());
  const auto host = builder.CreateString(from.host());
  const auto url = builder.CreateString(from.texts.web_ui_url());
  const auto all = write_holdings(builder, total);
  const auto held = write_holdings(builder, used);
  std::vector<std::string> ids;
  for (const core::Driver* driver : from.drivers) ids.push_back(driver->id);
  std::sort(ids.begin(), ids.end());
  const auto runtimes = builder.CreateVectorOfStrings(names);
  const auto drivers = builder.CreateVectorOfStrings(ids);
  Offset<flatbuffers::String> report;
  if (!from.healthy) report = text(builder, state.unhealthy.at(from.slot));
  return view::CreateWorkerView(builder, id, host, from.port, url, from.cores, from.cores_used,
                                from.memory_mb, from.memory_used_mb, all, held,
                                static_cast<view::WorkerState>(from.state), from.last_heartbeat_ms,
                                runtimes, drivers, report);
}

Offset<view::ExecutorView> write_executor(FlatBufferBuilder& builder,
                                          const core::PastExecutor& from) {
  const auto worker_id = builder.CreateString(from.worker_id);
  const auto held = write_holdings(builder, from.resources);
  return view::CreateExecutorView(builder, from.id, worker_id, from.profile_id, from.cores,
                                  from.memory_mb, held,
                                  static_cast<control::ExecutorState>(from.state));
}

Offset<view::ApplicationView> write_application(FlatBufferBuilder& builder,
                                                const core::Application& from,
                                                const ApplicationParts& parts) {
  const auto per_executor = write_amounts(builder, from.default_resources);
  const auto id = builder.CreateString(from.id);
  const auto name = builder.CreateString(from.name());
  const auto user = builder.CreateString(from.user());
  const auto url = builder.CreateString(from.ui_url());
  const auto runtime = builder.CreateString(from.runtime());
  view::ApplicationViewBuilder to(builder);
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
  if (parts.executor_limit != core::unlimited) to.add_executor_limit(parts.executor_limit);
  to.add_memory_per_executor_mb(parts.memory_per_executor_mb);
  to.add_resources_per_executor(per_executor);
  to.add_executors(parts.executors);
  to.add_removed_executors(parts.removed);
  to.add_explanations(parts.explanations);
  return to.Finish();
}

Offset<view::DriverView> write_driver(FlatBufferBuilder& builder, const core::Driver& from,
                                      Offset<view::Explanation> explanation) {
  const auto id = builder.CreateString(from.id);
  const auto worker_id = text(builder, from.worker_id);
  const auto worker_host_port = text(builder, from.worker_host_port);
  const auto held = write_holdings(builder, from.resources);
  const auto asked = write_amounts(builder, from.resources_asked);
  const auto jar_url = builder.CreateString(from.jar_url);
  const auto main_class = text(builder, from.main_class);
  const auto exception = text(builder, from.exception);
  view::DriverViewBuilder to(builder);
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

Offset<view::ClusterView> write_cluster(FlatBufferBuilder& builder, const core::State& state,
                                        const std::string& master_url, core::Millis now_ms,
                                        const ClusterParts& parts) {
  const auto url = builder.CreateString(master_url);
  const auto leader_url = text(builder, state.leader_url);
  const auto leader_ui = text(builder, state.leader_web_ui_url);
  return view::CreateClusterView(builder, url, static_cast<view::MasterState>(state.master), now_ms,
                                 parts.workers, parts.active, parts.completed, parts.drivers,
                                 parts.completed_drivers,
                                 state.leads() ? state.epoch : state.leader_epoch, leader_url,
                                 leader_ui, state.recovery.due_ms);
}

}  // namespace magneto::codec
