#include "core/core.h"

#include <algorithm>
#include <stdexcept>

#include "core/limits.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

// Blanks may come with the smallest number, too many digits with a large one.
void validate_pattern(const std::string& pattern, const char* setting, const char* example) {
  try {
    format_id(pattern, 0, 0);
    format_id(pattern, 0, UINT32_MAX);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument("the id pattern '" + pattern + "' is not usable: " + error.what() +
                                "; one that is: " + example + " (" + setting + ")");
  }
}

void validate(const Config& config) {
  if (config.worker_timeout_ms == 0 || config.worker_timeout_ms > limits::max_timeout_ms)
    throw std::invalid_argument("worker_timeout_ms must be 1 to 1000000000 (spark.worker.timeout)");
  if (config.default_cores == 0)
    throw std::invalid_argument("default_cores must be above 0 (spark.deploy.defaultCores)");
  if (config.selection_policy > SelectionPolicy::worker_id)
    throw std::invalid_argument("unknown worker_selection_policy");
  validate_pattern(config.app_id_pattern, "spark.deploy.appIdPattern", "app-%s-%04d");
  validate_pattern(config.driver_id_pattern, "spark.deploy.driverIdPattern", "driver-%s-%04d");
  if (config.app_number_modulo != 0 && config.app_number_modulo < limits::min_app_number_modulo)
    throw std::invalid_argument(
        "app_number_modulo must be 1000 or more, or 0 for none "
        "(spark.deploy.appNumberModulo)");
  if (config.recovery_timeout_ms == 0 || config.recovery_timeout_ms > limits::max_timeout_ms)
    throw std::invalid_argument(
        "recovery_timeout_ms must be 1 to 1000000000 (spark.deploy.recoveryTimeout)");
  if (config.recovery_grace_ms > limits::max_timeout_ms)
    throw std::invalid_argument("recovery_grace_ms must be 1000000000 at most");
  if (config.max_drivers == 0)
    throw std::invalid_argument("max_drivers must be above 0 (spark.deploy.maxDrivers)");
}

enum class From : uint8_t { peers, web, anybody };

// Which sessions may say it: requests of operators come from all sides.
struct Sender {
  template <class Any>
  From operator()(const Any&) const {
    return From::peers;
  }
  From operator()(const KillApplication&) const { return From::web; }
  From operator()(const SubmitDriver&) const { return From::anybody; }
  From operator()(const RequestKillDriver&) const { return From::anybody; }
  From operator()(const RequestKillAllDrivers&) const { return From::anybody; }
  From operator()(const RequestDriverStatus&) const { return From::anybody; }
  From operator()(const RequestClearCompleted&) const { return From::anybody; }
  From operator()(const RequestReadyz&) const { return From::anybody; }
  From operator()(const DecommissionWorkersOnHosts&) const { return From::anybody; }
};

std::string name_of(const State& state, const SessionState* peer) {
  if (!peer) return "nobody";
  if (peer->address) return *peer->address;
  return state.workers.holds(peer->worker()) ? std::string(state.workers[peer->worker()].id())
                                             : "a worker that is gone";
}

}  // namespace

Core::Core(Config wanted, Port& effects) : config(std::move(wanted)), port(effects) {
  validate(config);
  state.master = config.standby ? MasterState::standby : MasterState::alive;
  state.random = config.seed;
}

void Core::begin(Millis now, int32_t offset_minutes) {
  // A wall clock that was set back must not undo time-outs: time stands still until it catches up.
  now_ms = std::max(now_ms, now);
  utc_offset_minutes = offset_minutes;
  timer_fired_ = false;
}

void Core::connected(Session id, Text address) {
  if (state.sessions.size() >= limits::max_sessions) {
    port.close(id, 0, "too many sessions; try another master or later");
    // The session is remembered all the same, so that its end finds it.
  }
  const auto [entry, added] = state.sessions.try_emplace(id);
  MAGNETO_ASSERT(added);
  entry->second.address =
      std::make_unique<const std::string>(address.substr(0, limits::max_id_bytes));
  entry->second.closing = state.sessions.size() > limits::max_sessions;
}

void Core::settle() {
  settle_recovery(*this);
  schedule(*this);
}

void Core::disconnected(Session id, Text reason) {
  if (!session(id)) return;
  released(id, reason);
  state.sessions.erase(id);
  settle();
}

// What a peer held is given back as soon as it is known to be gone, which a close of ours is too.
void Core::released(Session id, Text reason) {
  SessionState& gone = *session(id);
  gone.closing = true;
  const Role role = gone.role;
  gone.role = Role::none;
  if (role == Role::worker) {
    const WorkerSlot slot = gone.worker();
    if (!state.workers.holds(slot)) return;
    Worker& worker = state.workers[slot];
    if (worker.session == id && worker.state == WorkerState::unknown)
      worker.session = no_session;  // it is still waited for
    else if (worker.state != WorkerState::dead && worker.session == id)
      remove_worker(*this, worker, std::string("connection lost: ") + std::string(reason));
  } else if (role == Role::application) {
    const ApplicationSlot slot = gone.application();
    if (state.applications.holds(slot) && state.applications[slot].session == id)
      remove_application(*this, state.applications[slot], ApplicationState::finished);  // L2
  }
}

