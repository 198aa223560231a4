// Goal: granted locks never conflict; the queue is fair; nobody waits for nothing; a deadlock is reported if and only if there is one, with the
//       right victims and none too many; nothing is left behind.
// Method: random schedules of five transactions over five keys, against a model that compares everything with everything. Mistakes
//         made on purpose must be found by the same schedules.
#include <gtest/gtest.h>

#include "base/seeded_bug.hpp"
#include "lock/test_schedule.hpp"
#include "support/environment.hpp"

namespace quire::lock {
namespace {

TEST(lock_model, is_what_the_table_does) {
  ScheduleCounts counts;
  const std::uint64_t schedules = 200 * test::number_from_environment("QUIRE_SEEDS", 25);
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    const std::string problem = Schedule(seed, counts).run(60);
    ASSERT_EQ(problem, "") << "seed " << seed;
  }
  // The schedules come to where it is difficult.
  EXPECT_GT(counts.waits, schedules);
  EXPECT_GT(counts.grants_of_waits, schedules / 2);
  EXPECT_GT(counts.deadlocks, schedules / 10);
  EXPECT_GT(counts.several_victims, schedules / 1000);
  EXPECT_GT(counts.timeouts, schedules / 10);
  EXPECT_GT(counts.escalations, schedules / 100);
  EXPECT_GT(counts.waits_again, schedules / 10);
}

class seeded_lock_bugs : public testing::TestWithParam<const char*> {};

TEST_P(seeded_lock_bugs, are_found) {
  const SeededBugScope bug(GetParam());
  ScheduleCounts counts;
  std::string problem;
  std::uint64_t seed = 0;
  while (problem.empty() && seed < 2000) problem = Schedule(++seed, counts).run(60);
  EXPECT_NE(problem, "") << "not found in " << seed << " schedules";
  RecordProperty("found", problem + ", seed " + std::to_string(seed));
}

INSTANTIATE_TEST_SUITE_P(lock_model, seeded_lock_bugs,
                         testing::Values("forget_to_wake", "ignore_earlier_waiters", "trust_the_holder", "forget_to_count", "oldest_gives_way",
                                         "forget_releases", "keep_needless_victims", "wake_to_find_the_next_holder"));

}  // namespace
}  // namespace quire::lock
