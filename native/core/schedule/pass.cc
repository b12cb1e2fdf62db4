#include <algorithm>

#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

// LaunchExecutor goes out before ExecutorAdded, both after what they follow from is on disk.
void announce(Core& core, const Application& application, const Worker& worker,
              const Executor& executor) {
  const uint64_t sequence = std::max(application.sequence, worker.sequence);
  const Holdings given = holdings(worker, executor.resources);
  LaunchExecutor launch;
  launch.app_id = application.id;
  launch.executor_id = executor.id;
  launch.profile_id = executor.profile_id;
  launch.cores = executor.cores;
  launch.memory_mb = executor.memory_mb;
  launch.resources = texts(given);
  if (worker.session >> session_source_shift == gateway_source)
    launch.spark_description = application.spark_description;
  else
    launch.description = application.description;
  core.send(worker.session, launch, sequence);
  core.send(application.session,
            ExecutorAdded{executor.id, worker.id(), worker.host(), worker.port, executor.cores,
                          executor.memory_mb},
            sequence);
}

// Before it gets an executor there. Bounded by twice the number of workers.
void remember_host(const State& state, Application& application, const Worker& worker) {
  std::vector<WorkerSlot>& hosts = application.hosts;
  if (!worker.executors.empty() && worker.executors.back()->application == application.slot) return;
  if (hosts.size() >= 2 * state.workers.size()) {
    std::sort(hosts.begin(), hosts.end());
    hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
    std::erase_if(hosts, [&](WorkerSlot slot) { return !state.workers.holds(slot); });
  }
  hosts.push_back(worker.slot);
}

void launch(Core& core, Application& application, Request& request, Worker& worker,
            uint32_t cores) {
  if (application.next_executor_id == application.durable_executor_ids)
    persist_application(core, application);
  const uint32_t id = application.next_executor_id++;
  Executor& executor = application.executors[id];
  core.state.feed.join(executor, RowKind::executor);
  executor.id = id;
  executor.profile_id = request.profile_id;
  executor.cores = cores;
  executor.memory_mb = request.memory_mb;
  executor.application = application.slot;
  executor.worker = worker.slot;
  executor.launched_on = worker.session;
  executor.resources = occupy(worker, cores, request.memory_mb, request.shape->resources);
  executor.position = static_cast<uint32_t>(worker.executors.size());
  remember_host(core.state, application, worker);
  worker.executors.push_back(&executor);
  MAGNETO_ASSERT(application.cores_left() >= cores);
  application.cores_granted += cores;
  ++request.executors;
  application.state = ApplicationState::running;  // S7
  tell_started(core, application, worker);
  announce(core, application, worker, executor);
}

void launch_all(Core& core, Application& application, Request& request,
                const std::vector<Assignment>& assignments) {
  for (const Assignment& assignment : assignments) {
    const uint32_t cores = request.cores == 0 ? assignment.cores : request.cores;
    MAGNETO_ASSERT(cores * assignment.executors == assignment.cores);
    for (uint32_t count = 0; count < assignment.executors; ++count)
      launch(core, application, request, *assignment.worker, cores);
    reindex_worker(core, *assignment.worker, false);
  }
  refresh_requests(core, application);
}

}  // namespace

void schedule(Core& core) {
  State& state = core.state;
  if (state.master != MasterState::alive && state.master != MasterState::recovering) return;
  schedule_drivers(core);
  while (!state.ready.empty()) {
    const RequestKey key = state.ready.begin()->first;
    Application& application = state.applications[key.application];
    Request& request = application.requests.at(key.profile_id);
    launch_all(core, application, request, assign(core, application, request));
    // Either it has all that it wants, or nothing fits: each turn takes one entry from `ready`.
    if (request.wanting) block_shape(state, *request.shape);
  }
  tell_waiting(core);
}

}  // namespace magneto::core
