// Core records -> store Records in the outbox.
#include "codec/encode.h"
#include "core/limits.h"

namespace magneto::codec {

namespace {

constexpr uint16_t version = 1;

// In the order of core::StoredRecord.
constexpr store::Value value_types[] = {
    store::Value::WorkerRecord,         store::Value::ApplicationRecord,
    store::Value::TargetsRecord,        store::Value::DriverRecord,
    store::Value::CountersRecord,       store::Value::CompletedApplicationRecord,
    store::Value::CompletedDriverRecord};
static_assert(std::size(value_types) == std::variant_size_v<core::StoredRecord>);

}  // namespace

void Encoder::persist(uint64_t sequence, core::Text key, const core::StoredRecord& record) {
  builder_.Clear();
  const auto offset = std::visit([this](const auto& each) { return value(each); }, record);
  const auto name = string(key);
  store::FinishRecordBuffer(
      builder_, store::CreateRecord(builder_, name, version, value_types[record.index()], offset));
  add(OutboxKind::persist, 0, finished(), sequence);
}

flatbuffers::Offset<void> Encoder::value(const core::WorkerRecord& record) {
  const core::RegisterWorker& from = record.registration;
  const auto id = string(from.worker_id);
  const auto host = string(from.host);
  const auto url = string(from.web_ui_url);
  const auto has = resources(from.resources);
  std::vector<String> names;
  for (const core::Text runtime : from.runtimes) names.push_back(string(runtime));
  const auto runtimes = builder_.CreateVector(names);
  const String endpoint = optional(from.endpoint);
  const auto registration =
      control::CreateRegisterWorker(builder_, id, host, from.port, from.cores, from.memory_mb, url,
                                    has, runtimes, String(), endpoint);
  return store::CreateWorkerRecord(builder_, registration, record.leaving).Union();
}

flatbuffers::Offset<void> Encoder::value(const core::ApplicationRecord& record) {
  const core::RegisterApplication& from = record.registration;
  const auto id = string(record.app_id);
  const auto description = nested(from.description);
  const auto driver = string(from.driver_address);
  const auto spark = bytes(from.spark_description);
  const String endpoint = optional(from.endpoint);
  return store::CreateApplicationRecord(builder_, id, description, driver, record.submitted_ms,
                                        record.next_executor_id, spark, record.order, endpoint)
      .Union();
}

flatbuffers::Offset<void> Encoder::value(const core::TargetsRecord& record) {
  const auto id = string(record.app_id);
  std::vector<flatbuffers::Offset<control::ProfileTarget>> all;
  for (const auto& [profile, total] : record.targets) {
    std::vector<flatbuffers::Offset<control::ResourceAmount>> amounts;
    for (const auto& [name, amount] : profile.resources)
      amounts.push_back(control::CreateResourceAmount(builder_, string(name), amount));
    const auto list = builder_.CreateVector(amounts);
    const auto described = control::CreateResourceProfile(builder_, profile.id, profile.cores,
                                                          profile.memory_mb, list);
    all.push_back(control::CreateProfileTarget(builder_, described, total));
  }
  return store::CreateTargetsRecord(builder_, id, builder_.CreateVector(all)).Union();
}

flatbuffers::Offset<void> Encoder::value(const core::DriverRecord& record) {
  const auto id = string(record.driver_id);
  const auto description = nested(record.submission.description);
  const String worker_id = optional(record.worker_id);
  const String host_port = optional(record.worker_host_port);
  const String replaces = optional(record.replaces);
  return store::CreateDriverRecord(builder_, id, description, record.submitted_ms, record.order,
                                   worker_id, host_port, record.started_ms, record.kill_asked,
                                   replaces)
      .Union();
}

flatbuffers::Offset<void> Encoder::value(const core::CountersRecord& record) {
  return store::CreateCountersRecord(builder_, record.next_application_number,
                                     record.next_driver_number, record.next_order)
      .Union();
}

flatbuffers::Offset<void> Encoder::value(const core::CompletedApplicationRecord& record) {
  const auto id = string(record.app_id);
  const auto name = string(record.name);
  const String user = optional(record.user);
  const String ui_url = optional(record.ui_url);
  const auto runtime = string(record.runtime);
  std::vector<flatbuffers::Offset<store::PastExecutor>> all;
  for (const core::PastExecutorRecord& each : record.executors)
    all.push_back(store::CreatePastExecutor(builder_, each.executor_id, string(each.worker_id),
                                            each.profile_id, each.cores, each.memory_mb,
                                            static_cast<control::ExecutorState>(each.state)));
  const auto executors = builder_.CreateVector(all);
  return store::CreateCompletedApplicationRecord(
             builder_, id, name, user, ui_url, record.state, record.submitted_ms, record.ended_ms,
             record.order, record.max_cores.value_or(0), record.memory_per_executor_mb,
             record.executor_limit, executors, runtime)
      .Union();
}

flatbuffers::Offset<void> Encoder::value(const core::CompletedDriverRecord& record) {
  const auto id = string(record.driver_id);
  const String main_class = optional(record.main_class);
  const auto jar_url = string(record.jar_url);
  const String exception = optional(record.exception);
  const String worker_id = optional(record.worker_id);
  const String host_port = optional(record.worker_host_port);
  const auto held = resources(record.resources);
  return store::CreateCompletedDriverRecord(
             builder_, id, main_class, jar_url, static_cast<control::DriverState>(record.state),
             exception, worker_id, host_port, record.submitted_ms, record.started_ms,
             record.ended_ms, record.order, record.cores, record.memory_mb, record.supervise, held)
      .Union();
}

}  // namespace magneto::codec
