// Random histories: the indexed scheduler and Spark's plain algorithm place the same (spec section
// 14).
#include <random>
#include <utility>

#include "codec/engine.h"
#include "doctest/doctest.h"
#include "test/oracle.h"

namespace magneto::test {

namespace {

class History {
 public:
  explicit History(uint64_t seed)
      : random_(seed), config_(random_config()), engine_(config(config_)), oracle_(config_) {}

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      inbox_.reset();
      act();
      const auto launched = actual();
      engine_.check();
      const auto expected = oracle_.schedule(drivers_launched_);
      REQUIRE(launched.size() == expected.size());
      for (size_t at = 0; at < launched.size(); ++at) {
        CHECK(launched[at].app_id == expected[at].app_id);
        CHECK(launched[at].executor_id == expected[at].executor_id);
        CHECK(launched[at].worker_id == expected[at].worker_id);
        REQUIRE(launched[at].cores == expected[at].cores);
      }
    }
  }

  uint64_t launches() const { return launches_; }
  uint64_t driver_launches() const { return driver_launches_; }

 private:
  uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

  ConfigOptions random_config() {
    ConfigOptions options;
    options.spread = pick(2) == 0;
    options.policy = static_cast<core::WorkerSelectionPolicy>(pick(5));
    options.default_cores = pick(2) == 0 ? 2147483647 : 6;
    options.retries = -1;
    options.spread_drivers = pick(2) == 0;
    if (drivers_only_ && pick(2) == 0) options.max_drivers = 1 + pick(4);
    return options;
  }

  void say(uint64_t session, const Bytes& message) {
    inbox_.add(static_cast<uint32_t>(codec::InboxKind::message), session,
               std::span<const uint8_t>(message));
  }

  void connect(uint64_t session) {
    inbox_.add(static_cast<uint32_t>(codec::InboxKind::connected), session, "peer");
  }

  ProfileOptions random_profile(uint32_t id) {
    ProfileOptions profile{id, pick(4), 256 * (1 + pick(4)), {}};
    if (pick(4) == 0) profile.resources["gpu"] = 1 + pick(2);
    return profile;
  }

  void add_worker() {
    const uint64_t session = ++next_session_;
    WorkerOptions options;
    options.id = "w" + std::to_string(pick(1000)) + "-" + std::to_string(session);
    options.host = options.id;
    options.cores = 1 + pick(8);
    options.memory_mb = 256 * (1 + pick(12));
    for (uint32_t unit = pick(4); unit > 0; --unit)
      options.resources["gpu"].push_back(std::to_string(unit));
    if (pick(3) == 0) options.runtimes = {"spark", "node"};
    connect(session);
    say(session, register_worker(options));
    workers_[options.id] = session;
    worker_of_[session] = options.id;
    oracle_.add_worker(options);
  }

  void add_application() {
    ApplicationOptions options;
    options.runtime = pick(3) == 0 ? "spark" : "node";
    options.profile = random_profile(0);
    if (pick(2) == 0) options.max_cores = pick(12);
    if (pick(2) == 0) options.limit = pick(4);
    const uint64_t session = ++next_session_;
    connect(session);
    say(session, register_application(options));
    char text[16] = {};
    std::snprintf(text, sizeof text, "%04u", next_application_++);
    const std::string id = std::string("app-20260124103005-") + text;
    applications_[id] = session;
    profiles_[id][0] = options.profile;
    oracle_.add_application(id, options);
  }

  void request() {
    if (applications_.empty()) return;
    const auto at = std::next(applications_.begin(), pick(uint32_t(applications_.size())));
    const auto& [id, session] = *at;
    const uint32_t profile_id = pick(3);
    ProfileOptions profile = random_profile(profile_id);
    if (profile.cores == 0 && profile_id != 0) profile.cores = 1;  // no fall-back in the oracle
    const auto [known, added] = profiles_[id].try_emplace(profile_id, profile);
    const uint32_t total = pick(6);
    say(session, request_executors(id, {{known->second, total}}));
    oracle_.set_target(id, known->second, total);
  }

  void submit_driver() {
    DriverOptions options;
    options.cores = pick(4);
    options.memory_mb = 256 * pick(5);
    options.supervise = drivers_only_ && pick(2) == 0;
    if (pick(4) == 0) options.resources["gpu"] = 1 + pick(2);
    if (pick(3) == 0) options.runtimes = {"another", "spark"};
    if (!std::exchange(client_connected_, true)) connect(client_);
    say(client_, test::submit_driver(options));
    oracle_.submit_driver(options);
  }

