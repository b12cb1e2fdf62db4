// Standby -> recovering -> completing -> alive (spec S1, H8 to H10, T7).
#include <algorithm>
#include <set>
#include <string>
#include <tuple>

#include "core/core.h"
#include "core/limits.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

// A leader that was cut off between the history and the end of the record itself: it has ended.
void drop_ended(Core& core) {
  State& state = core.state;
  for (const CompletedApplication& done : state.completed) {
    const std::string& id = done.application.id;
    const auto known = state.application_by_id.find(id);
    if (known == state.application_by_id.end()) continue;
    Application& application = state.applications[known->second];
    drop_requests(core, application);
    if (!application.driver_address().empty())
      state.application_by_driver.erase(application.driver_address());
    state.application_by_id.erase(known);
    state.applications.remove(application.slot);
    --state.recovery.unknown_applications;
    core.forget("app_" + id);
  }
  for (const Driver& done : state.completed_drivers) {
    const auto known = state.driver_by_id.find(done.id);
    if (known == state.driver_by_id.end()) continue;
    state.drivers.remove(known->second);
    state.driver_by_id.erase(known);
    core.forget("driver_" + done.id);
  }
}

// In the order in which they ended, and no more than are retained now.
template <class Item, class Order>
uint64_t settle_history(Core& core, std::deque<Item>& completed, size_t most, Order order) {
  std::stable_sort(completed.begin(), completed.end(),
                   [&](const Item& a, const Item& b) { return order(a) < order(b); });
  while (completed.size() > std::max<size_t>(most, 1)) {
    forget_completed(core, completed.front());
    completed.pop_front();
  }
  return completed.empty() ? 0 : order(completed.back()) + 1;
}

void restore_history(Core& core) {
  State& state = core.state;
  drop_ended(core);
  const uint64_t applications = settle_history(
      core, state.completed,
      std::min<size_t>(core.config.retained_applications, limits::max_completed_applications),
      [](const CompletedApplication& each) { return each.order; });
  const uint64_t drivers =
      settle_history(core, state.completed_drivers,
                     std::min<size_t>(core.config.retained_drivers, limits::max_completed_drivers),
                     [](const Driver& each) { return each.end_order; });
  state.next_end_order = std::max(applications, drivers);
}

void restore_targets(Core& core) {
  State& state = core.state;
  for (const auto& [id, targets] : state.recovery.targets) {
    const auto known = state.application_by_id.find(id);
    if (known == state.application_by_id.end()) {
      core.forget("targets_" + id);
      continue;
    }
    Application& application = state.applications[known->second];
    application.has_targets = true;
    for (const auto& [profile, total] : targets) {
      const auto request = application.requests.find(profile.id);
      if (request != application.requests.end())
        request->second.target = total;
      else
        add_request(core, application, profile, total);
    }
  }
  state.recovery.targets.clear();
}

// A store that was cut off between a successor's record and the end of whom it replaces (S8).
void end_replaced(Core& core) {
  State& state = core.state;
  std::set<std::string> replaced;
  state.drivers.each([&](DriverSlot, const Driver& driver) {
    if (state.driver_by_id.contains(driver.replaces)) replaced.insert(driver.replaces);
  });
  for (const std::string& id : replaced)
    end_driver(core, state.drivers[state.driver_by_id.find(id)->second], DriverState::relaunching,
               {});
}

// Who was never launched queues again; the others are decided on by their workers' answers.
void restore_drivers(Core& core) {
  State& state = core.state;
  std::vector<Driver*> all;
  state.drivers.each([&](DriverSlot slot, const Driver&) { all.push_back(&state.drivers[slot]); });
  std::sort(all.begin(), all.end(), [](const Driver* a, const Driver* b) {
    return std::tie(a->order, a->submitted_ms, a->id) < std::tie(b->order, b->submitted_ms, b->id);
  });
  for (Driver* driver : all) {
    if (driver->state == DriverState::unknown) {
      state.recovery.unclaimed[driver->worker_id].insert({driver->order, driver->slot});
      ++state.recovery.drivers_taken_over;
      continue;
    }
    // Records of before there was an order.
    if (state.waiting_drivers.contains(driver->order)) driver->order = state.next_driver_order++;
    enqueue_driver(core, *driver);
  }
}

void tell_changed(Core& core) {
  std::vector<Session> peers;
  for (const auto& [id, peer] : core.state.sessions)
    if (id >> session_source_shift == control_source && peer.role == Role::none && !peer.closing)
      peers.push_back(id);
  std::sort(peers.begin(), peers.end());
  for (const Session id : peers) core.send(id, MasterChanged{core.state.epoch});
}

void release_held(Core& core) {
  State& state = core.state;
  state.recovery.holding = false;
  state.applications.each([&](ApplicationSlot slot, const Application& application) {
    if (application.held) refresh_requests(core, state.applications[slot]);
  });
}

