#include "codec/encode.h"

#include <algorithm>

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

// A part is taken over by one hop between threads, which is dearer than a few records.
constexpr size_t max_part_bytes = 256u << 10;

}  // namespace

void Encoder::begin(const TakePart& part) {
  outbox_.reset();
  attached_app_.clear();
  part_ = part ? &part : nullptr;
  part_bytes_ = options_.first_part_bytes;
}

void Encoder::add(OutboxKind kind, core::Session session, std::span<const uint8_t> payload,
                  uint64_t argument, bool attached) {
  outbox_.add(static_cast<uint32_t>(kind), session, payload, static_cast<double>(argument),
              attached);
  // An attachment and what it belongs to stay together.
  if (!part_ || outbox_.view().size() < part_bytes_ || kind == OutboxKind::attachment) return;
  (*part_)(outbox_.view());
  outbox_.reset();
  attached_app_.clear();
  part_bytes_ = std::min(2 * part_bytes_, std::max(part_bytes_, max_part_bytes));
}

void Encoder::add(OutboxKind kind, core::Session session, core::Text text, uint64_t argument) {
  add(kind, session,
      std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(text.data()), text.size()),
      argument);
}

bool Encoder::attach(const core::Outgoing& message) {
  const auto* launch = std::get_if<core::LaunchExecutor>(&message);
  if (!launch || launch->spark_description.empty()) return false;
  if (launch->app_id != attached_app_) {
    add(OutboxKind::attachment, 0, launch->spark_description);
    attached_app_ = launch->app_id;
  }
  return true;
}

void Encoder::send(core::Session session, uint64_t sequence, const core::Outgoing& message) {
  const bool attached = attach(message);
  builder_.Clear();
  const auto value = std::visit([this](const auto& each) { return body(each); }, message);
  control::FinishMessageBuffer(
      builder_, control::CreateMessage(builder_, body_types[message.index()], value));
  add(OutboxKind::send, session, finished(), sequence, attached);
}

void Encoder::close(core::Session session, uint64_t sequence, core::Text reason) {
  add(OutboxKind::close, session, reason, sequence);
}

void Encoder::forget(uint64_t sequence, core::Text key) {
  add(OutboxKind::forget, 0, key, sequence);
}

void Encoder::set_timer(core::Millis due_ms) {
  add(OutboxKind::set_timer, 0, core::Text(), static_cast<uint64_t>(due_ms));
}

void Encoder::notice(core::NoticeLevel level, core::Text name, core::Text text) {
  builder_.Clear();
  const auto code_offset = string(name);
  const auto text_offset = string(text);
  builder_.Finish(
      core::CreateNotice(builder_, static_cast<core::Level>(level), code_offset, text_offset));
  add(OutboxKind::notice, 0, finished());
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
  const auto url = string(options_.master_url);
  const auto ui = string(options_.web_ui_url);
  return control::CreateWorkerRegistered(builder_, url, ui, message.duplicate,
                                         options_.worker_timeout_ms, message.epoch)
      .Union();
}

flatbuffers::Offset<void> Encoder::body(const core::RegisterWorkerFailed& message) {
  return control::CreateRegisterWorkerFailed(builder_, string(message.message)).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::ReconnectWorker&) {
  return control::CreateReconnectWorker(builder_, string(options_.master_url)).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::LaunchExecutor& message) {
  const auto url = string(options_.master_url);
  const auto app_id = string(message.app_id);
  const auto held = resources(message.resources);
  const auto description = message.description.empty()
                               ? flatbuffers::Offset<flatbuffers::Vector<uint8_t>>()
                               : nested(message.description);
  return control::CreateLaunchExecutor(builder_, url, app_id, message.executor_id,
                                       message.profile_id, message.cores, message.memory_mb, held,
                                       description)
      .Union();
}

flatbuffers::Offset<void> Encoder::body(const core::KillExecutor& message) {
  const auto url = string(options_.master_url);
  const auto app_id = string(message.app_id);
  return control::CreateKillExecutor(builder_, url, app_id, message.executor_id).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::ApplicationFinished& message) {
  return control::CreateApplicationFinished(builder_, string(message.app_id)).Union();
}

flatbuffers::Offset<void> Encoder::body(const core::ApplicationRegistered& message) {
  const auto app_id = string(message.app_id);
  const auto url = string(options_.master_url);
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
  const auto url = string(options_.master_url);
  const auto ui = string(options_.web_ui_url);
  return control::CreateMasterChanged(builder_, url, ui, message.epoch).Union();
}

}  // namespace magneto::codec
