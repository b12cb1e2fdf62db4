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

// P8: when there are `most`, the oldest tenth goes at once, each after `forget` of it.
template <class Item, class Forget>
void retain(std::deque<Item>& completed, Item done, size_t most, Forget forget) {
  if (completed.size() >= most) {
    const size_t dropped = std::min(completed.size(), std::max<size_t>(most / 10, 1));
    for (size_t at = 0; at < dropped; ++at) {
      forget(completed.front());
      completed.pop_front();
    }
  }
  completed.push_back(std::move(done));
}

}  // namespace magneto::core