void remove_unknown(Core& core) {
  State& state = core.state;
  std::vector<WorkerSlot> workers;
  for (const Worker* worker : state.workers_by_id)
    if (worker->state == WorkerState::unknown) workers.push_back(worker->slot);
  for (const WorkerSlot slot : workers)
    remove_worker(core, state.workers[slot], "no answer during recovery");
  std::vector<std::pair<uint64_t, ApplicationSlot>> applications;
  state.applications.each([&](ApplicationSlot slot, const Application& each) {
    if (each.state == ApplicationState::unknown) applications.emplace_back(each.order, slot);
  });
  std::sort(applications.begin(), applications.end());
  for (const auto& [order, slot] : applications) {
    core.notice(NoticeLevel::warn, "application.silent",
                state.applications[slot].id + " gave no answer during recovery");
    remove_application(core, state.applications[slot], ApplicationState::finished);
  }
}

// Drivers whose worker is not known any more.
void lose_unclaimed(Core& core) {
  std::set<std::pair<uint64_t, DriverSlot>> lost;
  for (const auto& [worker_id, drivers] : core.state.recovery.unclaimed)
    lost.insert(drivers.begin(), drivers.end());
  core.state.recovery.unclaimed.clear();
  for (const auto& [order, slot] : lost) lose_driver(core, core.state.drivers[slot]);
}

void complete(Core& core) {
  State& state = core.state;
  state.master = MasterState::completing_recovery;
  state.recovery.holding = false;
  remove_unknown(core);
  state.applications.each([&](ApplicationSlot slot, const Application&) {
    Application& application = state.applications[slot];
    end_reconciliation(core, application);
    refresh_requests(core, application);
  });
  lose_unclaimed(core);
  state.recovery.due_ms = 0;
  state.recovery.grace_due_ms = 0;
  state.master = MasterState::alive;
  ++state.worker_generation;  // who waits is told so again, for the first time by this leader
  core.notice(NoticeLevel::info, "master.recovered",
              "recovery is complete: " + std::to_string(state.by_heartbeat.size()) + " workers, " +
                  std::to_string(state.applications.size()) + " applications and " +
                  std::to_string(state.drivers.size()) + " drivers");
}

}  // namespace

LostDrivers take_unclaimed(State& state, Text worker_id) {
  auto& unclaimed = state.recovery.unclaimed;
  const auto found = unclaimed.find(worker_id);
  if (found == unclaimed.end()) return {};
  LostDrivers taken(found->second.begin(), found->second.end());
  unclaimed.erase(found);
  return taken;
}

void unclaim_driver(State& state, const Driver& driver) {
  auto& unclaimed = state.recovery.unclaimed;
  const auto found = unclaimed.find(driver.worker_id);
  if (found == unclaimed.end()) return;
  found->second.erase({driver.order, driver.slot});
  if (found->second.empty()) unclaimed.erase(found);
}

void Core::leader(const KnownLeader& leader) {
  if (state.master != MasterState::standby) return;
  state.leader_url = leader.master_url;
  state.leader_web_ui_url = leader.master_web_ui_url;
  state.leader_epoch = leader.epoch;
}

void Core::elected(uint32_t epoch) {
  if (state.master != MasterState::standby) return;
  leader({});
  state.epoch = epoch;
  state.master = MasterState::recovering;
  Recovery& recovery = state.recovery;
  recovery.due_ms = now_ms + config.recovery_timeout_ms;
  recovery.grace_due_ms = now_ms + config.recovery_grace_ms;
  recovery.holding = recovery.unknown_workers > 0;
  restore_history(*this);
  restore_targets(*this);
  restore_drivers(*this);
  end_replaced(*this);
  state.applications.each([&](ApplicationSlot slot, const Application&) {
    refresh_requests(*this, state.applications[slot]);
  });
  notice(NoticeLevel::info, "master.elected",
         "this master leads; it takes over " + std::to_string(recovery.unknown_workers) +
             " workers, " + std::to_string(recovery.unknown_applications) + " applications and " +
             std::to_string(state.drivers.size()) + " drivers");
  tell_changed(*this);
  settle();
}

void settle_recovery(Core& core) {
  State& state = core.state;
  if (state.master != MasterState::recovering) return;
  const Recovery& recovery = state.recovery;
  const bool over = core.now_ms >= recovery.due_ms;
  if (recovery.holding && (recovery.unknown_workers == 0 || core.now_ms >= recovery.grace_due_ms))
    release_held(core);
  if (over || (recovery.unknown_workers == 0 && recovery.unknown_applications == 0)) complete(core);
}

Millis recovery_due_ms(const State& state) {
  if (state.master != MasterState::recovering) return 0;
  const Recovery& recovery = state.recovery;
  return recovery.holding ? std::min(recovery.due_ms, recovery.grace_due_ms) : recovery.due_ms;
}

}  // namespace magneto::core