void Core::message(Session id, const Message& message) {
  SessionState* peer = session(id);
  if (!peer && id >> session_source_shift == web_source) {
    connected(id, "web");
    peer = session(id);
  }
  if (!peer) {
    notice(NoticeLevel::warn, "session.unknown",
           "message from a session that never connected; dropped");
    return;
  }
  if (peer->closing) return;
  const bool from_web = id >> session_source_shift == web_source;
  const From from = std::visit(Sender{}, message);
  if (from != From::anybody && from_web != (from == From::web)) {
    violation(id, from_web ? "the web thread may send commands only"
                           : "KillApplication is accepted from the web thread only");
    return;
  }
  if (answered_in_standby(*this, id, message)) return;
  struct Dispatch {
    Core& core;
    Session id;
    void operator()(const RegisterWorker& m) { on_register_worker(core, id, m); }
    void operator()(const WorkerHeartbeat& m) { on_worker_heartbeat(core, id, m); }
    void operator()(const WorkerLatestState& m) { on_worker_latest_state(core, id, m); }
    void operator()(const ExecutorStateChanged& m) { on_executor_state_changed(core, id, m); }
    void operator()(const RegisterApplication& m) { on_register_application(core, id, m); }
    void operator()(const UnregisterApplication& m) { on_unregister_application(core, id, m); }
    void operator()(const RequestExecutors& m) { on_request_executors(core, id, m); }
    void operator()(const KillExecutors& m) { on_kill_executors(core, id, m); }
    void operator()(const KillApplication& m) { on_kill_application(core, id, m); }
    void operator()(const DriverStateChanged& m) { on_driver_state_changed(core, id, m); }
    void operator()(const SubmitDriver& m) { on_submit_driver(core, id, m); }
    void operator()(const RequestKillDriver& m) { on_request_kill_driver(core, id, m); }
    void operator()(const RequestKillAllDrivers& m) { on_request_kill_all_drivers(core, id, m); }
    void operator()(const RequestDriverStatus& m) { on_request_driver_status(core, id, m); }
    void operator()(const RequestClearCompleted& m) { on_request_clear_completed(core, id, m); }
    void operator()(const RequestReadyz& m) { on_request_readyz(core, id, m); }
    void operator()(const DecommissionWorkersOnHosts& m) {
      on_decommission_workers_on_hosts(core, id, m);
    }
    void operator()(const WorkerDecommissioning& m) { on_worker_decommissioning(core, id, m); }
    void operator()(const WorkerHealth& m) { on_worker_health(core, id, m); }
    void operator()(const WorkerSchedulerStateResponse& m) {
      on_worker_scheduler_state_response(core, id, m);
    }
    void operator()(const MasterChangeAcknowledged& m) {
      on_master_change_acknowledged(core, id, m);
    }
  };
  std::visit(Dispatch{*this, id}, message);
  settle();
}

void Core::malformed(Session id, Text reason) {
  const SessionState* peer = session(id);
  if (!peer || peer->closing) return;
  violation(id, reason);
}

void Core::stored(uint64_t sequence) {
  MAGNETO_ASSERT(sequence <= state.sequence);
  state.stored_sequence = std::max(state.stored_sequence, sequence);
}

// Heartbeats of the same batch count first: a late batch must not drop workers that spoke in time.
void Core::timer() {
  timer_fired_ = true;
  state.timer_due_ms = 0;
}

void Core::finish() {
  if (timer_fired_) {
    on_timer(*this);
    settle();
  }
  arm_timer();
}

void Core::arm_timer() {
  const Millis due = next_due_ms(*this);
  if (due == 0 || (state.timer_due_ms != 0 && state.timer_due_ms <= due)) return;
  state.timer_due_ms = due;
  port.set_timer(due);
}

SessionState* Core::session(Session id) {
  const auto found = state.sessions.find(id);
  return found == state.sessions.end() ? nullptr : &found->second;
}

void Core::send(Session id, const Outgoing& message, uint64_t sequence) {
  SessionState* peer = session(id);
  if (!peer || peer->closing) return;
  peer->sequence = std::max(peer->sequence, sequence);
  port.send(id, peer->sequence > state.stored_sequence ? peer->sequence : 0, message);
}

void Core::close(Session id, Text reason) {
  SessionState* peer = session(id);
  if (!peer || peer->closing) return;
  port.close(id, peer->sequence > state.stored_sequence ? peer->sequence : 0, reason);
  released(id, reason);
}

void Core::refuse(Session id, Text reason) {
  send(id, Refused{reason});
  close(id, reason);
}

void Core::violation(Session id, Text reason) {
  const SessionState* peer = session(id);
  notice(NoticeLevel::warn, "session.violation",
         "session of " + name_of(state, peer) + " closed: " + std::string(reason));
  refuse(id, reason);
  settle();
}

void Core::notice(NoticeLevel level, Text code, Text text) { port.notice(level, code, text); }

uint64_t Core::next_sequence() { return ++state.sequence; }

uint64_t Core::persist(Text key, const StoredRecord& record) {
  const uint64_t sequence = next_sequence();
  port.persist(sequence, key, record);
  return sequence;
}

uint64_t Core::forget(Text key) {
  const uint64_t sequence = next_sequence();
  port.forget(sequence, key);
  return sequence;
}

}  // namespace magneto::core
