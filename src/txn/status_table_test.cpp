// The status table against a map.
//
// Goal     every transaction has the status that it was given, for every limit, also when the floor has passed it and its place serves another
// Method   random transactions that begin in order and end in any, over many chunks; the floor is raised to random horizons
#include "txn/status_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.hpp"

namespace quire::txn {
namespace {

constexpr std::uint64_t aborted = UINT64_MAX;

class ModelledTable {
 public:
  explicit ModelledTable(std::uint64_t seed) : random_(seed), next_(1 + random_.below(10000)) {
    table_.open(Xid{next_});
    first_ = next_;
  }
  void begin() {
    table_.extend(Xid{next_});
    active_.push_back(next_++);
  }
  void end_one() {
    if (active_.empty()) return;
    const std::size_t which = random_.below(std::min<std::size_t>(active_.size(), 40));
    const std::uint64_t xid = active_[which];
    active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(which));
    if (random_.chance(1, 8)) {
      table_.aborted(Xid{xid}, Timestamp{clock_ + 1});
      ended_[xid] = aborted;
      aborted_at_[xid] = clock_ + 1;
    } else {
      table_.committed(Xid{xid}, Timestamp{++clock_});
      ended_[xid] = clock_;
    }
  }
  void raise() {
    horizon_ = std::max(horizon_, clock_ - std::min(clock_, random_.below(200)));
    const Xid floor = table_.raise_floor(Timestamp{horizon_}, Xid{next_});
    std::uint64_t expected = first_;
    for (; expected < next_; ++expected) {
      const auto found = ended_.find(expected);
      if (found == ended_.end() || (found->second == aborted ? aborted_at_[expected] : found->second) >= horizon_) break;
    }
    EXPECT_EQ(floor.raw, expected);
    EXPECT_EQ(table_.floor(), floor);
  }
  void check(std::uint64_t xid) {
    const auto found = ended_.find(xid);
    const bool ended = found != ended_.end();
    const bool below = xid < table_.floor().raw;
    EXPECT_EQ(table_.active(Xid{xid}), !ended) << xid;
    if (below) {
      // For every limit that somebody may have.
      EXPECT_TRUE(table_.committed_before(Xid{xid}, Timestamp{horizon_})) << xid;
      return;
    }
    const std::uint64_t at = ended ? found->second : aborted;
    for (const std::uint64_t limit : {horizon_, at, at + 1, clock_ + 1}) {
      if (limit == 0) continue;
      EXPECT_EQ(table_.committed_before(Xid{xid}, Timestamp{limit}), ended && at != aborted && at < limit) << xid << " at " << limit;
    }
  }
  void check_some() {
    for (int i = 0; i < 30; ++i) check(first_ + random_.below(next_ - first_));
    for (const std::uint64_t xid : active_) check(xid);
  }
  Random& random() { return random_; }

 private:
  Random random_;
  StatusTable table_;
  std::uint64_t next_;
  std::uint64_t first_ = 0;
  std::uint64_t clock_ = 0;
  std::uint64_t horizon_ = 1;
  std::vector<std::uint64_t> active_;
  std::map<std::uint64_t, std::uint64_t> ended_;
  std::map<std::uint64_t, std::uint64_t> aborted_at_;
};

TEST(status_table, agrees_with_a_map) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    ModelledTable modelled(seed);
    for (int step = 0; step < 40000; ++step) {
      modelled.begin();
      if (modelled.random().chance(9, 10)) modelled.end_one();
      if (modelled.random().chance(1, 10)) modelled.end_one();
      if (step % 4000 == 3999) {
        modelled.raise();
        modelled.check_some();
      }
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(status_table, knows_nothing_below_its_floor_but_that_it_is_finished) {
  StatusTable table;
  table.open(Xid{5000});
  EXPECT_FALSE(table.active(Xid{1}));
  EXPECT_FALSE(table.active(Xid{4999}));
  EXPECT_TRUE(table.committed_before(Xid{4999}, Timestamp{1}));
  EXPECT_EQ(table.committed_at(Xid{4999}), Timestamp{0});
  EXPECT_TRUE(table.active(Xid{5000}));
  table.extend(Xid{5000});
  EXPECT_TRUE(table.active(Xid{5000}));
  EXPECT_EQ(table.committed_at(Xid{5000}), Timestamp{UINT64_MAX});
  table.committed(Xid{5000}, Timestamp{7});
  EXPECT_EQ(table.committed_at(Xid{5000}), Timestamp{7});
  EXPECT_EQ(table.raise_floor(Timestamp{7}, Xid{5001}), Xid{5000}) << "a limit of 7 does not see it";
  EXPECT_EQ(table.raise_floor(Timestamp{8}, Xid{5001}), Xid{5001});
}

}  // namespace
}  // namespace quire::txn
