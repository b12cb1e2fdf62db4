// State -> a finished ClusterView (schemas/view.fbs).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/core.h"

namespace magneto::codec {

std::vector<uint8_t> write_view(const core::Core& core, const std::string& master_url,
                                core::Millis now_ms);

}  // namespace magneto::codec
