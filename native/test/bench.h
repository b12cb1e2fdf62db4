// What the benches share: a cluster that is spoken to in bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "codec/engine.h"
#include "test/messages.h"

namespace magneto::test {

inline constexpr int64_t start_ms = 1769250605000;

double seconds_since(std::chrono::steady_clock::time_point from);

std::string worker_id_of(uint32_t at);
// Idle, of 64 GiB.
WorkerOptions bench_worker(uint32_t at, uint32_t cores);

class Cluster {
 public:
  // Session n is worker n's.
  Cluster(uint32_t workers, uint32_t cores);

  void connect(uint64_t session);
  void disconnect(uint64_t session);
  void say(uint64_t session, const Bytes& message);
  // Steps over what was said; the outbox is valid until the next call.
  std::span<const uint8_t> flush();
  // Returns its session.
  uint64_t application(const ApplicationOptions& options);
  // Somebody looks, who is new the first time: takes all that has changed.
  void read();
  const codec::Engine& engine() const { return engine_; }

 private:
  codec::Engine engine_;
  codec::BatchWriter inbox_;
  uint32_t workers_;
  uint64_t next_application_ = 0;
  bool has_reader_ = false;
};

uint32_t launches(std::span<const uint8_t> outbox, uint64_t* last_session = nullptr);

void bench_scale();
void bench_recovery();

}  // namespace magneto::test
