// What peers of the leader before say to this one (spec M8, M29, H9): workers what they run,
// applications that they are there. Nothing that runs is ended for being late or too much.
#include <algorithm>
#include <charconv>

#include "core/core.h"
#include "core/limits.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

constexpr uint32_t most_executor_id = UINT32_MAX / 2;

Application* find_application(State& state, Text id) {
  const auto known = state.application_by_id.find(id);
  return known == state.application_by_id.end() ? nullptr : &state.applications[known->second];
}

bool has(const Application& application, uint32_t executor_id) {
  return application.executors.contains(executor_id) ||
         application.decommissioned.contains(executor_id);
}

Reconciliation& reconciliation_of(Application& application) {
  if (!application.reconciliation) application.reconciliation = std::make_unique<Reconciliation>();
  return *application.reconciliation;
}

void drop_if_done(Application& application) {
  const Reconciliation* const left = application.reconciliation.get();
  if (left && left->missed.empty() && left->ended.empty() && left->expected.empty() &&
      left->killed.empty())
    application.reconciliation.reset();
}

void refuse_executor(Core& core, Session session, const ReportedExecutor& reported,
                     const std::string& why) {
  core.notice(NoticeLevel::warn, "executor.refused",
              std::string(reported.app_id) + "/" + std::to_string(reported.executor_id) +
                  " is not taken over: " + why);
  core.send(session, KillExecutor{reported.app_id, reported.executor_id});
}

// A driver of Spark would log them and do nothing else; Apache's Master tells it nothing, either.
void tell_adopted(Core& core, const Application& application, const Executor& executor) {
  if (application.session >> session_source_shift == gateway_source) return;
  const Worker& worker = core.state.workers[executor.worker];
  core.send(application.session,
            ExecutorAdded{executor.id, worker.id(), worker.host(), worker.port, executor.cores,
                          executor.memory_mb},
            std::max(application.sequence, worker.sequence));
  if (executor.state == ExecutorState::running)
    core.send(application.session, ExecutorUpdated{executor.id, executor.state, {}, {}, {}});
}

// What was asked for is on disk before it is launched, so a profile is missing only if its record
// was damaged: then the executor itself says what it takes. Null: there are too many profiles.
const Request* request_of(Core& core, Application& application, const Worker& worker,
                          const ReportedExecutor& reported, const std::vector<HeldResource>& held) {
  const auto known = application.requests.find(reported.profile_id);
  if (known != application.requests.end()) return &known->second;
  if (application.requests.size() >= limits::max_profiles_per_application) return nullptr;
  ProfileText profile{reported.profile_id, reported.cores, reported.memory_mb, {}};
  for (const HeldResource& each : held)
    if (!each.addresses.empty())
      profile.resources.emplace_back(worker.resources[each.pool].name,
                                     static_cast<uint32_t>(each.addresses.size()));
  std::sort(profile.resources.begin(), profile.resources.end());
  add_request(core, application, profile, 0);
  return &application.requests.at(reported.profile_id);
}

// Empty when it can be taken over.
std::string refusal(const Application& application, const ReportedExecutor& reported) {
  if (has(application, reported.executor_id)) return "another worker runs it";
  if (reported.executor_id > most_executor_id) return "its number is out of range";
  if (application.executors.size() >= limits::max_executors_per_application)
    return "its application has " + std::to_string(limits::max_executors_per_application) +
           " executors, the most that one may have";
  if (reported.cores > UINT32_MAX - application.cores_granted)
    return "its application has too many cores";
  return {};
}

