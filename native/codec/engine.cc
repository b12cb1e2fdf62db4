#include "codec/engine.h"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "codec/changes.h"
#include "codec/view.h"

namespace magneto::codec {

namespace {

constexpr double safe_integers = 9007199254740992.0;  // 2^53

uint64_t whole(double value, const char* what) {
  if (!(value >= 0 && value < safe_integers) || value != std::floor(value))
    throw std::range_error(std::string("a record's ") + what + " is no whole number below 2^53");
  return static_cast<uint64_t>(value);
}

bool is_kind(uint32_t kind) {
  switch (static_cast<InboxKind>(kind)) {
    case InboxKind::connected:
    case InboxKind::message:
    case InboxKind::disconnected:
    case InboxKind::stored:
    case InboxKind::timer:
    case InboxKind::elected:
    case InboxKind::record:
    case InboxKind::leader:
      return true;
  }
  return false;
}

}  // namespace

Engine::Engine(std::span<const uint8_t> config) : Engine(decode_config(config)) {}

Engine::Engine(DecodedConfig config)
    : master_url_(config.master_url),
      encoder_({config.master_url, config.master_web_ui_url, config.core.worker_timeout_ms,
                config.first_part_bytes}),
      core_(config.core, encoder_) {}

std::span<const uint8_t> Engine::step(core::Millis now_ms, int32_t utc_offset_minutes,
                                      std::span<const uint8_t> inbox, const TakePart& part) {
  if (reinterpret_cast<uintptr_t>(inbox.data()) % 8 != 0) {
    aligned_.resize((inbox.size() + 7) / 8);
    std::memcpy(aligned_.data(), inbox.data(), inbox.size());
    inbox = {reinterpret_cast<const uint8_t*>(aligned_.data()), inbox.size()};
  }
  // The framing is ours, not a peer's: all of it is looked at before anything of it is believed.
  Record record;
  for (BatchReader all(inbox); all.next(record);) {
    whole(record.session, "session");
    whole(record.argument, "argument");
    if (!is_kind(record.kind))
      throw std::range_error("inbox record of unknown kind " + std::to_string(record.kind));
    if (record.kind == static_cast<uint32_t>(InboxKind::elected) && record.argument > UINT32_MAX)
      throw std::range_error("an epoch is above 2^32 - 1");
  }
  encoder_.begin(part);
  core_.begin(now_ms, utc_offset_minutes);
  for (BatchReader all(inbox); all.next(record);) event(record);
  core_.finish();
  return encoder_.outbox();
}

void Engine::event(const Record& record) {
  const core::Session session = whole(record.session, "session");
  switch (static_cast<InboxKind>(record.kind)) {
    case InboxKind::connected:
      return core_.connected(session, record.text());
    case InboxKind::disconnected:
      return core_.disconnected(session, record.text());
    case InboxKind::stored:
      return core_.stored(whole(record.argument, "argument"));
    case InboxKind::timer:
      return core_.timer();
    case InboxKind::elected:
      return core_.elected(static_cast<uint32_t>(record.argument));
    case InboxKind::record:
      return restore(record.payload);
    case InboxKind::leader:
      return leader(record.payload);
    case InboxKind::message:
      break;
  }
  std::optional<core::Message> message;
  try {
    message = decoder_.decode(record.payload);
  } catch (const Malformed& malformed) {
    return core_.malformed(session, malformed.what());
  }
  core_.message(session, *message);
}

void Engine::restore(std::span<const uint8_t> payload) {
  core::Text key = "without a key";
  std::optional<core::StoredRecord> record;
  try {
    record = decoder_.decode_record(payload, key);
  } catch (const Malformed& malformed) {
    return core_.damaged_record(key, malformed.what());
  }
  core_.record(key, *record);
}

void Engine::leader(std::span<const uint8_t> payload) {
  try {
    core_.leader(decoder_.decode_leader(payload));
  } catch (const Malformed& malformed) {
    core_.notice(core::NoticeLevel::error, "leader.damaged", malformed.what());
  }
}

std::vector<uint8_t> Engine::view(core::Millis now_ms) const {
  return write_view(core_, master_url_, now_ms);
}

std::vector<uint8_t> Engine::changes(core::Millis now_ms, bool anew, size_t most_bytes) {
  return write_changes(core_, master_url_, now_ms, anew, most_bytes);
}

std::vector<uint8_t> Engine::explain(std::span<const uint8_t> request) const {
  return write_explanations(core_, request);
}

}  // namespace magneto::codec
