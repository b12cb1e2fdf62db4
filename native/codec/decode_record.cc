// Store Records and what a standby hears of the leader -> core structs. A record was written by a
// master, but a disk may have changed it: it is verified and bounded as if a stranger had sent it.
#include <string>

#include "codec/decode_parts.h"
#include "codec/gen/core_generated.h"
#include "codec/gen/store_generated.h"

namespace magneto::codec {

namespace {

namespace limits = core::limits;

constexpr uint16_t newest_version = 1;

core::TargetsRecord read(const store::TargetsRecord& from) {
  core::TargetsRecord to{id(from.app_id(), "app_id"), {}};
  const size_t size = count(from.targets(), "targets", limits::max_profiles_per_application);
  for (uint32_t at = 0; at < size; ++at)
    to.targets.emplace_back(profile(*from.targets()->Get(at)->profile()),
                            from.targets()->Get(at)->total());
  return to;
}

core::CompletedApplicationRecord read(const store::CompletedApplicationRecord& from) {
  core::CompletedApplicationRecord to;
  to.app_id = id(from.app_id(), "app_id");
  to.name = text(from.name(), "name");
  to.user = text(from.user(), "user");
  to.ui_url = text(from.ui_url(), "ui_url");
  to.runtime = text(from.runtime(), "runtime");
  if (from.state() > static_cast<uint8_t>(5))
    throw Malformed("application state " + std::to_string(from.state()) + " is unknown");
  to.state = from.state();
  to.submitted_ms = from.submitted_ms();
  to.ended_ms = from.ended_ms();
  to.order = from.order();
  if (from.cores_max() > 0) to.max_cores = from.cores_max();
  to.memory_per_executor_mb = from.memory_per_executor_mb();
  to.executor_limit = from.executor_limit();
  const size_t size =
      count(from.executors(), "executors", limits::max_removed_executors_per_application);
  for (uint32_t at = 0; at < size; ++at) {
    const auto& each = *from.executors()->Get(at);
    to.executors.push_back({each.executor_id(), text(each.worker_id(), "worker_id"),
                            each.profile_id(), each.cores(), each.memory_mb(),
                            executor_state(each.state())});
  }
  return to;
}

core::CompletedDriverRecord read(const store::CompletedDriverRecord& from) {
  core::CompletedDriverRecord to;
  to.driver_id = id(from.driver_id(), "driver_id");
  to.main_class = text(from.main_class(), "main_class");
  to.jar_url = text(from.jar_url(), "jar_url");
  to.state = driver_state(from.state());
  to.exception = text(from.exception(), "exception");
  to.worker_id = text(from.worker_id(), "worker_id");
  to.worker_host_port = text(from.worker_host_port(), "worker_host_port");
  to.submitted_ms = from.submitted_ms();
  to.started_ms = from.started_ms();
  to.ended_ms = from.ended_ms();
  to.order = from.order();
  to.cores = from.cores();
  to.memory_mb = from.memory_mb();
  to.supervise = from.supervise();
  to.resources = resources(from.resources());
  return to;
}

}  // namespace

core::ApplicationRecord Decoder::application_record(const void* table) {
  const auto& from = *static_cast<const store::ApplicationRecord*>(table);
  core::ApplicationRecord to;
  to.app_id = id(from.app_id(), "app_id");
  to.registration = described_application({from.application()->data(), from.application()->size()});
  to.registration.spark_description = spark_bytes(from.spark_description(), "the application's");
  to.registration.driver_address = text(from.driver_address(), "driver_address");
  to.registration.endpoint = text(from.endpoint(), "endpoint", limits::max_id_bytes);
  to.submitted_ms = from.submitted_ms();
  to.next_executor_id = from.next_executor_id();
  to.order = from.order();
  return to;
}

core::DriverRecord Decoder::driver_record(const void* table) {
  const auto& from = *static_cast<const store::DriverRecord*>(table);
  core::DriverRecord to;
  to.driver_id = id(from.driver_id(), "driver_id");
  to.submission = described_driver({from.description()->data(), from.description()->size()});
  to.submitted_ms = from.submitted_ms();
  to.order = from.order();
  to.worker_id = text(from.worker_id(), "worker_id", limits::max_id_bytes);
  to.worker_host_port = text(from.worker_host_port(), "worker_host_port");
  to.started_ms = from.started_ms();
  to.kill_asked = from.kill_asked();
  to.replaces = text(from.replaces(), "replaces", limits::max_id_bytes);
  return to;
}

core::StoredRecord Decoder::decode_record(std::span<const uint8_t> bytes, core::Text& key) {
  flatbuffers::Verifier::Options options;
  options.check_nested_flatbuffers = false;  // by the reader, from an aligned copy
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), options);
  if (!store::VerifyRecordBuffer(verifier))
    throw Malformed("it is not a valid record (FlatBuffers verification failed)");
  const auto& record = *store::GetRecord(bytes.data());
  key = text(record.key(), "its key", 2 * limits::max_id_bytes);
  if (record.version() > newest_version)
    throw Malformed("it is of version " + std::to_string(record.version()) +
                    "; this master reads up to " + std::to_string(newest_version));
  switch (record.value_type()) {
    case store::Value::WorkerRecord: {
      const auto& from = *record.value_as_WorkerRecord();
      return core::WorkerRecord{registration(*from.registration()), from.leaving()};
    }
    case store::Value::ApplicationRecord:
      return application_record(record.value());
    case store::Value::DriverRecord:
      return driver_record(record.value());
    case store::Value::TargetsRecord:
      return read(*record.value_as_TargetsRecord());
    case store::Value::CountersRecord: {
      const auto& from = *record.value_as_CountersRecord();
      return core::CountersRecord{from.next_application_number(), from.next_driver_number(),
                                  from.next_order()};
    }
    case store::Value::CompletedApplicationRecord:
      return read(*record.value_as_CompletedApplicationRecord());
    case store::Value::CompletedDriverRecord:
      return read(*record.value_as_CompletedDriverRecord());
    default:
      throw Malformed("it is of unknown kind " +
                      std::to_string(static_cast<int>(record.value_type())));
  }
}

core::KnownLeader Decoder::decode_leader(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return {};
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  if (!verifier.VerifyBuffer<core::Leader>(nullptr))
    throw Malformed("what is said of the leader is no valid FlatBuffer");
  const auto& from = *flatbuffers::GetRoot<core::Leader>(bytes.data());
  return {text(from.master_url(), "master_url"), text(from.master_web_ui_url(), "web_ui_url"),
          from.epoch()};
}

}  // namespace magneto::codec
