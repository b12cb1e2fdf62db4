// The core: (state, event, now) -> effects. One call an event; `finish` ends a batch.
#pragma once

#include <vector>

#include "core/config.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/state.h"

namespace magneto::core {

// Who allocated a session: the high part of its number (src/control/records.ts).
inline constexpr uint64_t session_source_shift = 32;
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
  void store_failed(Text reason);
  void timer();
  void elected();
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
  // Returns the store sequence of it; 0: the store has failed.
  uint64_t forget(Text key);

  const Config config;
  Port& port;
  State state;
  Millis now_ms = 0;
  int32_t utc_offset_minutes = 0;
  // Applications whose waiting may have changed in this event (A6).
  std::vector<ApplicationSlot> touched;

 private:
  void released(Session session, Text reason);
  void arm_timer();
  bool timer_fired_ = false;
};

// on_worker.cc
void on_register_worker(Core& core, Session session, const RegisterWorker& message);
void on_worker_heartbeat(Core& core, Session session, const WorkerHeartbeat& message);
void on_worker_latest_state(Core& core, Session session, const WorkerLatestState& message);
void remove_worker(Core& core, Worker& worker, Text reason);  // L6
void purge_dead_worker(Core& core, Worker& worker);
// A worker session speaks for its own worker only; null when it does not, after closing it.
Worker* own_worker(Core& core, Session session, Text id);

// on_application.cc
void on_register_application(Core& core, Session session, const RegisterApplication& message);
void on_unregister_application(Core& core, Session session, const UnregisterApplication& message);
void on_request_executors(Core& core, Session session, const RequestExecutors& message);
void on_kill_executors(Core& core, Session session, const KillExecutors& message);
void on_kill_application(Core& core, Session session, const KillApplication& message);
void remove_application(Core& core, Application& application, ApplicationState end);  // L3
// Makes the ids up to the next block durable (A18).
void persist_application(Core& core, Application& application);

// on_driver.cc
void on_submit_driver(Core& core, Session session, const SubmitDriver& message);
void on_request_kill_driver(Core& core, Session session, const RequestKillDriver& message);
void on_request_kill_all_drivers(Core& core, Session session, const RequestKillAllDrivers& message);
void on_request_driver_status(Core& core, Session session, const RequestDriverStatus& message);
void on_driver_state_changed(Core& core, Session session, const DriverStateChanged& message);
// L6: what its worker's loss makes of a driver.
void lose_driver(Core& core, Driver& driver);
// Drivers that were never promised, because the store failed before their records were on disk.
void lose_unstored_drivers(Core& core, Text reason);

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
