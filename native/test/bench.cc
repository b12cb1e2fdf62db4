// Figures of the core alone, bytes in and bytes out, one JSON line each. One thread, no I/O.
#include "test/bench.h"

#include <cstdio>
#include <stdexcept>

namespace magneto::test {

namespace {

void report(const char* name, double count, double seconds, const char* unit) {
  std::printf(
      "{\"name\":\"%s\",\"unit\":\"%s\",\"per_second\":%.0f,\"count\":%.0f,\"seconds\":%.6f}\n",
      name, unit, count / seconds, count, seconds);
}

void placement(const char* name, uint32_t workers) {
  Cluster cluster(workers, 4);
  ApplicationOptions options;
  options.profile.cores = 1;
  cluster.application(options);
  const auto from = std::chrono::steady_clock::now();
  const auto outbox = cluster.flush();
  const double seconds = seconds_since(from);
  report(name, launches(outbox), seconds, "executors placed");
}

void event_on_full_cluster(const char* name, uint32_t waiting, bool exits) {
  Cluster cluster(1000, 4);
  ApplicationOptions options;
  options.profile.cores = 1;
  cluster.application(options);
  uint64_t session = 0;
  launches(cluster.flush(), &session);
  for (uint32_t at = 0; at < waiting; ++at) cluster.application(options);
  cluster.flush();
  const uint32_t rounds = 20'000;
  StateOptions state;
  state.app_id = "app-20260124103005-0000";
  state.exit_status = 0;
  state.executor_id = 3999;  // the last one launched is on `session`
  double seconds = 0;
  uint32_t placed = 0;
  const auto timed = [&](core::ExecutorState next) {
    state.state = next;
    cluster.say(session, state_changed(state));
    const auto from = std::chrono::steady_clock::now();
    const auto outbox = cluster.flush();
    if (exits == (next == core::ExecutorState::exited)) seconds += seconds_since(from);
    placed += launches(outbox);
  };
  for (uint32_t at = 0; at < rounds; ++at) {
    timed(core::ExecutorState::running);
    timed(core::ExecutorState::exited);
    ++state.executor_id;  // the head of the queue takes the freed core: its newest exits next
  }
  if (placed != rounds) throw std::logic_error("the bench measured something else");
  report(name, rounds, seconds, "events");
}

void heartbeats(uint32_t workers) {
  Cluster cluster(workers, 4);
  const int rounds = 200;
  double seconds = 0;
  for (int round = 0; round < rounds; ++round) {
    for (uint32_t at = 0; at < workers; ++at) cluster.say(at, heartbeat(worker_id_of(at)));
    const auto from = std::chrono::steady_clock::now();
    cluster.flush();
    seconds += seconds_since(from);
  }
  report("heartbeats_10000_workers", double(rounds) * workers, seconds, "heartbeats");
}

}  // namespace

void bench() {
  placement("placement_1000_workers", 1000);
  placement("placement_10000_workers", 10'000);
  event_on_full_cluster("running_on_full_cluster_1000_waiting_apps", 1000, false);
  event_on_full_cluster("exit_on_full_cluster_1000_waiting_apps", 1000, true);
  event_on_full_cluster("exit_on_full_cluster_0_waiting_apps", 0, true);
  heartbeats(10'000);
  bench_scale();
  bench_recovery();
}

}  // namespace magneto::test

int main() { magneto::test::bench(); }
