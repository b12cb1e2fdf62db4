// The core: (state, event, now) -> effects. One call an event; `finish` ends a batch.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/state.h"

namespace magneto::core {

// Who allocated a session: the high part of its number (src/control/records.ts).
inline constexpr uint64_t session_source_shift = 32;
inline constexpr uint64_t control_source = 0;
inline constexpr uint64_t web_source = 1;
inline constexpr uint64_t gateway_source = 2;

class Core {
 public:
  // Throws std::invalid_argument when a setting is out of its range.
  Core(Config config, Port& port);

  // Starts a batch. `now_ms` never goes back; ids carry local time (P17).
  void begin(Millis now_ms, int32_t utc_offset_minutes);
  void connected(Session session, Text address);
  void disconnected(Session session, Text reason);
  void message(Session session, const Message& message);
  void malformed(Session session, Text reason);
  void stored(uint64_t sequence);
  void timer();
  // A standby takes up what the leader before has left.
  void record(Text key, const StoredRecord& record);
  void damaged_record(Text key, Text reason);
  void leader(const KnownLeader& leader);
  void elected(uint32_t epoch);
  // Ends a batch: what is due now, and the next timer.
  void finish();

  // Walks all state; throws BrokenInvariant naming the first that does not hold.
  void check() const;

  // ---- for the event files ----
  SessionState* session(Session session);
  void send(Session session, const Outgoing& message, uint64_t sequence = 0);
  void close(Session session, Text reason);
  // Says why, then closes: a peer that can't be served.
  void refuse(Session session, Text reason);
  // A peer did what it may not do: refused, and the operator is told.
  void violation(Session session, Text reason);
  void notice(NoticeLevel level, Text code, Text text);
  uint64_t next_sequence();
  // Both return the store sequence of it.
  uint64_t persist(Text key, const StoredRecord& record);
  uint64_t forget(Text key);

  const Config config;
  Port& port;
  State state;
  Millis now_ms = 0;
  int32_t utc_offset_minutes = 0;
  // Applications whose waiting may have changed in this event (A6).
  std::vector<ApplicationSlot> touched;

