// Due times instead of a scan each period: a silent worker is dropped when its time is over (T2).
#include <algorithm>

#include "core/core.h"

namespace magneto::core {

namespace {

Millis timeout_at(const Core& core, const Worker& worker) {
  return worker.last_heartbeat_ms + core.config.worker_timeout_ms;
}

}  // namespace

void on_timer(Core& core) {
  State& state = core.state;
  const std::string reason =
      "no heartbeat for " + std::to_string(core.config.worker_timeout_ms / 1000) + " s";
  while (!state.by_heartbeat.empty()) {
    Worker& oldest = state.workers[state.by_heartbeat.front()];
    if (timeout_at(core, oldest) > core.now_ms) break;
    remove_worker(core, oldest, reason);
  }
  while (!state.by_cull_time.empty() && state.by_cull_time.begin()->first <= core.now_ms)
    purge_dead_worker(core, state.workers[state.by_cull_time.begin()->second]);  // T3
}

Millis next_due_ms(const Core& core) {
  const State& state = core.state;
  Millis due = 0;
  if (!state.by_heartbeat.empty())
    due = timeout_at(core, state.workers[state.by_heartbeat.front()]);
  if (!state.by_cull_time.empty()) {
    const Millis cull = state.by_cull_time.begin()->first;
    due = due == 0 ? cull : std::min(due, cull);
  }
  return due;
}

}  // namespace magneto::core
