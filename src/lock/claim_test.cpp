// Goal: a scan holds what it has read, no more, and as one interval; many intervals become one where nobody minds.
// Method: scenes in one thread; what is held is asked for by another transaction, key by key.
#include <gtest/gtest.h>

#include <string>

#include "lock/lock_table.hpp"
#include "lock/test_locks.hpp"

namespace quire::lock {
namespace {

constexpr TreeId tree{5};

class ClaimTest : public testing::Test {
 protected:
  ~ClaimTest() override {
    for (Owner* owner : {&a, &b, &c}) table.end(*owner);
    EXPECT_EQ(table.counts().entries, 0u);
  }

  static Interval range(Bound lower, Bound upper) { return Interval::between(lower, upper); }
  Claim claim(Owner& owner, const Interval& interval, Mode mode = Mode::shared) {
    Result<Claim> result = table.claim(owner, tree, interval, mode, 0);
    EXPECT_TRUE(result.ok()) << result.status().to_string();
    return std::move(result).value_or(Claim());
  }
  // Of the keys "a" to "i", those that nobody but `owner` may write.
  std::string held_by(Owner& owner) {
    std::string held;
    Owner& other = &owner == &a ? b : a;
    for (char key = 'a'; key <= 'i'; ++key) {
      if (!table.may_write(other, tree, std::string(1, key))) held += key;
    }
    return held;
  }
  std::uint64_t entries() const { return table.counts().entries; }

