// All cluster state, as plain data. Who changes what: on_*.cc by event family, schedule/ for
// placement. check.cc says which sums and references must hold.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/event.h"
#include "core/feed.h"
#include "core/ids.h"
#include "core/text_block.h"
#include "core/worker.h"

namespace magneto::core {

enum class MasterState : uint8_t { standby, alive, recovering, completing_recovery };  // S1
enum class ApplicationState : uint8_t {
  waiting,
  running,
  finished,
  failed,
  killed,
  unknown
};  // S3

struct Driver;
struct DriverShape;
struct Executor;
struct Runtime;
struct Shape;
struct Survey;
struct Worker;

// Names and addresses, as a worker gave them.
using Holdings = std::vector<std::pair<std::string, std::vector<std::string>>>;

// Indexes into ResourcePool::addresses of one pool of the worker.
struct HeldResource {
  uint32_t pool = 0;
  std::vector<uint32_t> addresses;
};

struct Executor : Row {
  uint32_t id = 0;
  uint32_t profile_id = 0;
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  ExecutorState state = ExecutorState::launching;
  ApplicationSlot application;
  WorkerSlot worker;
  uint32_t position = 0;  // in Worker::executors
  Session launched_on = no_session;
  std::vector<HeldResource> resources;
};

// An executor that holds nothing any more.
struct PastExecutor : Row {
  uint32_t id = 0;
  std::string worker_id;
  uint32_t profile_id = 0;
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  ExecutorState state = ExecutorState::killed;
  Holdings resources;
  uint64_t application = 0;  // its number as a row
  uint32_t order = 0;        // among those of its application
};

// What one application wants of one resource profile.
struct Request {
  uint32_t profile_id = 0;
  uint32_t cores = 0;  // 0: as many as there are (A13)
  uint32_t memory_mb = 0;
  uint32_t target = 0;  // A15
  uint32_t executors = 0;
  Shape* shape = nullptr;
  bool wanting = false;
};

inline constexpr uint32_t unlimited = UINT32_MAX;

// Of an application of the leader before: what it is to hear when it has answered, and what of it
// workers and the application itself have told.
struct Reconciliation {
  struct Update {
    uint32_t executor_id = 0;
    ExecutorState state = ExecutorState::exited;
    std::optional<std::string> message;
    std::optional<int32_t> exit_status;
  };
  std::vector<Update> missed;            // ends that it has not heard of
  std::map<uint32_t, WorkerSlot> ended;  // that worker says so; how, is in a report that is to come
  std::set<uint32_t> expected;           // it counts on them, and no worker has reported them yet
  std::set<uint32_t> killed;  // it has ended them, and they may run on a worker that is silent yet
};

struct Application : Row {
  ApplicationSlot slot;
  uint64_t order = 0;  // A7
  std::string id;
  TextBlock<6> texts;
  std::vector<uint8_t> description;
  std::vector<uint8_t> spark_description;  // empty: none
  Session session = no_session;
  uint64_t sequence = 0;
  std::optional<uint32_t> max_cores;
  uint32_t default_profile_id = 0;
  ResourceAmounts default_resources;
  uint32_t cores_max = 0;
  uint32_t cores_granted = 0;
  uint32_t retries = 0;
  ApplicationState state = ApplicationState::waiting;
  Millis submitted_ms = 0;
  Millis ended_ms = 0;
  std::map<uint32_t, Request> requests;  // A8
  std::map<uint32_t, Executor> executors;
  // Still on their workers, which are leaving; nothing here counts them any more (D3).
  std::map<uint32_t, Executor> decommissioned;
  std::vector<WorkerSlot> hosts;  // it was launched there, ever; some more than once
  uint32_t executors_running = 0;
  std::list<PastExecutor> removed;  // an empty deque takes 600 bytes
  uint32_t next_executor_id = 0;
  uint32_t durable_executor_ids = 0;
  std::string waiting_reason;  // the last one told

  bool has_targets = false;  // a record of what it asked for last
  bool recovered = false;    // from the leader before
  // It came from there with a limit, and silent workers may run executors of it.
  bool held = false;
  std::unique_ptr<Reconciliation> reconciliation;  // null: there is nothing of it

