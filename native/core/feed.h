// Which rows of what people see have changed since the one reader of them took them last. Every
// worker, application, executor and driver is a row; each stands in one list of the feed as long as
// it lives, wherever it is moved to, so that to mark one changed is to move it to another list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/assert.h"

namespace magneto::core {

class Feed;

enum class RowKind : uint8_t {
  worker,
  application,            // that waits or runs
  completed_application,  // CompletedApplication
  executor,               // of a live application
  removed_executor,       // PastExecutor, ended before its application
  last_executor,          // PastExecutor, ended with its application
  driver
};

struct RowLinks {
  RowLinks* before = nullptr;
  RowLinks* after = nullptr;
};

// What a row inherits. One that has not joined a feed marks nothing.
class Row : private RowLinks {
 public:
  Row() = default;
  Row(Row&& from) noexcept { take(from); }
  Row& operator=(Row&& from) noexcept;
  ~Row() { leave(); }

  uint64_t number() const { return number_; }
  RowKind kind() const { return static_cast<RowKind>(kind_); }

  // To be called whenever something that is shown of it has changed, before or after.
  void changed() {
    if (level_ != level_changed) mark(level_changed);
  }
  // The same where nothing has changed but the time of its last heartbeat.
  void heard() {
    if (level_ == level_none) mark(level_heard);
  }
  // It goes on as another kind of thing: the other one has its number from now on.
  void continue_as(Row& other, RowKind kind) {
    other.take(*this);
    other.kind_ = static_cast<uint64_t>(kind);
    other.changed();
  }

 private:
  friend class Feed;
  static constexpr uint64_t level_none = 0;
  static constexpr uint64_t level_heard = 1;
  static constexpr uint64_t level_changed = 2;

  inline void mark(uint64_t level);
  inline void leave();
  inline void take(Row& from) noexcept;
  void unlink() {
    before->after = after;
    after->before = before;
  }
  void link_before(RowLinks& next) {
    before = next.before;
    after = &next;
    before->after = this;
    after->before = this;
  }

  Feed* feed_ = nullptr;
  uint64_t number_ : 53 = 0;  // never given again; a safe integer of JavaScript
  uint64_t kind_ : 4 = 0;
  uint64_t level_ : 2 = level_none;
  uint64_t told_ : 1 = 0;  // the reader may have it
};

// Outlives its rows.
class Feed {
 public:
  // With more rows gone than this between two readings, the reader starts over.
  static constexpr size_t max_removed = size_t{1} << 18;

  Feed() {
    for (RowLinks* head : {&same_, &heard_, &changed_}) head->before = head->after = head;
  }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void join(Row& row, RowKind kind) {
    MAGNETO_ASSERT(!row.feed_);
    row.feed_ = this;
    row.number_ = ++last_number_;
    row.kind_ = static_cast<uint64_t>(kind);
    row.link_before(same_);
    row.changed();
  }

  // The reader asks for what comes next. True: whatever it has is worth nothing, since it is new
  // (`anew`), or the feed could not keep what it missed; from here on it gets every row once.
  bool listen(bool anew);
  bool listening() const { return listening_; }

  // Each takes one off its list; null, or false: there is none left.
  bool take_removed(uint64_t& number);
  Row* take_changed();
  Row* take_heard();

  // Rows in all its lists. For check.
  size_t rows() const;

 private:
  friend class Row;
  void removed(uint64_t number);
  Row* take(RowLinks& from);

  RowLinks same_;     // as the reader has them
  RowLinks heard_;    // but for the time of the last heartbeat
  RowLinks changed_;  // the one that changed first comes first
  std::vector<uint64_t> removed_;
  uint64_t last_number_ = 0;
  bool listening_ = false;
  bool starting_ = false;  // the reader has not got every row yet
};

inline void Row::mark(uint64_t level) {
  if (!feed_ || !feed_->listening_) return;
  if (feed_->starting_) level = level_changed;  // the reader may not have it yet
  level_ = level;
  unlink();
  link_before(level == level_changed ? feed_->changed_ : feed_->heard_);
}

inline void Row::leave() {
  if (!feed_) return;
  unlink();
  if (told_ && feed_->listening_) feed_->removed(number_);
  feed_ = nullptr;
}

inline void Row::take(Row& from) noexcept {
  MAGNETO_ASSERT(!feed_);
  number_ = from.number_;
  kind_ = from.kind_;
  level_ = from.level_;
  told_ = from.told_;
  if (!from.feed_) return;
  feed_ = from.feed_;
  link_before(*static_cast<RowLinks*>(&from));
  from.unlink();
  from.feed_ = nullptr;
}

inline Row& Row::operator=(Row&& from) noexcept {
  if (this == &from) return *this;
  leave();
  take(from);
  return *this;
}

}  // namespace magneto::core
