// Drivers that run on the cluster: submitted, killed, asked about, ended, lost with their worker.
#include <algorithm>

#include "core/core.h"
#include "core/limits.h"
#include "core/lists.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

// S5: what a worker may report.
bool is_terminal(DriverState state) {
  return state == DriverState::finished || state == DriverState::killed ||
         state == DriverState::failed || state == DriverState::error;
}

const char* name_of(DriverState state) {
  constexpr const char* names[] = {"SUBMITTED", "RUNNING", "FINISHED", "RELAUNCHING",
                                   "UNKNOWN",   "KILLED",  "FAILED",   "ERROR"};
  return names[static_cast<size_t>(state)];
}

bool id_is_taken(const State& state, const std::string& id) {
  if (state.driver_by_id.contains(id)) return true;
  return std::any_of(state.completed_drivers.begin(), state.completed_drivers.end(),
                     [&](const Driver& each) { return each.id == id; });
}

// L9, P17. Numbers only grow, so a free one comes.
std::string new_id(Core& core) {
  const Millis local_ms = core.now_ms + Millis{core.utc_offset_minutes} * 60'000;
  std::string id;
  do id = format_id(core.config.driver_id_pattern, local_ms, core.state.next_driver_number++);
  while (id_is_taken(core.state, id));
  return id;
}

// Not yet known to anybody. It stands at the end of the queue.
Driver new_driver(Core& core) {
  Driver driver;
  driver.id = new_id(core);
  driver.order = core.state.next_driver_order++;
  driver.submitted_ms = core.now_ms;
  return driver;
}

void release_from_worker(Core& core, Driver& driver) {
  Worker& worker = core.state.workers[driver.worker];
  take_out(worker.drivers, driver);
  vacate(core, worker, driver.cores, driver.memory_mb, driver.held);
  driver.held.clear();
  driver.worker = {};
}

}  // namespace

uint64_t end_driver(Core& core, Driver& driver, DriverState end, Text exception) {
  State& state = core.state;
  if (driver.shape)
    dequeue_driver(core, driver);
  else if (driver.worker.valid())
    release_from_worker(core, driver);
  else
    unclaim_driver(state, driver);
  driver.state = end;
  driver.changed();
  driver.ended_ms = core.now_ms;
  driver.exception = exception.substr(0, limits::max_forwarded_text_bytes);
  state.driver_by_id.erase(driver.id);
  driver.end_order = state.next_end_order++;
  const uint64_t sequence = persist_end(core, driver);
  core.notice(NoticeLevel::info, "driver.ended",
              driver.id + " ended: " + name_of(end) +
                  (driver.exception.empty() ? "" : ": " + driver.exception));
  const DriverSlot slot = driver.slot;
  Driver done = std::move(driver);
  state.drivers.remove(slot);
  done.slot = {};
  done.description = {};
  retain(state.completed_drivers, std::move(done),
         std::min<size_t>(core.config.retained_drivers, limits::max_completed_drivers),
         [&](const Driver& oldest) { forget_completed(core, oldest); });
  return sequence;
}

