// Every invariant of State. Rescans everything: for tests and the simulator.
#include <algorithm>

#include "core/core.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

void check_resources(const State& state, const Worker& worker) {
  std::vector<std::vector<bool>> used;
  for (const ResourcePool& pool : worker.resources) {
    MAGNETO_ASSERT(pool.addresses.size() == pool.used.size());
    const auto taken = std::count(pool.used.begin(), pool.used.end(), true);
    MAGNETO_ASSERT(pool.free + static_cast<size_t>(taken) == pool.used.size());
    used.emplace_back(pool.used.size());
  }
  const auto take = [&](const std::vector<HeldResource>& all) {
    for (const HeldResource& held : all) {
      for (const uint32_t unit : held.addresses) {
        MAGNETO_ASSERT(!used.at(held.pool).at(unit));
        used[held.pool][unit] = true;
      }
    }
  };
  for (const Executor* executor : worker.executors) {
    MAGNETO_ASSERT(state.applications.holds(executor->application));
    take(executor->resources);
  }
  for (const Driver* driver : worker.drivers) take(driver->held);
  for (size_t at = 0; at < used.size(); ++at) MAGNETO_ASSERT(used[at] == worker.resources[at].used);
}

void check_index(const Core& core, const Worker& worker) {
  const bool usable = worker.takes_new() && worker.cores_free() > 0;
  MAGNETO_ASSERT(worker.indexed == usable);
  if (usable) MAGNETO_ASSERT(worker.index_key == index_key(worker, core.config.selection_policy));
  for (const Runtime* runtime : *worker.runtimes) {
    MAGNETO_ASSERT(core.state.runtimes.contains(runtime->name));
    const Candidate entry{worker.index_key, const_cast<Worker*>(&worker)};
    MAGNETO_ASSERT(runtime->candidates.contains(entry) == usable);
  }
}

void check_worker(const Core& core, WorkerSlot slot, const Worker& worker) {
  const State& state = core.state;
  MAGNETO_ASSERT(worker.slot == slot);
  MAGNETO_ASSERT(state.find_worker(worker.id()) == &worker);
  uint64_t cores = 0;
  uint64_t memory_mb = 0;
  for (uint32_t at = 0; at < worker.executors.size(); ++at) {
    const Executor* executor = worker.executors[at];
    MAGNETO_ASSERT(executor->worker == slot && executor->position == at);
    MAGNETO_ASSERT(!is_finished(executor->state));
    MAGNETO_ASSERT((executor->state == ExecutorState::decommissioned) ==
                   (worker.state == WorkerState::decommissioned));
    cores += executor->cores;
    memory_mb += executor->memory_mb;
  }
  for (uint32_t at = 0; at < worker.drivers.size(); ++at) {
    const Driver* driver = worker.drivers[at];
    MAGNETO_ASSERT(driver->worker == slot && driver->position == at);
    MAGNETO_ASSERT(&state.drivers[driver->slot] == driver);
    cores += driver->cores;
    memory_mb += driver->memory_mb;
  }
  MAGNETO_ASSERT(cores == worker.cores_used);
  MAGNETO_ASSERT(memory_mb == worker.memory_used_mb);
  const auto& placeable = state.placeable;
  const bool listed =
      worker.placeable_position < placeable.size() && placeable[worker.placeable_position] == slot;
  MAGNETO_ASSERT(listed == worker.takes_new());
  MAGNETO_ASSERT(state.unhealthy.contains(slot) == !worker.healthy);
  MAGNETO_ASSERT(worker.leaving || worker.state != WorkerState::decommissioned);
  if (worker.state == WorkerState::unknown)
    MAGNETO_ASSERT(worker.executors.empty() && worker.drivers.empty());
  if (worker.state != WorkerState::dead) {
    // An UNKNOWN one may have registered, or nobody may have heard of it.
    if (worker.state != WorkerState::unknown || worker.session != no_session) {
      const auto peer = state.sessions.find(worker.session);
      MAGNETO_ASSERT(peer != state.sessions.end() && !peer->second.closing);
      MAGNETO_ASSERT(peer->second.role == Role::worker && peer->second.worker() == slot);
    }
    MAGNETO_ASSERT(*state.workers_by_address.find(address_of(worker)) == &worker);
  } else {
    MAGNETO_ASSERT(worker.executors.empty() && worker.drivers.empty());
    const std::string address = text_of(address_of(worker));
    MAGNETO_ASSERT(state.dead_by_address.at(address).contains(slot));
    MAGNETO_ASSERT(state.by_cull_time.contains({cull_at_ms(core, worker), slot}));
  }
  check_resources(state, worker);
  check_index(core, worker);
}

