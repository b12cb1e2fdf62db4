#include "codec/decode.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "codec/decode_parts.h"
#include "codec/gen/core_generated.h"
#include "core/limits.h"

namespace magneto::codec {

namespace {

namespace limits = core::limits;
using core::Text;

core::WorkerLatestState read(const control::WorkerLatestState& from) {
  core::WorkerLatestState to{asked_id(from.worker_id(), "worker_id"), {}, {}};
  const size_t size = count(from.executors(), "executors", limits::max_executors_per_application);
  for (uint32_t at = 0; at < size; ++at) {
    const auto* each = from.executors()->Get(at);
    to.executors.push_back(
        {asked_id(each->app_id(), "app_id"), each->executor_id(), executor_state(each->state())});
  }
  const size_t drivers = count(from.driver_ids(), "driver ids", limits::max_drivers);
  for (uint32_t at = 0; at < drivers; ++at)
    to.driver_ids.push_back(asked_id(from.driver_ids()->Get(at), "a driver id"));
  return to;
}

core::ExecutorStateChanged read(const control::ExecutorStateChanged& from) {
  core::ExecutorStateChanged to;
  to.request_id = from.request_id();
  to.app_id = asked_id(from.app_id(), "app_id");
  to.executor_id = from.executor_id();
  to.state = executor_state(from.state());
  if (from.message()) to.message = text(from.message(), "message", limits::max_message_bytes);
  if (from.exit_status().has_value()) to.exit_status = *from.exit_status();
  return to;
}

core::RequestExecutors read(const control::RequestExecutors& from) {
  core::RequestExecutors to;
  to.request_id = from.request_id();
  to.app_id = asked_id(from.app_id(), "app_id");
  const size_t size = count(from.targets(), "targets", limits::max_profiles_per_application);
  for (uint32_t at = 0; at < size; ++at)
    to.targets.emplace_back(profile(*from.targets()->Get(at)->profile()),
                            from.targets()->Get(at)->total());
  return to;
}

core::KillExecutors read(const control::KillExecutors& from) {
  core::KillExecutors to{from.request_id(), asked_id(from.app_id(), "app_id"), {}};
  const size_t size =
      count(from.executor_ids(), "executor ids", limits::max_executors_per_application);
  for (uint32_t at = 0; at < size; ++at)
    to.executor_ids.push_back(text(from.executor_ids()->Get(at), "an executor id"));
  return to;
}

core::DriverStateChanged read(const control::DriverStateChanged& from) {
  return {from.request_id(), asked_id(from.driver_id(), "driver_id"), driver_state(from.state()),
          text(from.exception(), "exception", limits::max_message_bytes)};
}

core::DecommissionWorkersOnHosts read(const control::DecommissionWorkersOnHosts& from) {
  core::DecommissionWorkersOnHosts to{from.request_id(), {}};
  const size_t size = count(from.hosts(), "hosts", limits::max_hosts);
  for (uint32_t at = 0; at < size; ++at)
    to.hosts.push_back(asked_id(from.hosts()->Get(at), "a host"));
  return to;
}

core::WorkerHealth read(const control::WorkerHealth& from) {
  return {asked_id(from.worker_id(), "worker_id"), from.healthy(),
          text(from.report(), "report", limits::max_message_bytes)};
}

core::ReportedExecutor read(const control::WorkerExecutorStateResponse& from) {
  const auto& description = *from.description();
  return {asked_id(description.app_id(), "app_id"),
          description.executor_id(),
          description.profile_id(),
          description.cores(),
          description.memory_mb(),
          executor_state(description.state()),
          resources(from.resources())};
}

core::WorkerSchedulerStateResponse read(const control::WorkerSchedulerStateResponse& from) {
  core::WorkerSchedulerStateResponse to{asked_id(from.worker_id(), "worker_id"), {}, {}};
  const size_t size = count(from.executors(), "executors", limits::max_executors_per_application);
  for (uint32_t at = 0; at < size; ++at) to.executors.push_back(read(*from.executors()->Get(at)));
  const size_t drivers = count(from.drivers(), "drivers", limits::max_drivers);
  for (uint32_t at = 0; at < drivers; ++at) {
    const auto& each = *from.drivers()->Get(at);
    to.drivers.push_back({asked_id(each.driver_id(), "a driver id"), resources(each.resources())});
  }
  return to;
}

core::MasterChangeAcknowledged read(const control::MasterChangeAcknowledged& from) {
  core::MasterChangeAcknowledged to{asked_id(from.app_id(), "app_id"), {}};
  const size_t size =
      count(from.expected_executors(), "executor ids", limits::max_executors_per_application);
  for (uint32_t at = 0; at < size; ++at)
    to.expected_executors.push_back(text(from.expected_executors()->Get(at), "an executor id"));
  return to;
}

// J4: the class that Spark's DriverWrapper is to run; what a stranger runs is its own.
Text user_class(const control::JvmCommand& command) {
  const uint32_t wrapped = 2;
  if (command.args() && command.args()->size() > wrapped)
    return text(command.args()->Get(wrapped), "the driver's main class");
  return text(command.main_class(), "the driver's main class");
}

[[noreturn]] void throw_not_served(control::Body type) {
  if (type > control::Body::MAX || type == control::Body::NONE)
    throw Malformed("message type " + std::to_string(static_cast<int>(type)) +
                    " is unknown to this master; it speaks control/v1");
  throw Malformed(std::string(control::EnumNameBody(type)) +
                  " is a message of the master; it does not accept it");
}

}  // namespace

std::span<const uint8_t> Decoder::aligned(std::span<const uint8_t> bytes, const char* whose) {
  if (bytes.size() > limits::max_description_bytes)
    throw Malformed(std::string(whose) + " description has " + std::to_string(bytes.size()) +
                    " bytes; at most " + std::to_string(limits::max_description_bytes) +
                    " are accepted");
  nested_.assign((bytes.size() + 7) / 8, 0);
  if (!bytes.empty()) std::memcpy(nested_.data(), bytes.data(), bytes.size());
  return {reinterpret_cast<const uint8_t*>(nested_.data()), bytes.size()};
}

core::RegisterApplication Decoder::application(const void* table) {
  const auto& from = *static_cast<const control::RegisterApplication*>(table);
  core::RegisterApplication to =
      described_application({from.application()->data(), from.application()->size()});
  to.spark_description = spark_bytes(from.spark_description(), "the application's");
  to.driver_address = text(from.driver_address(), "driver_address", limits::max_text_bytes);
  to.endpoint = text(from.endpoint(), "endpoint", limits::max_id_bytes);
  return to;
}

core::RegisterApplication Decoder::described_application(std::span<const uint8_t> from) {
  const auto bytes = aligned(from, "the application's");
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  if (!verifier.VerifyBuffer<control::ApplicationDescription>(nullptr))
    throw Malformed("the application's description is not a valid FlatBuffer");
  const auto& description = *flatbuffers::GetRoot<control::ApplicationDescription>(bytes.data());
  if (description.command_type() == control::Command::NONE ||
      description.command_type() > control::Command::MAX)
    throw Malformed("the application's command is of unknown kind " +
                    std::to_string(static_cast<int>(description.command_type())));
  core::RegisterApplication to;
  to.description = bytes;
  to.name = text(description.name(), "the application's name");
  to.user = text(description.user(), "user");
  to.ui_url = text(description.ui_url(), "ui_url");
  to.runtime = id(description.runtime(), "runtime");
  if (description.max_cores().has_value()) to.max_cores = *description.max_cores();
  if (description.initial_executor_limit().has_value())
    to.initial_executor_limit = *description.initial_executor_limit();
  to.default_profile = profile(*description.default_profile());
  return to;
}

core::SubmitDriver Decoder::driver(const void* table) {
  const auto& from = *static_cast<const control::RequestSubmitDriver*>(table);
  core::SubmitDriver to =
      described_driver({from.description()->data(), from.description()->size()});
  to.request_id = from.request_id();
  return to;
}

core::SubmitDriver Decoder::described_driver(std::span<const uint8_t> from) {
  const auto bytes = aligned(from, "the driver's");
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  if (!verifier.VerifyBuffer<control::DriverDescription>(nullptr))
    throw Malformed("the driver's description is not a valid FlatBuffer");
  const auto& description = *flatbuffers::GetRoot<control::DriverDescription>(bytes.data());
  spark_bytes(description.spark_description(), "the driver's");
  core::SubmitDriver to;
  to.description = bytes;
  to.jar_url = text(description.jar_url(), "jar_url");
  to.main_class = user_class(*description.command());
  to.cores = description.cores();
  to.memory_mb = description.memory_mb();
  to.supervise = description.supervise();
  to.resources = amounts(description.resources());
  const size_t size =
      count(description.runtimes(), "runtimes of a driver", limits::max_runtimes_per_driver);
  if (size == 0) throw Malformed("a driver needs at least one runtime that can host it");
  for (uint32_t at = 0; at < size; ++at)
    to.runtimes.push_back(id(description.runtimes()->Get(at), "a runtime"));
  std::sort(to.runtimes.begin(), to.runtimes.end());
  to.runtimes.erase(std::unique(to.runtimes.begin(), to.runtimes.end()), to.runtimes.end());
  return to;
}

core::Message Decoder::decode(std::span<const uint8_t> bytes) {
  if (bytes.size() > limits::max_message_bytes)
    throw Malformed("a message of " + std::to_string(bytes.size()) + " bytes; at most " +
                    std::to_string(limits::max_message_bytes) + " are accepted");
  flatbuffers::Verifier::Options options;
  options.check_nested_flatbuffers = false;  // by the reader, from an aligned copy
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), options);
  if (!control::VerifyMessageBuffer(verifier))
    throw Malformed("not a valid control message (FlatBuffers verification failed)");
  const auto& message = *control::GetMessage(bytes.data());
  switch (message.body_type()) {
    case control::Body::RegisterWorker:
      return registration(*message.body_as_RegisterWorker());
    case control::Body::WorkerHeartbeat:
      return core::WorkerHeartbeat{
          asked_id(message.body_as_WorkerHeartbeat()->worker_id(), "worker_id")};
    case control::Body::WorkerLatestState:
      return read(*message.body_as_WorkerLatestState());
    case control::Body::ExecutorStateChanged:
      return read(*message.body_as_ExecutorStateChanged());
    case control::Body::RegisterApplication:
      return application(message.body());
    case control::Body::UnregisterApplication:
      return core::UnregisterApplication{
          asked_id(message.body_as_UnregisterApplication()->app_id(), "app_id")};
    case control::Body::RequestExecutors:
      return read(*message.body_as_RequestExecutors());
    case control::Body::KillExecutors:
      return read(*message.body_as_KillExecutors());
    case control::Body::KillApplication:
      return core::KillApplication{message.body_as_KillApplication()->request_id(),
                                   asked_id(message.body_as_KillApplication()->app_id(), "app_id")};
    case control::Body::DriverStateChanged:
      return read(*message.body_as_DriverStateChanged());
    case control::Body::RequestSubmitDriver:
      return driver(message.body());
    case control::Body::RequestKillDriver:
      return core::RequestKillDriver{
          message.body_as_RequestKillDriver()->request_id(),
          asked_id(message.body_as_RequestKillDriver()->driver_id(), "driver_id")};
    case control::Body::RequestKillAllDrivers:
      return core::RequestKillAllDrivers{message.body_as_RequestKillAllDrivers()->request_id()};
    case control::Body::RequestDriverStatus:
      return core::RequestDriverStatus{
          message.body_as_RequestDriverStatus()->request_id(),
          asked_id(message.body_as_RequestDriverStatus()->driver_id(), "driver_id")};
    case control::Body::RequestClearCompletedDriversAndApps:
      return core::RequestClearCompleted{
          message.body_as_RequestClearCompletedDriversAndApps()->request_id()};
    case control::Body::RequestReadyz:
      return core::RequestReadyz{message.body_as_RequestReadyz()->request_id()};
    case control::Body::DecommissionWorkersOnHosts:
      return read(*message.body_as_DecommissionWorkersOnHosts());
    case control::Body::WorkerDecommissioning:
      return core::WorkerDecommissioning{
          asked_id(message.body_as_WorkerDecommissioning()->worker_id(), "worker_id")};
    case control::Body::WorkerHealth:
      return read(*message.body_as_WorkerHealth());
    case control::Body::WorkerSchedulerStateResponse:
      return read(*message.body_as_WorkerSchedulerStateResponse());
    case control::Body::MasterChangeAcknowledged:
      return read(*message.body_as_MasterChangeAcknowledged());
    default:
      break;
  }
  throw_not_served(message.body_type());
}

