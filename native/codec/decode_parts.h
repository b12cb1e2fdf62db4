// What messages and records are read with: every text and list is bounded. All throw Malformed,
// which names `what` is wrong.
#pragma once

#include <string>
#include <vector>

#include "codec/decode.h"
#include "codec/gen/control_generated.h"
#include "core/limits.h"

namespace magneto::codec {

template <class T>
using Offsets = flatbuffers::Vector<flatbuffers::Offset<T>>;

core::Text text(const flatbuffers::String* value, const char* what,
                size_t most = core::limits::max_text_bytes);
// Ids become parts of URLs, store keys and folder names.
core::Text id(const flatbuffers::String* value, const char* what);
// For requests about ids that may be anybody's: looked up, never kept.
core::Text asked_id(const flatbuffers::String* value, const char* what);

template <class Vector>
size_t count(const Vector* vector, const char* what, size_t most) {
  const size_t size = vector ? vector->size() : 0;
  if (size > most)
    throw Malformed(std::to_string(size) + " " + what + "; at most " + std::to_string(most) +
                    " are accepted");
  return size;
}

core::ResourceAmounts amounts(const Offsets<control::ResourceAmount>* from);
core::ProfileText profile(const control::ResourceProfile& from);
std::vector<core::ResourceText> resources(const Offsets<control::Resource>* from);
core::ExecutorState executor_state(control::ExecutorState from);
core::DriverState driver_state(control::DriverState from);
core::RegisterWorker registration(const control::RegisterWorker& from);
// A Java object stream: never read, only passed on.
std::span<const uint8_t> spark_bytes(const flatbuffers::Vector<uint8_t>* from, const char* whose);

}  // namespace magneto::codec
