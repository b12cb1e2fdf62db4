// The core with bytes on both sides: what the glue exposes and what tests drive.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "codec/decode.h"
#include "codec/encode.h"
#include "core/core.h"

namespace magneto::codec {

class Engine {
 public:
  // `config`: a finished CoreConfig. Throws std::invalid_argument.
  explicit Engine(std::span<const uint8_t> config);

  // One tick: a batch of records in, a batch of records out, valid until the next call. `part`
  // takes what is decided while the rest is still being decided; it must not call back. Throws
  // std::range_error when the inbox is not made of records, core::BrokenInvariant when the state is
  // broken.
  std::span<const uint8_t> step(core::Millis now_ms, int32_t utc_offset_minutes,
                                std::span<const uint8_t> inbox, const TakePart& part = {});
  std::vector<uint8_t> view(core::Millis now_ms) const;
  // codec/changes.h says more of both.
  std::vector<uint8_t> changes(core::Millis now_ms, bool anew, size_t most_bytes);
  std::vector<uint8_t> explain(std::span<const uint8_t> request) const;
  void check() const { core_.check(); }
  const core::Core& core() const { return core_; }

 private:
  explicit Engine(DecodedConfig config);
  void event(const Record& record);
  void restore(std::span<const uint8_t> payload);
  void leader(std::span<const uint8_t> payload);

  const std::string master_url_;
  Encoder encoder_;
  core::Core core_;
  Decoder decoder_;
  std::vector<uint64_t> aligned_;
};

}  // namespace magneto::codec