namespace {

// L8: a queued one is gone at once; a running one ends when its worker says so. Returns the store
// sequence from which on no leader forgets it.
uint64_t kill_driver(Core& core, Driver& driver) {
  if (driver.shape) return end_driver(core, driver, DriverState::killed, {});
  if (!driver.kill_asked) {
    driver.kill_asked = true;
    persist_driver(core, driver);
  }
  // While its worker is UNKNOWN, it is told when it has answered.
  if (driver.worker.valid())
    core.send(core.state.workers[driver.worker].session, KillDriver{driver.id}, driver.sequence);
  return driver.sequence;
}

// L7, R14: clients match the start of it, and try the next master. Empty when this one leads; one
// that recovers does, and what it promises holds.
std::string not_alive(const Core& core, const char* what) {
  if (core.state.leads()) return {};
  return "Current state is not alive: " + std::string(name_of(core.state.master)) + ". Can only " +
         what + " in ALIVE state.";
}

std::string refusal(const Core& core) {
  if (std::string why = not_alive(core, "accept driver submissions"); !why.empty()) return why;
  if (core.state.drivers.size() >= limits::max_drivers)
    return "the master has " + std::to_string(limits::max_drivers) +
           " drivers that wait or run, its limit";
  return {};
}

DriverStatusResponse status_of(const Driver& driver) {
  DriverStatusResponse status;
  status.found = true;
  status.state = driver.state;
  status.worker_id = driver.worker_id;
  status.worker_host_port = driver.worker_host_port;
  status.exception = driver.exception;
  return status;
}

// Also while its worker has not said yet what it runs.
bool is_of(const Core& core, const Driver& driver, Session session) {
  const State& state = core.state;
  if (driver.shape) return false;
  if (driver.worker.valid()) return state.workers[driver.worker].session == session;
  const Worker* const worker = state.find_worker(driver.worker_id);
  return worker && worker->session == session;
}

}  // namespace

Driver& add_driver(Core& core, Driver driver) {
  State& state = core.state;
  driver.slot = state.drivers.add();
  state.driver_by_id.emplace(driver.id, driver.slot);
  Driver& added = state.drivers[driver.slot];
  added = std::move(driver);
  state.feed.join(added, RowKind::driver);
  return added;
}

void describe_driver(Driver& driver, const SubmitDriver& message) {
  driver.description.assign(message.description.begin(), message.description.end());
  driver.jar_url = message.jar_url;
  driver.main_class = message.main_class;
  driver.cores = message.cores;
  driver.memory_mb = message.memory_mb;
  driver.supervise = message.supervise;
  driver.resources_asked = message.resources;
  driver.runtimes.assign(message.runtimes.begin(), message.runtimes.end());
}

void on_submit_driver(Core& core, Session session, const SubmitDriver& message) {
  if (const std::string why = refusal(core); !why.empty()) {
    core.notice(NoticeLevel::warn, "driver.refused",
                "driver " + std::string(message.main_class) + " refused: " + why);
    return core.send(session, Reply{message.request_id, false, why});
  }
  Driver submitted = new_driver(core);
  describe_driver(submitted, message);
  Driver& driver = add_driver(core, std::move(submitted));
  persist_counters(core);
  persist_driver(core, driver);
  core.notice(NoticeLevel::info, "driver.submitted",
              driver.id + " (" + driver.main_class + ") submitted");
  core.send(
      session,
      Reply{message.request_id, true, "Driver successfully submitted as " + driver.id, driver.id},
      driver.sequence);
  enqueue_driver(core, driver);
}

void on_request_kill_driver(Core& core, Session session, const RequestKillDriver& message) {
  if (const std::string why = not_alive(core, "kill drivers"); !why.empty())
    return core.send(session, Reply{message.request_id, false, why});
  const std::string id(message.driver_id);
  const auto known = core.state.driver_by_id.find(id);
  if (known == core.state.driver_by_id.end())
    return core.send(session,
                     Reply{message.request_id, false,
                           "Driver " + id + " has already finished or does not exist", id});
  core.notice(NoticeLevel::info, "driver.kill", "asked to kill driver " + id);
  const uint64_t sequence = kill_driver(core, core.state.drivers[known->second]);
  core.send(session, Reply{message.request_id, true, "Kill request for " + id + " submitted", id},
            sequence);
}

