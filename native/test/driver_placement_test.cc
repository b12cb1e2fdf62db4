// Where drivers go by chance, and what looking for a place costs (A3, A5).
#include <algorithm>

#include "codec/engine.h"
#include "doctest/doctest.h"
#include "test/messages.h"

namespace magneto::test {

namespace {

constexpr int64_t start_ms = 1769250605000;

// Workers are sessions 1, 2, ...; everybody else speaks over session 0.
class Cluster {
 public:
  explicit Cluster(const ConfigOptions& options) : engine_(config(options)) { connect(0); }

  void worker(uint32_t cores) {
    WorkerOptions options;
    const uint64_t session = ++workers_;
    options.id = "w" + std::to_string(session);
    options.host = options.id;
    options.cores = cores;
    options.memory_mb = 1 << 20;
    connect(session);
    say(session, register_worker(options));
  }

  void say(uint64_t session, const Bytes& message) {
    inbox_.add(static_cast<uint32_t>(codec::InboxKind::message), session,
               std::span<const uint8_t>(message));
  }

  void drop(uint64_t session) {
    inbox_.add(static_cast<uint32_t>(codec::InboxKind::disconnected), session, "gone");
  }

  void submit(uint32_t cores, bool supervise = false) {
    DriverOptions options;
    options.cores = cores;
    options.memory_mb = 1;
    options.supervise = supervise;
    say(0, submit_driver(options));
  }

  // An application that takes whole workers.
  void fill(uint32_t cores) {
    ApplicationOptions options;
    options.profile.cores = cores;
    options.profile.memory_mb = 1;
    connect(application_);
    say(application_, register_application(options));
  }

  void give_back() { say(application_, unregister_application("app-20260124103005-0000")); }

  void end_driver(uint32_t number, uint64_t session) {
    char id[40] = {};
    std::snprintf(id, sizeof id, "driver-20260124103005-%04u", number);
    say(session, driver_state_changed(id, core::DriverState::finished));
  }

  // The workers that were given drivers, in order.
  std::vector<uint64_t> launched() {
    const uint64_t before = engine_.core().state.driver_looks;
    std::vector<uint64_t> sessions;
    codec::Record record;
    const auto outbox = engine_.step(start_ms, 0, inbox_.view());
    for (codec::BatchReader all(outbox); all.next(record);) {
      if (record.kind != static_cast<uint32_t>(codec::OutboxKind::send)) continue;
      if (control::GetMessage(record.payload.data())->body_type() == control::Body::LaunchDriver)
        sessions.push_back(static_cast<uint64_t>(record.session));
    }
    inbox_.reset();
    looks_ = engine_.core().state.driver_looks - before;
    return sessions;
  }

  // In what `launched` returned last.
  uint64_t looks() const { return looks_; }
  void check() const { engine_.check(); }

 private:
  void connect(uint64_t session) {
    inbox_.add(static_cast<uint32_t>(codec::InboxKind::connected), session, "peer:1");
  }

  codec::Engine engine_;
  codec::BatchWriter inbox_;
  const uint64_t application_ = 1'000'000;
  uint64_t workers_ = 0;
  uint64_t looks_ = 0;
};

ConfigOptions seeded(uint64_t seed) {
  ConfigOptions options;
  options.seed = seed;
  return options;
}

// The driver of a worker that is lost comes anew: all workers are looked at.
uint64_t one_anew(uint64_t seed) {
  Cluster cluster(seeded(seed));
  cluster.worker(1);
  cluster.submit(1, true);
  for (int count = 0; count < 4; ++count) cluster.worker(2);
  CHECK(cluster.launched().size() == 1);
  cluster.drop(1);
  const auto launched = cluster.launched();
  cluster.check();
  REQUIRE(launched.size() == 1);
  return launched[0];
}

// Six drivers wait for four full workers, which become free at once: only these are looked at.
std::vector<uint64_t> six_that_waited(uint64_t seed) {
  Cluster cluster(seeded(seed));
  for (int count = 0; count < 4; ++count) cluster.worker(2);
  cluster.fill(2);
  for (int count = 0; count < 6; ++count) cluster.submit(1);
  CHECK(cluster.launched().empty());
  cluster.give_back();
  const auto launched = cluster.launched();
  cluster.check();
  return launched;
}

// One after the other round the four workers, so that nobody gets a second before all have one.
void check_round(const std::vector<uint64_t>& launched) {
  REQUIRE(launched.size() == 6);
  for (size_t at = 4; at < launched.size(); ++at) CHECK(launched[at] == launched[at - 4]);
  auto first = std::vector<uint64_t>(launched.begin(), launched.begin() + 4);
  std::sort(first.begin(), first.end());
  CHECK(std::adjacent_find(first.begin(), first.end()) == first.end());
}

}  // namespace

TEST_CASE(
    "A3: drivers go round all workers in an order that chance decides, each as often as any") {
  const int seeds = 2400;
  std::map<std::vector<uint64_t>, int> orders;
  std::map<uint64_t, int> chosen;
  for (int seed = 0; seed < seeds; ++seed) {
    const auto launched = six_that_waited(static_cast<uint64_t>(seed));
    check_round(launched);
    ++orders[{launched.begin(), launched.begin() + 4}];
    ++chosen[one_anew(static_cast<uint64_t>(seed))];
  }
  CHECK(orders.size() == 24);
  for (const auto& [order, count] : orders) {  // 100 each; five standard deviations
    CHECK(count > 50);
    CHECK(count < 150);
  }
  CHECK(chosen.size() == 4);
  for (const auto& [worker, count] : chosen) {  // 600 each; five standard deviations
    CHECK(count > 490);
    CHECK(count < 710);
  }
}

TEST_CASE("A3: what cost a placement has on a large cluster") {
  const uint32_t workers = 2000;
  Cluster cluster(seeded(1));
  for (uint32_t count = 0; count < workers; ++count) cluster.worker(2);
  cluster.launched();
  cluster.submit(1);
  const auto first = cluster.launched();
  CHECK(first.size() == 1);
  CHECK(cluster.looks() == 1);  // any worker does
  cluster.fill(1);
  cluster.submit(2);
  CHECK(cluster.launched().empty());
  CHECK(cluster.looks() == workers);  // once for what fits nowhere
  for (int count = 0; count < 500; ++count) cluster.submit(2);
  for (uint64_t session = 1; session <= workers; ++session)
    cluster.say(session, heartbeat("w" + std::to_string(session)));
  CHECK(cluster.launched().empty());
  CHECK(cluster.looks() == 0);
  cluster.end_driver(0, first.front());  // one core is free, which is too little
  CHECK(cluster.launched().empty());
  CHECK(cluster.looks() == 0);
  cluster.give_back();
  CHECK(cluster.launched().size() == 501);
  CHECK(cluster.looks() == 501);  // any of those that have risen does
  cluster.check();
}

TEST_CASE("A5: at the limit of drivers nothing is looked at") {
  ConfigOptions options;
  options.max_drivers = 1;
  Cluster cluster(options);
  for (int count = 0; count < 100; ++count) cluster.worker(2);
  cluster.submit(1);
  CHECK(cluster.launched().size() == 1);
  for (int count = 0; count < 100; ++count) cluster.submit(1);
  CHECK(cluster.launched().empty());
  CHECK(cluster.looks() == 0);
  cluster.check();
}

}  // namespace magneto::test