 private:
  void settle();
  void released(Session session, Text reason);
  void arm_timer();
  bool timer_fired_ = false;
};

// recovery.cc
// To be called after each event: ends what is over of a recovery.
void settle_recovery(Core& core);
// When settle_recovery has something to do at the latest; 0: never.
Millis recovery_due_ms(const State& state);
using LostDrivers = std::vector<std::pair<uint64_t, DriverSlot>>;  // by submission
// Drivers that were launched on a worker that has not told whether they run; they are not kept.
LostDrivers take_unclaimed(State& state, Text worker_id);
void unclaim_driver(State& state, const Driver& driver);

// adopt.cc
void on_worker_scheduler_state_response(Core& core, Session session,
                                        const WorkerSchedulerStateResponse& message);
void on_master_change_acknowledged(Core& core, Session session,
                                   const MasterChangeAcknowledged& message);
// The end of an executor that this leader never had. `worker`: which says so; null: it is gone.
void on_missed_end(Core& core, const Worker* worker, const ExecutorStateChanged& message);
// The worker is gone before it said how they ended.
void lose_unexplained(Core& core, const Worker& worker);
// One that no worker has reported: one that is silent yet may run it, and is told when it speaks.
void kill_unreported(Core& core, Application& application, uint32_t executor_id);
// Recovery ends: what the application counts on and no worker has reported is lost.
void end_reconciliation(Core& core, Application& application);

// on_worker.cc
void on_register_worker(Core& core, Session session, const RegisterWorker& message);
void on_worker_heartbeat(Core& core, Session session, const WorkerHeartbeat& message);
void on_worker_latest_state(Core& core, Session session, const WorkerLatestState& message);
void remove_worker(Core& core, Worker& worker, Text reason);  // L6
void purge_dead_worker(Core& core, Worker& worker);
Worker& add_worker(Core& core, const RegisterWorker& message, WorkerState as);
// The session becomes the worker's, and the one before is closed. True: it was another one.
bool bind_worker(Core& core, Session session, Worker& worker);
// Whether the session is an application's, or a worker's with another id.
bool is_another_peer(const Core& core, Session session, Text worker_id);
// Whether it may be a worker of Apache's that recovery gave up and that has not registered again.
// Nobody waits for what such a one reports: what it ran has been told lost.
bool was_given_up(Core& core, Session session);
// A worker session speaks for its own worker only; null when it does not, after closing it.
Worker* own_worker(Core& core, Session session, Text id);

// on_application.cc
void on_register_application(Core& core, Session session, const RegisterApplication& message);
void on_unregister_application(Core& core, Session session, const UnregisterApplication& message);
void on_request_executors(Core& core, Session session, const RequestExecutors& message);
void on_kill_executors(Core& core, Session session, const KillExecutors& message);
void on_kill_application(Core& core, Session session, const KillApplication& message);
// Neither persisted nor anybody's yet.
Application& add_application(Core& core, const RegisterApplication& message, std::string id);
// L3. Returns the store sequence from which on it will not come back.
uint64_t remove_application(Core& core, Application& application, ApplicationState end);

// on_driver.cc
void on_submit_driver(Core& core, Session session, const SubmitDriver& message);
void on_request_kill_driver(Core& core, Session session, const RequestKillDriver& message);
void on_request_kill_all_drivers(Core& core, Session session, const RequestKillAllDrivers& message);
void on_request_driver_status(Core& core, Session session, const RequestDriverStatus& message);
void on_driver_state_changed(Core& core, Session session, const DriverStateChanged& message);
// Neither persisted nor queued yet.
Driver& add_driver(Core& core, Driver driver);
void describe_driver(Driver& driver, const SubmitDriver& message);
// L6: what its worker's loss makes of a driver.
void lose_driver(Core& core, Driver& driver);
// Returns the store sequence from which on it will not come back.
uint64_t end_driver(Core& core, Driver& driver, DriverState end, Text exception);

// on_decommission.cc
void on_decommission_workers_on_hosts(Core& core, Session session,
                                      const DecommissionWorkersOnHosts& message);
void on_worker_decommissioning(Core& core, Session session, const WorkerDecommissioning& message);
void decommission_worker(Core& core, Worker& worker);  // D3

// on_health.cc
void on_worker_health(Core& core, Session session, const WorkerHealth& message);
// `report`: why it is unhealthy; empty when it is not.
void set_health(Core& core, Worker& worker, Text report);
// It counts as healthy until it says otherwise.
void forget_health(Core& core, Worker& worker);

// on_operator.cc
const char* name_of(MasterState state);
bool answered_in_standby(Core& core, Session session, const Message& message);
void on_request_clear_completed(Core& core, Session session, const RequestClearCompleted& message);
void on_request_readyz(Core& core, Session session, const RequestReadyz& message);

// persist.cc
void persist_worker(Core& core, Worker& worker);
// Makes the ids up to the next block durable (A18).
void persist_application(Core& core, Application& application);
void persist_targets(Core& core, Application& application);
void persist_counters(Core& core);
void persist_driver(Core& core, Driver& driver);
// The end of it, and its place in the history. Returns the store sequence from which on it will not
// come back.
uint64_t persist_end(Core& core, const Application& application, const CompletedApplication& done);
uint64_t persist_end(Core& core, const Driver& driver);
uint64_t forget_completed(Core& core, const CompletedApplication& done);
uint64_t forget_completed(Core& core, const Driver& done);

// on_executor.cc
void on_executor_state_changed(Core& core, Session session, const ExecutorStateChanged& message);
// It is RUNNING from now on, and its application hears so: failures before it are forgiven (A21).
void executor_runs(Core& core, Application& application, Executor& executor,
                   std::optional<Text> message);
// Keeps the application's count of running executors.
void change_state(Application& application, Executor& executor, ExecutorState state);
// Takes an executor from its worker; it stays in its application.
void release_from_worker(Core& core, Executor& executor);
// Its application does not count it any more. One that is decommissioned is kept aside until its
// worker has ended it; any other must have been taken from its worker.
void retire_executor(Core& core, Application& application, uint32_t executor_id);
// Takes a decommissioned executor from its worker and its application (D5).
void end_decommissioned(Core& core, Application& application, uint32_t executor_id);
PastExecutor past(const Core& core, const Executor& executor);

// on_timer.cc
void on_timer(Core& core);
Millis next_due_ms(const Core& core);
Millis cull_at_ms(const Core& core, const Worker& dead);  // T3

// id_pattern.cc. Throws std::invalid_argument saying what is wrong with the pattern.
std::string format_id(Text pattern, Millis local_ms, uint64_t number);

}  // namespace magneto::core
