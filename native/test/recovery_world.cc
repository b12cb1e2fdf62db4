#include "test/recovery_world.h"

#include <algorithm>
#include <utility>

#include "codec/gen/store_generated.h"
#include "doctest/doctest.h"

namespace magneto::test {

namespace {

using codec::InboxKind;
using codec::OutboxKind;
using Addresses = std::map<std::string, std::vector<std::string>>;

constexpr uint32_t kind_of(InboxKind kind) { return static_cast<uint32_t>(kind); }

Addresses addresses(const flatbuffers::Vector<flatbuffers::Offset<control::Resource>>& from) {
  Addresses all;
  for (const auto* each : from)
    for (const auto* unit : *each->addresses()) all[each->name()->str()].push_back(unit->str());
  return all;
}

bool has_driver(const core::State& state, const std::string& id) {
  return state.driver_by_id.contains(id) ||
         std::any_of(state.completed_drivers.begin(), state.completed_drivers.end(),
                     [&](const core::Driver& each) { return each.id == id; });
}

// Everything that a record keeps, as text: two cores that know the same say the same.
std::vector<std::string> image(const core::State& state) {
  std::vector<std::string> all;
  for (const core::Worker* each : state.workers_by_id)
    if (each->state != core::WorkerState::dead)
      all.push_back("worker " + std::string(each->id()) + " " + text_of(address_of(each)) + " " +
                    std::to_string(each->cores) + " " + std::to_string(each->memory_mb) + " " +
                    std::string(each->texts.endpoint()) + " " + std::to_string(each->leaving) +
                    " " + std::to_string(each->resources.size()));
  state.applications.each([&](core::ApplicationSlot, const core::Application& each) {
    std::string line = "app " + each.id + " " + std::to_string(each.order) + " " +
                       std::string(each.driver_address()) + " " + std::string(each.endpoint()) +
                       " " + std::to_string(each.durable_executor_ids) + " " +
                       std::to_string(each.cores_max);
    for (const auto& [id, request] : each.requests)
      line += " p" + std::to_string(id) + "=" + std::to_string(request.target) + ":" +
              std::to_string(request.cores) + ":" + std::to_string(request.memory_mb);
    all.push_back(line);
  });
  state.drivers.each([&](core::DriverSlot, const core::Driver& each) {
    all.push_back("driver " + each.id + " " + std::to_string(each.order) + " " + each.worker_id +
                  " " + std::to_string(each.started_ms) + " " + each.replaces + " " +
                  std::to_string(each.kill_asked) + " " + std::to_string(each.supervise) +
                  (each.shape ? " waits" : ""));
  });
  std::sort(all.begin(), all.end());
  all.push_back("numbers " + std::to_string(state.next_application_number) + " " +
                std::to_string(state.next_driver_number));
  for (const core::CompletedApplication& each : state.completed)
    all.push_back("ended " + each.application.id + " " +
                  std::to_string(static_cast<int>(each.application.state)) + " " +
                  std::to_string(each.application.ended_ms));
  for (const core::Driver& each : state.completed_drivers)
    all.push_back("ended " + each.id + " " + std::to_string(static_cast<int>(each.state)) + " " +
                  each.worker_id + " " + std::to_string(each.ended_ms));
  return all;
}

}  // namespace

RecoveryWorld::RecoveryWorld(uint64_t seed) : random_(seed) {
  config_.standby = true;
  config_.retries = -1;
  config_.recovery_timeout_ms = 20'000;
  config_.timeout_ms = 1'000'000;
  config_.retained = config_.retained_drivers = pick(3) == 0 ? 3 : 1000;
  crash();
}

uint64_t RecoveryWorld::connect() {
  const uint64_t session = ++next_session_;
  inbox_.add(kind_of(InboxKind::connected), session, "peer");
  return session;
}

void RecoveryWorld::say(uint64_t session, const Bytes& message) {
  inbox_.add(kind_of(InboxKind::message), session, std::span<const uint8_t>(message));
}

void RecoveryWorld::add_worker() {
  Worker worker;
  worker.options.id = "w" + std::to_string(next_worker_++);
  worker.options.host = worker.options.id;
  worker.options.cores = 1 + pick(6);
  for (uint32_t unit = pick(3); unit > 0; --unit)
    worker.options.resources["gpu"].push_back(std::to_string(unit));
  if (pick(2) == 0) worker.options.endpoint = "Worker";
  worker.session = connect();
  say(worker.session, register_worker(worker.options));
  workers_[worker.options.id] = std::move(worker);
}

void RecoveryWorld::add_application() {
  ApplicationOptions options;
  options.profile.cores = pick(3);
  options.profile.memory_mb = 256;
  if (pick(4) == 0) options.profile.resources["gpu"] = 1;
  if (pick(2) == 0) options.max_cores = 1 + pick(6);
  if (pick(2) == 0) options.limit = pick(4);
  if (pick(2) == 0) options.endpoint = "AppClient";
  App app;
  app.session = connect();
  say(app.session, register_application(options));
  registering_[app.session] = app;
}

void RecoveryWorld::request(App& app) {
  const uint32_t profile = pick(3);
  const uint32_t total = pick(5);
  say(app.session, request_executors(app.id, {{{profile, 1 + pick(2), 256, {}}, total}}));
  app.asked[profile] = total;
  app.waits = true;
}

void RecoveryWorld::end_executor() {
  for (auto& [id, worker] : workers_) {
    if (worker.executors.empty() || pick(2) == 0) continue;
    const auto ended = worker.executors.begin();
    StateOptions options;
    options.app_id = ended->first.first;
    options.executor_id = ended->first.second;
    options.state = core::ExecutorState::exited;
    options.exit_status = 0;
    say(worker.session, state_changed(options));
    worker.executors.erase(ended);
    return;
  }
}

void RecoveryWorld::end_driver() {
  for (auto& [id, worker] : workers_) {
    if (worker.drivers.empty() || pick(2) == 0 || questions_.contains(worker.session)) continue;
    const std::string driver = worker.drivers.begin()->first;
    say(worker.session, driver_state_changed(driver, core::DriverState::finished, "", 1));
    questions_[worker.session] = {Asked::end, driver};  // it runs until that is answered
    return;
  }
}

void RecoveryWorld::act_on_drivers() {
  const uint64_t client = connect();
  const uint32_t dice = pick(8);
  if (dice < 4) {
    DriverOptions options;
    options.cores = pick(3);
    options.memory_mb = 256;
    options.supervise = pick(2) == 0;
    if (pick(4) == 0) options.resources["gpu"] = 1;
    say(client, submit_driver(options));
    questions_[client] = {Asked::submit, ""};
  } else if (dice < 6 && !promised_drivers_.empty()) {
    const auto id = *std::next(promised_drivers_.begin(),
                               pick(static_cast<uint32_t>(promised_drivers_.size())));
    say(client, kill_driver(id));
    questions_[client] = {Asked::kill, id};
  } else if (!workers_.empty() && pick(3) == 0) {
    const auto& id = workers_.begin()->first;
    say(client, decommission_hosts({id}));
    questions_[client] = {Asked::decommission, id};
  }
}

// After a change of leaders peers answer one by one, in any order, and some never do.
void RecoveryWorld::answer_leader() {
  for (auto& [id, worker] : workers_) {
    if (worker.session != 0 || pick(3) != 0) continue;
    if (pick(12) == 0) return lose_worker(id);
    worker.session = connect();
    if (!worker.registered || pick(3) == 0) say(worker.session, register_worker(worker.options));
    if (!worker.registered) return;
    std::vector<RunningExecutor> executors;
    std::vector<RunningDriver> drivers;
    for (const auto& [key, each] : worker.executors) executors.push_back(each);
    for (const auto& [key, each] : worker.drivers) drivers.push_back(each);
    taken_over_ += executors.size() + drivers.size();
    say(worker.session, scheduler_state(id, executors, drivers));
    return;
  }
  for (size_t at = 0; at < apps_.size(); ++at) {
    App& app = apps_[at];
    if (app.session != 0 || pick(3) != 0) continue;
    if (pick(12) == 0) return lose_application(at);
    app.session = connect();
    return say(app.session, master_change_acknowledged(app.id, {"0", "1"}));
  }
}

void RecoveryWorld::lose_worker(const std::string& id) {
  const Worker worker = workers_.at(id);
  if (worker.session != 0)
    inbox_.add(kind_of(InboxKind::disconnected), worker.session, std::string_view("gone"));
  workers_.erase(id);
}

void RecoveryWorld::lose_application(size_t at) {
  const App app = apps_[at];
  if (app.session != 0)
    inbox_.add(kind_of(InboxKind::disconnected), app.session, std::string_view("gone"));
  apps_.erase(apps_.begin() + static_cast<ptrdiff_t>(at));
}

void RecoveryWorld::act() {
  const uint32_t dice = pick(30);
  if (dice < 3 && workers_.size() < 6) return add_worker();
  if (dice < 6 && apps_.size() < 4) return add_application();
  if (dice < 10 && !apps_.empty()) {
    App& app = apps_[pick(static_cast<uint32_t>(apps_.size()))];
    return app.session != 0 && !app.waits ? request(app) : void();
  }
  if (dice < 14) return act_on_drivers();
  if (dice < 17) return end_executor();
  if (dice < 19) return end_driver();
  if (dice == 19 && !workers_.empty()) return lose_worker(workers_.begin()->first);
  if (dice == 20 && !apps_.empty())
    return lose_application(pick(static_cast<uint32_t>(apps_.size())));
  if (dice == 21) {
    now_ms_ += 4'000;
    return inbox_.add(kind_of(InboxKind::timer), 0, std::string_view());
  }
  answer_leader();
}

void RecoveryWorld::step() {
  act();
  run();
  if (pick(2) == 0) sync();
  check_image();
  note_given_up();
  if (reading_) read();
}

void RecoveryWorld::read() {
  const auto dice = [&](uint32_t below) { return (*reading_)() % below; };
  for (const auto& [id, worker] : workers_)
    if (worker.session != 0 && worker.registered && dice(4) == 0)
      say(worker.session, heartbeat(id));
  now_ms_ += 1;
  run();
  if (dice(40) == 0) reader_.restart();
  for (uint64_t parts = dice(4); parts > 0; --parts)
    reader_.take(*engine_, now_ms_, 1 + dice(2000));
  if (dice(3) != 0) return;
  while (reader_.take(*engine_, now_ms_, 1 + dice(100'000))) continue;
  reader_.check(*engine_, now_ms_);
}

// Who has not answered when recovery is over has no claim any more.
void RecoveryWorld::note_given_up() {
  if (engine_->core().state.master != core::MasterState::alive) return;
  for (App& app : apps_) app.given_up = app.given_up || app.session == 0;
  for (auto& [id, worker] : workers_)
    worker.given_up = worker.given_up || (worker.registered && worker.session == 0);
}

void RecoveryWorld::run() {
  const auto outbox = engine_->step(now_ms_, 0, inbox_.view());
  const Bytes batch(outbox.begin(), outbox.end());
  inbox_.reset();
  engine_->check();
  std::vector<uint64_t> aligned((batch.size() + 7) / 8);
  std::copy(batch.begin(), batch.end(), reinterpret_cast<uint8_t*>(aligned.data()));
  codec::Record effect;
  for (codec::BatchReader all({reinterpret_cast<const uint8_t*>(aligned.data()), batch.size()});
       all.next(effect);)
    take(effect);
}

void RecoveryWorld::take(const codec::Record& effect) {
  const auto sequence = static_cast<uint64_t>(effect.argument);
  switch (static_cast<OutboxKind>(effect.kind)) {
    case OutboxKind::persist:
    case OutboxKind::forget: {
      REQUIRE(sequence == ++sequence_);
      written_.apply(effect);
      codec::BatchWriter one;
      one.add(effect.kind, 0, effect.payload, effect.argument);
      unsynced_.emplace_back(sequence, Bytes(one.view().begin(), one.view().end()));
      return;
    }
    case OutboxKind::send: {
      Bytes message(effect.payload.begin(), effect.payload.end());
      const auto session = static_cast<uint64_t>(effect.session);
      if (sequence > synced_) return held_.push_back({sequence, session, std::move(message)});
      return deliver(session, message);
    }
    default:
      return;
  }
}

void RecoveryWorld::sync() {
  for (const auto& [sequence, batch] : unsynced_) {
    codec::Record effect;
    codec::BatchReader(batch).next(effect);
    durable_.apply(effect);
  }
  unsynced_.clear();
  synced_ = sequence_;
  inbox_.add(kind_of(InboxKind::stored), 0, std::string_view(), static_cast<double>(synced_));
  for (const Held& each : std::exchange(held_, {})) deliver(each.session, each.message);
}

void RecoveryWorld::deliver(uint64_t session, const Bytes& bytes) {
  std::vector<uint64_t> aligned((bytes.size() + 7) / 8);
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<uint8_t*>(aligned.data()));
  const auto& message = *control::GetMessage(aligned.data());
  if (const auto* reply = message.body_as_Reply()) return deliver_reply(session, *reply);
  for (auto& [id, worker] : workers_)
    if (worker.session == session) return deliver_to_worker(worker, message);
  if (const auto* registered = message.body_as_ApplicationRegistered()) {
    const auto known = registering_.find(session);
    if (known == registering_.end()) return;
    known->second.id = registered->app_id()->str();
    CHECK(ids_.insert(known->second.id).second);  // P17
    apps_.push_back(known->second);
    registering_.erase(known);
  }
  // One that was told that it ended, or that nobody knows it.
  if (message.body_as_ApplicationRemoved())
    std::erase_if(apps_, [&](const App& each) { return each.session == session; });
}

void RecoveryWorld::deliver_to_worker(Worker& worker, const control::Message& message) {
  if (const auto* registered = message.body_as_WorkerRegistered()) {
    worker.registered = true;
    if (!registered->duplicate()) worker.given_up = false;
  }
  if (message.body_as_ReconnectWorker()) say(worker.session, register_worker(worker.options));
  if (const auto* launch = message.body_as_LaunchExecutor()) {
    const std::pair key{launch->app_id()->str(), launch->executor_id()};
    CHECK(executors_ever_.insert(key).second);  // A18
    worker.executors[key] = {key.first,
                             key.second,
                             launch->profile_id(),
                             launch->cores(),
                             launch->memory_mb(),
                             core::ExecutorState::running,
                             addresses(*launch->resources())};
  } else if (const auto* kill = message.body_as_KillExecutor()) {
    worker.executors.erase({kill->app_id()->str(), kill->executor_id()});
  } else if (const auto* launch = message.body_as_LaunchDriver()) {
    const std::string id = launch->driver_id()->str();
    CHECK(drivers_ever_.insert(id).second);  // no driver runs twice under one id
    worker.drivers[id] = {id, addresses(*launch->resources())};
  } else if (const auto* kill = message.body_as_KillDriver()) {
    const std::string id = kill->driver_id()->str();
    if (worker.drivers.erase(id) > 0)
      say(worker.session, driver_state_changed(id, core::DriverState::killed));
  }
}

void RecoveryWorld::deliver_reply(uint64_t session, const control::Reply& reply) {
  for (App& app : apps_) {
    if (app.session != session) continue;
    for (const auto& [profile, total] : std::exchange(app.asked, {})) app.targets[profile] = total;
    app.waits = false;
  }
  const auto asked = questions_.find(session);
  if (asked == questions_.end() || !reply.ok()) return;
  const auto [what, id] = asked->second;
  questions_.erase(asked);
  if (what == Asked::submit) {
    CHECK(ids_.insert(reply.id()->str()).second);  // P17, L9
    promised_drivers_.insert(reply.id()->str());
  } else if (what == Asked::kill) {
    killed_drivers_.insert(id);
  } else if (what == Asked::decommission) {
    if (const auto worker = workers_.find(id); worker != workers_.end() && reply.count() > 0)
      worker->second.leaving = true;
  } else {
    ended_drivers_.insert(id);
    for (auto& [worker_id, worker] : workers_) worker.drivers.erase(id);
  }
}

void RecoveryWorld::crash() {
  // What is on disk without that anybody was told so.
  const size_t kept = unsynced_.empty() ? 0 : pick(static_cast<uint32_t>(unsynced_.size() + 1));
  for (size_t at = 0; at < kept; ++at) {
    codec::Record effect;
    codec::BatchReader(unsynced_[at].second).next(effect);
    durable_.apply(effect);
  }
  unsynced_.clear();
  held_.clear();
  questions_.clear();
  registering_.clear();
  inbox_.reset();
  written_ = durable_;
  synced_ = sequence_ = 0;
  for (auto& [id, worker] : workers_) worker.session = 0;
  for (App& app : apps_) {
    app.session = 0;
    // Never acknowledged: either may hold.
    for (const auto& [profile, total] : std::exchange(app.asked, {})) app.targets.erase(profile);
    app.waits = false;
  }
  engine_ = std::make_unique<codec::Engine>(config(config_));
  durable_.elect(inbox_, ++epoch_);
  run();
  recoveries_ += engine_->core().state.master == core::MasterState::recovering ? 1 : 0;
  check_promises();
}

void RecoveryWorld::check_promises() const {
  const core::State& state = engine_->core().state;
  for (const App& app : apps_) {
    if (app.given_up) continue;
    INFO("application ", app.id);
    const auto known = state.application_by_id.find(app.id);
    REQUIRE(known != state.application_by_id.end());
    for (const auto& [profile, total] : app.targets)
      CHECK(state.applications[known->second].requests.at(profile).target == total);
  }
  for (const auto& [id, worker] : workers_) {
    if (!worker.registered || worker.given_up) continue;
    INFO("worker ", id);
    const core::Worker* const known = state.find_worker(id);
    REQUIRE(known);
    CHECK(known->state == core::WorkerState::unknown);
    if (worker.leaving) CHECK(known->leaving);
  }
  for (const std::string& id : promised_drivers_) {
    INFO("driver ", id);
    const auto live = state.driver_by_id.find(id);
    if (live == state.driver_by_id.end()) {
      if (config_.retained_drivers > 100) CHECK(has_driver(state, id));
      continue;
    }
    CHECK(!ended_drivers_.contains(id));
    const core::Driver& driver = state.drivers[live->second];
    if (killed_drivers_.contains(id)) CHECK(driver.kill_asked);
    // It may run: it does not queue again.
    if (drivers_ever_.contains(id)) CHECK(!driver.shape);
  }
}

void RecoveryWorld::check_image() const {
  ConfigOptions options = config_;
  options.standby = true;
  codec::Engine next(config(options));
  codec::BatchWriter inbox;
  for (const auto& [key, bytes] : written_.records)
    inbox.add(kind_of(InboxKind::record), 0, std::span<const uint8_t>(bytes));
  next.step(now_ms_, 0, inbox.view());
  inbox.reset();
  inbox.add(kind_of(InboxKind::elected), 0, std::string_view(), epoch_ + 1);
  next.step(now_ms_, 0, inbox.view());
  next.check();
  // With nobody to wait for it is over at once, and drivers of lost workers were decided on.
  if (next.core().state.master == core::MasterState::alive &&
      engine_->core().state.drivers.size() > 0)
    return;
  const auto expected = image(engine_->core().state);
  const auto found = image(next.core().state);
  REQUIRE(expected.size() == found.size());
  for (size_t at = 0; at < expected.size(); ++at) REQUIRE(expected[at] == found[at]);
}

}  // namespace magneto::test
