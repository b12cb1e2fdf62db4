// The framing of batches: src/control/records.ts in C++. See there for the layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace magneto::codec {

inline constexpr size_t record_header_bytes = 32;

enum class InboxKind : uint32_t {
  connected = 1,
  message = 2,
  disconnected = 3,
  stored = 4,
  // 5 is no kind any more
  timer = 6,
  elected = 7,
  record = 8,
  leader = 9
};

enum class OutboxKind : uint32_t {
  send = 1,
  close = 2,
  persist = 3,
  forget = 4,
  set_timer = 5,
  notice = 6,
  attachment = 7
};

struct Record {
  uint32_t kind = 0;
  double session = 0;
  double argument = 0;
  std::span<const uint8_t> payload;
  bool attached = false;  // the last attachment before it belongs to it

  std::string_view text() const {
    return {reinterpret_cast<const char*>(payload.data()), payload.size()};
  }
};

class BatchWriter {
 public:
  // `attached`: the attachment that was added last belongs to it.
  void add(uint32_t kind, uint64_t session, std::span<const uint8_t> payload, double argument = 0,
           bool attached = false);
  void add(uint32_t kind, uint64_t session, std::string_view text, double argument = 0);
  std::span<const uint8_t> view() const { return bytes_; }
  void reset();

 private:
  std::vector<uint8_t> bytes_;
};

// Walks a batch; throws std::range_error when it is not made of whole records.
class BatchReader {
 public:
  explicit BatchReader(std::span<const uint8_t> batch) : batch_(batch) {}
  bool next(Record& record);

 private:
  std::span<const uint8_t> batch_;
  size_t at_ = 0;
};

}  // namespace magneto::codec
