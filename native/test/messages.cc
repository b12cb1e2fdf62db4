#include "test/messages.h"

namespace magneto::test {

namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

Bytes bytes_of(const FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

template <class Body>
Bytes message(FlatBufferBuilder& builder, control::Body type, Offset<Body> body) {
  control::FinishMessageBuffer(builder, control::CreateMessage(builder, type, body.Union()));
  return bytes_of(builder);
}

Offset<control::ResourceProfile> profile(FlatBufferBuilder& builder,
                                         const ProfileOptions& options) {
  std::vector<Offset<control::ResourceAmount>> amounts;
  for (const auto& [name, amount] : options.resources)
    amounts.push_back(control::CreateResourceAmountDirect(builder, name.c_str(), amount));
  return control::CreateResourceProfileDirect(builder, options.id, options.cores, options.memory_mb,
                                              &amounts);
}

Offset<flatbuffers::Vector<Offset<control::Resource>>> resources(
    FlatBufferBuilder& builder, const std::map<std::string, std::vector<std::string>>& from) {
  std::vector<Offset<control::Resource>> all;
  for (const auto& [name, units] : from) {
    const auto addresses = builder.CreateVectorOfStrings(units);
    all.push_back(control::CreateResource(builder, builder.CreateString(name), addresses));
  }
  return builder.CreateVector(all);
}

template <class T>
flatbuffers::Optional<T> optional(const std::optional<T>& value) {
  return value ? flatbuffers::Optional<T>(*value) : flatbuffers::Optional<T>();
}

}  // namespace

Bytes config(const ConfigOptions& options) {
  FlatBufferBuilder builder;
  builder.Finish(core::CreateCoreConfigDirect(
      builder, "spark://master:7077", "http://master:8080", options.timeout_ms, options.persistence,
      options.retries, options.spread, options.policy, options.default_cores, options.retained,
      options.pattern.c_str(), options.seed, options.spread_drivers, options.max_drivers,
      options.retained_drivers, options.driver_pattern.c_str(), options.modulo, options.name_as_id,
      options.standby, options.recovery_timeout_ms, options.recovery_grace_ms));
  return bytes_of(builder);
}

Bytes register_worker(const WorkerOptions& options) {
  FlatBufferBuilder builder;
  const auto runtimes = builder.CreateVectorOfStrings(options.runtimes);
  const auto held = resources(builder, options.resources);
  const auto id = builder.CreateString(options.id);
  const auto host = builder.CreateString(options.host);
  const auto url = builder.CreateString(options.web_ui_url);
  const auto report = builder.CreateString(options.health_report);
  return message(builder, control::Body::RegisterWorker,
                 control::CreateRegisterWorker(builder, id, host, options.port, options.cores,
                                               options.memory_mb, url, held, runtimes, report,
                                               options.endpoint.empty()
                                                   ? flatbuffers::Offset<flatbuffers::String>()
                                                   : builder.CreateString(options.endpoint)));
}

Bytes heartbeat(const std::string& worker_id) {
  FlatBufferBuilder builder;
  return message(builder, control::Body::WorkerHeartbeat,
                 control::CreateWorkerHeartbeatDirect(builder, worker_id.c_str()));
}

Bytes latest_state(const std::string& worker_id, const std::vector<core::KnownExecutor>& executors,
                   const std::vector<std::string>& driver_ids) {
  FlatBufferBuilder builder;
  std::vector<Offset<control::ExecutorDescription>> all;
  for (const auto& [app_id, id, state] : executors)
    all.push_back(control::CreateExecutorDescription(builder, builder.CreateString(app_id), id, 0,
                                                     0, 0,
                                                     static_cast<control::ExecutorState>(state)));
  return message(builder, control::Body::WorkerLatestState,
                 control::CreateWorkerLatestState(builder, builder.CreateString(worker_id),
                                                  builder.CreateVector(all),
                                                  builder.CreateVectorOfStrings(driver_ids)));
}

Bytes state_changed(const StateOptions& options) {
  FlatBufferBuilder builder;
  return message(builder, control::Body::ExecutorStateChanged,
                 control::CreateExecutorStateChangedDirect(
                     builder, options.request_id, options.app_id.c_str(), options.executor_id,
                     static_cast<control::ExecutorState>(options.state),
                     options.message.empty() ? nullptr : options.message.c_str(),
                     optional(options.exit_status)));
}

Bytes register_application(const ApplicationOptions& options) {
  FlatBufferBuilder nested;
  const auto profile_offset = profile(nested, options.profile);
  const auto command = control::CreateNodeCommandDirect(nested, "/main.js");
  nested.Finish(control::CreateApplicationDescriptionDirect(
      nested, options.name.c_str(), "user", nullptr, optional(options.max_cores),
      optional(options.limit), profile_offset, control::Command::NodeCommand, command.Union(),
      options.runtime.c_str()));
  FlatBufferBuilder builder;
  const Bytes description = bytes_of(nested);
  return message(
      builder, control::Body::RegisterApplication,
      control::CreateRegisterApplicationDirect(
          builder, &description, options.driver.empty() ? nullptr : options.driver.c_str(),
          options.spark.empty() ? nullptr : &options.spark,
          options.endpoint.empty() ? nullptr : options.endpoint.c_str()));
}

Bytes unregister_application(const std::string& app_id) {
  FlatBufferBuilder builder;
  return message(builder, control::Body::UnregisterApplication,
                 control::CreateUnregisterApplicationDirect(builder, app_id.c_str()));
}

Bytes request_executors(const std::string& app_id,
                        const std::vector<std::pair<ProfileOptions, uint32_t>>& targets) {
  FlatBufferBuilder builder;
  std::vector<Offset<control::ProfileTarget>> all;
  for (const auto& [options, total] : targets)
    all.push_back(control::CreateProfileTarget(builder, profile(builder, options), total));
  return message(builder, control::Body::RequestExecutors,
                 control::CreateRequestExecutorsDirect(builder, 1, app_id.c_str(), &all));
}

Bytes kill_executors(const std::string& app_id, const std::vector<std::string>& ids) {
  FlatBufferBuilder builder;
  const auto all = builder.CreateVectorOfStrings(ids);
  const auto id = builder.CreateString(app_id);
  return message(builder, control::Body::KillExecutors,
                 control::CreateKillExecutors(builder, 1, id, all));
}

Bytes kill_application(const std::string& app_id) {
  FlatBufferBuilder builder;
  return message(builder, control::Body::KillApplication,
                 control::CreateKillApplicationDirect(builder, 1, app_id.c_str()));
}

Bytes submit_driver(const DriverOptions& options) {
  FlatBufferBuilder nested;
  const auto args = nested.CreateVectorOfStrings(
      std::vector<std::string>{"{{WORKER_URL}}", "{{USER_JAR}}", options.main_class});
  const auto wrapper = nested.CreateString("org.apache.spark.deploy.worker.DriverWrapper");
  const auto command = control::CreateJvmCommand(nested, wrapper, args);
  std::vector<Offset<control::ResourceAmount>> amounts;
  for (const auto& [name, amount] : options.resources)
    amounts.push_back(control::CreateResourceAmountDirect(nested, name.c_str(), amount));
  const auto resources = nested.CreateVector(amounts);
  const auto runtimes = nested.CreateVectorOfStrings(options.runtimes);
  const auto jar = nested.CreateString("file:/main.jar");
  nested.Finish(control::CreateDriverDescription(nested, jar, options.memory_mb, options.cores,
                                                 options.supervise, command, resources, runtimes));
  FlatBufferBuilder builder;
  const Bytes description = bytes_of(nested);
  return message(builder, control::Body::RequestSubmitDriver,
                 control::CreateRequestSubmitDriverDirect(builder, 1, &description));
}

Bytes kill_driver(const std::string& driver_id) {
  FlatBufferBuilder builder;
  return message(builder, control::Body::RequestKillDriver,
                 control::CreateRequestKillDriverDirect(builder, 1, driver_id.c_str()));
}

Bytes kill_all_drivers() {
  FlatBufferBuilder builder;
  return message(builder, control::Body::RequestKillAllDrivers,
                 control::CreateRequestKillAllDrivers(builder, 1));
}

Bytes driver_status(const std::string& driver_id) {
  FlatBufferBuilder builder;
  return message(builder, control::Body::RequestDriverStatus,
                 control::CreateRequestDriverStatusDirect(builder, 1, driver_id.c_str()));
}

Bytes driver_state_changed(const std::string& driver_id, core::DriverState state,
                           const std::string& exception, uint32_t request_id) {
  FlatBufferBuilder builder;
  return message(builder, control::Body::DriverStateChanged,
                 control::CreateDriverStateChangedDirect(
                     builder, driver_id.c_str(), static_cast<control::DriverState>(state),
                     exception.empty() ? nullptr : exception.c_str(), request_id));
}

Bytes clear_completed() {
  FlatBufferBuilder builder;
  return message(builder, control::Body::RequestClearCompletedDriversAndApps,
                 control::CreateRequestClearCompletedDriversAndApps(builder, 1));
}

Bytes readyz() {
  FlatBufferBuilder builder;
  return message(builder, control::Body::RequestReadyz, control::CreateRequestReadyz(builder, 1));
}

Bytes decommission_hosts(const std::vector<std::string>& hosts) {
  FlatBufferBuilder builder;
  const auto all = builder.CreateVectorOfStrings(hosts);
  return message(builder, control::Body::DecommissionWorkersOnHosts,
                 control::CreateDecommissionWorkersOnHosts(builder, 1, all));
}

Bytes worker_decommissioning(const std::string& worker_id) {
  FlatBufferBuilder builder;
  return message(builder, control::Body::WorkerDecommissioning,
                 control::CreateWorkerDecommissioningDirect(builder, worker_id.c_str()));
}

Bytes worker_health(const std::string& worker_id, bool healthy, const std::string& report) {
  FlatBufferBuilder builder;
  return message(builder, control::Body::WorkerHealth,
                 control::CreateWorkerHealthDirect(builder, worker_id.c_str(), healthy,
                                                   report.empty() ? nullptr : report.c_str()));
}

Bytes scheduler_state(const std::string& worker_id, const std::vector<RunningExecutor>& executors,
                      const std::vector<RunningDriver>& drivers) {
  FlatBufferBuilder builder;
  std::vector<Offset<control::WorkerExecutorStateResponse>> all;
  for (const RunningExecutor& each : executors) {
    const auto description = control::CreateExecutorDescription(
        builder, builder.CreateString(each.app_id), each.executor_id, each.profile_id, each.cores,
        each.memory_mb, static_cast<control::ExecutorState>(each.state));
    all.push_back(control::CreateWorkerExecutorStateResponse(builder, description,
                                                             resources(builder, each.resources)));
  }
  std::vector<Offset<control::WorkerDriverStateResponse>> ids;
  for (const RunningDriver& each : drivers)
    ids.push_back(control::CreateWorkerDriverStateResponse(builder, builder.CreateString(each.id),
                                                           resources(builder, each.resources)));
  return message(builder, control::Body::WorkerSchedulerStateResponse,
                 control::CreateWorkerSchedulerStateResponse(
                     builder, builder.CreateString(worker_id), builder.CreateVector(all),
                     builder.CreateVector(ids)));
}

Bytes master_change_acknowledged(const std::string& app_id,
                                 const std::vector<std::string>& expected) {
  FlatBufferBuilder builder;
  const auto ids = builder.CreateVectorOfStrings(expected);
  const auto id = builder.CreateString(app_id);
  return message(builder, control::Body::MasterChangeAcknowledged,
                 control::CreateMasterChangeAcknowledged(builder, id, ids));
}

Bytes leader(const std::string& master_url, uint32_t epoch) {
  FlatBufferBuilder builder;
  builder.Finish(core::CreateLeaderDirect(builder, master_url.c_str(), nullptr, epoch));
  return bytes_of(builder);
}

}  // namespace magneto::test
