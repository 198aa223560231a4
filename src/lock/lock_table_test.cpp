// Goal: who gets a lock, who waits, in which order, and what is left behind.
// Method: scenes of two to four transactions in one thread; a call that has to wait returns busy and is made again.
#include <gtest/gtest.h>

#include <string>

#include "lock/lock_table.hpp"
#include "lock/test_locks.hpp"

namespace quire::lock {
namespace {

constexpr TreeId tree{5};
constexpr std::uint64_t patience = test_patience_us;

class LockTableTest : public testing::Test {
 protected:
  ~LockTableTest() override {
    for (Owner* owner : {&a, &b, &c, &d}) end(*owner);
    EXPECT_EQ(table.counts().entries, 0u);
    EXPECT_EQ(table.counts().waiting, 0u);
    EXPECT_TRUE(table.list().empty());
  }

  void begin(Owner& owner) {
    const Xid xid{100 + owner.number()};
    status.begin(xid);
    owner.set_xid(xid);
  }
  void end(Owner& owner) {
    status.end(owner.xid());
    table.end(owner);
  }
  Status lock(Owner& owner, const Interval& interval, Mode mode, std::uint64_t timeout = patience) {
    return table.acquire(owner, tree, interval, mode, timeout);
  }
  Status read(Owner& owner, std::string_view key) { return lock(owner, Interval::point(key), Mode::shared); }
  Status write(Owner& owner, std::string_view key) { return lock(owner, Interval::point(key), Mode::exclusive); }
  Status wait_row(Owner& owner, std::string_view key, Xid holder, std::uint64_t timeout = patience) {
    return table.wait_for(owner, tree, key, Mode::exclusive, holder, timeout);
  }
  static Interval range(std::string_view lower, std::string_view upper) {
    return Interval::between({lower, true}, Bound{upper, true});
  }
  std::uint64_t entries() const { return table.counts().entries; }

