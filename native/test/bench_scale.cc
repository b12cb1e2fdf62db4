// How the core grows with the cluster: the cost of single events and the bytes that each thing
// takes. Costs are of a whole step (decode, decide, encode) of one message; the figure is the
// median, since other processes share the machine.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>

#include "test/bench.h"

namespace {

size_t live_bytes = 0;

}  // namespace

// What the allocator really set aside, its rounding included.
void* operator new(size_t size) {
  void* const at = std::malloc(size);
  if (!at) throw std::bad_alloc();
  live_bytes += malloc_usable_size(at);
  return at;
}
void operator delete(void* at) noexcept {
  if (at) live_bytes -= malloc_usable_size(at);
  std::free(at);
}
void operator delete(void* at, size_t) noexcept { operator delete(at); }

namespace magneto::test {

namespace {

constexpr uint32_t sizes[] = {100, 1'000, 10'000, 100'000};
constexpr uint32_t rounds = 2'000;
constexpr uint32_t cores = 4;

void report(const char* what, uint32_t workers, double value, const char* unit, const char* note) {
  std::printf("{\"name\":\"%s, %u workers\",\"value\":%.4f,\"unit\":\"%s\",\"note\":\"%s\"}\n",
              what, workers, value, unit, note);
}

double median(std::vector<double>& samples) {
  const auto middle = samples.begin() + static_cast<ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

// The median microseconds of the steps that `say` prepares; each must place `placed` executors.
template <class Say>
double microseconds(Cluster& cluster, uint32_t placed, Say say) {
  std::vector<double> samples;
  for (uint32_t round = 0; round < rounds; ++round) {
    say(round);
    const auto from = std::chrono::steady_clock::now();
    const auto outbox = cluster.flush();
    samples.push_back(seconds_since(from) * 1e6);
    if (launches(outbox) != placed) throw std::logic_error("the bench measured something else");
  }
  return median(samples);
}

ApplicationOptions one_core_executors() {
  ApplicationOptions options;
  options.profile.cores = 1;
  return options;
}

// A cluster that is full, with one application that wants more than there is.
void event_without_placement(uint32_t workers) {
  Cluster cluster(workers, cores);
  const uint64_t session = cluster.application(one_core_executors());
  cluster.flush();
  const Bytes same = request_executors("app-20260124103005-0000", {{ProfileOptions{}, 2'000'000}});
  const double cost = microseconds(cluster, 0, [&](uint32_t) { cluster.say(session, same); });
  report("event that places nothing", workers, cost, "us",
         "RequestExecutors on a full cluster, median; limit: verifying and decoding it");
}

// One more executor asked for on a half empty cluster, each time for another application.
void one_placement(uint32_t workers) {
  Cluster cluster(workers, cores);
  ApplicationOptions half = one_core_executors();
  half.max_cores = workers * cores / 2;
  cluster.application(half);
  ApplicationOptions options = one_core_executors();
  options.limit = 0;
  const uint64_t session = cluster.application(options);
  cluster.flush();
  uint32_t total = 0;
  const auto more = [&](uint32_t round) {
    if (round % (workers * cores / 4) == 0 && round > 0) {  // start over before it is full
      std::vector<std::string> ids;
      const Bytes none = request_executors("app-20260124103005-0001", {{ProfileOptions{}, 0}});
      cluster.say(session, none);
      for (uint32_t id = round - total; id < round; ++id) ids.push_back(std::to_string(id));
      cluster.say(session, kill_executors("app-20260124103005-0001", ids));
      cluster.flush();
      total = 0;
    }
    const Bytes one = request_executors("app-20260124103005-0001", {{ProfileOptions{}, ++total}});
    cluster.say(session, one);
  };
  report("one placement", workers, microseconds(cluster, 1, more), "us",
         "RequestExecutors for one more, half empty cluster, median; limit: moving the worker "
         "in its index, writing two messages");
}

void one_executor_a_worker(uint32_t workers) {
  Cluster cluster(workers, cores);
  ApplicationOptions options;
  options.profile.cores = cores;
  cluster.application(options);
  const auto from = std::chrono::steady_clock::now();
  const auto outbox = cluster.flush();
  const double seconds = seconds_since(from);
  if (launches(outbox) != workers) throw std::logic_error("the bench measured something else");
  report("application of one executor a worker", workers, seconds * 1e3, "ms",
         "one step; limit: writing LaunchExecutor with the description for each, memory bandwidth");
}

void registration(uint32_t workers) {
  const auto from = std::chrono::steady_clock::now();
  const Cluster cluster(workers, cores);
  report("registration of a worker", workers, seconds_since(from) * 1e6 / workers, "us",
         "mean, building the message included; limit: five indexes, cache misses");
}

void report_bytes(const char* what, size_t before, uint32_t count, const char* note) {
  std::printf("{\"name\":\"memory of %s\",\"value\":%.1f,\"unit\":\"bytes\",\"note\":\"%s\"}\n",
              what, static_cast<double>(live_bytes - before) / count, note);
}

// Live bytes of many of a kind, each made in small batches so that buffers do not count.
void memory() {
  const uint32_t many = 100'000;
  const uint32_t batch = 1'000;
  size_t before = live_bytes;
  Cluster cluster(many, cores);
  report_bytes("a worker", before, many, "idle, its session included, mean of 100000");

  ApplicationOptions options = one_core_executors();
  for (const uint32_t executors : {0u, 1u}) {
    options.limit = executors;
    before = live_bytes;
    for (uint32_t at = 0; at < many / 10; ++at) {
      cluster.application(options);
      if (launches(cluster.flush()) != executors)
        throw std::logic_error("the bench measured something else");
    }
    report_bytes(executors == 0 ? "an application" : "an application with one executor", before,
                 many / 10, "one profile, a description of 200 bytes in it, mean of 10000");
  }

  before = live_bytes;
  for (uint32_t total = batch; total <= many; total += batch) {
    cluster.say(many, request_executors("app-20260124103005-0000", {{ProfileOptions{}, total}}));
    if (launches(cluster.flush()) != batch)
      throw std::logic_error("the bench measured something else");
  }
  report_bytes("an executor", before, many, "of one application, mean of 100000");
}

}  // namespace

void bench_scale() {
  for (const uint32_t workers : sizes) {
    registration(workers);
    event_without_placement(workers);
    one_placement(workers);
    one_executor_a_worker(workers);
  }
  memory();
}

}  // namespace magneto::test
