#include "codec/records.h"

#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

namespace magneto::codec {

static_assert(std::endian::native == std::endian::little, "batches are little endian");

namespace {

struct Header {
  uint32_t record_bytes;
  uint32_t payload_bytes;
  uint32_t kind;
  uint32_t attached;
  double session;
  double argument;
};
static_assert(sizeof(Header) == record_header_bytes);

// A buffer that one huge batch has made larger is not kept.
constexpr size_t max_kept_batch_bytes = 8u << 20;

}  // namespace

void BatchWriter::add(uint32_t kind, uint64_t session, std::span<const uint8_t> payload,
                      double argument, bool attached) {
  const size_t record_bytes = (record_header_bytes + payload.size() + 7) & ~size_t{7};
  if (record_bytes > UINT32_MAX) throw std::length_error("a record is over 4 GiB");
  const Header header{static_cast<uint32_t>(record_bytes),
                      static_cast<uint32_t>(payload.size()),
                      kind,
                      attached,
                      static_cast<double>(session),
                      argument};
  const size_t end = bytes_.size() + record_bytes;
  const auto* const head = reinterpret_cast<const uint8_t*>(&header);
  bytes_.insert(bytes_.end(), head, head + record_header_bytes);
  bytes_.insert(bytes_.end(), payload.begin(), payload.end());
  bytes_.resize(end);  // zeroes the padding
}

void BatchWriter::add(uint32_t kind, uint64_t session, std::string_view text, double argument) {
  add(kind, session,
      std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(text.data()), text.size()),
      argument);
}

void BatchWriter::reset() {
  if (bytes_.capacity() > max_kept_batch_bytes) bytes_ = {};
  bytes_.clear();
}

bool BatchReader::next(Record& record) {
  if (at_ == batch_.size()) return false;
  const size_t left = batch_.size() - at_;
  if (left < record_header_bytes)
    throw std::range_error("batch ends inside a record header at " + std::to_string(at_));
  Header header;
  std::memcpy(&header, batch_.data() + at_, record_header_bytes);
  if (header.record_bytes % 8 != 0 || header.record_bytes > left ||
      header.record_bytes < record_header_bytes + uint64_t{header.payload_bytes})
    throw std::range_error("record at " + std::to_string(at_) + " claims " +
                           std::to_string(header.record_bytes) + " bytes with " +
                           std::to_string(header.payload_bytes) + " of payload; the batch has " +
                           std::to_string(batch_.size()));
  record = {header.kind, header.session, header.argument,
            batch_.subspan(at_ + record_header_bytes, header.payload_bytes), header.attached != 0};
  at_ += header.record_bytes;
  return true;
}

}  // namespace magneto::codec
