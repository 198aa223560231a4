// Goal: as lock_model_test.cpp, in more schedules and longer ones.
#include <gtest/gtest.h>

#include "lock/test_schedule.hpp"
#include "support/environment.hpp"

namespace quire::lock {
namespace {

TEST(lock_model, is_what_the_table_does_100_000_times) {
  ScheduleCounts counts;
  const std::uint64_t schedules = 4000 * test::number_from_environment("QUIRE_SEEDS", 25);
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    const std::uint64_t replay = 1'000'000 + seed;
    const std::string problem = Schedule(replay, counts).run(seed % 10 == 0 ? 300 : 60);
    ASSERT_EQ(problem, "") << "seed " << replay;
  }
  EXPECT_GT(counts.deadlocks, schedules / 10);
}

}  // namespace
}  // namespace quire::lock