DecodedConfig decode_config(std::span<const uint8_t> bytes) {
  std::vector<uint64_t> aligned((bytes.size() + 7) / 8);
  if (!bytes.empty()) std::memcpy(aligned.data(), bytes.data(), bytes.size());
  const auto* copy = reinterpret_cast<const uint8_t*>(aligned.data());
  flatbuffers::Verifier verifier(copy, bytes.size());
  if (!verifier.VerifyBuffer<core::CoreConfig>(nullptr))
    throw std::invalid_argument("the core's config is not a valid CoreConfig");
  const auto& from = *flatbuffers::GetRoot<core::CoreConfig>(copy);
  if (from.worker_selection_policy() > core::WorkerSelectionPolicy::MAX)
    throw std::invalid_argument("unknown worker_selection_policy");
  DecodedConfig to;
  to.master_url = from.master_url()->str();
  if (from.master_web_ui_url()) to.master_web_ui_url = from.master_web_ui_url()->str();
  to.core.worker_timeout_ms = from.worker_timeout_ms();
  to.core.dead_worker_persistence = from.dead_worker_persistence();
  to.core.max_executor_retries = from.max_executor_retries();
  to.core.spread_out_apps = from.spread_out_apps();
  to.core.selection_policy = static_cast<core::SelectionPolicy>(from.worker_selection_policy());
  to.core.default_cores = from.default_cores();
  to.core.retained_applications = from.retained_applications();
  if (from.app_id_pattern()) to.core.app_id_pattern = from.app_id_pattern()->str();
  to.core.seed = from.seed();
  to.core.spread_out_drivers = from.spread_out_drivers();
  to.core.max_drivers = from.max_drivers();
  to.core.retained_drivers = from.retained_drivers();
  if (from.driver_id_pattern()) to.core.driver_id_pattern = from.driver_id_pattern()->str();
  to.core.app_number_modulo = from.app_number_modulo();
  to.core.use_app_name_as_app_id = from.use_app_name_as_app_id();
  to.core.standby = from.standby();
  to.core.recovery_timeout_ms = from.recovery_timeout_ms();
  to.core.recovery_grace_ms = from.recovery_grace_ms();
  to.first_part_bytes = from.first_part_bytes();
  return to;
}

}  // namespace magneto::codec