void check_requests(const Application& application) {
  std::map<uint32_t, uint32_t> executors;
  for (const auto& [id, executor] : application.executors) ++executors[executor.profile_id];
  for (const auto& [id, request] : application.requests) {
    MAGNETO_ASSERT(request.profile_id == id);
    MAGNETO_ASSERT(request.executors == executors[id]);
    MAGNETO_ASSERT(request.wanting == wants(application, request));
    const RequestKey key{application.order, id, application.slot};
    MAGNETO_ASSERT(request.shape->wanting.contains(key) == request.wanting);
    MAGNETO_ASSERT(request.shape->runtime->name == application.runtime());
  }
}

// The end of the application is told where it ran.
void check_hosts(const Application& application) {
  if (application.recovered) return;
  const std::set<WorkerSlot> hosts(application.hosts.begin(), application.hosts.end());
  for (const auto* executors : {&application.executors, &application.decommissioned})
    for (const auto& [id, executor] : *executors) MAGNETO_ASSERT(hosts.contains(executor.worker));
}

void check_application(const Core& core, ApplicationSlot slot, const Application& application) {
  const State& state = core.state;
  MAGNETO_ASSERT(application.slot == slot);
  MAGNETO_ASSERT(state.application_by_id.find(application.id)->second == slot);
  MAGNETO_ASSERT(application.driver_address().empty() ||
                 state.application_by_driver.find(application.driver_address())->second == slot);
  if (application.state == ApplicationState::unknown) {
    MAGNETO_ASSERT(application.session == no_session && application.recovered);
  } else {
    const auto peer = state.sessions.find(application.session);
    MAGNETO_ASSERT(peer != state.sessions.end() && !peer->second.closing);
    MAGNETO_ASSERT(peer->second.role == Role::application && peer->second.application() == slot);
    MAGNETO_ASSERT(!application.reconciliation || application.reconciliation->missed.empty());
  }
  MAGNETO_ASSERT(!application.held || (application.recovered && state.recovery.holding));
  MAGNETO_ASSERT(application.next_executor_id <= application.durable_executor_ids);
  uint64_t cores = 0;
  uint32_t running = 0;
  for (const auto& [id, executor] : application.executors) {
    MAGNETO_ASSERT(executor.id == id && id < application.next_executor_id);
    MAGNETO_ASSERT(executor.application == slot);
    MAGNETO_ASSERT(state.workers[executor.worker].executors.at(executor.position) == &executor);
    MAGNETO_ASSERT(executor.state == ExecutorState::launching ||
                   executor.state == ExecutorState::running);
    cores += executor.cores;
    running += executor.state == ExecutorState::running ? 1 : 0;
  }
  for (const auto& [id, executor] : application.decommissioned) {
    MAGNETO_ASSERT(executor.id == id && executor.application == slot);
    MAGNETO_ASSERT(executor.state == ExecutorState::decommissioned);
    MAGNETO_ASSERT(state.workers[executor.worker].executors.at(executor.position) == &executor);
  }
  MAGNETO_ASSERT(cores == application.cores_granted);
  MAGNETO_ASSERT(cores <= application.cores_max || application.recovered);  // taken over
  MAGNETO_ASSERT(running == application.executors_running);
  MAGNETO_ASSERT(application.state == ApplicationState::waiting ||
                 application.state == ApplicationState::running ||
                 application.state == ApplicationState::unknown);
  check_requests(application);
  check_hosts(application);
}

// What fits nowhere must be so on a rescan, and nothing may wait that could be placed (A1).
void check_shapes(const State& state) {
  std::map<const Shape*, uint32_t> references;
  size_t wanting = 0;
  state.applications.each([&](ApplicationSlot, const Application& application) {
    for (const auto& [id, request] : application.requests) {
      ++references[request.shape];
      wanting += request.wanting ? 1 : 0;
    }
  });
  for (const auto& [key, shape] : state.shapes) {
    MAGNETO_ASSERT(references[&shape] == shape.references);
    wanting -= shape.wanting.size();
    const auto& blocked = shape.runtime->blocked;
    const bool is_blocked = std::any_of(blocked.begin(), blocked.end(), [&](const auto& each) {
      return each.second == &shape && each.first == shape.min_cores;
    });
    MAGNETO_ASSERT(is_blocked == !shape.may_fit);
    MAGNETO_ASSERT(shape.wanting.empty() || !shape.may_fit);
    if (shape.may_fit) continue;
    for (const Candidate& candidate : shape.runtime->candidates)
      MAGNETO_ASSERT(!fits(*candidate.worker, shape));
  }
  MAGNETO_ASSERT(wanting == 0 && references.size() == state.shapes.size());
  MAGNETO_ASSERT(state.ready.empty());
}

