#include "codec/encode.h"

namespace magneto::codec {

namespace {

// In the order of core::Outgoing.
constexpr control::Body body_types[] = {control::Body::WorkerRegistered,
                                        control::Body::RegisterWorkerFailed,
                                        control::Body::ReconnectWorker,
                                        control::Body::LaunchExecutor,
                                        control::Body::KillExecutor,
                                        control::Body::ApplicationFinished,
                                        control::Body::ApplicationRegistered,
                                        control::Body::ExecutorAdded,
                                        control::Body::ExecutorUpdated,
                                        control::Body::WorkerRemoved,
                                        control::Body::ApplicationRemoved,
                                        control::Body::Reply,
                                        control::Body::Refused,
                                        control::Body::LaunchDriver,
                                        control::Body::KillDriver,
                                        control::Body::DriverStatusResponse,
                                        control::Body::DecommissionWorker,
                                        control::Body::MasterInStandby,
                                        control::Body::MasterChanged};
static_assert(std::size(body_types) == std::variant_size_v<core::Outgoing>);

constexpr uint32_t code(OutboxKind kind) { return static_cast<uint32_t>(kind); }

}  // namespace

Encoder::Encoder(std::string master_url, std::string web_ui_url, uint32_t worker_timeout_ms)
    : master_url_(std::move(master_url)),
      web_ui_url_(std::move(web_ui_url)),
      worker_timeout_ms_(worker_timeout_ms) {}

void Encoder::send(core::Session session, uint64_t sequence, const core::Outgoing& message) {
  builder_.Clear();
  const auto value = std::visit([this](const auto& each) { return body(each); }, message);
  control::FinishMessageBuffer(
      builder_, control::CreateMessage(builder_, body_types[message.index()], value));
  outbox_.add(code(OutboxKind::send), session, finished(), static_cast<double>(sequence));
}

void Encoder::close(core::Session session, uint64_t sequence, core::Text reason) {
  outbox_.add(code(OutboxKind::close), session, reason, static_cast<double>(sequence));
}

void Encoder::forget(uint64_t sequence, core::Text key) {
  outbox_.add(code(OutboxKind::forget), 0, key, static_cast<double>(sequence));
}

void Encoder::set_timer(core::Millis due_ms) {
  outbox_.add(code(OutboxKind::set_timer), 0, std::string_view(), static_cast<double>(due_ms));
}

void Encoder::notice(core::NoticeLevel level, core::Text name, core::Text text) {
  builder_.Clear();
  const auto code_offset = string(name);
  const auto text_offset = string(text);
  builder_.Finish(
      core::CreateNotice(builder_, static_cast<core::Level>(level), code_offset, text_offset));
  outbox_.add(code(OutboxKind::notice), 0, finished());
}

flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<control::Resource>>> Encoder::resources(
    const std::vector<core::ResourceText>& from) {
  std::vector<flatbuffers::Offset<control::Resource>> all;
  for (const core::ResourceText& each : from) {
    std::vector<String> units;
    for (const core::Text unit : each.addresses) units.push_back(string(unit));
    const auto addresses = builder_.CreateVector(units);
    const auto name = string(each.name);
    all.push_back(control::CreateResource(builder_, name, addresses));
  }
  return builder_.CreateVector(all);
}

flatbuffers::Offset<flatbuffers::Vector<uint8_t>> Encoder::nested(std::span<const uint8_t> bytes) {
  builder_.ForceVectorAlignment(bytes.size(), sizeof(uint8_t), 8);
  return builder_.CreateVector(bytes.data(), bytes.size());
}

flatbuffers::Offset<flatbuffers::Vector<uint8_t>> Encoder::bytes(std::span<const uint8_t> from) {
  if (from.empty()) return {};
  return builder_.CreateVector(from.data(), from.size());
}

flatbuffers::Offset<void> Encoder::body(const core::WorkerRegistered& message) {
  const auto url = string(master_url_);
  const auto ui = string(web_ui_url_);
  return control::CreateWorkerRegistered(builder_, url, ui, message.duplicate, worker_timeout_ms_,
                                         message.epoch)
      .Union();
}

flatbuffers::Offset<void> Encoder::body(const core::RegisterWorkerFailed& message) {
  return control::CreateRegisterWorkerFailed(builder_, string(message.message)).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::ReconnectWorker&) {
  return control::CreateReconnectWorker(builder_, string(master_url_)).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::LaunchExecutor& message) {
  const auto url = string(master_url_);
  const auto app_id = string(message.app_id);
  const auto held = resources(message.resources);
  const auto description = nested(message.description);
  const auto spark = bytes(message.spark_description);
  return control::CreateLaunchExecutor(builder_, url, app_id, message.executor_id,
                                       message.profile_id, message.cores, message.memory_mb, held,
                                       description, spark)
      .Union();
}

flatbuffers::Offset<void> Encoder::body(const core::KillExecutor& message) {
  const auto url = string(master_url_);
  const auto app_id = string(message.app_id);
  return control::CreateKillExecutor(builder_, url, app_id, message.executor_id).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::ApplicationFinished& message) {
  return control::CreateApplicationFinished(builder_, string(message.app_id)).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::ApplicationRegistered& message) {
  const auto app_id = string(message.app_id);
  const auto url = string(master_url_);
  return control::CreateApplicationRegistered(builder_, app_id, url, message.epoch).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::ExecutorAdded& message) {
  const auto worker_id = string(message.worker_id);
  const auto host = string(message.host);
  return control::CreateExecutorAdded(builder_, message.executor_id, worker_id, host, message.port,
                                      message.cores, message.memory_mb)
      .Union();
}

flatbuffers::Offset<void> Encoder::body(const core::ExecutorUpdated& message) {
  const String text = message.message ? string(*message.message) : String();
  const String host = message.worker_host ? string(*message.worker_host) : String();
  control::ExecutorUpdatedBuilder update(builder_);
  update.add_executor_id(message.executor_id);
  update.add_state(static_cast<control::ExecutorState>(message.state));
  if (message.message) update.add_message(text);
  if (message.exit_status) update.add_exit_status(*message.exit_status);
  if (message.worker_host) update.add_worker_host(host);
  return update.Finish().Union();
}

flatbuffers::Offset<void> Encoder::body(const core::WorkerRemoved& message) {
  const auto worker_id = string(message.worker_id);
  const auto host = string(message.host);
  const auto text = string(message.message);
  return control::CreateWorkerRemoved(builder_, worker_id, host, text).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::ApplicationRemoved& message) {
  return control::CreateApplicationRemoved(builder_, string(message.message)).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::Reply& message) {
  const String text = optional(message.message);
  const String id = optional(message.id);
  return control::CreateReply(builder_, message.request_id, message.ok, text, id, message.count)
      .Union();
}

flatbuffers::Offset<void> Encoder::body(const core::Refused& message) {
  return control::CreateRefused(builder_, string(message.message)).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::LaunchDriver& message) {
  const auto driver_id = string(message.driver_id);
  const auto description = nested(message.description);
  const auto held = resources(message.resources);
  return control::CreateLaunchDriver(builder_, driver_id, description, held).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::KillDriver& message) {
  return control::CreateKillDriver(builder_, string(message.driver_id)).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::DriverStatusResponse& message) {
  const String worker_id = optional(message.worker_id);
  const String host_port = optional(message.worker_host_port);
  const String exception = optional(message.exception);
  return control::CreateDriverStatusResponse(builder_, message.request_id, message.found,
                                             static_cast<control::DriverState>(message.state),
                                             worker_id, host_port, exception)
      .Union();
}

flatbuffers::Offset<void> Encoder::body(const core::DecommissionWorker&) {
  return control::CreateDecommissionWorker(builder_).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::MasterInStandby& message) {
  const String url = optional(message.leader.master_url);
  const String ui = optional(message.leader.master_web_ui_url);
  return control::CreateMasterInStandby(builder_, url, ui, message.leader.epoch).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::MasterChanged& message) {
  const auto url = string(master_url_);
  const auto ui = string(web_ui_url_);
  return control::CreateMasterChanged(builder_, url, ui, message.epoch).Union();
}

}  // namespace magneto::codec
