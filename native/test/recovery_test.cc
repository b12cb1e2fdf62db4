// Random histories in which masters die: nothing that was promised is lost, no id comes twice.
#include "doctest/doctest.h"
#include "test/recovery_world.h"

namespace magneto::test {

TEST_CASE("H8, H9, A18, P17: leaders that die at any moment lose nothing that was promised") {
  uint64_t recoveries = 0;
  uint64_t taken_over = 0;
  for (uint64_t seed = 1; seed <= 80; ++seed) {
    INFO("seed ", seed);
    RecoveryWorld world(seed);
    for (int crash = 0; crash < 5; ++crash) {
      for (uint64_t steps = 20 + seed % 60; steps > 0; --steps) world.step();
      world.crash();
    }
    recoveries += world.recoveries();
    taken_over += world.taken_over();
  }
  CHECK(recoveries > 100);
  CHECK(taken_over > 100);
}

}  // namespace magneto::test
