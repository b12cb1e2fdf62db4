#include <algorithm>

#include "core/core.h"
#include "core/limits.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

void touch_heartbeat(Core& core, Worker& worker) {
  worker.last_heartbeat_ms = core.now_ms;
  worker.heard();
  core.state.by_heartbeat.heard(worker);
}

// L4: the same worker again, perhaps over a new connection because it noticed the loss before we
// did. One of the leader before has still to say what it runs.
void register_again(Core& core, Session session, Worker& worker, const RegisterWorker& message) {
  const bool elsewhere = bind_worker(core, session, worker);
  const bool unknown = worker.state == WorkerState::unknown;
  if (!unknown) touch_heartbeat(core, worker);
  core.send(session, WorkerRegistered{true, core.state.epoch}, worker.sequence);
  set_health(core, worker, message.health_report);
  if (unknown) return core.send(session, MasterChanged{core.state.epoch});
  // The order may have been lost with the old connection.
  if (elsewhere && worker.leaving) core.send(session, DecommissionWorker{}, worker.sequence);
}

void purge_dead_at(Core& core, const std::string& address) {
  const auto dead = core.state.dead_by_address.find(address);
  if (dead == core.state.dead_by_address.end()) return;
  const std::set<WorkerSlot> slots = dead->second;
  for (const WorkerSlot slot : slots) purge_dead_worker(core, core.state.workers[slot]);
}

// H9, L4: it came up again under another id, so it will not answer any more.
void remove_unknown_at(Core& core, const RegisterWorker& message) {
  const auto there = core.state.workers_by_address.find(WorkerAddress{message.host, message.port});
  if (there == core.state.workers_by_address.end()) return;
  Worker& worker = **there;
  if (worker.state == WorkerState::unknown && worker.id() != message.worker_id)
    remove_worker(core, worker,
                  "another worker has its address: " + std::string(message.worker_id));
}

// Empty when the worker may register; else why not, for RegisterWorkerFailed.
std::string refusal(const Core& core, const RegisterWorker& message) {
  const WorkerAddress address{message.host, message.port};
  if (core.state.workers_by_address.contains(address))
    return "Attempted to re-register worker at same address: " + text_of(address) +
           "; stop the other worker or use another port";
  if (core.state.workers_by_address.size() >= limits::max_workers)
    return "the master has " + std::to_string(limits::max_workers) + " workers, its limit";
  return {};
}

}  // namespace

bool bind_worker(Core& core, Session session, Worker& worker) {
  const Session old = worker.session;
  if (old == session) return false;
  core.session(session)->become(worker.slot);
  worker.session = session;
  core.close(old, "the worker registered again over another connection");
  return true;
}

bool is_another_peer(const Core& core, Session session, Text worker_id) {
  const SessionState& peer = core.state.sessions.at(session);
  if (peer.role != Role::worker) return peer.role == Role::application;
  if (!core.state.workers.holds(peer.worker())) return false;
  const Worker& own = core.state.workers[peer.worker()];
  return own.session == session && own.state != WorkerState::dead && own.id() != worker_id;
}

Worker& add_worker(Core& core, const RegisterWorker& message, WorkerState as) {
  State& state = core.state;
  const WorkerSlot slot = state.workers.add();
  Worker& worker = state.workers[slot];
  worker.slot = slot;
  state.feed.join(worker, RowKind::worker);
  worker.state = as;
  worker.texts = WorkerTexts(message);
  worker.port = message.port;
  worker.cores = message.cores;
  worker.memory_mb = message.memory_mb;
  for (const ResourceText& text : message.resources) {
    ResourcePool pool{std::string(text.name), {}, std::vector<bool>(text.addresses.size()), 0};
    pool.free = static_cast<uint32_t>(text.addresses.size());
    for (const Text unit : text.addresses) pool.addresses.emplace_back(unit);
    worker.resources.push_back(std::move(pool));
  }
  worker.runtimes = &intern_runtimes(state, message.runtimes);
  worker.last_heartbeat_ms = core.now_ms;
  worker.first_order = state.next_application_order;
  state.newest_worker_order = worker.first_order;
  state.workers_by_id.insert(&worker);
  if (as == WorkerState::unknown) {
    ++state.recovery.unknown_workers;
  } else {
    state.by_heartbeat.add(worker);
    enlist_worker(state, worker);
  }
  state.workers_by_address.insert(&worker);
  ++state.worker_generation;
  return worker;
}

bool was_given_up(Core& core, Session session) {
  return core.session(session)->role == Role::none &&
         session >> session_source_shift == gateway_source &&
         core.state.master == MasterState::alive;
}

