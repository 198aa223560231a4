// The requests of the benchmark have the distribution that they claim.
#include "bench/zipfian.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "bench/ycsb_operations.hpp"

namespace quire::bench {

namespace {

constexpr double theta = 0.99;

double weight(std::uint64_t ranks) {
  double sum = 0;
  for (std::uint64_t i = 1; i <= ranks; ++i) sum += 1 / std::pow(static_cast<double>(i), theta);
  return sum;
}

std::vector<std::uint64_t> draw_many(const Zipfian& zipfian, std::uint64_t draws) {
  Random random(11);
  std::vector<std::uint64_t> seen(zipfian.count());
  for (std::uint64_t i = 0; i < draws; ++i) ++seen.at(zipfian.draw(random));
  return seen;
}

TEST(Zipfian, FirstTwoRanksComeAsOftenAsTheLawSays) {
  constexpr std::uint64_t count = 1'000'000;
  constexpr std::uint64_t draws = 2'000'000;
  const std::vector<std::uint64_t> seen = draw_many(Zipfian(count, theta), draws);
  const double expected = static_cast<double>(draws) / weight(count);
  // Four standard deviations of a count are less than 4 * sqrt(expected).
  EXPECT_NEAR(static_cast<double>(seen[0]), expected, 4 * std::sqrt(expected));
  EXPECT_NEAR(static_cast<double>(seen[1]), expected / std::pow(2, theta), 4 * std::sqrt(expected));
}

// The method favours the ranks behind the first two a little: by 1.6 of a hundred draws at most for these counts.
TEST(Zipfian, EveryHeadHasItsShare) {
  for (const std::uint64_t count : {std::uint64_t{1'000}, std::uint64_t{1'000'000}}) {
    constexpr std::uint64_t draws = 1'000'000;
    const std::vector<std::uint64_t> seen = draw_many(Zipfian(count, theta), draws);
    std::uint64_t head = 0;
    std::uint64_t edge = 10;
    for (std::uint64_t rank = 0; rank < count; ++rank) {
      head += seen[rank];
      if (rank + 1 != edge) continue;
      EXPECT_NEAR(static_cast<double>(head) / draws, weight(edge) / weight(count), 0.02) << edge << " of " << count;
      edge *= 10;
    }
    EXPECT_EQ(head, draws);
  }
}

TEST(Zipfian, FewRanksAreAllDrawnAndNoOther) {
  for (std::uint64_t count = 1; count <= 5; ++count) {
    const std::vector<std::uint64_t> seen = draw_many(Zipfian(count, theta), 10'000);
    for (std::uint64_t rank = 0; rank < count; ++rank) EXPECT_GT(seen[rank], 0u) << rank << " of " << count;
  }
}

TEST(YcsbOperations, MixesAreWholeAndDrawnAsTheySay) {
  const Zipfian ranks(1'000, theta);
  constexpr std::uint64_t count = 100'000;
  for (const Mix& mix : ycsb_mixes) {
    EXPECT_EQ(mix.reads + mix.updates + mix.inserts + mix.scans + mix.modifies, 100u) << mix.letter;
    std::map<Action, double> seen;
    for (const Operation& one : make_operations(mix, count, ranks, 5)) seen[one.action] += 100.0 / count;
    EXPECT_NEAR(seen[Action::read], mix.reads, 1) << mix.letter;
    EXPECT_NEAR(seen[Action::update], mix.updates, 1) << mix.letter;
    EXPECT_NEAR(seen[Action::insert], mix.inserts, 1) << mix.letter;
    EXPECT_NEAR(seen[Action::scan], mix.scans, 1) << mix.letter;
    EXPECT_NEAR(seen[Action::modify], mix.modifies, 1) << mix.letter;
  }
}

TEST(YcsbOperations, ScansHaveOneToAHundredEntries) {
  std::map<unsigned, std::uint64_t> lengths;
  for (const Operation& one : make_operations(ycsb_mixes[4], 100'000, Zipfian(1'000, theta), 5)) {
    if (one.action == Action::scan) ++lengths[one.entries];
  }
  EXPECT_EQ(lengths.size(), ycsb_scan_max);
  EXPECT_EQ(lengths.begin()->first, 1u);
  EXPECT_EQ(lengths.rbegin()->first, ycsb_scan_max);
}

}  // namespace

}  // namespace quire::bench
