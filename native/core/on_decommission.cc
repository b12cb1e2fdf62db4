// Workers that are about to leave: what they have goes on, nothing new starts there (spec 18).
#include <algorithm>
#include <utility>

#include "core/core.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

std::string lower_case(Text text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

// D3: told to their applications, which get others elsewhere; still on the worker (D4, D5).
void decommission_executors(Core& core, const Worker& worker) {
  std::vector<std::pair<ApplicationSlot, uint32_t>> leaving;
  for (const Executor* executor : worker.executors)
    leaving.emplace_back(executor->application, executor->id);
  std::sort(leaving.begin(), leaving.end());
  for (const auto& [slot, executor_id] : leaving) {
    Application& application = core.state.applications[slot];
    Executor& executor = application.executors.at(executor_id);
    change_state(application, executor, ExecutorState::decommissioned);
    core.send(
        application.session,
        ExecutorUpdated{executor_id, executor.state, "worker decommissioned", {}, worker.host()},
        worker.sequence);
    retire_executor(core, application, executor_id);
  }
}

}  // namespace

void decommission_worker(Core& core, Worker& worker) {
  if (worker.state == WorkerState::decommissioned) {
    core.notice(NoticeLevel::info, "worker.decommissioned",
                std::string(worker.id()) + " is decommissioned already");
    return;
  }
  if (worker.state == WorkerState::unknown) {  // it is told when it has answered
    worker.leaving = true;
    core.notice(NoticeLevel::info, "worker.decommissioned",
                std::string(worker.id()) + " is decommissioned when it has answered");
    return persist_worker(core, worker);
  }
  MAGNETO_ASSERT(worker.state == WorkerState::alive);
  if (worker.takes_new()) {
    unindex_worker(worker);
    delist_worker(core.state, worker);
  }
  worker.state = WorkerState::decommissioned;
  worker.changed();
  if (!std::exchange(worker.leaving, true)) persist_worker(core, worker);
  ++core.state.worker_generation;
  core.notice(
      NoticeLevel::info, "worker.decommissioned",
      std::string(worker.id()) + " is decommissioned: " + std::to_string(worker.executors.size()) +
          " executors and " + std::to_string(worker.drivers.size()) + " drivers are still there");
  decommission_executors(core, worker);
}

void on_worker_decommissioning(Core& core, Session session, const WorkerDecommissioning& message) {
  Worker* const known = core.state.find_worker(message.worker_id);
  if (!known) return;  // never registered
  if (known->state == WorkerState::dead) {
    const SessionState& peer = *core.session(session);
    // In between: it says so once, and is going to register again. What recovery gave up while it
    // was silent has no session yet.
    const bool own = peer.role == Role::worker && peer.worker() == known->slot;
    if (own || peer.role == Role::none) known->leaving = true;
    return;
  }
  if (Worker* worker = own_worker(core, session, message.worker_id))
    decommission_worker(core, *worker);
}

void on_decommission_workers_on_hosts(Core& core, Session session,
                                      const DecommissionWorkersOnHosts& message) {
  std::set<std::string> hosts;
  for (const Text host : message.hosts) hosts.insert(lower_case(host));
  std::vector<WorkerSlot> met;
  core.state.workers.each([&](WorkerSlot slot, const Worker& worker) {
    if (worker.state != WorkerState::dead && hosts.contains(lower_case(worker.host())))
      met.push_back(slot);
  });
  core.notice(NoticeLevel::info, "worker.decommission",
              "asked to decommission the workers on " + std::to_string(hosts.size()) +
                  " hosts: " + std::to_string(met.size()));
  uint64_t sequence = 0;
  for (const WorkerSlot slot : met) {
    Worker& worker = core.state.workers[slot];
    decommission_worker(core, worker);
    if (worker.is_known()) core.send(worker.session, DecommissionWorker{}, worker.sequence);
    sequence = std::max(sequence, worker.sequence);
  }
  Reply reply{message.request_id, true};
  reply.count = static_cast<uint32_t>(met.size());
  core.send(session, reply, sequence);
}

}  // namespace magneto::core