  Text name() const { return texts[0]; }
  Text user() const { return texts[1]; }
  Text ui_url() const { return texts[2]; }
  Text runtime() const { return texts[3]; }
  Text driver_address() const { return texts[4]; }
  Text endpoint() const { return texts[5]; }  // of its Spark RPC at driver_address
  // Executors that are taken over from the leader before may be more than it may have now.
  uint32_t cores_left() const { return cores_max > cores_granted ? cores_max - cores_granted : 0; }
};

struct CompletedApplication : Row {
  Application application;  // without requests and executors
  std::vector<PastExecutor> executors;
  uint32_t memory_per_executor_mb = 0;
  uint32_t executor_limit = unlimited;
  uint64_t order = 0;  // in which they ended
};

// Orders requests as Spark visits them: application by registration, profile by id.
struct RequestKey {
  uint64_t order = 0;
  uint32_t profile_id = 0;
  ApplicationSlot application;
  auto operator<=>(const RequestKey&) const = default;
};

// What the workers have for a shape (schedule/explain.h), as of one State::worker_generation.
struct Surveyed {
  uint64_t generation = 0;
  std::shared_ptr<const Survey> survey;
};

// All requests that ask the same of a worker. While nothing fits, none of them is tried again until
// a worker's capacity rises: that is what makes an event on a full cluster cost nothing.
struct Shape {
  Runtime* runtime = nullptr;
  uint32_t min_cores = 1;
  uint32_t memory_mb = 0;
  ResourceAmounts resources;
  std::set<RequestKey> wanting;
  bool may_fit = true;
  uint32_t references = 0;
  Surveyed surveyed;
};

struct ShapeKey {
  std::string runtime;
  uint32_t min_cores = 1;
  uint32_t memory_mb = 0;
  ResourceAmounts resources;
  auto operator<=>(const ShapeKey&) const = default;
};

// A driver that waits, runs or has ended.
struct Driver : Row {
  DriverSlot slot;     // while it waits or runs
  uint64_t order = 0;  // of submission: the place in State::waiting_drivers
  std::string id;
  DriverState state = DriverState::submitted;
  std::vector<uint8_t> description;  // a DriverDescription, passed on as it is; empty when ended
  std::string jar_url;
  std::string main_class;  // the user's (J4)
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  bool supervise = false;
  ResourceAmounts resources_asked;
  std::vector<std::string> runtimes;  // any one of them; sorted, none twice
  DriverShape* shape = nullptr;       // while it waits
  WorkerSlot worker;                  // while it runs; not while that worker is UNKNOWN
  uint32_t position = 0;              // in Worker::drivers while it runs
  std::vector<HeldResource> held;     // while it runs
  Session launched_on = no_session;
  std::string replaces;     // whose successor it is; its submitter knows it by that id
  bool kill_asked = false;  // acknowledged: it must not outlive its worker or a lost connection
  // Of the worker that it was launched on; they outlive that worker. Empty: never launched.
  std::string worker_id;
  std::string worker_host_port;
  Holdings resources;  // what that worker gave it
  uint64_t sequence = 0;
  Millis submitted_ms = 0;
  Millis started_ms = 0;       // 0: never launched
  Millis ended_ms = 0;         // 0: not ended
  uint64_t end_order = 0;      // in which they ended
  std::string exception;       // empty: none
  std::string waiting_reason;  // the last one told
};

// All drivers that ask the same of a worker: what Shape is for requests.
struct DriverShape {
  std::vector<Runtime*> runtimes;  // any one of them
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  ResourceAmounts resources;
  std::map<uint64_t, DriverSlot> waiting;  // by order
  bool may_fit = true;
  Surveyed surveyed;
};

struct DriverShapeKey {
  std::vector<std::string> runtimes;
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  ResourceAmounts resources;
  auto operator<=>(const DriverShapeKey&) const = default;
};

struct Runtime {
  std::string name;
  std::set<Candidate> candidates;                 // alive workers with a free core
  std::set<std::pair<uint32_t, Shape*>> blocked;  // shapes that fit nowhere, by cores
  std::set<std::pair<uint32_t, DriverShape*>> blocked_drivers;
  uint32_t references = 0;
};

enum class Role : uint8_t { none, worker, application };

struct SessionState {
  // None once it is a worker's: that one says more of itself, and there are many.
  std::unique_ptr<const std::string> address;
  // What was promised last: nothing sent later may overtake it.
  uint64_t sequence = 0;
  Role role = Role::none;
  bool closing = false;

  // Of what the role says; none of it is there any more once that has gone.
  WorkerSlot worker() const { return {slot_}; }
  ApplicationSlot application() const { return {slot_}; }
  void become(WorkerSlot slot) {
    role = Role::worker;
    slot_ = slot.value;
    address.reset();
  }
  void become(ApplicationSlot slot) {
    role = Role::application;
    slot_ = slot.value;
  }