void count_in(Core& core, Application& application, Worker& worker,
              const ReportedExecutor& reported, std::vector<HeldResource> held) {
  Executor& executor = application.executors[reported.executor_id];
  core.state.feed.join(executor, RowKind::executor);
  executor.id = reported.executor_id;
  executor.profile_id = reported.profile_id;
  executor.cores = reported.cores;
  executor.memory_mb = reported.memory_mb;
  executor.application = application.slot;
  executor.worker = worker.slot;
  executor.launched_on = worker.session;
  executor.resources = std::move(held);
  executor.position = static_cast<uint32_t>(worker.executors.size());
  worker.executors.push_back(&executor);
  if (reported.state != ExecutorState::launching)
    change_state(application, executor, ExecutorState::running);
  application.cores_granted += executor.cores;
  ++application.requests.at(executor.profile_id).executors;
  application.next_executor_id = std::max(application.next_executor_id, executor.id + 1);
  if (application.next_executor_id > application.durable_executor_ids) {  // a record was damaged
    application.durable_executor_ids = application.next_executor_id;
    persist_application(core, application);
  }
  if (application.reconciliation) application.reconciliation->expected.erase(executor.id);
  if (application.state != ApplicationState::unknown) {
    application.state = ApplicationState::running;
    tell_started(core, application, worker);
    tell_adopted(core, application, executor);
  }
  refresh_requests(core, application);
}

void adopt_executor(Core& core, Worker& worker, const ReportedExecutor& reported) {
  Application* const application = find_application(core.state, reported.app_id);
  if (is_finished(reported.state)) {
    // How it ended is in the report that the worker repeats.
    if (!application || has(*application, reported.executor_id)) return;
    Reconciliation& to = reconciliation_of(*application);
    if (to.ended.size() < limits::max_missed_updates_per_application)
      to.ended.emplace(reported.executor_id, worker.slot);
    return drop_if_done(*application);
  }
  const bool killed = application && application->reconciliation &&
                      application->reconciliation->killed.contains(reported.executor_id);
  if (!application || killed)
    return core.send(worker.session, KillExecutor{reported.app_id, reported.executor_id});
  const auto there = application->executors.find(reported.executor_id);
  if (there != application->executors.end() && there->second.worker == worker.slot) return;
  std::string why = refusal(*application, reported);
  std::vector<HeldResource> held;
  if (why.empty())
    why = take_over(worker, reported.cores, reported.memory_mb, reported.resources, held);
  if (!why.empty()) return refuse_executor(core, worker.session, reported, why);
  if (!request_of(core, *application, worker, reported, held)) {
    vacate(core, worker, reported.cores, reported.memory_mb, held);
    return refuse_executor(core, worker.session, reported, "it has too many resource profiles");
  }
  count_in(core, *application, worker, reported, std::move(held));
}

// Where a master has killed one and launched another in its place, the worker may still have both.
// Cores and memory are then counted for both; an address that both name is the newer one's.
void adopt_executors(Core& core, Worker& worker, const std::vector<ReportedExecutor>& reported) {
  std::vector<const ReportedExecutor*> newest_first;
  for (const ReportedExecutor& each : reported) newest_first.push_back(&each);
  std::stable_sort(newest_first.begin(), newest_first.end(),
                   [](const ReportedExecutor* a, const ReportedExecutor* b) {
                     return a->executor_id > b->executor_id;
                   });
  for (const ReportedExecutor* each : newest_first) adopt_executor(core, worker, *each);
}

// False: it can't be taken over.
bool claim_driver(Core& core, Worker& worker, Driver& driver, const ReportedDriver& reported) {
  std::vector<HeldResource> held;
  const std::string why =
      take_over(worker, driver.cores, driver.memory_mb, reported.resources, held);
  if (!why.empty()) {
    core.notice(NoticeLevel::warn, "driver.refused", driver.id + " is not taken over: " + why);
    return false;
  }
  driver.state = DriverState::running;
  driver.changed();
  driver.worker = worker.slot;
  driver.position = static_cast<uint32_t>(worker.drivers.size());
  driver.launched_on = worker.session;
  driver.held = std::move(held);
  driver.resources = holdings(worker, driver.held);
  worker.drivers.push_back(&driver);
  return true;
}

// Returns those that were launched there and do not run.
LostDrivers claim_drivers(Core& core, Worker& worker, const std::vector<ReportedDriver>& reported) {
  const LostDrivers launched = take_unclaimed(core.state, worker.id());
  const std::set<std::pair<uint64_t, DriverSlot>> open(launched.begin(), launched.end());
  for (const ReportedDriver& each : reported) {
    const auto known = core.state.driver_by_id.find(each.driver_id);
    Driver* const driver =
        known == core.state.driver_by_id.end() ? nullptr : &core.state.drivers[known->second];
    if (driver && driver->worker == worker.slot) continue;  // named twice
    const bool ours = driver && open.contains({driver->order, driver->slot}) &&
                      claim_driver(core, worker, *driver, each);
    // The order to kill it may not have reached the worker.
    if (!ours || driver->kill_asked) core.send(worker.session, KillDriver{each.driver_id});
  }
  LostDrivers lost;
  for (const auto& each : launched)
    if (!core.state.drivers[each.second].worker.valid()) lost.push_back(each);
  return lost;
}