Worker* own_worker(Core& core, Session session, Text id) {
  const SessionState& peer = *core.session(session);
  Worker* const worker = core.state.find_worker(id);
  if (peer.role == Role::worker && worker && worker->slot == peer.worker() &&
      worker->session == session)
    return worker;
  core.violation(session, "this session is not registered as worker " + std::string(id));
  return nullptr;
}

void on_register_worker(Core& core, Session session, const RegisterWorker& message) {
  if (is_another_peer(core, session, message.worker_id))
    return core.violation(session, "this session is registered as another peer already");
  remove_unknown_at(core, message);
  Worker* const known = core.state.find_worker(message.worker_id);
  // A decommissioned one too: it stays so.
  if (known && known->state != WorkerState::dead)
    return register_again(core, session, *known, message);
  if (const std::string why = refusal(core, message); !why.empty()) {
    core.notice(NoticeLevel::warn, "worker.refused",
                "worker " + std::string(message.worker_id) + " refused: " + why);
    return core.send(session, RegisterWorkerFailed{why});
  }
  // The same process as before its loss: a new one would have a new id.
  const bool leaving = known && known->leaving;
  if (known) purge_dead_worker(core, *known);
  purge_dead_at(core, text_of({message.host, message.port}));
  Worker& worker = add_worker(core, message, WorkerState::alive);
  bind_worker(core, session, worker);
  worker.leaving = leaving;
  persist_worker(core, worker);
  core.send(session, WorkerRegistered{false, core.state.epoch}, worker.sequence);
  core.notice(NoticeLevel::info, "worker.registered",
              std::string(worker.id()) + " at " + text_of(address_of(worker)) + " with " +
                  std::to_string(worker.cores) + " cores, " + std::to_string(worker.memory_mb) +
                  " MiB");
  set_health(core, worker, message.health_report);
  if (!leaving) return reindex_worker(core, worker, true);
  decommission_worker(core, worker);
  core.send(session, DecommissionWorker{}, worker.sequence);
}

void on_worker_heartbeat(Core& core, Session session, const WorkerHeartbeat& message) {
  State& state = core.state;
  SessionState& peer = *core.session(session);
  if (peer.role == Role::worker && state.workers.holds(peer.worker())) {
    Worker& own = state.workers[peer.worker()];
    if (own.session == session && own.is_known() && own.id() == message.worker_id)
      return touch_heartbeat(core, own);
  }
  const Worker* const dropped = state.find_worker(message.worker_id);
  if (!dropped) {
    // L5: one that never registered is ignored; one that was culled (T3) while its link stalled
    // must come back, or it would go on for ever as nobody's worker.
    if (peer.role == Role::worker) core.send(session, ReconnectWorker{});
    return;
  }
  // It has not heard of this leader yet. Workers of the gateway are called by it: one that has
  // missed that registers.
  if (dropped->state == WorkerState::unknown && session >> session_source_shift != gateway_source)
    return core.send(session, MasterChanged{state.epoch});
  if (dropped->is_known())
    return core.violation(
        session, "this session is not registered as worker " + std::string(message.worker_id));
  core.send(session, ReconnectWorker{});  // L5: dropped
}

namespace {

// Null when the application does not have it on this worker.
Executor* executor_on(Core& core, const Worker& worker, Text app_id, uint32_t executor_id) {
  const auto found = core.state.application_by_id.find(app_id);
  if (found == core.state.application_by_id.end()) return nullptr;
  Application& application = core.state.applications[found->second];
  for (auto* executors : {&application.executors, &application.decommissioned}) {
    const auto entry = executors->find(executor_id);
    if (entry != executors->end() && entry->second.worker == worker.slot) return &entry->second;
  }
  return nullptr;
}

// `host`: when it is the worker that is lost, and not one executor alone.
void lose_executor(Core& core, Application& application, uint32_t executor_id, Text message,
                   std::optional<Text> host) {
  const ExecutorUpdated update{executor_id, ExecutorState::lost, message, {}, host};
  if (application.decommissioned.contains(executor_id)) {
    // Its application was told that it leaves; that it is gone for good, only with its worker.
    if (host) core.send(application.session, update);
    return end_decommissioned(core, application, executor_id);
  }
  Executor& executor = application.executors.at(executor_id);
  release_from_worker(core, executor);
  change_state(application, executor, ExecutorState::lost);
  core.send(application.session, update);
  retire_executor(core, application, executor_id);
}

using LostExecutors = std::vector<std::pair<ApplicationSlot, uint32_t>>;

void lose(Core& core, LostExecutors executors, LostDrivers drivers, Text message,
          std::optional<Text> host) {
  std::sort(executors.begin(), executors.end());
  for (const auto& [slot, executor_id] : executors)
    lose_executor(core, core.state.applications[slot], executor_id, message, host);
  std::sort(drivers.begin(), drivers.end());
  for (const auto& [order, slot] : drivers) lose_driver(core, core.state.drivers[slot]);
}

}  // namespace