 private:
  uint32_t slot_ = UINT32_MAX;
};

// H8 to H10: what a new leader takes over and still waits for.
struct Recovery {
  size_t unknown_workers = 0;
  size_t unknown_applications = 0;
  // Drivers that were launched, by the worker whose answer decides on them, in the order of
  // submission.
  std::map<std::string, std::set<std::pair<uint64_t, DriverSlot>>, std::less<>> unclaimed;
  Millis due_ms = 0;
  // Applications with a limit are held until then, or until no worker is UNKNOWN.
  Millis grace_due_ms = 0;
  bool holding = false;
  size_t drivers_taken_over = 0;  // they may be more than Config::max_drivers
  // In standby only: what applications asked for last.
  ByText<std::vector<std::pair<ProfileText, uint32_t>>> targets;
};

struct State {
  Feed feed;  // first: it outlives its rows

  std::unordered_map<Session, SessionState> sessions;

  MasterState master = MasterState::alive;
  uint32_t epoch = 0;  // of this master's lead; 0: none is counted
  // Of the master that leads, while this one does not; empty: it knows none.
  std::string leader_url;
  std::string leader_web_ui_url;
  uint32_t leader_epoch = 0;
  Recovery recovery;

  SlotTable<Worker, WorkerSlot> workers;  // the dead too
  WorkersById workers_by_id;              // in the order of A4
  WorkersByAddress workers_by_address;    // all but the dead; the UNKNOWN too
  ByText<std::set<WorkerSlot>> dead_by_address;
  HeartbeatQueue by_heartbeat;  // all but the dead and the UNKNOWN
  // Those that take anything new, in no order: drivers are placed at random (A3).
  std::vector<WorkerSlot> placeable;
  // What workers that are not healthy say of themselves. They are few, so it lies beside them.
  std::map<WorkerSlot, std::string> unhealthy;
  std::set<std::pair<Millis, WorkerSlot>> by_cull_time;
  uint64_t worker_generation = 1;
  // Who waits is told again what has changed (schedule/tell.cc).
  uint64_t told_generation = 1;  // of worker_generation
  Millis retell_at_ms = 0;       // 0: told_generation is the newest
  uint64_t told_driver_order = 0;
  uint64_t workers_surveyed = 0;  // ever, to explain what waits: what that costs

  SlotTable<Application, ApplicationSlot> applications;
  ByOwnText<ApplicationSlot> application_by_id;
  ByOwnText<ApplicationSlot> application_by_driver;
  std::deque<CompletedApplication> completed;
  uint64_t next_application_order = 0;
  uint64_t newest_worker_order = 0;  // Worker::first_order of the one that was added last
  uint64_t next_application_number = 0;
  uint64_t next_end_order = 0;  // of applications and drivers

  SlotTable<Driver, DriverSlot> drivers;  // those that wait or run
  ByText<DriverSlot> driver_by_id;
  std::map<uint64_t, DriverSlot> waiting_drivers;  // first submitted, first served (A2)
  std::deque<Driver> completed_drivers;            // the oldest first
  uint64_t next_driver_order = 0;
  uint64_t next_driver_number = 0;
  std::map<DriverShapeKey, DriverShape> driver_shapes;
  std::set<std::pair<uint64_t, DriverShape*>> ready_drivers;  // the first of each open shape
  // Workers whose capacity has risen since drivers were placed last; some more than once.
  // What was blocked fits nowhere else.
  std::vector<WorkerSlot> risen;
  bool any_may_fit_drivers = false;  // an open shape was never tried, or not to the end
  uint64_t random = 0;               // of splitmix64; starts at Config::seed
  uint64_t driver_looks = 0;         // at workers, ever: what placing drivers costs

  std::map<std::string, Runtime, std::less<>> runtimes;
  RuntimeSets runtime_sets;
  std::map<ShapeKey, Shape> shapes;
  std::set<std::pair<RequestKey, Shape*>> ready;  // the first wanting request of each open shape

  uint64_t sequence = 0;
  uint64_t stored_sequence = 0;
  Millis timer_due_ms = 0;  // 0: none

  bool leads() const { return master != MasterState::standby; }

  // Null: there is none of that id, not even a dead one.
  Worker* find_worker(Text id) const {
    const auto found = workers_by_id.find(id);
    return found == workers_by_id.end() ? nullptr : *found;
  }
};

}  // namespace magneto::core