void confirm(Core& core, Worker& worker, const WorkerSchedulerStateResponse& message) {
  State& state = core.state;
  worker.state = WorkerState::alive;
  worker.changed();
  worker.last_heartbeat_ms = core.now_ms;
  --state.recovery.unknown_workers;
  state.by_heartbeat.add(worker);
  ++state.worker_generation;
  if (worker.takes_new()) enlist_worker(state, worker);
  core.send(worker.session, WorkerRegistered{true, state.epoch}, worker.sequence);
  const LostDrivers lost = claim_drivers(core, worker, message.drivers);
  adopt_executors(core, worker, message.executors);
  reindex_worker(core, worker, true);
  core.notice(NoticeLevel::debug, "worker.recovered",
              std::string(worker.id()) + " answered: " + std::to_string(worker.executors.size()) +
                  " executors and " + std::to_string(worker.drivers.size()) + " drivers run there");
  if (worker.leaving) {
    decommission_worker(core, worker);
    core.send(worker.session, DecommissionWorker{}, worker.sequence);
  }
  for (const auto& [order, slot] : lost) lose_driver(core, state.drivers[slot]);
}

void tell_missed(Core& core, const Application& application, const Reconciliation::Update& update) {
  const std::optional<Text> message =
      update.message ? std::optional<Text>(*update.message) : std::nullopt;
  core.send(application.session,
            ExecutorUpdated{update.executor_id, update.state, message, update.exit_status, {}});
}

// An executor that it may count on has ended: now it hears so, or when it is there.
void end_missed(Core& core, Application& application, Reconciliation::Update update) {
  Reconciliation& to = reconciliation_of(application);
  to.ended.erase(update.executor_id);
  to.expected.erase(update.executor_id);
  if (application.state != ApplicationState::unknown)
    tell_missed(core, application, update);
  else if (to.missed.size() < limits::max_missed_updates_per_application)
    to.missed.push_back(std::move(update));
}

// All that it may have missed; each may reach it a second time, which changes nothing there.
void tell_all(Core& core, Application& application) {
  for (const auto& [id, executor] : application.executors)
    tell_adopted(core, application, executor);
  for (const auto& [id, executor] : application.decommissioned)
    core.send(application.session, ExecutorUpdated{id,
                                                   executor.state,
                                                   "worker decommissioned",
                                                   {},
                                                   core.state.workers[executor.worker].host()});
  if (!application.reconciliation) return;
  for (const auto& each : application.reconciliation->missed) tell_missed(core, application, each);
}

void lose_executor(Core& core, const Application& application, uint32_t executor_id) {
  core.send(application.session,
            ExecutorUpdated{executor_id, ExecutorState::lost, "no worker runs it", {}, {}});
}

void expect(Core& core, Application& application, const std::vector<Text>& executor_ids) {
  std::set<uint32_t> told;
  if (application.reconciliation)
    for (const auto& each : application.reconciliation->missed) told.insert(each.executor_id);
  for (const Text text : executor_ids) {
    uint32_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || end != text.data() + text.size()) continue;
    if (has(application, id) || told.contains(id)) continue;
    Reconciliation& to = reconciliation_of(application);
    if (to.ended.contains(id)) continue;
    const bool may_come = core.state.master == MasterState::recovering &&
                          to.expected.size() < limits::max_executors_per_application;
    if (may_come)
      to.expected.insert(id);
    else
      lose_executor(core, application, id);
  }
}

const char* why_unknown(const State& state, Text id) {
  for (const CompletedApplication& each : state.completed)
    if (each.application.id == id) {
      if (each.application.state == ApplicationState::killed) return "KILLED";
      if (each.application.state == ApplicationState::failed) return "FAILED";
    }
  return "unknown application";
}

}  // namespace

