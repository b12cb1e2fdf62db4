// Core effects -> records of the outbox.
#pragma once

#include <functional>
#include <string>

#include "codec/gen/core_generated.h"
#include "codec/gen/store_generated.h"
#include "codec/records.h"
#include "core/effect.h"

namespace magneto::codec {

// Takes a batch of records, which is valid during the call.
using TakePart = std::function<void(std::span<const uint8_t>)>;

struct EncoderOptions {
  std::string master_url;
  std::string web_ui_url;
  uint32_t worker_timeout_ms = 0;
  size_t first_part_bytes = 0;
};

class Encoder : public core::Port {
 public:
  explicit Encoder(EncoderOptions options) : options_(std::move(options)) {}

  void send(core::Session session, uint64_t sequence, const core::Outgoing& message) override;
  void close(core::Session session, uint64_t sequence, core::Text reason) override;
  void persist(uint64_t sequence, core::Text key, const core::StoredRecord& record) override;
  void forget(uint64_t sequence, core::Text key) override;
  void set_timer(core::Millis due_ms) override;
  void notice(core::NoticeLevel level, core::Text code, core::Text text) override;

  // A new batch. `part` takes the first parts of a large one; none: all of it stays together.
  void begin(const TakePart& part);
  // What no part has taken.
  std::span<const uint8_t> outbox() const { return outbox_.view(); }

 private:
  using String = flatbuffers::Offset<flatbuffers::String>;
  void add(OutboxKind kind, core::Session session, std::span<const uint8_t> payload,
           uint64_t argument = 0, bool attached = false);
  void add(OutboxKind kind, core::Session session, core::Text text, uint64_t argument = 0);
  // Whether something of the message comes apart, which this batch has then: it is the same for all
  // executors of an application.
  bool attach(const core::Outgoing& message);
  // Null when empty: an absent field.
  String optional(core::Text text) { return text.empty() ? String() : string(text); }
  flatbuffers::Offset<flatbuffers::Vector<uint8_t>> bytes(std::span<const uint8_t> from);
  String string(core::Text text) { return builder_.CreateString(text.data(), text.size()); }
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<control::Resource>>> resources(
      const std::vector<core::ResourceText>& from);
  flatbuffers::Offset<flatbuffers::Vector<uint8_t>> nested(std::span<const uint8_t> bytes);

  flatbuffers::Offset<void> body(const core::WorkerRegistered& message);
  flatbuffers::Offset<void> body(const core::RegisterWorkerFailed& message);
  flatbuffers::Offset<void> body(const core::ReconnectWorker& message);
  flatbuffers::Offset<void> body(const core::LaunchExecutor& message);
  flatbuffers::Offset<void> body(const core::KillExecutor& message);
  flatbuffers::Offset<void> body(const core::ApplicationFinished& message);
  flatbuffers::Offset<void> body(const core::ApplicationRegistered& message);
  flatbuffers::Offset<void> body(const core::ExecutorAdded& message);
  flatbuffers::Offset<void> body(const core::ExecutorUpdated& message);
  flatbuffers::Offset<void> body(const core::WorkerRemoved& message);
  flatbuffers::Offset<void> body(const core::ApplicationRemoved& message);
  flatbuffers::Offset<void> body(const core::Reply& message);
  flatbuffers::Offset<void> body(const core::Refused& message);
  flatbuffers::Offset<void> body(const core::LaunchDriver& message);
  flatbuffers::Offset<void> body(const core::KillDriver& message);
  flatbuffers::Offset<void> body(const core::DriverStatusResponse& message);
  flatbuffers::Offset<void> body(const core::DecommissionWorker& message);
  flatbuffers::Offset<void> body(const core::MasterInStandby& message);
  flatbuffers::Offset<void> body(const core::MasterChanged& message);

  // encode_record.cc
  flatbuffers::Offset<void> value(const core::WorkerRecord& record);
  flatbuffers::Offset<void> value(const core::ApplicationRecord& record);
  flatbuffers::Offset<void> value(const core::TargetsRecord& record);
  flatbuffers::Offset<void> value(const core::DriverRecord& record);
  flatbuffers::Offset<void> value(const core::CountersRecord& record);
  flatbuffers::Offset<void> value(const core::CompletedApplicationRecord& record);
  flatbuffers::Offset<void> value(const core::CompletedDriverRecord& record);

  std::span<const uint8_t> finished() const {
    return {builder_.GetBufferPointer(), builder_.GetSize()};
  }

  const EncoderOptions options_;
  flatbuffers::FlatBufferBuilder builder_;
  BatchWriter outbox_;
  const TakePart* part_ = nullptr;
  size_t part_bytes_ = 0;
  std::string attached_app_;  // whose description this batch has last; empty: none
};

}  // namespace magneto::codec
