// The reader of a feed as the web thread is one: what it has, held against a whole view.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "codec/engine.h"
#include "codec/gen/view_generated.h"

namespace magneto::test {

class FeedReader {
 public:
  // The next part. True: there is more.
  bool take(codec::Engine& engine, core::Millis now_ms, size_t most_bytes);
  // What comes next is the first that it gets.
  void restart() { anew_ = true; }
  // After the last part: it has what the view shows, and what waits is explained the same.
  void check(const codec::Engine& engine, core::Millis now_ms) const;

  uint64_t rows_taken() const { return rows_taken_; }
  uint64_t heartbeats_taken() const { return heartbeats_taken_; }
  uint64_t removed_taken() const { return removed_taken_; }

 private:
  struct Row {
    std::string list{};      // of which it is one
    std::string position{};  // in that list
    std::string text{};
    double application = 0;  // of an executor
    view::ExecutorPlace place = view::ExecutorPlace::LIVE;
    core::Millis heartbeat_ms = 0;
    std::string id{};
    bool waits = false;
    uint32_t executors = 0;
  };
  std::vector<std::string> executors_of(double application, bool removed) const;
  std::vector<std::string> list(const std::string& name) const;
  void put(double number, Row row);

  std::map<double, Row> rows_;
  bool anew_ = true;
  uint64_t rows_taken_ = 0;
  uint64_t heartbeats_taken_ = 0;
  uint64_t removed_taken_ = 0;
};

}  // namespace magneto::test
