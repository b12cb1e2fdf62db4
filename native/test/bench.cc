// Figures of the core alone, bytes in and bytes out, one JSON line each. One thread, no I/O.
#include "test/bench.h"

#include <cstdio>
#include <stdexcept>

namespace magneto::test {

double seconds_since(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

Cluster::Cluster(uint32_t workers, uint32_t cores) : engine_(config({})), workers_(workers) {
  const uint32_t batch = 1000;
  for (uint32_t at = 0; at < workers; ++at) {
    WorkerOptions options;
    options.id = "worker-20260124103005-host" + std::to_string(at) + "-7000";
    options.host = "host" + std::to_string(at);
    options.web_ui_url = "http://" + options.host + ":8081";
    options.cores = cores;
    options.memory_mb = 65536;
    connect(at);
    say(at, register_worker(options));
    if (at % batch == batch - 1) flush();
  }
  flush();
}

void Cluster::connect(uint64_t session) {
  inbox_.add(static_cast<uint32_t>(codec::InboxKind::connected), session, "peer:1");
}

void Cluster::say(uint64_t session, const Bytes& message) {
  inbox_.add(static_cast<uint32_t>(codec::InboxKind::message), session,
             std::span<const uint8_t>(message));
}

std::span<const uint8_t> Cluster::flush() {
  const auto outbox = engine_.step(start_ms, 0, inbox_.view());
  inbox_.reset();
  return outbox;
}

uint64_t Cluster::application(const ApplicationOptions& options) {
  const uint64_t session = workers_ + next_application_++;
  connect(session);
  say(session, register_application(options));
  return session;
}

uint32_t launches(std::span<const uint8_t> outbox, uint64_t* last_session) {
  uint32_t count = 0;
  codec::Record record;
  for (codec::BatchReader all(outbox); all.next(record);) {
    if (record.kind != static_cast<uint32_t>(codec::OutboxKind::send)) continue;
    const auto* message = control::GetMessage(record.payload.data());
    if (message->body_type() != control::Body::LaunchExecutor) continue;
    ++count;
    if (last_session) *last_session = static_cast<uint64_t>(record.session);
  }
  return count;
}

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
    for (uint32_t at = 0; at < workers; ++at)
      cluster.say(at, heartbeat("worker-20260124103005-host" + std::to_string(at) + "-7000"));
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
