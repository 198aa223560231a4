// Goal: every deadlock is found when it arises, the right one gives way, it alone, and it is told why.
// Method: scenes in one thread; a victim's suspended call, made again, returns deadlock.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lock/lock_table.hpp"
#include "lock/test_locks.hpp"

namespace quire::lock {
namespace {

constexpr TreeId tree{5};
constexpr std::uint64_t patience = test_patience_us;

class WaitGraphTest : public testing::Test {
 protected:
  WaitGraphTest() {
    for (Owner* owner : {&a, &b, &c, &d}) {
      const Xid xid{100 + owner->number()};
      status.begin(xid);
      owner->set_xid(xid);
      owner->set_changes(10);
    }
  }
  ~WaitGraphTest() override {
    for (Owner* owner : {&a, &b, &c, &d}) end(*owner);
    EXPECT_EQ(table.counts().entries, 0u);
  }
  void end(Owner& owner) {
    status.end(owner.xid());
    table.end(owner);
  }
  Status read(Owner& owner, std::string_view key) { return table.acquire(owner, tree, Interval::point(key), Mode::shared, patience); }
  Status write(Owner& owner, std::string_view key) { return table.acquire(owner, tree, Interval::point(key), Mode::exclusive, patience); }
  Status wait_row(Owner& owner, std::string_view key, const Owner& holder) {
    return table.wait_for(owner, tree, key, Mode::exclusive, holder.xid(), patience);
  }
  std::uint64_t deadlocks() const { return table.counts().deadlocks; }

  TestStatus status;
  SuspendingParking parking;
  LockTable table{status, parking};
  Owner a{1}, b{2}, c{3}, d{4};
};

TEST_F(WaitGraphTest, finds_two_who_wait_for_rows) {
  ASSERT_EQ(wait_row(a, "k", b), Code::busy);
  const Status victim = wait_row(b, "l", a);
  EXPECT_EQ(victim.code(), Code::deadlock) << "the youngest of equals";
  EXPECT_EQ(victim.message(),
            "deadlock of 2: transaction 102 waits for exclusive lock on key \"l\" of tree 5, held up by transaction 101; "
            "transaction 101 waits for exclusive lock on key \"k\" of tree 5, held up by transaction 102; "
            "the first has the fewest changes (10), or is the youngest of equals, and gives way");
  EXPECT_FALSE(b.holds_anything());
  EXPECT_EQ(wait_row(a, "k", b), Code::busy) << "until the victim has ended";
  end(b);
  EXPECT_TRUE(wait_row(a, "k", b).ok());
}

TEST_F(WaitGraphTest, lets_the_one_give_way_that_has_changed_least) {
  a.set_changes(3);
  ASSERT_EQ(wait_row(a, "k", b), Code::busy);
  EXPECT_EQ(wait_row(b, "l", a), Code::busy);
  EXPECT_EQ(wait_row(a, "k", b), Code::deadlock);
  EXPECT_EQ(deadlocks(), 1u);
  // A victim that has not ended is in no cycle.
  ASSERT_EQ(wait_row(c, "m", a), Code::busy);
  EXPECT_EQ(deadlocks(), 1u);
  end(a);
  EXPECT_TRUE(wait_row(b, "l", a).ok());
}

TEST_F(WaitGraphTest, finds_readers_who_both_want_to_write) {
  ASSERT_TRUE(read(a, "k").ok());
  ASSERT_TRUE(read(b, "k").ok());
  ASSERT_EQ(write(a, "k"), Code::busy);
  EXPECT_EQ(write(b, "k"), Code::deadlock);
  EXPECT_EQ(write(a, "k"), Code::busy) << "b has its shared lock until it ends";
  end(b);
  EXPECT_TRUE(write(a, "k").ok());
}

TEST_F(WaitGraphTest, goes_through_rows_intervals_and_queues) {
  // a <- b: row; b <- c: interval; c <- d: d stands behind c; a -> d closes it.
  ASSERT_TRUE(table.acquire(b, tree, Interval::from({"m"}), Mode::shared, 0).ok());
  ASSERT_EQ(wait_row(b, "a", a), Code::busy);
  ASSERT_EQ(write(c, "n"), Code::busy);
  ASSERT_EQ(read(d, "n"), Code::busy);
  ASSERT_EQ(deadlocks(), 0u);
  d.set_changes(1);
  EXPECT_EQ(wait_row(a, "e", d), Code::busy);
  EXPECT_EQ(read(d, "n"), Code::deadlock);
  EXPECT_EQ(deadlocks(), 1u);
}

TEST_F(WaitGraphTest, ends_several_cycles_with_one_victim_where_it_can) {
  // b and c both wait for a, and a for both of them.
  ASSERT_TRUE(read(b, "k").ok());
  ASSERT_TRUE(read(c, "k").ok());
  ASSERT_EQ(wait_row(b, "x", a), Code::busy);
  ASSERT_EQ(wait_row(c, "y", a), Code::busy);
  b.set_changes(1);
  a.set_changes(2);
  c.set_changes(3);
  EXPECT_EQ(write(a, "k"), Code::deadlock) << "b would give way to a, but a must give way to c in any case";
  EXPECT_EQ(deadlocks(), 1u);
  EXPECT_EQ(wait_row(b, "x", a), Code::busy);
}

TEST_F(WaitGraphTest, takes_a_victim_of_each_of_several_cycles) {
  ASSERT_TRUE(read(b, "k").ok());
  ASSERT_TRUE(read(c, "k").ok());
  ASSERT_EQ(wait_row(b, "x", a), Code::busy);
  ASSERT_EQ(wait_row(c, "y", a), Code::busy);
  a.set_changes(20);
  EXPECT_EQ(write(a, "k"), Code::busy);
  EXPECT_EQ(deadlocks(), 2u);
  EXPECT_EQ(wait_row(b, "x", a), Code::deadlock);
  EXPECT_EQ(wait_row(c, "y", a), Code::deadlock);
  end(b);
  EXPECT_EQ(write(a, "k"), Code::busy);
  end(c);
  EXPECT_TRUE(write(a, "k").ok());
}

TEST_F(WaitGraphTest, sees_no_deadlock_where_the_holder_has_ended) {
  ASSERT_EQ(wait_row(a, "k", b), Code::busy);
  end(b);
  EXPECT_TRUE(wait_row(a, "k", b).ok());
  EXPECT_EQ(deadlocks(), 0u);
}

TEST_F(WaitGraphTest, lets_a_victim_try_again) {
  ASSERT_EQ(wait_row(a, "k", b), Code::busy);
  ASSERT_EQ(wait_row(b, "l", a), Code::deadlock);
  EXPECT_EQ(wait_row(b, "l", a), Code::deadlock) << "nothing has changed";
  EXPECT_EQ(deadlocks(), 2u);
  EXPECT_EQ(wait_row(b, "m", c), Code::busy);
}

}  // namespace
}  // namespace quire::lock
