// Goal: the generator is the published one, and its helpers are fair and stay within their limits.
// Method: known answers computed by the authors' reference code; counts over many draws.
#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <vector>

namespace quire {
namespace {

TEST(random, splits_and_mixes_as_published) {
  std::uint64_t state = 1234567;
  EXPECT_EQ(split_mix(state), 6457827717110365317u);
  EXPECT_EQ(split_mix(state), 3203168211198807973u);
  EXPECT_EQ(split_mix(state), 9817491932198370423u);
}

TEST(random, follows_the_published_recurrence) {
  // The reference code, written down a second time: result, then the new state.
  std::uint64_t seed = 99;
  std::array<std::uint64_t, 4> s{};
  for (std::uint64_t& word : s) word = split_mix(seed);
  const auto rotl = [](std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); };
  Random random(99);
  for (int round = 0; round < 1000; ++round) {
    const std::uint64_t result = rotl(s[1] * 5, 7) * 9;
    const std::uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    ASSERT_EQ(random.next(), result);
  }
}

TEST(random, gives_the_known_numbers_of_seed_zero) {
  Random random(0);
  EXPECT_EQ(random.next(), 0x99ec5f36cb75f2b4u);
  EXPECT_EQ(random.next(), 0xbf6e1f784956452au);
}

TEST(random, repeats_with_the_same_seed) {
  Random a(7);
  Random b(7);
  Random c(8);
  EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(a.next(), c.next());
}

TEST(random, stays_below_the_limit_and_is_fair) {
  Random random(3);
  std::map<std::uint64_t, int> counts;
  for (int round = 0; round < 60000; ++round) ++counts[random.below(6)];
  ASSERT_EQ(counts.size(), 6u);
  for (const auto& [number, count] : counts) {
    EXPECT_LT(number, 6u);
    EXPECT_NEAR(count, 10000, 500);
  }
  EXPECT_EQ(random.below(1), 0u);
}

TEST(random, reaches_both_ends_of_a_range) {
  Random random(4);
  std::map<std::uint64_t, int> counts;
  for (int round = 0; round < 1000; ++round) ++counts[random.between({.from = 5, .to = 7})];
  EXPECT_EQ(counts.size(), 3u);
  EXPECT_EQ(counts.begin()->first, 5u);
  EXPECT_EQ(counts.rbegin()->first, 7u);
  EXPECT_EQ(random.between({.from = 9, .to = 9}), 9u);
  random.between({.from = 0, .to = ~std::uint64_t{0}});
}

TEST(random, takes_its_chances) {
  Random random(5);
  int hits = 0;
  for (int round = 0; round < 10000; ++round) hits += random.chance(1, 4) ? 1 : 0;
  EXPECT_NEAR(hits, 2500, 200);
  EXPECT_FALSE(random.chance(0, 5));
  EXPECT_TRUE(random.chance(5, 5));
}

TEST(random, shuffles_into_every_order_and_loses_nothing) {
  Random random(6);
  std::map<std::vector<int>, int> orders;
  for (int round = 0; round < 6000; ++round) {
    std::vector<int> three{1, 2, 3};
    random.shuffle(three);
    ++orders[three];
  }
  ASSERT_EQ(orders.size(), 6u);
  for (const auto& [order, count] : orders) EXPECT_NEAR(count, 1000, 150);
  std::vector<int> many(100);
  std::iota(many.begin(), many.end(), 0);
  random.shuffle(many);
  EXPECT_FALSE(std::is_sorted(many.begin(), many.end()));
  std::sort(many.begin(), many.end());
  for (int at = 0; at < 100; ++at) EXPECT_EQ(many[static_cast<std::size_t>(at)], at);
}

TEST(random, forks_generators_that_differ) {
  Random random(7);
  Random left = random.fork();
  Random right = random.fork();
  EXPECT_NE(left.next(), right.next());
}

}  // namespace
}  // namespace quire
