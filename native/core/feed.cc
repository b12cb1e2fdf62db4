#include "core/feed.h"

namespace magneto::core {

namespace {

void append(RowLinks& to, RowLinks& from) {
  if (from.after == &from) return;
  from.after->before = to.before;
  to.before->after = from.after;
  from.before->after = &to;
  to.before = from.before;
  from.before = from.after = &from;
}

size_t length(const RowLinks& list) {
  size_t count = 0;
  for (const RowLinks* at = list.after; at != &list; at = at->after) {
    MAGNETO_ASSERT(at->after->before == at);
    ++count;
  }
  return count;
}

}  // namespace

// What is moved to the changed ones keeps its level: one with a level below theirs may be marked
// again and moves to their end, which changes nothing.
bool Feed::listen(bool anew) {
  if (listening_ && !anew) return false;
  listening_ = true;
  starting_ = true;
  removed_.clear();
  append(changed_, same_);
  append(changed_, heard_);
  return true;
}

bool Feed::take_removed(uint64_t& number) {
  if (removed_.empty()) return false;
  number = removed_.back();
  removed_.pop_back();
  return true;
}

Row* Feed::take_changed() {
  Row* const row = take(changed_);
  if (!row) starting_ = false;
  return row;
}

Row* Feed::take_heard() { return take(heard_); }

Row* Feed::take(RowLinks& from) {
  if (from.after == &from) return nullptr;
  Row& row = static_cast<Row&>(*from.after);
  row.unlink();
  row.link_before(same_);
  row.level_ = Row::level_none;
  row.told_ = 1;
  return &row;
}

size_t Feed::rows() const { return length(same_) + length(heard_) + length(changed_); }

void Feed::removed(uint64_t number) {
  if (removed_.size() < max_removed) return removed_.push_back(number);
  listening_ = false;
  std::vector<uint64_t>().swap(removed_);
}

}  // namespace magneto::core
