// Several texts of one owner, which never change, in one allocation.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "core/assert.h"
#include "core/ids.h"

namespace magneto::core {

template <size_t count>
class TextBlock {
 public:
  TextBlock() = default;
  explicit TextBlock(const std::array<Text, count>& texts) {
    size_t bytes = 0;
    for (size_t at = 0; at < count; ++at) {
      bytes += texts[at].size();
      MAGNETO_ASSERT(bytes <= UINT32_MAX);
      ends_[at] = static_cast<uint32_t>(bytes);
    }
    bytes_ = std::make_unique_for_overwrite<char[]>(bytes);
    char* to = bytes_.get();
    for (const Text text : texts) to = std::copy(text.begin(), text.end(), to);
  }

  Text operator[](size_t at) const {
    const uint32_t from = at == 0 ? 0 : ends_[at - 1];
    return {bytes_.get() + from, ends_[at] - from};
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::array<uint32_t, count> ends_{};
};

}  // namespace magneto::core
