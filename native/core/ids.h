// Dense slots: an id of a peer is looked up once, then everything refers to small integers.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/assert.h"

namespace magneto::core {

using Session = uint64_t;
using Millis = int64_t;
using Text = std::string_view;

inline constexpr Session no_session = UINT64_MAX;

template <class Tag>
struct SlotOf {
  uint32_t value = UINT32_MAX;
  bool valid() const { return value != UINT32_MAX; }
  auto operator<=>(const SlotOf&) const = default;
};

using WorkerSlot = SlotOf<struct WorkerTag>;
using ApplicationSlot = SlotOf<struct ApplicationTag>;
using DriverSlot = SlotOf<struct DriverTag>;

// Indexed only by its own kind of slot. Items keep their address as long as they live.
template <class Item, class Slot>
class SlotTable {
 public:
  Slot add() {
    if (!free_.empty()) {
      const Slot slot{free_.back()};
      free_.pop_back();
      items_[slot.value] = std::make_unique<Item>();
      return slot;
    }
    items_.push_back(std::make_unique<Item>());
    return Slot{static_cast<uint32_t>(items_.size() - 1)};
  }

  void remove(Slot slot) {
    MAGNETO_ASSERT(holds(slot));
    items_[slot.value].reset();
    free_.push_back(slot.value);
  }

  bool holds(Slot slot) const { return slot.value < items_.size() && items_[slot.value]; }

  Item& operator[](Slot slot) {
    MAGNETO_ASSERT(holds(slot));
    return *items_[slot.value];
  }
  const Item& operator[](Slot slot) const {
    MAGNETO_ASSERT(holds(slot));
    return *items_[slot.value];
  }

  size_t size() const { return items_.size() - free_.size(); }

  template <class Visit>
  void each(Visit visit) const {
    for (uint32_t at = 0; at < items_.size(); ++at)
      if (items_[at]) visit(Slot{at}, *items_[at]);
  }

 private:
  std::vector<std::unique_ptr<Item>> items_;
  std::vector<uint32_t> free_;
};

struct TextHash {
  using is_transparent = void;
  size_t operator()(Text text) const { return std::hash<Text>{}(text); }
};

template <class Value>
using ByText = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;
// The keys lie in what they lead to, which must leave before it goes or moves.
template <class Value>
using ByOwnText = std::unordered_map<Text, Value, TextHash>;

}  // namespace magneto::core
