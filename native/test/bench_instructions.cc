// The hot paths of core and codec, each driven a fixed number of times, for callgrind to count
// what one costs (scripts/instructions.mjs). `run` alone lists the paths, `run PATH` takes one and
// prints how many operations were counted. Everything but the counted part is set up before it or
// with the counter off. What follows a comma in a name is the size of the cluster: paths that
// differ in nothing else are one path in clusters of several sizes.
#include <cstdio>
#include <functional>
#include <stdexcept>

#include "codec/decode.h"
#include "codec/gen/view_generated.h"
#include "test/bench.h"

#if !__has_include(<valgrind/callgrind.h>)
#error "valgrind's headers are missing (Debian: valgrind, Fedora: valgrind-devel)"
#endif
#include <valgrind/callgrind.h>

namespace magneto::test {

namespace {

constexpr uint32_t cores = 4;
constexpr uint32_t rounds = 200;

// What runs before the first one is not even instrumented, which is ten times as fast.
struct Counted {
  Counted() {
    CALLGRIND_START_INSTRUMENTATION;  // nothing when it has started
    CALLGRIND_TOGGLE_COLLECT;
  }
  ~Counted() { CALLGRIND_TOGGLE_COLLECT; }
  Counted(const Counted&) = delete;
};

std::span<const uint8_t> counted_flush(Cluster& cluster) {
  const Counted counted;
  return cluster.flush();
}

void counted_read(Cluster& cluster) {
  const Counted counted;
  cluster.read();
}

// Whether somebody looks at the cluster, after each operation; and what is counted then.
enum class Reader { none, reads, counted };

void expect(bool holds) {
  if (!holds) throw std::logic_error("it counted something else");
}

std::string app_id_of(uint32_t number) {
  const std::string digits = std::to_string(number);
  return "app-20260124103005-" + std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') +
         digits;
}

// Spread over the cluster, so that no cache and no end of an index is favoured.
uint32_t some_worker(uint32_t round, uint32_t workers) { return round * 7919 % workers; }

ApplicationOptions application_of(uint32_t max_cores, uint32_t number = 0) {
  ApplicationOptions options;
  options.name = "SparkPi";
  options.driver = "driver-host:" + std::to_string(number);
  options.max_cores = max_cores;
  options.profile.cores = 1;
  return options;
}

struct Launched {
  uint64_t session = 0;
  uint32_t executor_id = 0;
};

std::vector<Launched> launched(std::span<const uint8_t> outbox) {
  std::vector<Launched> all;
  codec::Record record;
  for (codec::BatchReader records(outbox); records.next(record);) {
    if (record.kind != static_cast<uint32_t>(codec::OutboxKind::send)) continue;
    const auto* message = control::GetMessage(record.payload.data());
    if (const auto* launch = message->body_as_LaunchExecutor())
      all.push_back({static_cast<uint64_t>(record.session), launch->executor_id()});
  }
  return all;
}

// A cluster whose every core the application number 0 has.
struct FullCluster {
  explicit FullCluster(uint32_t workers, uint32_t waiting = 0) : cluster(workers, cores) {
    session = cluster.application(application_of(workers * cores));
    executors = launched(cluster.flush());
    expect(executors.size() == workers * cores);
    for (uint32_t at = 0; at < waiting; ++at) cluster.application(application_of(8, at + 1));
    cluster.flush();
  }
  // The executors of some workers say that they are in the state. Returns those in their place.
  std::vector<Launched> report(core::ExecutorState state, bool count,
                               Reader reader = Reader::none) {
    if (reader != Reader::none) cluster.read();
    StateOptions options;
    options.app_id = app_id_of(0);
    options.state = state;
    if (state == core::ExecutorState::exited) options.exit_status = 0;
    std::vector<Launched> replaced;
    for (uint32_t round = 0; round < rounds; ++round) {
      const Launched& executor = executors[round * 7919 % executors.size()];
      options.executor_id = executor.executor_id;
      cluster.say(executor.session, state_changed(options));
      const auto outbox = count ? counted_flush(cluster) : cluster.flush();
      for (const Launched& each : launched(outbox)) replaced.push_back(each);
      if (reader == Reader::reads) cluster.read();
      if (reader == Reader::counted) counted_read(cluster);
    }
    return replaced;
  }

