// Verified FlatBuffers -> core structs. What comes in is from strangers: verified, bounded,
// aligned.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include "core/config.h"
#include "core/event.h"
#include "core/record.h"

namespace magneto::codec {

// A message that is not served; the text is for the peer and for the operator.
class Malformed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Decoder {
 public:
  // `bytes` must be 8-aligned. The result points into `bytes` and into this decoder; both must stay
  // until the next call. Throws Malformed.
  core::Message decode(std::span<const uint8_t> bytes);
  // One record of a store; `key` is its key as far as that can be told. Throws Malformed.
  core::StoredRecord decode_record(std::span<const uint8_t> bytes, core::Text& key);
  // Empty bytes: there is no leader. Throws Malformed.
  core::KnownLeader decode_leader(std::span<const uint8_t> bytes);

 private:
  core::RegisterApplication application(const void* table);
  core::SubmitDriver driver(const void* table);
  // Of finished descriptions, nested in something; texts point into this decoder.
  core::RegisterApplication described_application(std::span<const uint8_t> description);
  core::SubmitDriver described_driver(std::span<const uint8_t> description);
  core::ApplicationRecord application_record(const void* table);
  core::DriverRecord driver_record(const void* table);
  // Copies a description that a peer nested in its message to where it is aligned.
  std::span<const uint8_t> aligned(std::span<const uint8_t> bytes, const char* whose);

  // A vector inside a message is not 8-aligned: nested buffers are read from a copy that is.
  std::vector<uint64_t> nested_;
};

// Throws std::invalid_argument when the bytes are no CoreConfig.
struct DecodedConfig {
  core::Config core;
  std::string master_url;
  std::string master_web_ui_url;
  size_t first_part_bytes = 0;
};
DecodedConfig decode_config(std::span<const uint8_t> bytes);

}  // namespace magneto::codec
