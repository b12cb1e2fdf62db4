// What the benches share: a cluster that is spoken to in bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

#include "codec/engine.h"
#include "test/messages.h"

namespace magneto::test {

inline constexpr int64_t start_ms = 1769250605000;

double seconds_since(std::chrono::steady_clock::time_point from);

class Cluster {
 public:
  // Idle workers of 64 GiB; session n is worker n's.
  Cluster(uint32_t workers, uint32_t cores);

  void connect(uint64_t session);
  void say(uint64_t session, const Bytes& message);
  // Steps over what was said; the outbox is valid until the next call.
  std::span<const uint8_t> flush();
  // Returns its session.
  uint64_t application(const ApplicationOptions& options);

 private:
  codec::Engine engine_;
  codec::BatchWriter inbox_;
  uint32_t workers_;
  uint64_t next_application_ = 0;
};

uint32_t launches(std::span<const uint8_t> outbox, uint64_t* last_session = nullptr);

void bench_scale();
void bench_recovery();

}  // namespace magneto::test
