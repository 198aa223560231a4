// Goal: bounds mean what they say, whatever their kind, and joining never changes what is held.
// Method: every interval over a small alphabet of keys, compared with the set of keys that it contains; then the words for people.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lock/interval.hpp"

namespace quire::lock {
namespace {

// Bounds are "b", "d", "f"; keys also lie between and around them, so that every interval that is not empty holds one.
const std::vector<std::string> bounds = {"b", "d", "f"};
const std::vector<std::string> keys = {"a", "b", "c", "d", "e", "f", "g"};

std::vector<Interval> all_intervals() {
  std::vector<Interval> intervals{Interval::all()};
  for (const std::string& lower : bounds) {
    for (const bool lower_inclusive : {false, true}) {
      intervals.push_back(Interval::from({lower, lower_inclusive}));
      intervals.push_back(Interval::up_to({lower, lower_inclusive}));
      for (const std::string& upper : bounds) {
        for (const bool upper_inclusive : {false, true}) {
          intervals.push_back(Interval::between({lower, lower_inclusive}, Bound{upper, upper_inclusive}));
        }
      }
    }
  }
  return intervals;
}

unsigned members(const Interval& interval) {
  unsigned set = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) set |= interval.contains(keys[i]) ? 1u << i : 0u;
  return set;
}

bool is_without_gap(unsigned set) {
  while (set != 0 && (set & 1) == 0) set >>= 1;
  return (set & (set + 1)) == 0;
}

TEST(interval, contains_what_its_bounds_say) {
  EXPECT_EQ(members(Interval::all()), 0x7fu);
  EXPECT_EQ(members(Interval::point("d")), 0x08u);
  EXPECT_EQ(members(Interval::from({"d", true})), 0x78u);
  EXPECT_EQ(members(Interval::from({"d", false})), 0x70u);
  EXPECT_EQ(members(Interval::up_to({"d", true})), 0x0fu);
  EXPECT_EQ(members(Interval::up_to({"d", false})), 0x07u);
  EXPECT_EQ(members(Interval::between({"b", false}, Bound{"f", false})), 0x1cu);
  EXPECT_EQ(members(Interval::between({"f", true}, Bound{"b", true})), 0u);
  EXPECT_TRUE(Interval::point("d").is_point());
  EXPECT_FALSE(Interval::between({"d", true}, Bound{"d", false}).is_point());
}

TEST(interval, compares_like_the_sets_of_its_keys) {
  const std::vector<Interval> intervals = all_intervals();
  for (const Interval& one : intervals) {
    EXPECT_EQ(one.is_empty(), members(one) == 0) << describe(one);
    for (const Interval& other : intervals) {
      SCOPED_TRACE(describe(one) + " and " + describe(other));
      EXPECT_EQ(overlap(one, other), (members(one) & members(other)) != 0);
      EXPECT_EQ(covers(one, other), (members(other) & ~members(one)) == 0);
      if (one.is_empty() || other.is_empty()) continue;
      EXPECT_EQ(touch(one, other), is_without_gap(members(one) | members(other)));
      EXPECT_EQ(begins_before(one, other), __builtin_ctz(members(one)) < __builtin_ctz(members(other)));
      EXPECT_EQ(ends_after(one, other), __builtin_clz(members(one)) < __builtin_clz(members(other)));
    }
  }
}

TEST(interval, touches_at_the_successor_of_a_key) {
  const std::string next("b\0", 2);
  EXPECT_TRUE(touch(Interval::up_to({"b", true}), Interval::from({next, true})));
  EXPECT_FALSE(touch(Interval::up_to({"b", false}), Interval::from({next, true})));
  EXPECT_FALSE(touch(Interval::up_to({"b", true}), Interval::from({next, false})));
  EXPECT_FALSE(overlap(Interval::up_to({"b", true}), Interval::from({next, true})));
}

TEST(interval, is_told_in_words) {
  EXPECT_EQ(describe(Interval::all()), "all keys");
  EXPECT_EQ(describe(Interval::point("a\"\n")), "key \"a\\\"\\x0a\"");
  EXPECT_EQ(describe(Interval::between({"a", true}, Bound{"b", false})), "keys from \"a\" before \"b\"");
  EXPECT_EQ(describe(Interval::between({"a", false}, Bound{"b", true})), "keys after \"a\" up to \"b\"");
  EXPECT_EQ(describe_key(std::string(200, 'x')), "\"" + std::string(48, 'x') + "\"... (200 bytes)");
}

TEST(mode, conflicts_unless_both_are_shared) {
  EXPECT_FALSE(conflict(Mode::shared, Mode::shared));
  EXPECT_TRUE(conflict(Mode::shared, Mode::exclusive));
  EXPECT_TRUE(conflict(Mode::exclusive, Mode::shared));
  EXPECT_TRUE(conflict(Mode::exclusive, Mode::exclusive));
  EXPECT_TRUE(suffices(Mode::exclusive, Mode::shared));
  EXPECT_FALSE(suffices(Mode::shared, Mode::exclusive));
}

}  // namespace
}  // namespace quire::lock