void on_worker_latest_state(Core& core, Session session, const WorkerLatestState& message) {
  const Worker* const known = core.state.find_worker(message.worker_id);
  // Dropped in between: its next heartbeat makes it register again. What an UNKNOWN one runs is in
  // its answer to MasterChanged.
  if (!known || !known->is_known()) return;
  const Worker* worker = own_worker(core, session, message.worker_id);
  if (!worker) return;
  std::set<const void*> present;
  for (const auto& [app_id, executor_id, state] : message.executors) {
    Executor* const executor = executor_on(core, *worker, app_id, executor_id);
    if (!executor) {
      core.send(session, KillExecutor{app_id, executor_id});
      continue;
    }
    present.insert(executor);
    // The report may have been lost with an earlier connection.
    if (state == ExecutorState::running && executor->state == ExecutorState::launching)
      executor_runs(core, core.state.applications[executor->application], *executor, {});
  }
  for (const Text id : message.driver_ids) {
    const auto driver = core.state.driver_by_id.find(id);
    const bool here = driver != core.state.driver_by_id.end() &&
                      core.state.drivers[driver->second].worker == worker->slot;
    if (here) present.insert(&core.state.drivers[driver->second]);
    // The order to kill it may have been lost with an earlier connection.
    if (!here || core.state.drivers[driver->second].kill_asked) core.send(session, KillDriver{id});
  }
  // What was launched over an earlier connection and is not there was lost with that connection;
  // what was launched over this one may just not have arrived (trap 8).
  LostExecutors executors;
  for (const Executor* executor : worker->executors)
    if (executor->launched_on != session && !present.contains(executor))
      executors.emplace_back(executor->application, executor->id);
  LostDrivers drivers;
  for (const Driver* driver : worker->drivers)
    if (driver->launched_on != session && !present.contains(driver))
      drivers.emplace_back(driver->order, driver->slot);
  lose(core, std::move(executors), std::move(drivers), "the worker does not know it", {});
}

void remove_worker(Core& core, Worker& worker, Text reason) {
  State& state = core.state;
  MAGNETO_ASSERT(worker.state != WorkerState::dead);
  if (worker.takes_new()) delist_worker(state, worker);
  core.forget("worker_" + std::string(worker.id()));
  if (worker.state == WorkerState::unknown)
    --state.recovery.unknown_workers;
  else
    state.by_heartbeat.remove(worker);
  worker.state = WorkerState::dead;
  worker.changed();
  forget_health(core, worker);
  unindex_worker(worker);
  state.workers_by_address.erase(&worker);
  state.dead_by_address[text_of(address_of(worker))].insert(worker.slot);
  state.by_cull_time.insert({cull_at_ms(core, worker), worker.slot});
  ++state.worker_generation;
  core.notice(NoticeLevel::warn, "worker.removed",
              std::string(worker.id()) + " removed: " + std::string(reason));

  LostExecutors executors;
  for (const Executor* executor : worker.executors)
    executors.emplace_back(executor->application, executor->id);
  LostDrivers drivers;
  for (const Driver* driver : worker.drivers) drivers.emplace_back(driver->order, driver->slot);
  for (const auto& unclaimed : take_unclaimed(state, worker.id())) drivers.push_back(unclaimed);
  lose(core, std::move(executors), std::move(drivers), "worker lost: " + std::string(reason),
       worker.host());
  lose_unexplained(core, worker);
  state.applications.each([&](ApplicationSlot, const Application& application) {
    core.send(application.session, WorkerRemoved{worker.id(), worker.host(), reason});
  });
  worker.session = no_session;
  if (state.by_cull_time.size() > limits::max_dead_workers)
    purge_dead_worker(core, state.workers[state.by_cull_time.begin()->second]);
}

void purge_dead_worker(Core& core, Worker& worker) {
  State& state = core.state;
  MAGNETO_ASSERT(worker.state == WorkerState::dead);
  MAGNETO_ASSERT(worker.executors.empty() && worker.drivers.empty());
  state.by_cull_time.erase({cull_at_ms(core, worker), worker.slot});
  const auto entry = state.dead_by_address.find(text_of(address_of(worker)));
  entry->second.erase(worker.slot);
  if (entry->second.empty()) state.dead_by_address.erase(entry);
  release_runtimes(state, *worker.runtimes);
  state.workers_by_id.erase(&worker);
  state.workers.remove(worker.slot);
}

}  // namespace magneto::core
