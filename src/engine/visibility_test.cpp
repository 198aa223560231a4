// Visibility: the order in which commits become visible.
//
// Goal     no commit is seen before those that came earlier, none that must be durable before it is, and catalogs go with them
// Method   a test per sentence of visibility.hpp; random commits and syncs against a list
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "engine/visibility.hpp"
#include "wal/layout.hpp"

namespace quire::engine {
namespace {

class visibility : public testing::Test {
 protected:
  visibility() { visibility_.open(std::make_shared<const catalog::Catalog>(), Timestamp{1}); }
  Timestamp newest() const { return snapshots_.newest(); }

  txn::Snapshots snapshots_;
  Visibility visibility_{snapshots_};
};

TEST_F(visibility, of_a_commit_that_waits_for_nothing_is_at_once) {
  visibility_.commit(Timestamp{5}, wal::no_lsn, nullptr);
  EXPECT_EQ(newest(), Timestamp{6});
  EXPECT_FALSE(visibility_.waiting());
}

TEST_F(visibility, of_later_commits_waits_for_earlier_ones) {
  visibility_.commit(Timestamp{5}, Lsn{100}, nullptr);
  visibility_.commit(Timestamp{6}, wal::no_lsn, nullptr);
  visibility_.commit(Timestamp{8}, Lsn{200}, nullptr);
  visibility_.commit(Timestamp{9}, wal::no_lsn, nullptr);
  EXPECT_EQ(newest(), Timestamp{1});
  EXPECT_TRUE(visibility_.waiting());
  visibility_.advance(Lsn{99});
  EXPECT_EQ(newest(), Timestamp{1});
  visibility_.advance(Lsn{100});
  EXPECT_EQ(newest(), Timestamp{7});
  visibility_.advance(Lsn{50});  // told late
  EXPECT_EQ(newest(), Timestamp{7});
  visibility_.advance(Lsn{1000});
  EXPECT_EQ(newest(), Timestamp{10});
  EXPECT_FALSE(visibility_.waiting());
  visibility_.commit(Timestamp{11}, Lsn{900}, nullptr);
  EXPECT_EQ(newest(), Timestamp{12}) << "durable already";
}

TEST_F(visibility, of_a_catalog_is_that_of_its_commit) {
  const auto changed = std::make_shared<const catalog::Catalog>();
  const CatalogPointer before = visibility_.visible();
  const std::uint64_t version = visibility_.version();
  visibility_.commit(Timestamp{5}, Lsn{100}, changed);
  EXPECT_EQ(visibility_.visible(), before);
  EXPECT_EQ(visibility_.version(), version);
  visibility_.advance(Lsn{100});
  EXPECT_EQ(visibility_.visible(), changed);
  EXPECT_NE(visibility_.version(), version);
}

TEST_F(visibility, is_always_that_of_a_prefix_as_durable_as_it_asked_for) {
  Random random(3);
  struct Commit {
    std::uint64_t xid;
    std::uint64_t when;
  };
  std::vector<Commit> commits;
  std::uint64_t xid = 1;
  std::uint64_t tail = 10;
  std::uint64_t durable = 0;
  for (int i = 0; i < 3000; ++i) {
    if (random.chance(2, 3)) {
      xid += 1 + random.below(3);
      tail += 8 * random.below(20);
      const Lsn when = random.chance(1, 2) ? Lsn{tail} : wal::no_lsn;
      commits.push_back({xid, when.raw});
      visibility_.commit(Timestamp{xid}, when, nullptr);
    } else {
      durable = std::max(durable, random.below(tail + 1));
      visibility_.advance(Lsn{durable});
    }
    std::uint64_t expected = 1;
    for (const Commit& commit : commits) {
      if (commit.when > durable) break;
      expected = commit.xid + 1;
    }
    ASSERT_EQ(newest(), Timestamp{expected}) << "step " << i;
    ASSERT_EQ(visibility_.waiting(), !commits.empty() && expected != xid + 1);
  }
}

}  // namespace
}  // namespace quire::engine