void on_request_kill_all_drivers(Core& core, Session session,
                                 const RequestKillAllDrivers& message) {
  if (const std::string why = not_alive(core, "kill drivers"); !why.empty())
    return core.send(session, Reply{message.request_id, false, why});
  std::vector<std::pair<uint64_t, DriverSlot>> all;
  core.state.drivers.each(
      [&](DriverSlot slot, const Driver& driver) { all.emplace_back(driver.order, slot); });
  std::sort(all.begin(), all.end());
  core.notice(NoticeLevel::info, "driver.kill",
              "asked to kill all " + std::to_string(all.size()) + " drivers");
  uint64_t sequence = 0;
  for (const auto& [order, slot] : all)
    sequence = std::max(sequence, kill_driver(core, core.state.drivers[slot]));
  Reply reply{message.request_id, true, "Kill request for all drivers submitted"};
  reply.count = static_cast<uint32_t>(all.size());
  core.send(session, reply, sequence);
}

void on_request_driver_status(Core& core, Session session, const RequestDriverStatus& message) {
  const std::string why = not_alive(core, "request driver status");
  DriverStatusResponse status;
  if (!why.empty()) {
    status.exception = why;
  } else if (const auto known = core.state.driver_by_id.find(message.driver_id);
             known != core.state.driver_by_id.end()) {
    status = status_of(core.state.drivers[known->second]);
  } else {
    const auto& completed = core.state.completed_drivers;
    const auto done = std::find_if(completed.rbegin(), completed.rend(), [&](const Driver& each) {
      return each.id == message.driver_id;
    });
    if (done != completed.rend()) status = status_of(*done);
  }
  status.request_id = message.request_id;
  core.send(session, status);
}

void on_driver_state_changed(Core& core, Session session, const DriverStateChanged& message) {
  if (core.session(session)->role != Role::worker) {
    if (was_given_up(core, session)) return;
    return core.violation(session, "only a registered worker may report driver states");
  }
  const auto answer = [&](uint64_t sequence) {
    if (message.request_id != 0) core.send(session, Reply{message.request_id, true}, sequence);
    // What it held is given to nobody before that is on disk: the next leader would count it twice.
    SessionState* const peer = core.session(session);
    peer->sequence = std::max(peer->sequence, sequence);
  };
  const auto known = core.state.driver_by_id.find(message.driver_id);
  // Ended here already: killed, relaunched, or told again because the answer was lost.
  if (known == core.state.driver_by_id.end()) return answer(0);
  Driver& driver = core.state.drivers[known->second];
  if (!is_of(core, driver, session))
    return core.violation(session, "driver " + driver.id + " is not on this session's worker");
  if (!is_terminal(message.state)) {
    core.notice(NoticeLevel::warn, "driver.state",
                driver.id + " was reported " + name_of(message.state) +
                    ", which is no end of a driver; ignored");
    return answer(0);
  }
  // A worker that is answered forgets the report: no recovered master may miss it.
  answer(end_driver(core, driver, message.state, message.exception));
}

// Each is followed by a pass, as in Spark: who waited gets what is free before the driver queues
// again.
void lose_driver(Core& core, Driver& driver) {
  if (!driver.supervise || driver.kill_asked) {
    // Spark starts a supervised one again although its kill was acknowledged.
    end_driver(core, driver, driver.kill_asked ? DriverState::killed : DriverState::error, {});
    return schedule(core);
  }
  // S8: under a new id, because the old one may still run where nobody sees it.
  Driver next = new_driver(core);
  next.replaces = driver.id;
  next.description = driver.description;
  next.jar_url = driver.jar_url;
  next.main_class = driver.main_class;
  next.cores = driver.cores;
  next.memory_mb = driver.memory_mb;
  next.supervise = true;
  next.resources_asked = driver.resources_asked;
  next.runtimes = driver.runtimes;
  core.notice(NoticeLevel::info, "driver.relaunching", driver.id + " becomes " + next.id);
  persist_counters(core);
  // Before the old record goes: one of them is always there, and where both are this one counts.
  persist_driver(core, next);
  end_driver(core, driver, DriverState::relaunching, {});
  schedule(core);
  enqueue_driver(core, add_driver(core, std::move(next)));
  schedule(core);
}

}  // namespace magneto::core
