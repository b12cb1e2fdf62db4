// What operators ask of the master itself (M38), and what a master says that does not lead (S1,
// M4).
#include "core/core.h"

namespace magneto::core {

namespace {

// True when it is answered: all that would change anything. What the leader before has left may be
// there already, and is nobody's before this master leads.
struct StandbyAnswer {
  Core& core;
  Session session;

  bool try_the_next() {
    const State& state = core.state;
    core.send(session,
              MasterInStandby{{state.leader_url, state.leader_web_ui_url, state.leader_epoch}});
    return true;
  }
  bool reply(uint32_t request_id, bool ok, Text text) {
    core.send(session, Reply{request_id, ok, text});
    return true;
  }
  bool operator()(const RegisterWorker&) { return try_the_next(); }
  bool operator()(const WorkerHeartbeat&) { return try_the_next(); }
  bool operator()(const WorkerDecommissioning&) { return try_the_next(); }
  bool operator()(const WorkerSchedulerStateResponse&) { return try_the_next(); }
  bool operator()(const MasterChangeAcknowledged&) { return try_the_next(); }
  bool operator()(const RegisterApplication&) { return try_the_next(); }
  bool operator()(const WorkerLatestState&) { return true; }
  bool operator()(const WorkerHealth&) { return true; }
  bool operator()(const UnregisterApplication&) { return true; }
  // A worker that is answered forgets the report: only a leader may do that.
  bool operator()(const ExecutorStateChanged&) { return true; }
  bool operator()(const DriverStateChanged&) { return true; }
  bool operator()(const RequestExecutors& message) {
    return reply(message.request_id, false, "unknown application");
  }
  bool operator()(const KillExecutors& message) {
    return reply(message.request_id, false, "unknown application");
  }
  bool operator()(const KillApplication& message) {
    return reply(message.request_id, false, "no such running application");
  }
  bool operator()(const RequestClearCompleted& message) {
    return reply(message.request_id, true, {});
  }
  bool operator()(const DecommissionWorkersOnHosts& message) {
    return reply(message.request_id, true, {});
  }
  // Refused with the state of the master, which changes nothing.
  bool operator()(const SubmitDriver&) { return false; }
  bool operator()(const RequestKillDriver&) { return false; }
  bool operator()(const RequestKillAllDrivers&) { return false; }
  bool operator()(const RequestDriverStatus&) { return false; }
  bool operator()(const RequestReadyz&) { return false; }
};

}  // namespace

const char* name_of(MasterState state) {
  constexpr const char* names[] = {"STANDBY", "ALIVE", "RECOVERING", "COMPLETING_RECOVERY"};
  return names[static_cast<size_t>(state)];
}

bool answered_in_standby(Core& core, Session session, const Message& message) {
  if (core.state.master != MasterState::standby) return false;
  return std::visit(StandbyAnswer{core, session}, message);
}

void on_request_clear_completed(Core& core, Session session, const RequestClearCompleted& message) {
  State& state = core.state;
  core.notice(NoticeLevel::info, "master.clear",
              "asked to clear " + std::to_string(state.completed_drivers.size()) +
                  " completed drivers and " + std::to_string(state.completed.size()) +
                  " completed applications");
  uint64_t sequence = 0;
  for (const Driver& done : state.completed_drivers) sequence = forget_completed(core, done);
  for (const CompletedApplication& done : state.completed) sequence = forget_completed(core, done);
  state.completed_drivers.clear();
  state.completed.clear();
  core.send(session, Reply{message.request_id, true}, sequence);
}

void on_request_readyz(Core& core, Session session, const RequestReadyz& message) {
  core.send(session, Reply{message.request_id, core.state.master != MasterState::standby,
                           name_of(core.state.master)});
}

}  // namespace magneto::core
