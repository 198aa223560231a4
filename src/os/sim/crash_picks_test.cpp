// Goal: random decisions reach every alternative, and now and then keep all or nothing; a cut keeps exactly
//       a prefix.
// Method: counts over seeds; slots made by hand.
#include "os/sim/crash_picks.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace quire::os {
namespace {

TEST(crash_picks, reach_every_alternative) {
  std::set<std::uint32_t> chosen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    RandomPick pick(random);
    chosen.insert(pick.choose_among(3, 5));  // three versions and a torn one
  }
  EXPECT_EQ(chosen, (std::set<std::uint32_t>{0, 1, 2, 3, 4}));
}

TEST(crash_picks, often_keep_all_or_nothing) {
  int nothing = 0;
  int all = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    Random random(seed);
    RandomPick pick(random);
    std::uint32_t kept = 0;
    for (int slot = 0; slot < 100; ++slot) kept += pick.choose_among(1, 2);
    nothing += kept == 0 ? 1 : 0;
    all += kept == 100 ? 1 : 0;
  }
  EXPECT_NEAR(nothing, 100, 40);
  EXPECT_NEAR(all, 100, 40);
}

TEST(crash_picks, cut_between_operations) {
  const std::array<std::uint64_t, 3> sequences{10, 20, 30};
  const Slot slot{.kind = Slot::Kind::sector, .can_tear = true, .sequences = sequences};
  const auto choice = [&](Cut cut) { return CutPick(cut).choose(slot); };
  EXPECT_EQ(choice({.sequence = 0}), 0u);
  EXPECT_EQ(choice({.sequence = 10}), 1u);
  EXPECT_EQ(choice({.sequence = 25}), 2u);
  EXPECT_EQ(choice({.sequence = 30}), 3u);
  EXPECT_EQ(choice({.sequence = 10, .torn_sequence = 20, .torn_sectors = 1}), 2u) << "only the newest can be torn";
  EXPECT_EQ(choice({.sequence = 20, .torn_sequence = 30, .torn_sectors = 2}), 3u);
  EXPECT_EQ(choice({.sequence = 20, .torn_sequence = 30, .torn_sectors = 1}), slot.torn());
  EXPECT_EQ(choice({.sequence = 20, .torn_sequence = 25, .torn_sectors = 1}), 2u);
}

TEST(crash_picks, count_combinations_up_to_a_limit) {
  SlotList slots;
  EXPECT_EQ(slots.combinations(100), 1u);
  slots.alternatives = {2, 3, 4};
  EXPECT_EQ(slots.combinations(100), 24u);
  slots.alternatives.assign(100, 2);
  EXPECT_EQ(slots.combinations(100), 100u);
}

}  // namespace
}  // namespace quire::os
