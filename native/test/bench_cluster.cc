#include "test/bench.h"

#include <stdexcept>

namespace magneto::test {

double seconds_since(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

std::string worker_id_of(uint32_t at) {
  return "worker-20260124103005-host" + std::to_string(at) + "-7000";
}

WorkerOptions bench_worker(uint32_t at, uint32_t cores) {
  WorkerOptions options;
  options.id = worker_id_of(at);
  options.host = "host" + std::to_string(at);
  options.web_ui_url = "http://" + options.host + ":8081";
  options.cores = cores;
  options.memory_mb = 65536;
  return options;
}

Cluster::Cluster(uint32_t workers, uint32_t cores) : engine_(config({})), workers_(workers) {
  const uint32_t batch = 1000;
  for (uint32_t at = 0; at < workers; ++at) {
    connect(at);
    say(at, register_worker(bench_worker(at, cores)));
    if (at % batch == batch - 1) flush();
  }
  flush();
}

void Cluster::connect(uint64_t session) {
  inbox_.add(static_cast<uint32_t>(codec::InboxKind::connected), session, "peer:1");
}

void Cluster::disconnect(uint64_t session) {
  inbox_.add(static_cast<uint32_t>(codec::InboxKind::disconnected), session, "closed");
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

void Cluster::read() {
  if (engine_.changes(start_ms, !has_reader_, SIZE_MAX).empty())
    throw std::logic_error("a reader is told nothing");
  has_reader_ = true;
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

}  // namespace magneto::test
