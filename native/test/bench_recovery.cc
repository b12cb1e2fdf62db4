// How long a new leader's core takes to be ALIVE again: records in, then the answers of all workers
// and applications, in the batches that they would come in.
#include <algorithm>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>

#include "test/bench.h"
#include "test/kept_store.h"

namespace magneto::test {

namespace {

constexpr uint32_t workers = 10'000;
constexpr uint32_t applications = 1'000;
constexpr uint32_t cores = 4;
constexpr uint32_t batch = 500;

void report(const char* what, double seconds, const char* note) {
  std::printf(
      "{\"name\":\"recovery of %u workers, %u applications: %s\",\"value\":%.1f,"
      "\"unit\":\"ms\",\"note\":\"%s\"}\n",
      workers, applications, what, seconds * 1e3, note);
}

// What the leader before has written and launched.
struct Before {
  KeptStore store;
  std::map<uint64_t, std::vector<RunningExecutor>> running;  // by session: a worker's number

  Before() {
    Session session;
    for (uint32_t at = 0; at < workers; ++at) {
      WorkerOptions options;
      options.id = id_of(at);
      options.host = "host" + std::to_string(at);
      options.cores = cores;
      options.memory_mb = 65536;
      session.say(at, register_worker(options));
      if (at % batch == batch - 1) take(session.flush());
    }
    ApplicationOptions options;
    options.profile.cores = 1;
    options.max_cores = workers * cores / applications;
    for (uint32_t at = 0; at < applications; ++at) {
      session.say(workers + at, register_application(options));
      take(session.flush());
    }
  }

  static std::string id_of(uint32_t at) {
    return "worker-20260124103005-host" + std::to_string(at) + "-7000";
  }

  struct Session {
    explicit Session(ConfigOptions options = {}) : engine(config(options)) {}
    void say(uint64_t session, const Bytes& message) {
      inbox.add(static_cast<uint32_t>(codec::InboxKind::connected), session, "peer:1");
      inbox.add(static_cast<uint32_t>(codec::InboxKind::message), session,
                std::span<const uint8_t>(message));
    }
    std::span<const uint8_t> flush() {
      const auto from = std::chrono::steady_clock::now();
      const auto outbox = engine.step(start_ms, 0, inbox.view());
      seconds += seconds_since(from);
      inbox.reset();
      return outbox;
    }
    codec::Engine engine;
    codec::BatchWriter inbox;
    double seconds = 0;
  };

 private:
  void take(std::span<const uint8_t> outbox) {
    codec::Record effect;
    for (codec::BatchReader all(outbox); all.next(effect);) {
      store.apply(effect);
      if (effect.kind != static_cast<uint32_t>(codec::OutboxKind::send)) continue;
      const auto* launch = control::GetMessage(effect.payload.data())->body_as_LaunchExecutor();
      if (!launch) continue;
      RunningExecutor executor{launch->app_id()->str(), launch->executor_id()};
      running[static_cast<uint64_t>(effect.session)].push_back(executor);
    }
  }
};

}  // namespace

void bench_recovery() {
  const Before before;
  ConfigOptions options;
  options.standby = true;
  Before::Session next(options);
  before.store.elect(next.inbox, 2);
  next.flush();
  const double loaded = next.seconds;
  report("records to RECOVERING", loaded, "one batch; limit: verifying each record, five indexes");
  std::vector<Bytes> answers;
  for (uint32_t at = 0; at < workers; ++at) {
    const auto known = before.running.find(at);
    answers.push_back(scheduler_state(Before::id_of(at), known == before.running.end()
                                                             ? std::vector<RunningExecutor>()
                                                             : known->second));
  }
  // Every tenth answer is an application's.
  uint32_t applications_in = 0;
  for (uint32_t at = 0; at < workers; ++at) {
    next.say(at, answers[at]);
    if (at % (workers / applications) == 0) {
      char id[32] = {};
      std::snprintf(id, sizeof id, "app-20260124103005-%04u", applications_in);
      next.say(workers + applications_in++, master_change_acknowledged(id));
    }
    if (at % batch == batch - 1) next.flush();
  }
  next.flush();
  if (next.engine.core().state.master != core::MasterState::alive)
    throw std::logic_error("the bench measured something else");
  report("answers to ALIVE", next.seconds - loaded,
         "40000 executors taken over; limit: three messages written for each");
}

}  // namespace magneto::test