void check_driver(const State& state, DriverSlot slot, const Driver& driver) {
  MAGNETO_ASSERT(driver.slot == slot && state.driver_by_id.find(driver.id)->second == slot);
  MAGNETO_ASSERT(!driver.description.empty() && driver.ended_ms == 0);
  if (driver.shape) {
    MAGNETO_ASSERT(driver.state == DriverState::submitted && !driver.worker.valid());
    MAGNETO_ASSERT(state.waiting_drivers.at(driver.order) == slot);
    MAGNETO_ASSERT(driver.shape->waiting.at(driver.order) == slot);
    MAGNETO_ASSERT(driver.held.empty() && driver.worker_id.empty());
    return;
  }
  if (state.master == MasterState::standby) return;  // not queued before it leads
  if (driver.state == DriverState::unknown) {
    MAGNETO_ASSERT(state.master == MasterState::recovering && !driver.worker.valid());
    MAGNETO_ASSERT(
        state.recovery.unclaimed.at(driver.worker_id).contains({driver.order, driver.slot}));
    return;
  }
  MAGNETO_ASSERT(driver.state == DriverState::running);
  const Worker& worker = state.workers[driver.worker];
  MAGNETO_ASSERT(worker.drivers.at(driver.position) == &driver && worker.id() == driver.worker_id);
}

// What fits nowhere must be so on a rescan; nothing waits that could be placed (A2, A5).
void check_driver_shapes(const Core& core) {
  const State& state = core.state;
  size_t waiting = 0;
  for (const auto& [key, shape] : state.driver_shapes) {
    MAGNETO_ASSERT(!shape.waiting.empty() && !shape.runtimes.empty());
    waiting += shape.waiting.size();
    for (const Runtime* runtime : shape.runtimes)
      MAGNETO_ASSERT(runtime->blocked_drivers.contains(
                         {shape.cores, const_cast<DriverShape*>(&shape)}) != shape.may_fit);
    const std::pair first{shape.waiting.begin()->first, const_cast<DriverShape*>(&shape)};
    MAGNETO_ASSERT(state.ready_drivers.contains(first) == shape.may_fit);
    if (shape.may_fit) continue;
    for (const WorkerSlot slot : state.placeable) MAGNETO_ASSERT(!fits(state.workers[slot], shape));
  }
  MAGNETO_ASSERT(waiting == state.waiting_drivers.size() && state.risen.empty());
  const size_t running = state.drivers.size() - state.waiting_drivers.size();
  if (state.master == MasterState::standby) return;
  MAGNETO_ASSERT(running <=
                 std::max<size_t>(core.config.max_drivers, state.recovery.drivers_taken_over));
  MAGNETO_ASSERT(state.ready_drivers.empty() || running >= core.config.max_drivers);
  MAGNETO_ASSERT(state.driver_by_id.size() == state.drivers.size());
  for (const Driver& done : state.completed_drivers) {
    MAGNETO_ASSERT(done.ended_ms != 0 && done.held.empty() && done.description.empty());
    MAGNETO_ASSERT(!done.shape && !done.worker.valid());
  }
}

void check_runtimes(const State& state) {
  std::map<const Runtime*, uint32_t> references;
  std::map<const RuntimeSet*, uint32_t> workers;
  size_t usable = 0;
  size_t indexed = 0;
  state.workers.each([&](WorkerSlot, const Worker& worker) {
    ++workers[worker.runtimes];
    usable += worker.indexed ? worker.runtimes->size() : 0;
  });
  for (const auto& [set, count] : state.runtime_sets) {
    MAGNETO_ASSERT(workers.at(&set) == count);
    for (const Runtime* runtime : set) ++references[runtime];
  }
  MAGNETO_ASSERT(workers.size() == state.runtime_sets.size());
  for (const auto& [key, shape] : state.shapes) ++references[shape.runtime];
  for (const auto& [key, shape] : state.driver_shapes)
    for (const Runtime* runtime : shape.runtimes) ++references[runtime];
  for (const auto& [name, runtime] : state.runtimes) {
    MAGNETO_ASSERT(runtime.name == name && references[&runtime] == runtime.references);
    indexed += runtime.candidates.size();
  }
  MAGNETO_ASSERT(indexed == usable && references.size() == state.runtimes.size());
}