  Cluster cluster;
  uint64_t session = 0;
  std::vector<Launched> executors;
};

uint32_t heartbeats(uint32_t workers, bool with_reader) {
  Cluster cluster(workers, cores);
  if (with_reader) cluster.read();
  for (uint32_t round = 0; round < rounds; ++round) {
    const uint32_t at = some_worker(round, workers);
    cluster.say(at, heartbeat(worker_id_of(at)));
    counted_flush(cluster);
    if (with_reader) cluster.read();
  }
  return rounds;
}

uint32_t registrations(uint32_t workers) {
  Cluster cluster(workers, cores);
  for (uint32_t at = workers; at < workers + rounds; ++at) {
    cluster.connect(at);
    cluster.say(at, register_worker(bench_worker(at, cores)));
    counted_flush(cluster);
  }
  expect(cluster.engine().core().state.workers.size() == workers + rounds);
  return rounds;
}

uint32_t lost_workers(uint32_t workers) {
  FullCluster full(workers);
  for (uint32_t round = 0; round < rounds; ++round) {
    full.cluster.disconnect(some_worker(round, workers));
    counted_flush(full.cluster);
  }
  expect(full.cluster.engine().core().state.by_heartbeat.size() == workers - rounds);
  return rounds;
}

// As many more as the history holds have ended before, so that each end drops its share of it.
uint32_t small_applications(uint32_t workers, bool count_ends) {
  Cluster cluster(workers, cores);
  const uint32_t before = 300;
  for (uint32_t number = 0; number < before + rounds; ++number) {
    const bool count = number >= before;
    const uint64_t session = cluster.application(application_of(1, number));
    const auto executors =
        launched(count && !count_ends ? counted_flush(cluster) : cluster.flush());
    expect(executors.size() == 1);
    StateOptions state;
    state.app_id = app_id_of(number);
    cluster.say(executors[0].session, state_changed(state));
    cluster.flush();
    cluster.say(session, unregister_application(state.app_id));
    if (count && count_ends)
      counted_flush(cluster);
    else
      cluster.flush();
    state.state = core::ExecutorState::killed;
    cluster.say(executors[0].session, state_changed(state));
    cluster.flush();
    cluster.disconnect(session);
    cluster.flush();
  }
  expect(cluster.engine().core().state.applications.size() == 0);
  return rounds;
}

uint32_t whole_cluster(uint32_t workers, bool with_reader) {
  Cluster cluster(workers, cores);
  if (with_reader) cluster.read();
  cluster.application(application_of(workers * cores));
  expect(launches(counted_flush(cluster)) == workers * cores);
  return workers * cores;
}

uint32_t running(uint32_t workers, uint32_t waiting) {
  FullCluster full(workers, waiting);
  expect(full.report(core::ExecutorState::running, true).empty());
  return rounds;
}

uint32_t exited(uint32_t workers, uint32_t waiting) {
  FullCluster full(workers, waiting);
  full.report(core::ExecutorState::running, false);
  expect(full.report(core::ExecutorState::exited, true).size() == rounds);
  return rounds;
}

uint32_t exited_with_reader(uint32_t workers, Reader reader) {
  FullCluster full(workers, 100);
  full.report(core::ExecutorState::running, false);
  const bool count = reader != Reader::counted;
  expect(full.report(core::ExecutorState::exited, count, reader).size() == rounds);
  return rounds;
}

// As a driver with dynamic allocation asks: each time for one more.
uint32_t one_more_executor(uint32_t workers) {
  Cluster cluster(workers, cores);
  ApplicationOptions options = application_of(workers * cores);
  options.limit = 0;
  const uint64_t session = cluster.application(options);
  cluster.flush();
  for (uint32_t round = 0; round < rounds; ++round) {
    cluster.say(session, request_executors(app_id_of(0), {{ProfileOptions{}, round + 1}}));
    expect(launches(counted_flush(cluster)) == 1);
  }
  return rounds;
}

uint32_t requests_on_full_cluster(uint32_t workers) {
  FullCluster full(workers);
  for (uint32_t round = 0; round < rounds; ++round) {
    full.cluster.say(full.session,
                     request_executors(app_id_of(0), {{ProfileOptions{}, 1'000'000}}));
    expect(launches(counted_flush(full.cluster)) == 0);
  }
  return rounds;
}

uint32_t drivers(uint32_t workers) {
  Cluster cluster(workers, cores);
  const uint64_t session = 1u << 31;
  cluster.connect(session);
  for (uint32_t round = 0; round < rounds; ++round) {
    cluster.say(session, submit_driver({}));
    counted_flush(cluster);
  }
  const core::State& state = cluster.engine().core().state;
  expect(state.drivers.size() == rounds && state.waiting_drivers.empty());
  return rounds;
}

uint32_t views(uint32_t workers) {
  const FullCluster full(workers);
  const Counted counted;
  expect(!full.cluster.engine().view(start_ms).empty());
  return 1;
}

// Of those at the end of the queue: the page of the newest.
uint32_t explanations(uint32_t waiting) {
  const FullCluster full(100, waiting);
  std::vector<std::string> ids;
  for (uint32_t at = 0; at < rounds; ++at) ids.push_back(app_id_of(waiting - at));
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(view::CreateExplainRequest(builder, builder.CreateVectorOfStrings(ids)));
  const Counted counted;
  expect(!full.cluster.engine().explain({builder.GetBufferPointer(), builder.GetSize()}).empty());
  return rounds;
}

uint32_t decoded(const Bytes& message) {
  codec::Decoder decoder;
  for (uint32_t round = 0; round < rounds; ++round) {
    const Counted counted;
    decoder.decode(message);
  }
  return rounds;
}

uint32_t encoded(const core::Outgoing& message) {
  codec::Encoder encoder({"spark://master:7077", "http://master:8080", 60'000, 0});
  for (uint32_t round = 0; round < rounds; ++round) {
    encoder.begin({});
    const Counted counted;
    encoder.send(1, 0, message);
  }
  return rounds;
}

struct Path {
  std::string name;
  std::function<uint32_t()> run;  // how many operations were counted
};

std::vector<Path> decodings() {
  StateOptions state;
  state.app_id = app_id_of(0);
  const Bytes targets = request_executors(app_id_of(0), {{ProfileOptions{}, 10}});
  const auto path = [](const char* message, const Bytes& bytes) {
    return Path{std::string("decode ") + message, [bytes] { return decoded(bytes); }};
  };
  return {path("WorkerHeartbeat", heartbeat(worker_id_of(0))),
          path("RegisterWorker", register_worker(bench_worker(0, cores))),
          path("RegisterApplication", register_application(application_of(1))),
          path("ExecutorStateChanged", state_changed(state)),
          path("RequestExecutors", targets),
          path("RequestSubmitDriver", submit_driver({})),
          path("UnregisterApplication", unregister_application(app_id_of(0)))};
}

std::vector<Path> encodings() {
  static const Bytes description(200, 'd');
  core::LaunchExecutor launch{"app-20260124103005-0000", 7, 0, 1, 1024, {}, description};
  const core::ExecutorAdded added{7, "worker-20260124103005-host7-7000", "host7", 7000, 1, 1024};
  core::ExecutorUpdated updated;
  updated.executor_id = 7;
  const core::Outgoing driver = core::LaunchDriver{"driver-20260124103005-0000", description, {}};
  const auto path = [](const char* message, const core::Outgoing& outgoing) {
    return Path{std::string("encode ") + message, [outgoing] { return encoded(outgoing); }};
  };
  return {path("WorkerRegistered", core::WorkerRegistered{}),
          path("ApplicationRegistered", core::ApplicationRegistered{"app-20260124103005-0000"}),
          path("LaunchExecutor", launch),
          path("ExecutorAdded", added),
          path("ExecutorUpdated", updated),
          path("KillExecutor", core::KillExecutor{"app-20260124103005-0000", 7}),
          path("Reply", core::Reply{1, true}),
          path("LaunchDriver", driver)};
}

std::vector<Path> paths() {
  std::vector<Path> all;
  for (const uint32_t workers : {1'000u, 10'000u}) {
    const auto add = [&](const std::string& name, auto run) {
      all.push_back({name + ", " + std::to_string(workers) + " workers",
                     [run, workers] { return run(workers); }});
    };
    add("heartbeat", [](uint32_t of) { return heartbeats(of, false); });
    add("heartbeat with a reader", [](uint32_t of) { return heartbeats(of, true); });
    add("registration of a worker", registrations);
    add("loss of a worker with 4 executors", lost_workers);
    add("registration of an application with one executor",
        [](uint32_t of) { return small_applications(of, false); });
    add("end of an application with one executor",
        [](uint32_t of) { return small_applications(of, true); });
    add("one executor of an application over the whole cluster",
        [](uint32_t of) { return whole_cluster(of, false); });
    add("one executor of an application over the whole cluster with a reader",
        [](uint32_t of) { return whole_cluster(of, true); });
    add("one executor more", one_more_executor);
    add("RequestExecutors on a full cluster", requests_on_full_cluster);
    add("submission of a driver", drivers);
    for (const uint32_t waiting : {100u, 1'000u}) {
      const std::string with = ", " + std::to_string(waiting) + " waiting applications";
      add("RUNNING on a full cluster" + with,
          [waiting](uint32_t of) { return running(of, waiting); });
      add("EXITED on a full cluster" + with,
          [waiting](uint32_t of) { return exited(of, waiting); });
    }
    add("EXITED on a full cluster with a reader, 100 waiting applications",
        [](uint32_t of) { return exited_with_reader(of, Reader::reads); });
    add("what a reader is told of an EXITED, 100 waiting applications",
        [](uint32_t of) { return exited_with_reader(of, Reader::counted); });
  }
  all.push_back({"why one of the last 200 of 10000 waits", [] { return explanations(10'000); }});
  all.push_back({"view of 1000 workers and 4000 executors", [] { return views(1'000); }});
  for (const Path& path : decodings()) all.push_back(path);
  for (const Path& path : encodings()) all.push_back(path);
  return all;
}

}  // namespace

int bench_instructions(int count, const char* const* arguments) {
  for (const Path& path : paths()) {
    if (count < 2) {
      std::printf("%s\n", path.name.c_str());
    } else if (path.name == arguments[1]) {
      std::printf("%u\n", path.run());
      return 0;
    }
  }
  return count < 2 ? 0 : 1;
}

}  // namespace magneto::test

int main(int count, char** arguments) {
  return magneto::test::bench_instructions(count, arguments);
}
