// What several kinds of things do with the lists that they stand in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "core/assert.h"

namespace magneto::core {

// An item that knows its position leaves a list whose order means nothing.
template <class Item>
void take_out(std::vector<Item*>& list, const Item& item) {
  MAGNETO_ASSERT(list[item.position] == &item);
  list.back()->position = item.position;
  list[item.position] = list.back();
  list.pop_back();
}

// P8: when there are `most`, the oldest tenth goes at once.
template <class Item>
void retain(std::deque<Item>& completed, Item done, size_t most) {
  if (completed.size() >= most) {
    const size_t dropped = std::min(completed.size(), std::max<size_t>(most / 10, 1));
    completed.erase(completed.begin(), completed.begin() + static_cast<int64_t>(dropped));
  }
  completed.push_back(std::move(done));
}

}  // namespace magneto::core
