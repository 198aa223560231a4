// Slots of snapshots in one thread.
//
// Goal     the horizon is the oldest limit that is held, and never moves back
// Method   a few snapshots; more of them than one group of slots has; random ones against a multiset
#include "txn/snapshots.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "base/random.hpp"

namespace quire::txn {
namespace {

TEST(snapshots, hold_the_horizon_back_as_long_as_they_live) {
  Snapshots snapshots;
  snapshots.set_newest(Timestamp{5});
  EXPECT_EQ(snapshots.horizon(), Timestamp{5});
  Snapshots::Slot& old = snapshots.acquire_slot();
  EXPECT_EQ(old.limit.load(), 5u);
  snapshots.set_newest(Timestamp{9});
  Snapshots::Slot& young = snapshots.acquire_slot();
  EXPECT_EQ(young.limit.load(), 9u);
  EXPECT_EQ(snapshots.horizon(), Timestamp{5});
  EXPECT_EQ(snapshots.registered(), 2u);
  Snapshots::release_slot(old);
  EXPECT_EQ(snapshots.horizon(), Timestamp{9});
  snapshots.set_newest(Timestamp{12});
  EXPECT_EQ(snapshots.horizon(), Timestamp{9});
  Snapshots::release_slot(young);
  EXPECT_EQ(snapshots.horizon(), Timestamp{12});
  EXPECT_EQ(snapshots.registered(), 0u);
}

TEST(snapshots, may_be_more_than_a_group_has_slots) {
  Snapshots snapshots;
  std::vector<Snapshots::Slot*> held;
  std::set<Snapshots::Slot*> distinct;
  for (std::uint64_t xid = 1; xid <= 300; ++xid) {
    snapshots.set_newest(Timestamp{xid});
    held.push_back(&snapshots.acquire_slot());
    distinct.insert(held.back());
  }
  EXPECT_EQ(distinct.size(), 300u);
  EXPECT_EQ(snapshots.registered(), 300u);
  for (std::uint64_t xid = 1; xid <= 300; ++xid) {
    EXPECT_EQ(snapshots.horizon(), Timestamp{xid});
    Snapshots::release_slot(*held[xid - 1]);
  }
}

TEST(snapshots, agree_with_a_multiset) {
  Random random(3);
  Snapshots snapshots;
  std::vector<Snapshots::Slot*> held;
  std::multiset<std::uint64_t> limits;
  std::uint64_t newest = 1;
  Timestamp last{0};
  for (int step = 0; step < 20000; ++step) {
    const std::uint64_t choice = random.below(3);
    if (choice == 0) {
      newest += random.below(3);
      snapshots.set_newest(Timestamp{newest});
    } else if (choice == 1 && held.size() < 200) {
      held.push_back(&snapshots.acquire_slot());
      limits.insert(newest);
    } else if (!held.empty()) {
      const std::size_t which = random.below(held.size());
      limits.erase(limits.find(held[which]->limit.load()));
      Snapshots::release_slot(*held[which]);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
    }
    const Timestamp horizon = snapshots.horizon();
    ASSERT_EQ(horizon.raw, limits.empty() ? newest : *limits.begin());
    ASSERT_GE(horizon, last);
    last = horizon;
  }
}

}  // namespace
}  // namespace quire::txn
