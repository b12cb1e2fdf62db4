// What an operator is told about those who wait, and what it costs.
#include <random>

#include "core/limits.h"
#include "doctest/doctest.h"
#include "test/explain_cluster.h"

namespace magneto::test {

namespace {

using core::Limit;
using Texts = std::vector<std::string>;

uint32_t counted(const core::Survey& survey) {
  return survey.ruled_out_by_state + survey.ruled_out_by_runtime + survey.ruled_out_by_cores +
         survey.ruled_out_by_memory + survey.ruled_out_by_resources + survey.fitting;
}

struct Expected {
  std::string reason;
  std::string advice;
};

void check(const core::Explanation& found, Limit limit, const Expected& expected) {
  CHECK(found.limit == limit);
  CHECK(found.reason == expected.reason);
  CHECK(found.advice == expected.advice);
  CHECK(counted(*found.survey) == found.survey->workers);
}

}  // namespace

TEST_CASE("explain: no worker at all") {
  Cluster cluster;
  const auto app = cluster.app({2, 1024}, "spark-4.0");
  const auto why = cluster.first(app);
  check(why, Limit::none,
        {"no worker is registered",
         "start a worker that has the runtime spark-4.0 (SPARK_HOME of Spark 4.0), with 2 cores "
         "and 1024 MiB or more"});
  CHECK(!why.survey->closest.worker);
  CHECK(!why.wanted);
}

TEST_CASE("explain: workers, but none alive") {
  Cluster cluster;
  cluster.worker("w1", {});
  cluster.worker("w2", {});
  cluster.lose("w1");
  cluster.decommission("w2");
  const auto why = cluster.first(cluster.app({1, 1024}));
  check(why, Limit::none,
        {"no worker is alive (1 dead and 1 decommissioned)",
         "start a worker that has the runtime node, with 1 core and 1024 MiB or more"});
  CHECK(why.survey->workers == 2);
  CHECK(why.survey->ruled_out_by_state == 2);
  CHECK(!why.survey->closest.worker);
}

TEST_CASE("WorkerHealth, explain: the only worker that would do is unhealthy") {
  Cluster cluster;
  cluster.worker("w1", {});
  cluster.worker("w2", {});
  cluster.lose("w2");
  cluster.health("w1", false, "/work is 97 % full");
  const auto app = cluster.app({1, 1024});
  const auto why = cluster.first(app);
  check(why, Limit::none,
        {"no worker is alive and healthy (1 dead and 1 unhealthy); 1 worker that could host an "
         "executor is unhealthy: w1: /work is 97 % full",
         "make w1 healthy, or start a worker that has the runtime node, with 1 core and 1024 MiB "
         "or more"});
  CHECK(why.survey->ruled_out_by_state == 2);
  CHECK(why.survey->unhealthy == 1);
  CHECK(why.survey->unhealthy_that_fit == 1);
  const auto large = cluster.first(cluster.app({8, 1024}));
  check(large, Limit::none,
        {"no worker is alive and healthy (1 dead and 1 unhealthy)",
         "start a worker that has the runtime node, with 8 cores and 1024 MiB or more"});
  CHECK(large.survey->unhealthy == 1);
  CHECK(large.survey->unhealthy_that_fit == 0);
}

TEST_CASE("WorkerHealth, explain: healthy workers are too small, unhealthy ones are not") {
  Cluster cluster;
  cluster.worker("w3", {8, 4096});
  cluster.worker("w2", {8, 4096});
  cluster.worker("w1", {4, 4096});
  cluster.worker("w0", {4, 4096});
  for (const char* id : {"w0", "w3", "w2"})
    cluster.health(id, false, std::string("report of ") + id);
  const std::string start =
      "start a worker that has the runtime node, with 8 cores and 1024 MiB or more";
  const auto why = cluster.first(cluster.app({8, 1024}));
  check(why, Limit::none,
        {"no healthy worker with the runtime node has the 8 cores (at most 4) that an executor "
         "takes; 2 workers that could host an executor are unhealthy, such as w2: report of w2",
         "make w2 healthy, or lower executorCores to 4 or less, to fit w1, or " + start});
  CHECK(why.survey->unhealthy == 3);
  CHECK(why.survey->unhealthy_that_fit == 2);
  check(cluster.first(cluster.app({1, 1024}, "spark-4.3")), Limit::none,
        {"no healthy worker has the runtime spark-4.3 (they have node)",
         "start a worker that has the runtime spark-4.3 (SPARK_HOME of Spark 4.3), with 1 core and "
         "1024 MiB or more"});
}

TEST_CASE("WorkerHealth, explain: healthy workers are busy; drivers wait for health too") {
  Cluster cluster;
  cluster.worker("w1", {4, 4096});
  cluster.worker("w2", {4, 4096});
  cluster.health("w2", false, "no space left");
  const auto first = cluster.app({4, 1024}, "node", {.max_cores = 4});
  const auto why = cluster.first(cluster.app({4, 1024}));
  check(why, Limit::none,
        {"the only worker that could host an executor (4 cores and 1024 MiB) is busy: w1 is 4 "
         "cores short now; 1 worker that could host an executor is unhealthy: w2: no space left",
         "it starts when " + first +
             " ends, which holds 4 of 4 cores on w1, or when such a worker "
             "joins"});
  cluster.end(first);
  cluster.health("w1", false);
  const auto driver = cluster.explain(cluster.driver({1, 1024}, {"node"})).at(0);
  CHECK(driver.reason ==
        "no worker is alive and healthy (2 unhealthy); 2 workers that could host the driver are "
        "unhealthy, such as w1: it does not say why");
}

TEST_CASE("WorkerHealth: a long report is cut between characters") {
  Cluster cluster;
  cluster.worker("w1", {});
  std::string report = "x";
  while (report.size() < 2 * core::limits::max_health_report_bytes) report += "\xe2\x82\xac";
  cluster.health("w1", false, report);
  const std::string kept = cluster.core.state.unhealthy.begin()->second;
  CHECK(kept == report.substr(0, kept.size()));
  CHECK(kept.size() == core::limits::max_health_report_bytes);  // 1 + 85 * 3
  cluster.health("w1", false, "xx" + report);
  CHECK(cluster.core.state.unhealthy.begin()->second.size() ==
        core::limits::max_health_report_bytes - 1);
}

TEST_CASE("explain: no worker has the runtime") {
  Cluster cluster;
  cluster.worker("w1", {}, {"node", "spark-4.3"});
  cluster.worker("w2", {}, {"spark-3.5"});
  const auto why = cluster.first(cluster.app({1, 1024}, "spark-4.0"));
  check(why, Limit::none,
        {"no alive worker has the runtime spark-4.0 (they have node, spark-3.5 and spark-4.3)",
         "start a worker that has the runtime spark-4.0 (SPARK_HOME of Spark 4.0), with 1 core and "
         "1024 MiB or more"});
  CHECK(why.survey->ruled_out_by_runtime == 2);
}

TEST_CASE("explain: each kind too small even when idle, with the setting that decides it") {
  Cluster cluster;
  cluster.worker("w1", {4, 2048}, {"spark-4.3"});
  cluster.worker("w2", {2, 4096}, {"spark-4.3"});
  const std::string start =
      ", or start a worker that has the runtime spark-4.3 (SPARK_HOME of Spark 4.3), with ";
  check(cluster.first(cluster.app({8, 1024}, "spark-4.3")), Limit::none,
        {"no worker with the runtime spark-4.3 has the 8 cores (at most 4) that an executor takes",
         "lower spark.executor.cores to 4 or less, to fit w1" + start +
             "8 cores and 1024 MiB or more"});
  check(cluster.first(cluster.app({1, 8192}, "spark-4.3")), Limit::none,
        {"no worker with the runtime spark-4.3 has the 8192 MiB (at most 4096) that an executor "
         "takes",
         "lower spark.executor.memory to 4096 MiB or less, to fit w2" + start +
             "1 core and 8192 MiB or more"});
  check(cluster.first(cluster.app({1, 1024, 2}, "spark-4.3")), Limit::none,
        {"no worker with the runtime spark-4.3 has the 2 gpu (none has any) that an executor takes",
         "ask for no gpu (spark.executor.resource.gpu.amount), to fit w1" + start +
             "1 core, 1024 MiB and 2 gpu or more"});
}

TEST_CASE("explain: several shortages, on one worker or on different ones") {
  Cluster cluster;
  cluster.worker("w1", {4, 8192, 1});
  cluster.worker("w2", {8, 2048});
  check(cluster.first(cluster.app({8, 8192})), Limit::none,
        {"no worker with the runtime node has 8 cores and 8192 MiB at once, as an executor takes; "
         "w1 is closest, 4 cores short",
         "lower executorCores to 4 or less, to fit w1, or start a worker that has the runtime "
         "node, with 8 cores and 8192 MiB or more"});
  const auto why = cluster.first(cluster.app({16, 16384, 2}));
  check(why, Limit::none,
        {"no worker with the runtime node has the 16 cores (at most 8), 16384 MiB (at most 8192) "
         "and 2 gpu (at most 1) that an executor takes",
         "lower executorCores to 4, executorMemory to 8192 MiB and the gpu of each executor to 1 "
         "or less, to fit w1, or start a worker that has the runtime node, with 16 cores, 16384 "
         "MiB and 2 gpu or more"});
  CHECK(why.survey->ruled_out_by_cores == 2);  // each once, though more is missing
  CHECK(why.survey->closest.now.cores == 12);
  CHECK(why.survey->closest.now.memory_mb == 8192);
  CHECK(why.survey->closest.now.resources == core::ResourceAmounts{{"gpu", 1}});
  CHECK(!why.survey->closest.fits_when_idle());
}

TEST_CASE("explain: nobody is told to lower a heap below what Spark's JVM accepts") {
  Cluster cluster;
  cluster.worker("w1", {4, 449}, {"spark-4.3"});
  CHECK(cluster.first(cluster.app({1, 1024}, "spark-4.3")).advice.starts_with("start a worker"));
  cluster.worker("w2", {4, 450}, {"spark-4.3"});
  CHECK(cluster.first(cluster.app({1, 1024}, "spark-4.3"))
            .advice.starts_with("lower spark.executor.memory to 450 MiB or less, to fit w2"));
}

TEST_CASE("explain: another resource profile goes by its number") {
  Cluster cluster;
  cluster.worker("w1", {4, 4096}, {"spark-4.3"});
  const auto app = cluster.app({1, 1024}, "spark-4.3", {.max_cores = 2, .limit = 0});
  cluster.request(app, 3, {1, 8192, 1}, 5);
  const auto all = cluster.explain(app);
  REQUIRE(all.size() == 1);
  CHECK(all[0].profile_id == 3);
  CHECK(all[0].wanted == 5);
  CHECK(
      all[0].advice.starts_with("lower the memory of resource profile 3 to 4096 MiB or less and "
                                "ask for no gpu (the gpu of resource profile 3), to fit w1"));
}

TEST_CASE("explain: a busy worker, and whose end would do") {
  Cluster cluster;
  cluster.worker("w1", {16, 4096});
  const auto small = cluster.app({1, 512}, "node", {.max_cores = 3});
  const auto large = cluster.app({12, 1024}, "node", {.max_cores = 12});
  const auto waits = cluster.app({4, 2048});
  const auto why = cluster.first(waits);
  check(why, Limit::none,
        {"the only worker that could host an executor (4 cores and 2048 MiB) is busy: w1 is 3 "
         "cores and 512 MiB short now",
         "it starts when " + large +
             " ends, which holds 12 of 16 cores on w1, or when such a "
             "worker joins"});
  CHECK(why.survey->ruled_out_by_cores == 1);
  CHECK(why.survey->fitting_when_idle == 1);
  CHECK(why.survey->closest.fits_when_idle());
  cluster.end(large);
  CHECK(cluster.application(waits).executors.size() == 1);  // as it was told
}

TEST_CASE("explain: busy with many, none of whom is enough alone") {
  Cluster cluster;
  cluster.worker("w1", {8, 8192});
  const auto one = cluster.app({5, 1024}, "node", {.max_cores = 5});
  cluster.app({3, 1024}, "node", {.max_cores = 3});
  check(cluster.first(cluster.app({8, 1024})), Limit::none,
        {"the only worker that could host an executor (8 cores and 1024 MiB) is busy: w1 is 8 "
         "cores short now",
         "it starts when enough on w1 ends, where " + one +
             " holds 5 of 8 cores, or when such a "
             "worker joins"});
}

TEST_CASE("explain: all that could are busy, memory or a resource is what lacks") {
  Cluster cluster;
  cluster.worker("w1", {8, 2048, 1});
  cluster.worker("w2", {8, 3072, 1});
  cluster.worker("w3", {1, 1024});
  const auto holds = cluster.app({1, 1024, 1}, "node", {.max_cores = 2});
  cluster.app({2, 2048}, "node", {.max_cores = 2});  // takes what is left of w2
  check(cluster.first(cluster.app({1, 2048}, "node", {.max_cores = 1})), Limit::none,
        {"all 2 workers that could host an executor (1 core and 2048 MiB) are busy: w1 is closest, "
         "1024 MiB short now",
         "it starts when " + holds +
             " ends, which holds 1024 of 2048 MiB on w1, or when such a "
             "worker joins"});
  const auto gpu = cluster.first(cluster.app({1, 512, 1}));
  check(gpu, Limit::none,
        {"all 2 workers that could host an executor (1 core, 512 MiB and 1 gpu) are busy: w1 is "
         "closest, 1 gpu short now",
         "the one that waits before it comes first where it fits; on w1 " + holds +
             " holds 1 of 1 gpu"});
  CHECK(gpu.survey->ruled_out_by_resources == 2);
  CHECK(gpu.survey->ruled_out_by_memory == 1);
}

TEST_CASE("explain, A7: who asked the same earlier is served first") {
  Cluster cluster;
  cluster.worker("w1", {4, 4096});
  const auto holds = cluster.app({4, 1024});
  const auto first = cluster.app({2, 1024}, "node", {.max_cores = 2});
  const auto second = cluster.app({2, 1024}, "node", {.max_cores = 2});
  CHECK(cluster.first(first).limit == Limit::none);
  check(cluster.first(second), Limit::earlier,
        {"the only worker that could host an executor (2 cores and 1024 MiB) is busy: w1 is 2 "
         "cores short now; one that asks the same waits before it",
         "the 2 that wait before it come first where they fit; on w1 " + holds +
             " holds 4 of 4 cores"});
}

TEST_CASE("explain: only its own executors are in its way") {
  Cluster cluster;
  cluster.worker("w1", {4, 4096});
  const auto why = cluster.first(cluster.app({2, 1024}));
  CHECK(why.reason.find("w1 is 2 cores short now") != std::string::npos);
  CHECK(why.advice ==
        "only its own executors run on w1, the closest; to have more of them start a worker that "
        "has the runtime node, with 2 cores and 1024 MiB or more");
}

TEST_CASE("explain, A9, P14: fewer cores allowed than an executor takes") {
  Cluster cluster({.default_cores = 2});
  cluster.worker("w1", {8, 8192}, {"spark-4.3"});
  check(cluster.first(cluster.app({4, 1024}, "spark-4.3", {.max_cores = 3})), Limit::cores_max,
        {"an executor takes 4 cores, but the application may have 3 in all (spark.cores.max)",
         "raise spark.cores.max to 4 or more, or lower spark.executor.cores to 3 or less"});
  check(cluster.first(cluster.app({4, 1024}, "spark-4.3")), Limit::cores_max,
        {"an executor takes 4 cores, but the application may have 2 in all "
         "(spark.deploy.defaultCores of the master)",
         "set spark.cores.max to 4 or more, or lower spark.executor.cores to 2 or less"});
  check(cluster.first(cluster.app({0, 1024}, "spark-4.3", {.max_cores = 0})), Limit::cores_max,
        {"an executor takes 1 core, but the application may have 0 in all (spark.cores.max)",
         "raise spark.cores.max to 1 or more"});
}

TEST_CASE("explain, A9, A15: more executors asked for than the cores allow") {
  Cluster cluster;
  cluster.worker("w1", {8, 8192}, {"spark-4.3"});
  const auto app = cluster.app({2, 1024}, "spark-4.3", {.max_cores = 4, .limit = 5});
  const auto why = cluster.first(app);
  check(why, Limit::cores_max,
        {"it holds 4 of the 4 cores it may have (spark.cores.max), and an executor takes 2",
         "raise spark.cores.max to 6 or more, or let it give back other executors"});
  CHECK(why.wanted == 3);
  CHECK(why.survey->fitting == 1);
}

TEST_CASE("explain, A15: an application that asks for none, and what it would meet") {
  Cluster cluster;
  cluster.worker("w1", {4, 4096}, {"spark-4.3"});
  const auto app = cluster.app({1, 1024}, "spark-4.3", {.limit = 0});
  const auto why = cluster.first(app);
  check(why, Limit::executor_limit,
        {"it asks for no executors now, as dynamic allocation does while no task waits",
         "it starts when its driver asks for executors"});
  CHECK(why.wanted == 0);
  CHECK(why.survey->fitting == 1);
  const auto stranger = cluster.first(cluster.app({1, 1024}, "spark-4.0", {.limit = 0}));
  check(stranger, Limit::executor_limit,
        {"it asks for no executors now, as dynamic allocation does while no task waits; besides, "
         "no alive worker has the runtime spark-4.0 (they have spark-4.3)",
         "it starts when its driver asks for executors; then start a worker that has the runtime "
         "spark-4.0 (SPARK_HOME of Spark 4.0), with 1 core and 1024 MiB or more"});
  CHECK(cluster.warnings().empty());
  const auto node = cluster.first(cluster.app({1, 1024}, "node", {.limit = 0}));
  CHECK(node.reason.starts_with("it asks for no executors now; besides, no alive worker has "));
}

TEST_CASE("explain: who has all that it wants is not explained") {
  Cluster cluster;
  cluster.worker("w1", {8, 8192});
  CHECK(cluster.explain(cluster.app({2, 1024}, "node", {.max_cores = 4})).empty());
  CHECK(cluster.explain(cluster.app({2, 1024}, "node", {.limit = 1})).empty());
}

TEST_CASE("explain, S1: a master that does not lead starts nothing") {
  Cluster cluster;
  cluster.worker("w1", {4, 4096});
  const auto app = cluster.app({8, 1024});
  cluster.application(app).state = core::ApplicationState::unknown;
  check(cluster.first(app), Limit::master_state,
        {"the master is recovering, and this application has not answered it yet",
         "it starts when its driver has answered, and ends when the recovery does without that"});
  cluster.application(app).state = core::ApplicationState::waiting;
  cluster.application(app).held = true;
  check(cluster.first(app), Limit::master_state,
        {"it has a limit, and workers that the master waits for may run executors of it",
         "it starts when all workers have answered, or after the grace time of the recovery"});
  cluster.core.state.master = core::MasterState::standby;
  check(cluster.first(app), Limit::master_state,
        {"this master is STANDBY, and only the leader starts anything",
         "it starts when this master is elected"});
}

TEST_CASE("explain, A3: drivers by their own settings, any one of their runtimes") {
  Cluster cluster;
  cluster.worker("w1", {4, 4096});
  const auto stranger = cluster.first(cluster.driver({1, 1024}));
  check(stranger, Limit::none,
        {"no alive worker has the runtime spark-4.3-driver (they have node)",
         "start a worker that has the runtime spark-4.3-driver (one of Spark 4.3 that hosts "
         "drivers), with 1 core and 1024 MiB or more"});
  CHECK(stranger.wanted == 1);
  cluster.worker("w2", {4, 4096}, {"spark-4.2", "spark-4.2-driver"});
  const auto large =
      cluster.first(cluster.driver({8, 8192, 1}, {"spark-4.2-driver", "spark-4.3-driver"}));
  check(large, Limit::none,
        {"no worker with one of the runtimes spark-4.2-driver, spark-4.3-driver has the 8 cores "
         "(at most 4), 8192 MiB (at most 4096) and 1 gpu (none has any) that the driver takes",
         "lower spark.driver.cores to 4 and spark.driver.memory to 4096 MiB or less and ask for no "
         "gpu (spark.driver.resource.gpu.amount), to fit w2, or start a worker that has one of the "
         "runtimes spark-4.2-driver, spark-4.3-driver, with 8 cores, 8192 MiB and 1 gpu or more"});
  CHECK(large.survey->ruled_out_by_runtime == 1);
}

TEST_CASE("explain, A2: a driver waits for another, and its equals in order") {
  Cluster cluster;
  cluster.worker("w1", {4, 4096}, {"spark-4.3", "spark-4.3-driver"});
  const auto runs = cluster.driver({3, 1024});
  const auto first = cluster.driver({2, 1024});
  const auto second = cluster.driver({2, 1024});
  check(cluster.first(first), Limit::none,
        {"the only worker that could host the driver (2 cores and 1024 MiB) is busy: w1 is 1 core "
         "short now",
         "it starts when " + runs +
             " ends, which holds 3 of 4 cores on w1, or when such a worker "
             "joins"});
  const auto why = cluster.first(second);
  CHECK(why.limit == Limit::earlier);
  CHECK(why.reason.ends_with("1 core short now; one that asks the same waits before it"));
}

TEST_CASE("explain, A5: as many drivers as the master allows") {
  Cluster cluster({.max_drivers = 1});
  cluster.worker("w1", {4, 4096}, {"spark-4.3-driver"});
  cluster.driver({1, 1024});
  const auto why = cluster.first(cluster.driver({1, 1024}));
  check(why, Limit::max_drivers,
        {"as many drivers run as spark.deploy.maxDrivers of the master allows (1)",
         "it starts when one of them ends, or with a larger spark.deploy.maxDrivers"});
  CHECK(why.survey->fitting == 1);
  const auto large = cluster.first(cluster.driver({5, 1024}));
  CHECK(large.limit == Limit::max_drivers);
  CHECK(large.reason.find("; besides, no worker with the runtime spark-4.3-driver has the 5 cores "
                          "(at most 4)") != std::string::npos);
}

TEST_CASE("explain: the closest worker, and ties to the smaller id") {
  Cluster cluster;
  const core::Demand demand{{"node"}, 4, 4096, {{"gpu", 2}}};
  const auto closest = [&] {
    const auto found = core::survey(cluster.core.state, demand).closest;
    return found.worker ? std::string(found.worker->id()) : std::string();
  };
  CHECK(closest() == "");
  cluster.worker("w0", {64, 65536, 8}, {"spark-4.3"});
  CHECK(closest() == "");
  cluster.worker("w9", {2, 2048});
  CHECK(closest() == "w9");  // three kinds
  cluster.worker("w8", {4, 1024});
  CHECK(closest() == "w8");  // two kinds
  cluster.worker("w7", {4, 2048});
  CHECK(closest() == "w7");  // two kinds, less of the memory
  cluster.worker("w6", {4, 2048});
  CHECK(closest() == "w6");  // the same
  cluster.worker("w5", {4, 1, 2});
  CHECK(closest() == "w5");  // one kind, much of it
  cluster.worker("w4", {4, 4096, 2});
  CHECK(closest() == "w4");  // fits
  cluster.app({4, 1024}, "node", {.max_cores = 4});
  cluster.app({4, 1024}, "node", {.max_cores = 16});
  CHECK(closest() == "w4");  // busy, but fits when idle
}

TEST_CASE("explain: random clusters, counted by hand") {
  std::mt19937_64 random(7);
  const auto pick = [&](uint32_t below) { return static_cast<uint32_t>(random() % below); };
  const std::vector<std::vector<std::string>> runtimes = {{"a"}, {"b"}, {"a", "b"}, {"c"}};
  size_t fitted = 0;
  size_t none = 0;
  for (int round = 0; round < 300; ++round) {
    Cluster cluster;
    for (uint32_t at = pick(8); at > 0; --at)
      cluster.worker("w" + std::to_string(at), {1 + pick(6), 512 * (1 + pick(6)), pick(3)},
                     runtimes[pick(4)]);
    for (uint32_t at = pick(4); at > 0; --at)
      cluster.app({1 + pick(3), 512, pick(2)}, pick(2) ? "a" : "b", {.max_cores = pick(9)});
    if (pick(2) && cluster.core.state.find_worker("w1")) cluster.lose("w1");
    if (pick(2) && cluster.core.state.find_worker("w2")) cluster.decommission("w2");
    core::Demand demand{runtimes[pick(4)], 1 + pick(6), 512 * (1 + pick(6)), {}};
    const uint32_t gpus = pick(3);
    if (gpus > 0) demand.resources = {{"gpu", gpus}};
    uint32_t fitting = 0;
    uint32_t idle = 0;
    uint32_t having = 0;
    cluster.core.state.workers.each([&](core::WorkerSlot, const core::Worker& worker) {
      bool has = false;
      for (const core::Runtime* each : *worker.runtimes)
        for (const std::string& name : demand.runtimes) has = has || each->name == name;
      if (worker.state != core::WorkerState::alive || !has) return;
      ++having;
      uint32_t all_gpus = 0;
      uint32_t free_gpus = 0;
      for (const core::ResourcePool& pool : worker.resources) {
        all_gpus = static_cast<uint32_t>(pool.addresses.size());
        free_gpus = pool.free;
      }
      const bool large =
          worker.cores >= demand.cores && worker.memory_mb >= demand.memory_mb && all_gpus >= gpus;
      const bool fits = worker.cores - worker.cores_used >= demand.cores &&
                        worker.memory_mb - worker.memory_used_mb >= demand.memory_mb &&
                        free_gpus >= gpus;
      fitting += fits ? 1 : 0;
      idle += large && !fits ? 1 : 0;
    });
    const core::Survey found = core::survey(cluster.core.state, demand);
    REQUIRE(found.workers == cluster.core.state.workers.size());
    REQUIRE(counted(found) == found.workers);
    REQUIRE(found.fitting == fitting);
    REQUIRE(found.fitting_when_idle == idle);
    REQUIRE(found.with_runtime() == having);
    REQUIRE((found.closest.worker == nullptr) == (having == 0));
    if (fitting > 0) REQUIRE(found.closest.now.kinds() == 0);
    if (fitting + idle > 0) REQUIRE(found.closest.fits_when_idle());
    fitted += fitting;
    none += having == 0 ? 1 : 0;
  }
  CHECK(fitted > 0);
  CHECK(none > 0);
}

TEST_CASE("explain, A1: who waits under no limit fits on no worker") {
  std::mt19937_64 random(11);
  const auto pick = [&](uint32_t below) { return static_cast<uint32_t>(random() % below); };
  size_t unlimited = 0;
  for (int round = 0; round < 200; ++round) {
    Cluster cluster;
    std::vector<std::string> apps;
    for (int event = 0; event < 20; ++event) {
      const Size size{1 + pick(4), 512 * (1 + pick(4)), pick(2)};
      const uint32_t dice = pick(8);
      if (dice < 2)
        cluster.worker("w" + std::to_string(event), size, {"node", "spark-4.3-driver"});
      else if (dice < 5)
        apps.push_back(cluster.app(size, "node", {.max_cores = pick(12)}));
      else if (dice < 6)
        cluster.driver(size);
      else if (dice < 7 && !apps.empty())
        cluster.request(apps[pick(uint32_t(apps.size()))], pick(3), size, pick(5));
      const auto view = cluster.explain_all();
      for (const core::Explanation& each : view) {
        REQUIRE(counted(*each.survey) == each.survey->workers);
        REQUIRE(!each.reason.empty());
        REQUIRE(!each.advice.empty());
        if (each.limit != Limit::none && each.limit != Limit::earlier) continue;
        REQUIRE(each.survey->fitting == 0);
        ++unlimited;
      }
    }
  }
  CHECK(unlimited > 0);
}

TEST_CASE("explain: one walk for each demand that differs, and a bound on them") {
  Cluster cluster;
  for (uint32_t at = 0; at < 10; ++at) cluster.worker("w" + std::to_string(at), {1, 1024});
  std::vector<std::string> ids;
  for (uint32_t at = 0; at < 20; ++at) ids.push_back(cluster.app({2, 1024}));
  core::Explainer same(cluster.core);
  for (const std::string& id : ids) CHECK(same.explain(cluster.application(id)).size() == 1);
  CHECK(same.workers_visited() == 10);
  const uint32_t most = core::limits::max_surveys_per_view;
  for (uint32_t at = 1; at <= most; ++at) ids.push_back(cluster.app({2, 1024 + at}));
  core::Explainer many(cluster.core);
  for (const std::string& id : ids) {
    const auto all = many.explain(cluster.application(id));
    REQUIRE(all.size() == 1);
    const bool is_last = id == ids.back();
    CHECK(all[0].reason.starts_with("not explained: too many different demands wait") == is_last);
    CHECK(all[0].survey->workers == (is_last ? 0u : 10u));
  }
  CHECK(many.workers_visited() == 10 * most);
  core::Explainer few(cluster.core, 15);  // two walks, however few demands that is
  for (const std::string& id : ids) CHECK(few.explain(cluster.application(id)).size() == 1);
  CHECK(few.workers_visited() == 20);
}

}  // namespace magneto::test
