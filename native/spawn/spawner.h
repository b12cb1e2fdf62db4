// Threads that start children, so that whoever orders a start need not stand still until its exec.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "spawn/child.h"

namespace magneto::spawn {

struct Made {
  uint64_t id;
  Start start;
};

class Spawner {
 public:
  // Children get TERM when these threads end, and not before. `on_made` is called on them: `take`
  // has something to give. Throws std::system_error when a thread can't be had.
  Spawner(int threads, std::function<void()> on_made);
  ~Spawner() { close(); }
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  // The descriptors of `plan` stay open until `take` has given its start.
  void add(uint64_t id, Plan plan);
  std::vector<Made> take();

  // What has not begun fails at the guardian with EAGAIN. Waits for the exec of what has.
  void refuse_waiting();

  // Drops what has not begun, waits for the exec of what has, and ends the threads. `take` has the
  // rest. Any number of times.
  void close();

 private:
  struct Order {
    uint64_t id;
    Plan plan;
  };

  void run();

  const std::function<void()> on_made_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Order> waiting_;
  std::vector<Made> made_;
  int under_way_ = 0;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace magneto::spawn