void check_heartbeats(const State& state) {
  Millis before = 0;
  const Worker* earlier = nullptr;
  size_t listed = 0;
  state.by_heartbeat.each([&](const Worker& worker) {
    MAGNETO_ASSERT(&state.workers[worker.slot] == &worker && worker.heard_before == earlier);
    MAGNETO_ASSERT(worker.is_known() && worker.last_heartbeat_ms >= before);
    before = worker.last_heartbeat_ms;
    earlier = &worker;
    ++listed;
  });
  const size_t unknown = state.recovery.unknown_workers;
  MAGNETO_ASSERT(listed == state.by_heartbeat.size());
  MAGNETO_ASSERT(listed + unknown == state.workers_by_address.size());
  MAGNETO_ASSERT(listed + unknown + state.by_cull_time.size() == state.workers.size());
  MAGNETO_ASSERT(state.workers_by_id.size() == state.workers.size());
}

// S1: only while it recovers does a master wait for anybody, and a standby has heard of nobody.
void check_recovery(const State& state) {
  const Recovery& recovery = state.recovery;
  size_t workers = 0;
  size_t applications = 0;
  state.workers.each([&](WorkerSlot, const Worker& each) {
    workers += each.state == WorkerState::unknown ? 1 : 0;
  });
  state.applications.each([&](ApplicationSlot, const Application& each) {
    applications += each.state == ApplicationState::unknown ? 1 : 0;
  });
  MAGNETO_ASSERT(workers == recovery.unknown_workers);
  MAGNETO_ASSERT(applications == recovery.unknown_applications);
  if (state.master == MasterState::standby) {
    MAGNETO_ASSERT(workers == state.workers.size());
    MAGNETO_ASSERT(applications == state.applications.size());
    MAGNETO_ASSERT(state.waiting_drivers.empty() && recovery.unclaimed.empty());
    return;
  }
  MAGNETO_ASSERT(recovery.targets.empty() && state.leader_url.empty());
  if (state.master == MasterState::recovering) {
    MAGNETO_ASSERT(workers + applications > 0 && recovery.due_ms != 0);
    MAGNETO_ASSERT(!recovery.holding || workers > 0);
    for (const auto& [id, drivers] : recovery.unclaimed)
      for (const auto& [order, slot] : drivers)
        MAGNETO_ASSERT(state.drivers[slot].state == DriverState::unknown);
    return;
  }
  MAGNETO_ASSERT(state.master == MasterState::alive);
  MAGNETO_ASSERT(workers + applications == 0 && !recovery.holding && recovery.unclaimed.empty());
}

void check_sessions(const State& state) {
  for (const auto& [id, peer] : state.sessions) {
    MAGNETO_ASSERT(peer.sequence <= state.sequence);
    if (peer.role == Role::application)
      MAGNETO_ASSERT(state.applications[peer.application()].session == id);
    MAGNETO_ASSERT(!peer.closing || peer.role == Role::none);
  }
  MAGNETO_ASSERT(state.application_by_id.size() == state.applications.size());
  MAGNETO_ASSERT(state.stored_sequence <= state.sequence);
}

// Each thing that is shown is a row, and nothing else is.
void check_feed(const State& state) {
  size_t rows = state.workers.size() + state.applications.size() + state.drivers.size() +
                state.completed_drivers.size();
  const auto count = [&](uint64_t owner, const auto& executors, RowKind kind) {
    for (const PastExecutor& each : executors) {
      MAGNETO_ASSERT(each.application == owner && each.kind() == kind);
      ++rows;
    }
  };
  state.applications.each([&](ApplicationSlot, const Application& each) {
    rows += each.executors.size();
    count(each.number(), each.removed, RowKind::removed_executor);
  });
  for (const CompletedApplication& each : state.completed) {
    ++rows;
    count(each.number(), each.application.removed, RowKind::removed_executor);
    count(each.number(), each.executors, RowKind::last_executor);
  }
  MAGNETO_ASSERT(rows == state.feed.rows());
}

}  // namespace

void Core::check() const {
  state.workers.each(
      [&](WorkerSlot slot, const Worker& worker) { check_worker(*this, slot, worker); });
  state.applications.each([&](ApplicationSlot slot, const Application& application) {
    check_application(*this, slot, application);
  });
  state.drivers.each(
      [&](DriverSlot slot, const Driver& driver) { check_driver(state, slot, driver); });
  check_shapes(state);
  check_driver_shapes(*this);
  check_runtimes(state);
  check_heartbeats(state);
  check_sessions(state);
  check_recovery(state);
  check_feed(state);
  const Millis due = next_due_ms(*this);
  MAGNETO_ASSERT(due == 0 || (state.timer_due_ms != 0 && state.timer_due_ms <= due));
}

}  // namespace magneto::core
