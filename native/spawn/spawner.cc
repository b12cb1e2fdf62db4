#include "spawn/spawner.h"

#include <cerrno>
#include <csignal>
#include <utility>

namespace magneto::spawn {

Spawner::Spawner(int threads, std::function<void()> on_made) : on_made_(std::move(on_made)) {
  // Signals of this process are for its own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    for (int made = 0; made < threads; ++made) threads_.emplace_back([this] { run(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    close();
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Spawner::add(uint64_t id, Plan plan) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({id, std::move(plan)});
  }
  changed_.notify_one();
}

std::vector<Made> Spawner::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(made_, {});
}

void Spawner::refuse_waiting() {
  std::unique_lock lock(mutex_);
  const bool any = !waiting_.empty();
  for (const auto& order : waiting_)
    made_.push_back({order.id, {Step::kGuardian, EAGAIN, -1, -1, 0}});
  waiting_.clear();
  changed_.wait(lock, [this] { return under_way_ == 0; });
  lock.unlock();
  if (any) on_made_();
}

void Spawner::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Spawner::run() {
  take_short_turns();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (closed_) return;
    const Order order = std::move(waiting_.front());
    waiting_.pop_front();
    ++under_way_;
    lock.unlock();
    const Start made = start(order.plan);
    lock.lock();
    --under_way_;
    made_.push_back({order.id, made});
    const bool first = made_.size() == 1;
    const bool idle = under_way_ == 0 && waiting_.empty();
    lock.unlock();
    if (first) on_made_();
    // Somebody may wait for it in refuse_waiting.
    if (idle) changed_.notify_all();
    lock.lock();
  }
}

}  // namespace magneto::spawn