  TestStatus status;
  SuspendingParking parking;
  LockTable table{status, parking, {.escalate_above = 4}};
  Owner a{1}, b{2}, c{3}, d{4};
};

TEST_F(LockTableTest, shares_with_readers_and_with_nobody_else) {
  EXPECT_TRUE(read(a, "k").ok());
  EXPECT_TRUE(read(b, "k").ok());
  EXPECT_EQ(write(c, "k"), Code::busy);
  end(a);
  EXPECT_EQ(write(c, "k"), Code::busy);
  end(b);
  EXPECT_TRUE(write(c, "k").ok());
  EXPECT_EQ(read(a, "k"), Code::busy);
  EXPECT_TRUE(read(b, "l").ok());
  EXPECT_TRUE(table.acquire(b, TreeId{6}, Interval::point("k"), Mode::exclusive, 0).ok()) << "another tree";
}

TEST_F(LockTableTest, ranges_meet_points_and_ranges) {
  ASSERT_TRUE(lock(a, range("c", "f"), Mode::shared).ok());
  EXPECT_FALSE(table.may_write(b, tree, "c"));
  EXPECT_FALSE(table.may_write(b, tree, "d"));
  EXPECT_TRUE(table.may_write(b, tree, "b"));
  EXPECT_TRUE(table.may_write(b, tree, "g"));
  EXPECT_TRUE(table.may_write(a, tree, "d")) << "its own";
  EXPECT_TRUE(lock(b, range("a", "d"), Mode::shared).ok());
  EXPECT_FALSE(table.may_write(a, tree, "d"));
  EXPECT_EQ(lock(c, Interval::between({"f", true}, std::nullopt), Mode::exclusive, 0), Code::timeout);
  EXPECT_TRUE(lock(c, Interval::between({"f", false}, std::nullopt), Mode::exclusive, 0).ok());
}

TEST_F(LockTableTest, asks_nothing_twice) {
  ASSERT_TRUE(lock(a, range("c", "f"), Mode::exclusive).ok());
  ASSERT_TRUE(read(a, "d").ok());
  ASSERT_TRUE(lock(a, range("d", "f"), Mode::shared).ok());
  ASSERT_TRUE(lock(a, range("g", "e"), Mode::shared).ok()) << "nothing is between them";
  EXPECT_EQ(entries(), 1u);
}

TEST_F(LockTableTest, is_fair) {
  ASSERT_TRUE(read(a, "k").ok());
  ASSERT_EQ(write(b, "k"), Code::busy);
  EXPECT_EQ(read(c, "k"), Code::busy) << "behind the writer";
  EXPECT_FALSE(table.may_write(d, tree, "k"));
  EXPECT_TRUE(read(a, "k").ok()) << "held already";
  end(a);
  EXPECT_EQ(read(c, "k"), Code::busy);
  EXPECT_TRUE(write(b, "k").ok());
  end(b);
  EXPECT_TRUE(read(c, "k").ok());
}

TEST_F(LockTableTest, converts_past_those_who_wait) {
  ASSERT_TRUE(lock(a, range("a", "z"), Mode::shared).ok());
  ASSERT_TRUE(read(b, "k").ok());
  ASSERT_EQ(write(c, "k"), Code::busy);
  ASSERT_EQ(read(d, "k"), Code::busy);
  EXPECT_EQ(write(a, "k"), Code::busy) << "b holds it";
  end(b);
  EXPECT_TRUE(write(a, "k").ok());
  EXPECT_EQ(write(c, "k"), Code::busy);
  end(a);
  EXPECT_TRUE(write(c, "k").ok());
  end(c);
  EXPECT_TRUE(read(d, "k").ok());
}

TEST_F(LockTableTest, keeps_what_a_failed_conversion_had) {
  ASSERT_TRUE(read(a, "k").ok());
  ASSERT_TRUE(read(b, "k").ok());
  EXPECT_EQ(lock(a, Interval::point("k"), Mode::exclusive, 0), Code::timeout);
  EXPECT_EQ(entries(), 2u);
  ASSERT_EQ(write(a, "k"), Code::busy);
  parking.now += patience;
  EXPECT_EQ(write(a, "k"), Code::timeout);
  EXPECT_FALSE(table.may_write(b, tree, "k"));
  EXPECT_EQ(entries(), 2u);
}

TEST_F(LockTableTest, passes_who_waits_for_the_one_who_asks) {
  begin(a);
  // b waits for a row of a, which then reads the range around it: b gets nothing before a ends anyway.
  ASSERT_EQ(wait_row(b, "k", a.xid()), Code::busy);
  EXPECT_TRUE(lock(a, range("a", "z"), Mode::shared).ok());
  EXPECT_TRUE(table.may_write(a, tree, "k"));
  // The same with an interval instead of a row, held in part.
  ASSERT_TRUE(table.acquire(c, TreeId{7}, Interval::point("k"), Mode::shared, 0).ok());
  ASSERT_EQ(table.acquire(d, TreeId{7}, Interval::point("k"), Mode::exclusive, patience), Code::busy);
  EXPECT_TRUE(table.acquire(c, TreeId{7}, range("a", "z"), Mode::shared, 0).ok());
}

TEST_F(LockTableTest, waits_for_rows_in_the_order_of_their_coming) {
  begin(a);
  begin(b);
  begin(c);
  ASSERT_EQ(wait_row(b, "k", a.xid()), Code::busy);
  ASSERT_EQ(wait_row(c, "k", a.xid()), Code::busy);
  EXPECT_FALSE(table.may_write(d, tree, "k"));
  end(a);
  EXPECT_TRUE(wait_row(b, "k", a.xid()).ok());
  EXPECT_EQ(wait_row(c, "k", a.xid()), Code::busy);
  EXPECT_TRUE(table.may_write(b, tree, "k"));
  const std::uint64_t wakes = parking.wakes;
  table.wrote(b, tree, "k");
  EXPECT_FALSE(b.holds_anything());
  EXPECT_EQ(parking.wakes, wakes) << "c goes on waiting, for the row's new holder";
  EXPECT_EQ(table.list().at(0).waits_for_xid, b.xid());
  end(b);
  EXPECT_TRUE(wait_row(c, "k", b.xid()).ok());
}

TEST_F(LockTableTest, keeps_its_place_when_the_row_has_changed_hands) {
  begin(a);
  begin(b);
  ASSERT_EQ(wait_row(c, "k", a.xid()), Code::busy);
  end(a);
  ASSERT_TRUE(wait_row(c, "k", a.xid()).ok());
  ASSERT_EQ(wait_row(d, "k", b.xid()), Code::busy);
  EXPECT_EQ(wait_row(c, "k", b.xid()), Code::busy) << "b had latched the leaf before c had its entry";
  end(b);
  EXPECT_EQ(wait_row(d, "k", b.xid()), Code::busy);
  EXPECT_TRUE(wait_row(c, "k", b.xid()).ok());
}

TEST_F(LockTableTest, sees_that_the_holder_has_ended_meanwhile) {
  begin(a);
  end(a);
  EXPECT_TRUE(wait_row(b, "k", Xid{101}, 0).ok());
  EXPECT_TRUE(b.holds_anything());
}

TEST_F(LockTableTest, looks_again_after_a_rollback_to_a_savepoint) {
  begin(a);
  ASSERT_EQ(wait_row(b, "k", a.xid()), Code::busy);
  table.released_rows(a.xid());
  EXPECT_TRUE(wait_row(b, "k", a.xid()).ok());
  // It has looked, and the row is still a's.
  EXPECT_EQ(wait_row(b, "k", a.xid()), Code::busy);
  // c has looked at the row before the rollback and comes here after it.
  EXPECT_EQ(wait_row(c, "l", a.xid()).code(), Code::ok);
  EXPECT_EQ(wait_row(c, "l", a.xid()), Code::busy);
}

TEST_F(LockTableTest, waits_for_the_end_of_writers_of_a_tree) {
  begin(b);
  ASSERT_TRUE(lock(a, Interval::all(), Mode::exclusive).ok());
  EXPECT_EQ(table.wait_for_end(a, tree, b.xid(), 0), Code::timeout);
  EXPECT_EQ(table.wait_for_end(a, tree, b.xid(), patience), Code::busy);
  table.released_rows(b.xid());
  EXPECT_EQ(table.wait_for_end(a, tree, b.xid(), patience), Code::busy) << "it may have other rows";
  EXPECT_EQ(table.list().size(), 2u);
  end(b);
  EXPECT_TRUE(table.wait_for_end(a, tree, b.xid(), patience).ok());
}

TEST_F(LockTableTest, tells_who_was_in_the_way) {
  begin(a);
  EXPECT_EQ(wait_row(b, "k", a.xid(), 0).message(),
            "does not wait for exclusive lock on key \"k\" of tree 5: transaction 101 has written the row");
  ASSERT_TRUE(lock(c, range("a", "f"), Mode::shared).ok());
  ASSERT_EQ(write(b, "c"), Code::busy);
  parking.now += patience + 4000;
  EXPECT_EQ(write(b, "c").message(),
            "waited 1004 ms (Options::lock_timeout_ms) for exclusive lock on key \"c\" of tree 5: "
            "transaction 3 (no changes) holds a shared lock on keys from \"a\" up to \"f\"");
  EXPECT_EQ(table.counts().timeouts, 2u);
  EXPECT_FALSE(b.holds_anything());
}

TEST_F(LockTableTest, lists_what_there_is) {
  begin(a);
  ASSERT_TRUE(lock(a, range("a", "f"), Mode::shared).ok());
  ASSERT_EQ(write(b, "c"), Code::busy);
  parking.now += 70;
  const std::vector<LockInfo> list = table.list();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(describe(list[0].interval()), "keys from \"a\" up to \"f\"");
  EXPECT_TRUE(list[0].granted);
  EXPECT_EQ(list[0].xid, a.xid());
  EXPECT_EQ(describe(list[1].interval()), "key \"c\"");
  EXPECT_FALSE(list[1].granted);
  EXPECT_EQ(list[1].waits_for_owner, 1u);
  EXPECT_EQ(list[1].waited_us, 70u);
}

}  // namespace
}  // namespace quire::lock