void on_worker_scheduler_state_response(Core& core, Session session,
                                        const WorkerSchedulerStateResponse& message) {
  if (is_another_peer(core, session, message.worker_id))
    return core.violation(session, "this session is registered as another peer already");
  Worker* const worker = core.state.find_worker(message.worker_id);
  if (!worker || worker->state == WorkerState::dead) return core.send(session, ReconnectWorker{});
  bind_worker(core, session, *worker);
  if (worker->state == WorkerState::unknown) return confirm(core, *worker, message);
  core.send(session, WorkerRegistered{true, core.state.epoch}, worker->sequence);
  WorkerLatestState latest{message.worker_id, {}, {}};
  for (const ReportedExecutor& each : message.executors)
    latest.executors.push_back({each.app_id, each.executor_id, each.state});
  for (const ReportedDriver& each : message.drivers) latest.driver_ids.push_back(each.driver_id);
  on_worker_latest_state(core, session, latest);
}

void on_master_change_acknowledged(Core& core, Session session,
                                   const MasterChangeAcknowledged& message) {
  const SessionState& peer = *core.session(session);
  Application* const application = find_application(core.state, message.app_id);
  if (peer.role == Role::worker ||
      (peer.role == Role::application && (!application || peer.application() != application->slot)))
    return core.violation(session, "this session is registered as another peer already");
  if (!application)
    return core.send(session, ApplicationRemoved{why_unknown(core.state, message.app_id)});
  const Session old = application->session;
  if (old != session) {
    application->session = session;
    core.session(session)->become(application->slot);
    core.close(old, "the application is there over another connection");
  }
  if (application->state == ApplicationState::unknown) {
    --core.state.recovery.unknown_applications;
    application->state =
        application->executors.empty() ? ApplicationState::waiting : ApplicationState::running;
    core.notice(NoticeLevel::info, "application.recovered", application->id + " answered");
  }
  core.send(session, ApplicationRegistered{application->id, core.state.epoch},
            application->sequence);
  tell_all(core, *application);
  expect(core, *application, message.expected_executors);
  if (application->reconciliation) application->reconciliation->missed.clear();
  drop_if_done(*application);
  refresh_requests(core, *application);
  core.touched.push_back(application->slot);
}

void on_missed_end(Core& core, const Worker* worker, const ExecutorStateChanged& message) {
  Application* const application = find_application(core.state, message.app_id);
  if (!application || !is_finished(message.state)) return;
  Reconciliation* known = application->reconciliation.get();
  const bool announced = known && known->ended.contains(message.executor_id);
  if (!announced && !(worker && worker->state == WorkerState::unknown)) return;
  Reconciliation::Update update{message.executor_id, message.state, {}, message.exit_status};
  if (message.message)
    update.message = message.message->substr(0, limits::max_forwarded_text_bytes);
  end_missed(core, *application, std::move(update));
  drop_if_done(*application);
}

void lose_unexplained(Core& core, const Worker& worker) {
  core.state.applications.each([&](ApplicationSlot slot, const Application& each) {
    if (!each.reconciliation) return;
    std::vector<uint32_t> lost;
    for (const auto& [id, on] : each.reconciliation->ended)
      if (on == worker.slot) lost.push_back(id);
    Application& application = core.state.applications[slot];
    for (const uint32_t id : lost)
      end_missed(core, application, {id, ExecutorState::lost, "its worker is lost", {}});
    drop_if_done(application);
  });
}

void kill_unreported(Core& core, Application& application, uint32_t executor_id) {
  const bool may_run = core.state.master == MasterState::recovering &&
                       core.state.recovery.unknown_workers > 0 &&
                       executor_id < application.next_executor_id;
  if (!may_run) return;
  Reconciliation& to = reconciliation_of(application);
  if (to.killed.size() < limits::max_executors_per_application) to.killed.insert(executor_id);
}

void end_reconciliation(Core& core, Application& application) {
  if (!application.reconciliation) return;
  for (const uint32_t id : application.reconciliation->expected)
    if (!has(application, id) && !application.reconciliation->ended.contains(id))
      lose_executor(core, application, id);
  application.reconciliation->expected.clear();
  application.reconciliation->killed.clear();
  drop_if_done(application);
}

}  // namespace magneto::core
