// What has changed of what people see, in bounded parts, and why some of it waits.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/core.h"

namespace magneto::codec {

// A finished Changes (schemas/view.fbs): the next rows of the feed until they take `most_bytes`,
// which the last of them may exceed. `anew`: the reader has nothing yet.
std::vector<uint8_t> write_changes(core::Core& core, const std::string& master_url,
                                   core::Millis now_ms, bool anew, size_t most_bytes);

// A finished ExplainAnswer to a finished ExplainRequest. Throws std::invalid_argument when it is
// none, or asks for more than limits::max_explained.
std::vector<uint8_t> write_explanations(const core::Core& core, std::span<const uint8_t> request);

}  // namespace magneto::codec