  // One that waits is killed, of one that runs its worker reports the end.
  void end_driver() {
    if (oracle_.drivers().empty()) return;
    const auto driver = oracle_.drivers()[pick(uint32_t(oracle_.drivers().size()))];
    if (driver.worker_id.empty())
      say(client_, test::kill_driver(driver.id));
    else
      say(workers_.at(driver.worker_id),
          driver_state_changed(driver.id, core::DriverState::finished));
    oracle_.end_driver(driver.id);
  }

  void decommission() {
    if (workers_.empty()) return;
    const auto at = std::next(workers_.begin(), pick(uint32_t(workers_.size())));
    say(at->second, worker_decommissioning(at->first));
    oracle_.decommission(at->first);
  }

  void change_health() {
    if (workers_.empty()) return;
    const auto at = std::next(workers_.begin(), pick(uint32_t(workers_.size())));
    const bool healthy = pick(2) == 0;
    say(at->second, worker_health(at->first, healthy, "its disk is full"));
    oracle_.set_healthy(at->first, healthy);
  }

  void end_executor() {
    const auto live = oracle_.live();
    if (live.empty()) return;
    const auto& chosen = live[pick(uint32_t(live.size()))];
    StateOptions options;
    options.app_id = chosen.app_id;
    options.executor_id = chosen.executor_id;
    options.state = core::ExecutorState::exited;
    say(workers_.at(chosen.worker_id), state_changed(options));
    oracle_.end_executor(chosen.app_id, chosen.executor_id);
  }

  template <class Remove>
  void drop(std::map<std::string, uint64_t>& peers, Remove remove) {
    if (peers.empty()) return;
    const auto at = std::next(peers.begin(), pick(uint32_t(peers.size())));
    inbox_.add(static_cast<uint32_t>(codec::InboxKind::disconnected), at->second, "gone");
    remove(at->first);
    peers.erase(at);
  }

  void act() {
    const uint32_t dice = pick(28);
    if (dice < 3 && workers_.size() < 12) return add_worker();
    if (dice < 6 && applications_.size() < 12 && !drivers_only_) return add_application();
    if (dice < 9) return request();
    if (dice < 10) return drop(workers_, [&](const auto& id) { oracle_.remove_worker(id); });
    if (dice < 11)
      return drop(applications_, [&](const auto& id) { oracle_.remove_application(id); });
    if (dice < 14) return submit_driver();
    if (dice < 16) return end_driver();
    if (dice < 17) return decommission();
    if (dice < 19) return change_health();
    end_executor();
  }

  std::vector<Launch> actual() {
    std::vector<Launch> launched;
    drivers_launched_.clear();
    codec::Record record;
    for (codec::BatchReader all(engine_.step(1769250605000, 0, inbox_.view())); all.next(record);) {
      if (record.kind != static_cast<uint32_t>(codec::OutboxKind::send)) continue;
      const auto* message = control::GetMessage(record.payload.data());
      if (const auto* driver = message->body_as_LaunchDriver()) {
        CHECK(launched.empty());  // A2
        ++driver_launches_;
        drivers_launched_.push_back(
            {driver->driver_id()->str(), worker_of_.at(static_cast<uint64_t>(record.session))});
      }
      const auto* launch = message->body_as_LaunchExecutor();
      if (!launch) continue;
      ++launches_;
      launched.push_back({launch->app_id()->str(), launch->executor_id(),
                          worker_of_.at(static_cast<uint64_t>(record.session)), launch->cores()});
    }
    return launched;
  }

  std::mt19937_64 random_;
  // The loss of a worker is one pass for each driver on it. In one pass alone, which is what the
  // oracle has, drivers that come back or a limit of drivers that rises would come before
  // executors.
  const bool drivers_only_ = pick(3) == 0;
  const ConfigOptions config_;
  codec::Engine engine_;
  Oracle oracle_;
  codec::BatchWriter inbox_;
  std::map<std::string, uint64_t> workers_;
  std::map<uint64_t, std::string> worker_of_;
  std::map<std::string, uint64_t> applications_;
  std::map<std::string, std::map<uint32_t, ProfileOptions>> profiles_;
  std::vector<DriverLaunch> drivers_launched_;
  const uint64_t client_ = 1'000'000;
  bool client_connected_ = false;
  uint64_t next_session_ = 0;
  uint32_t next_application_ = 0;
  uint64_t launches_ = 0;
  uint64_t driver_launches_ = 0;
};

}  // namespace

TEST_CASE(
    "A2-A20, D3, L6, P11-P13, P15: placements equal Spark's plain algorithm over random "
    "histories, where unhealthy workers get nothing") {
  const uint64_t seeds = 300;
  uint64_t launches = 0;
  uint64_t driver_launches = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    INFO("seed ", seed);
    History history(seed);
    history.run(120);
    launches += history.launches();
    driver_launches += history.driver_launches();
  }
  CHECK(launches > seeds);  // the histories must place something to compare
  CHECK(driver_launches > seeds);
}

}  // namespace magneto::test
