// What operators ask of the master itself (M38), and what a master says that does not lead (S1,
// M4).
#include "core/core.h"

namespace magneto::core {

namespace {

// True when it is answered. What is not named here finds nothing in an empty state, and says so.
struct StandbyAnswer {
  Core& core;
  Session session;

  bool try_the_next() {
    core.send(session, MasterInStandby{});
    return true;
  }
  bool operator()(const RegisterWorker&) { return try_the_next(); }
  bool operator()(const WorkerHeartbeat&) { return try_the_next(); }
  bool operator()(const WorkerDecommissioning&) { return try_the_next(); }
  bool operator()(const RegisterApplication&) { return try_the_next(); }
  bool operator()(const ExecutorStateChanged& message) {
    core.send(session, Reply{message.request_id, true});
    return true;
  }
  bool operator()(const DriverStateChanged& message) {
    if (message.request_id != 0) core.send(session, Reply{message.request_id, true});
    return true;
  }
  template <class Any>
  bool operator()(const Any&) {
    return false;
  }
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
  state.completed_drivers.clear();
  state.completed.clear();
  core.send(session, Reply{message.request_id, true});
}

void on_request_readyz(Core& core, Session session, const RequestReadyz& message) {
  core.send(session, Reply{message.request_id, core.state.master != MasterState::standby,
                           name_of(core.state.master)});
}

}  // namespace magneto::core