  TestStatus status;
  SuspendingParking parking;
  LockTable table{status, parking, {.escalate_above = 4}};
  Owner a{1}, b{2}, c{3};
};

TEST_F(ClaimTest, is_cut_at_either_end) {
  Claim upward = claim(a, range({"b"}, {"g"}));
  EXPECT_EQ(held_by(a), "bcdefg");
  table.cut(upward, Interval::from({"e", false}));
  EXPECT_EQ(held_by(a), "bcde");
  table.cut(upward, Interval::from({"e", true}));
  EXPECT_EQ(held_by(a), "bcd");
  table.cut(upward, Interval::from({"f", true}));
  EXPECT_EQ(held_by(a), "bcd") << "nothing of it";
  table.cut(upward, Interval::up_to({"b", true}));
  EXPECT_EQ(held_by(a), "cd");
  table.cut(upward, Interval::up_to({"d", false}));
  EXPECT_EQ(held_by(a), "d");
  table.cut(upward, Interval::all());
  EXPECT_TRUE(upward.is_empty());
  EXPECT_FALSE(a.holds_anything());
}

TEST_F(ClaimTest, gives_back_to_those_who_wait) {
  Claim first = claim(a, range({"b"}, {"g"}));
  ASSERT_EQ(table.acquire(b, tree, Interval::point("f"), Mode::exclusive, test_patience_us), Code::busy);
  table.cut(first, Interval::from({"d", false}));
  EXPECT_TRUE(table.acquire(b, tree, Interval::point("f"), Mode::exclusive, test_patience_us).ok());
}

TEST_F(ClaimTest, leaves_alone_what_was_held_before) {
  ASSERT_TRUE(table.acquire(a, tree, range({"c"}, {"e"}), Mode::shared, 0).ok());
  Claim inside = claim(a, range({"d"}, {"e"}));
  EXPECT_TRUE(inside.is_empty());
  Claim around = claim(a, range({"b"}, {"g"}));
  ASSERT_TRUE(table.acquire(a, tree, Interval::point("f"), Mode::shared, 0).ok()) << "while the claim may still be cut";
  table.cut(around, Interval::all());
  EXPECT_EQ(held_by(a), "cdef");
}

TEST_F(ClaimTest, becomes_one_interval_with_its_neighbours) {
  ASSERT_TRUE(table.acquire(a, tree, Interval::point("b"), Mode::shared, 0).ok());
  for (const auto& [lower, upper] : {std::pair{"a", "c"}, {"e", "g"}, {"c", "e"}, {"g", "i"}}) {
    Claim leaf = claim(a, range({lower, true}, {upper, false}));
    table.keep(leaf);
    EXPECT_TRUE(leaf.is_empty());
  }
  EXPECT_EQ(held_by(a), "abcdefgh");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(ClaimTest, joins_one_mode_only_and_one_owner) {
  ASSERT_TRUE(table.acquire(a, tree, range({"a"}, {"c"}), Mode::shared, 0).ok());
  ASSERT_TRUE(table.acquire(b, tree, range({"c"}, {"e"}), Mode::shared, 0).ok());
  ASSERT_TRUE(table.acquire(a, tree, range({"f"}, {"g"}), Mode::exclusive, 0).ok());
  ASSERT_TRUE(table.acquire(a, tree, range({"c"}, {"f", false}), Mode::shared, 0).ok());
  EXPECT_EQ(entries(), 3u);
  EXPECT_EQ(held_by(a), "abcdefg");
  EXPECT_EQ(held_by(b), "cde");
  // An exclusive one takes in what it covers of either mode.
  table.end(b);
  ASSERT_TRUE(table.acquire(a, tree, range({"a"}, {"h"}), Mode::exclusive, 0).ok());
  EXPECT_EQ(entries(), 1u);
  EXPECT_EQ(table.acquire(c, tree, Interval::point("d"), Mode::shared, 0), Code::timeout);
}

TEST_F(ClaimTest, of_a_single_key_can_be_kept_and_joined) {
  Claim first = claim(a, Interval::point("c"));
  Claim second = claim(a, range({"c", false}, {"e"}));
  table.keep(first);
  EXPECT_EQ(entries(), 2u);
  table.keep(second);
  EXPECT_EQ(entries(), 1u);
  EXPECT_EQ(held_by(a), "cde");
}

class EscalationTest : public ClaimTest {
 protected:
  void lock_keys(Owner& owner, int from, int to, Mode mode) {
    for (int i = from; i < to; ++i) {
      ASSERT_TRUE(table.acquire(owner, tree, Interval::point("key " + std::to_string(i)), mode, 0).ok());
    }
  }
};

TEST_F(EscalationTest, makes_one_lock_of_many) {
  lock_keys(a, 0, 4, Mode::shared);
  EXPECT_EQ(entries(), 4u);
  EXPECT_EQ(held_by(a), "");
  lock_keys(a, 4, 5, Mode::shared);
  EXPECT_EQ(entries(), 1u);
  EXPECT_EQ(held_by(a), "abcdefghi");
  EXPECT_EQ(table.counts().escalations, 1u);
  EXPECT_TRUE(table.acquire(b, tree, Interval::all(), Mode::shared, 0).ok());
}

TEST_F(EscalationTest, takes_the_strongest_mode) {
  lock_keys(a, 0, 4, Mode::shared);
  lock_keys(a, 4, 5, Mode::exclusive);
  EXPECT_EQ(entries(), 1u);
  EXPECT_EQ(table.acquire(b, tree, Interval::point("x"), Mode::shared, 0), Code::timeout);
}

TEST_F(EscalationTest, tries_again_at_twice_the_number_when_others_mind) {
  ASSERT_TRUE(table.acquire(b, tree, Interval::point("x"), Mode::exclusive, 0).ok());
  lock_keys(a, 0, 8, Mode::shared);
  EXPECT_EQ(entries(), 9u);
  EXPECT_EQ(table.counts().escalations, 0u);
  table.end(b);
  lock_keys(a, 8, 9, Mode::shared);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(EscalationTest, does_not_overtake_those_who_wait) {
  lock_keys(a, 0, 4, Mode::shared);
  lock_keys(b, 0, 1, Mode::shared);
  ASSERT_EQ(table.acquire(c, tree, Interval::point("key 0"), Mode::exclusive, test_patience_us), Code::busy);
  lock_keys(a, 4, 5, Mode::shared);
  EXPECT_EQ(table.counts().escalations, 0u);
  EXPECT_EQ(entries(), 7u);
}

TEST_F(EscalationTest, leaves_claims_to_be_cut) {
  Claim open = claim(a, range({"a"}, {"b"}));
  lock_keys(a, 0, 4, Mode::shared);
  EXPECT_EQ(table.counts().escalations, 1u);
  EXPECT_EQ(entries(), 2u);
  table.cut(open, Interval::all());
  EXPECT_EQ(held_by(a), "abcdefghi");
}

}  // namespace
}  // namespace quire::lock
