#include <algorithm>

#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

bool could_fit_when_idle(const Worker& worker, const Shape& shape) {
  if (worker.cores < shape.min_cores || worker.memory_mb < shape.memory_mb) return false;
  for (const auto& [name, amount] : shape.resources) {
    const auto pool = std::find_if(worker.resources.begin(), worker.resources.end(),
                                   [&](const ResourcePool& each) { return each.name == name; });
    if (pool == worker.resources.end() || pool->addresses.size() < amount) return false;
  }
  return true;
}

std::string explain(const Core& core, const Shape& shape) {
  uint32_t with_runtime = 0;
  uint32_t large_enough = 0;
  for (const WorkerSlot slot : core.state.by_heartbeat) {
    const Worker& worker = core.state.workers[slot];
    if (std::find(worker.runtimes.begin(), worker.runtimes.end(), shape.runtime) ==
        worker.runtimes.end())
      continue;
    ++with_runtime;
    if (could_fit_when_idle(worker, shape)) ++large_enough;
  }
  if (core.state.by_heartbeat.empty()) return "no worker is registered";
  if (with_runtime == 0) return "no worker has the runtime " + shape.runtime->name;
  if (large_enough > 0)
    return "all workers that could host its executors are busy (" + std::to_string(large_enough) +
           " could)";
  std::string need =
      std::to_string(shape.min_cores) + " cores, " + std::to_string(shape.memory_mb) + " MiB";
  for (const auto& [name, amount] : shape.resources)
    need += ", " + std::to_string(amount) + " " + name;
  return "no worker is large enough for one executor (" + need + ")";
}

// Walks the workers, so its answer is kept until the set of workers changes.
const std::string& reason(Core& core, Shape& shape) {
  if (shape.reason_generation != core.state.worker_generation) {
    shape.reason_generation = core.state.worker_generation;
    shape.reason = explain(core, shape);
  }
  return shape.reason;
}

}  // namespace

void tell_waiting(Core& core) {
  for (const ApplicationSlot slot : core.touched) {
    if (!core.state.applications.holds(slot)) continue;
    Application& application = core.state.applications[slot];
    if (!application.executors.empty()) continue;
    for (auto& [id, request] : application.requests) {
      if (!request.wanting) continue;
      const std::string& why = reason(core, *request.shape);
      if (why == application.waiting_reason) break;
      application.waiting_reason = why;
      core.notice(NoticeLevel::warn, "application.waiting", application.id + " waits: " + why);
      break;
    }
  }
  core.touched.clear();
}

}  // namespace magneto::core
