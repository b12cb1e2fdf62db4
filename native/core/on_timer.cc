// Due times instead of a scan each period: a silent worker is dropped when its time is over (T2).
#include <algorithm>

#include "core/core.h"

namespace magneto::core {

namespace {

Millis timeout_at(const Core& core, const Worker& worker) {
  return worker.last_heartbeat_ms + core.config.worker_timeout_ms;
}

}  // namespace

Millis cull_at_ms(const Core& core, const Worker& worker) {
  return worker.last_heartbeat_ms +
         (Millis{core.config.dead_worker_persistence} + 1) * core.config.worker_timeout_ms;
}

void on_timer(Core& core) {
  State& state = core.state;
  const std::string reason =
      "no heartbeat for " + std::to_string(core.config.worker_timeout_ms / 1000) + " s";
  while (Worker* oldest = state.by_heartbeat.oldest()) {
    if (timeout_at(core, *oldest) > core.now_ms) break;
    remove_worker(core, *oldest, reason);
  }
  while (!state.by_cull_time.empty() && state.by_cull_time.begin()->first <= core.now_ms)
    purge_dead_worker(core, state.workers[state.by_cull_time.begin()->second]);  // T3
}

Millis next_due_ms(const Core& core) {
  const State& state = core.state;
  Millis due = 0;
  if (const Worker* const oldest = state.by_heartbeat.oldest()) due = timeout_at(core, *oldest);
  if (!state.by_cull_time.empty()) {
    const Millis cull = state.by_cull_time.begin()->first;
    due = due == 0 ? cull : std::min(due, cull);
  }
  if (const Millis recovery = recovery_due_ms(state); recovery != 0)
    due = due == 0 ? recovery : std::min(due, recovery);
  return due;
}

}  // namespace magneto::core
