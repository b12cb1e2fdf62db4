// What the log says of those who wait, how often, and at what cost.
#include "core/limits.h"
#include "doctest/doctest.h"
#include "test/explain_cluster.h"

namespace magneto::test {

namespace {

using Texts = std::vector<std::string>;
constexpr core::Millis later = core::limits::retell_after_ms;

}  // namespace

TEST_CASE("A6: a waiting application is told of with what would let it start") {
  Cluster cluster;
  cluster.worker("w1", {4, 2048}, {"spark-4.3"});
  const auto large = cluster.app({1, 8192}, "spark-4.3");
  CHECK(cluster.warnings() ==
        Texts{"application.waiting: " + large +
              " waits: no worker with the runtime spark-4.3 has the 8192 MiB (at most 2048) that "
              "an executor takes; lower spark.executor.memory to 2048 MiB or less, to fit w1, or "
              "start a worker that has the runtime spark-4.3 (SPARK_HOME of Spark 4.3), with 1 "
              "core and 8192 MiB or more"});
  cluster.app({4, 1024}, "spark-4.3");
  const auto busy = cluster.app({4, 1024}, "spark-4.3");
  CHECK(cluster.warnings() ==
        Texts{"application.waiting: " + busy +
              " waits: all workers that could host an executor are busy; /api/v1/applications/" +
              busy + "/explain says by whom"});
  const auto few = cluster.app({4, 1024}, "spark-4.3", {.max_cores = 2});
  CHECK(cluster.warnings() ==
        Texts{"application.waiting: " + few +
              " waits: an executor takes 4 cores, but the application may have 2 in all "
              "(spark.cores.max); raise spark.cores.max to 4 or more, or lower "
              "spark.executor.cores to 2 or less"});
}

TEST_CASE("A6: a waiting driver is told of once, its runtime and its limit too") {
  Cluster cluster({.max_drivers = 1});
  cluster.worker("w1", {4, 4096});
  const auto stranger = cluster.driver({1, 1024});
  CHECK(cluster.warnings() ==
        Texts{"driver.waiting: " + stranger +
              " waits: no alive worker has the runtime spark-4.3-driver (they have node); start a "
              "worker that has the runtime spark-4.3-driver (one of Spark 4.3 that hosts "
              "drivers), with 1 core and 1024 MiB or more"});
  cluster.idle_event();
  CHECK(cluster.warnings().empty());
  cluster.worker("w2", {4, 4096}, {"spark-4.3-driver"});
  const auto second = cluster.driver({1, 1024});
  CHECK(cluster.warnings() ==
        Texts{"driver.waiting: " + second +
              " waits: as many drivers run as spark.deploy.maxDrivers of the master allows (1); "
              "it starts when one of them ends, or with a larger spark.deploy.maxDrivers"});
}

TEST_CASE("A6: a reason that a new set of workers has changed is told again, a while later") {
  Cluster cluster;
  const auto app = cluster.app({8, 1024});
  CHECK(cluster.warnings().size() == 1);
  cluster.worker("w1", {4, 4096});
  cluster.idle_event(later - 1);
  CHECK(cluster.warnings().empty());
  cluster.idle_event(1);
  const auto told = cluster.warnings();
  REQUIRE(told.size() == 1);
  CHECK(told[0].starts_with("application.waiting: " + app + " waits: no worker with the runtime "));
  cluster.worker("w2", {4, 4096});  // changes nothing for it
  cluster.idle_event(later);
  cluster.idle_event(later);
  CHECK(cluster.warnings().empty());
}

TEST_CASE("A6, WorkerHealth: each change of a worker's health is in the log once") {
  Cluster cluster;
  cluster.worker("w1", {4, 4096});
  cluster.app({1, 1024});
  cluster.health("w1", false, "full");
  cluster.health("w1", false, "full");
  cluster.health("w1", false, "fuller");
  cluster.health("w1", true);
  cluster.health("w1", true);
  CHECK(cluster.told("worker.unhealthy") ==
        Texts{"w1 is unhealthy and gets nothing new: full; its 4 executors and 0 drivers go on",
              "w1 is still unhealthy: fuller"});
  CHECK(cluster.told("worker.healthy") == Texts{"w1 is healthy again"});
  cluster.warnings();
}

TEST_CASE("A6, WorkerHealth: who waits for an unhealthy worker is told of its report") {
  Cluster cluster;
  cluster.worker("w1", {4, 4096});
  cluster.worker("w2", {4, 4096});
  cluster.app({4, 1024}, "node", {.max_cores = 4});
  const auto second = cluster.app({4, 1024}, "node", {.max_cores = 4});
  REQUIRE(cluster.core.state.find_worker("w1")->executors.front()->application ==
          cluster.application(second).slot);
  cluster.health("w1", false, "hot");
  cluster.end(second);
  cluster.warnings();
  const auto waits = cluster.app({4, 1024});
  CHECK(cluster.warnings() ==
        Texts{"application.waiting: " + waits +
              " waits: all workers that could host an executor are busy; 1 worker that could host "
              "an executor is unhealthy: w1: hot; /api/v1/applications/" +
              waits + "/explain says by whom"});
  cluster.idle_event(later);
  cluster.idle_event(later);
  CHECK(cluster.warnings().empty());
  cluster.health("w1", true);
  CHECK(cluster.told("application.started").size() == 1);
}

TEST_CASE("A6: the end of a wait is told once, and only of who was told of") {
  Cluster cluster;
  const auto waits = cluster.app({1, 1024});
  CHECK(cluster.told("application.started").empty());
  cluster.worker("w1", {4, 4096});
  const Texts once = {waits + " waits no more: an executor starts on w1"};
  CHECK(cluster.told("application.started") == once);
  cluster.end(waits);
  cluster.app({1, 1024});
  CHECK(cluster.told("application.started") == once);
}

TEST_CASE("A6: who has an executor, or asks for none, is not told of") {
  Cluster cluster;
  cluster.app({1, 1024}, "node", {.limit = 0});
  CHECK(cluster.warnings().empty());
  cluster.worker("w1", {1, 1024});
  cluster.app({1, 1024});
  cluster.worker("w2", {1, 512});
  cluster.idle_event(later);
  CHECK(cluster.warnings().empty());
}

TEST_CASE("A6: an event that changes nothing walks no workers, whoever waits") {
  Cluster cluster;
  const uint32_t workers = 50;
  for (uint32_t at = 0; at < workers; ++at) cluster.worker("w" + std::to_string(at), {1, 1024});
  for (uint32_t at = 0; at < 30; ++at) cluster.app({2, 1024});
  CHECK(cluster.core.state.workers_surveyed == workers);  // one demand, one walk
  cluster.idle_event(later);
  cluster.idle_event(later);
  const uint64_t before = cluster.core.state.workers_surveyed;
  CHECK(before <= 2 * workers);
  const auto small = cluster.app({1, 1024});  // takes all
  for (uint32_t at = 0; at < 30; ++at) cluster.idle_event(later);
  cluster.end(small);
  CHECK(cluster.core.state.workers_surveyed == before);
}

TEST_CASE("A6: one event tells again of a bounded number of demands, later ones of the others") {
  Cluster cluster;
  const uint32_t most = core::limits::max_surveys_per_retelling;
  for (uint32_t at = 0; at < 2 * most; ++at) cluster.app({1, 2048 + at});
  CHECK(cluster.warnings().size() == 2 * most);
  cluster.worker("w1", {1, 1024});
  const uint64_t before = cluster.core.state.workers_surveyed;
  cluster.idle_event(later);
  CHECK(cluster.core.state.workers_surveyed - before == most);
  CHECK(cluster.warnings().size() == most);
  for (int at = 0; at < 4; ++at) cluster.idle_event(later);
  CHECK(cluster.core.state.workers_surveyed - before == 2 * most);
  CHECK(cluster.warnings().size() == most);
}

}  // namespace magneto::test
