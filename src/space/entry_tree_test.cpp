// Goal: an entry tree of any size is read back as it was written, a change rewrites its path alone, and no damaged page
//       of it is believed.
// Method: every number of leaves around the borders of each depth that 4 KiB pages have (256 entries to a page); a
//         flipped bit in every page; random marks against the set of pages that must be rewritten.
#include "space/entry_tree.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "os/mem/mem_file_system.hpp"
#include "space/test_space.hpp"

namespace quire::space {
namespace {

constexpr std::uint64_t fanout = page::page_bytes_min / entry_bytes;
static_assert(fanout == 256);

std::uint32_t depth_for(std::uint64_t leaves) { return leaves == 0 ? 0 : leaves == 1 ? 1 : leaves <= fanout ? 2 : 3; }

std::uint64_t pages_for(std::uint64_t leaves) {
  if (leaves <= 1) return leaves;
  return leaves <= fanout ? leaves + 1 : leaves + (leaves + fanout - 1) / fanout + 1;
}

class Trees : public testing::Test {
 protected:
  void SetUp() override {
    file_.configure(page::page_bytes_min, first_root(page::page_bytes_min).uuid);
    blocks_.open_empty(1);
  }

  // Writes the dirty leaves with their stamps, as one epoch.
  void publish(EntryTree& tree) {
    ASSERT_TRUE(blocks_.reserve(tree.unassigned()).ok());
    while (tree.assign(blocks_, epoch_)) {
    }
    EXPECT_EQ(blocks_.reserved_units(), 0u);
    ASSERT_TRUE(tree.write([&](std::uint64_t leaf, MutableBytes into) {
                      store_le(into.data(), stamp(leaf));
                      return leaf % 3 == 0 ? Entry::has_free : leaf == 5 ? Entry::has_undo : std::uint64_t{0};
                    }).ok());
    blocks_.publish(epoch_);
    epoch_.raw += 1;
    EXPECT_FALSE(tree.dirty());
  }

  std::uint64_t stamp(std::uint64_t leaf) { return stamps_.count(leaf) != 0 ? stamps_[leaf] : leaf * 7 + 1; }

  void expect_reads_back(EntryTree::Use use, const EntryTree& written) {
    EntryTree tree(file_, use);
    const Status status = tree.load(written.root(), written.depth(), written.leaves());
    ASSERT_TRUE(status.ok()) << status.to_string();
    ASSERT_EQ(tree.leaves(), written.leaves());
    std::vector<std::byte> image(page::page_bytes_min);
    for (std::uint32_t level = 0; level < tree.depth(); ++level) ASSERT_EQ(tree.level(level), written.level(level));
    for (std::uint64_t leaf = 0; leaf < tree.leaves(); ++leaf) {
      ASSERT_TRUE(tree.read(0, leaf, image).ok());
      ASSERT_EQ(load_le<std::uint64_t>(image.data()), stamp(leaf));
    }
  }

  os::MemFileSystem files_;
  PageFile file_{os::open_or_stop(files_, test_path), test_path};
  BlockAllocator blocks_{file_.file()};
  Epoch epoch_{1};
  std::map<std::uint64_t, std::uint64_t> stamps_;
};

TEST_F(Trees, read_back_at_every_size_around_the_borders_of_a_depth) {
  for (const auto use : {EntryTree::Use::table, EntryTree::Use::bitmap}) {
    for (const std::uint64_t leaves : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, fanout - 1, fanout, fanout + 1, 2 * fanout + 1}) {
      SCOPED_TRACE(leaves);
      EntryTree tree(file_, use);
      tree.grow(leaves);
      EXPECT_EQ(tree.depth(), depth_for(leaves));
      ASSERT_NO_FATAL_FAILURE(publish(tree));
      ASSERT_NO_FATAL_FAILURE(expect_reads_back(use, tree));
    }
  }
}

TEST_F(Trees, grow_leaf_by_leaf_over_two_depths) {
  EntryTree tree(file_, EntryTree::Use::table);
  for (const std::uint64_t leaves : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, fanout - 1, fanout, fanout + 1, fanout + 2}) {
    tree.grow(leaves);
    tree.grow(leaves - 1);
    EXPECT_EQ(tree.leaves(), leaves) << "growing never shrinks";
    ASSERT_NO_FATAL_FAILURE(publish(tree));
    ASSERT_NO_FATAL_FAILURE(expect_reads_back(EntryTree::Use::table, tree));
    EXPECT_EQ(blocks_.published().count(), superblock_blocks + pages_for(leaves)) << "nothing is leaked";
  }
}

TEST_F(Trees, rewrite_the_path_of_a_change_and_nothing_else) {
  EntryTree tree(file_, EntryTree::Use::table);
  tree.grow(2 * fanout);
  ASSERT_NO_FATAL_FAILURE(publish(tree));
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::vector<Entry>> before;
    for (std::uint32_t level = 0; level < tree.depth(); ++level) before.push_back(tree.level(level));
    std::vector<std::set<std::uint64_t>> changed(tree.depth());
    for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
      const std::uint64_t leaf = random.below(tree.leaves());
      stamps_[leaf] = random.next();
      tree.mark_dirty(leaf);
      for (std::uint32_t level = 0, index = static_cast<std::uint32_t>(leaf); level < tree.depth(); ++level, index /= fanout) {
        changed[level].insert(index);
      }
    }
    const std::uint64_t written = file_.counters().pages_written.load(relaxed);
    ASSERT_NO_FATAL_FAILURE(publish(tree));
    std::uint64_t expected = 0;
    for (std::uint32_t level = 0; level < tree.depth(); ++level) {
      expected += changed[level].size();
      for (std::uint64_t i = 0; i < tree.level(level).size(); ++i) {
        const bool moved = tree.level(level)[i].block() != before[level][i].block();
        ASSERT_EQ(moved, changed[level].count(i) != 0) << "level " << level << " page " << i;
      }
    }
    EXPECT_EQ(file_.counters().pages_written.load(relaxed) - written, expected);
    EXPECT_EQ(blocks_.published().count(), superblock_blocks + pages_for(tree.leaves()));
    ASSERT_NO_FATAL_FAILURE(expect_reads_back(EntryTree::Use::table, tree));
  }
}

TEST_F(Trees, carry_the_flags_of_leaves_to_the_top) {
  EntryTree tree(file_, EntryTree::Use::table);
  tree.grow(fanout + 1);
  ASSERT_NO_FATAL_FAILURE(publish(tree));
  EXPECT_NE(tree.leaf(0).place & Entry::has_free, 0u);
  EXPECT_EQ(tree.leaf(1).place & Entry::has_free, 0u);
  EXPECT_NE(tree.leaf(5).place & Entry::has_undo, 0u);
  EXPECT_NE(tree.level(1)[0].place & Entry::has_undo, 0u);
  EXPECT_EQ(tree.level(1)[1].place & Entry::has_undo, 0u) << "leaf 256 has none";
  EXPECT_NE(tree.root().place & Entry::has_free, 0u);
  EXPECT_NE(tree.root().place & Entry::has_undo, 0u);
}

TEST_F(Trees, detect_a_flipped_bit_in_every_page) {
  EntryTree tree(file_, EntryTree::Use::table);
  tree.grow(fanout + 1);
  ASSERT_NO_FATAL_FAILURE(publish(tree));
  Random random(4);
  for (std::uint32_t level = 0; level < tree.depth(); ++level) {
    for (std::uint64_t i = 0; i < tree.level(level).size(); ++i) {
      const std::uint64_t at = tree.level(level)[i].block().raw * block_bytes + random.below(page::page_bytes_min);
      const std::string good = os::text_at(file_.file(), at, 1);
      ASSERT_TRUE(os::put(file_.file(), at, std::string(1, static_cast<char>(good[0] ^ 1 << random.below(8)))).ok());
      EntryTree again(file_, EntryTree::Use::table);
      Status status = again.load(tree.root(), tree.depth(), tree.leaves());
      EXPECT_EQ(status.ok(), level == 0) << "inner pages are read by load, leaves when asked for";
      std::vector<std::byte> image(page::page_bytes_min);
      if (status.ok()) status = again.read(0, i, image);
      EXPECT_EQ(status.code(), Code::corrupt);
      EXPECT_THAT(std::string(status.message()), testing::HasSubstr(tree.name(level, i) + " at block ")) << status.to_string();
      ASSERT_TRUE(os::put(file_.file(), at, good).ok());
    }
  }
}

TEST_F(Trees, do_not_take_a_page_of_another_place_or_use_for_theirs) {
  EntryTree tree(file_, EntryTree::Use::table);
  tree.grow(2);
  stamps_[1] = stamp(0);  // both leaves have the same bytes
  ASSERT_NO_FATAL_FAILURE(publish(tree));
  const std::string first = os::text_at(file_.file(), tree.leaf(0).block().raw * block_bytes, block_bytes);
  EXPECT_EQ(os::text_at(file_.file(), tree.leaf(1).block().raw * block_bytes, block_bytes), first);
  EXPECT_NE(tree.leaf(0).checksum, tree.leaf(1).checksum) << "the place is part of the checksum";
  EntryTree other(file_, EntryTree::Use::bitmap);
  EXPECT_EQ(other.load(tree.root(), tree.depth(), tree.leaves()).code(), Code::corrupt);
}

TEST_F(Trees, refuse_a_depth_that_does_not_fit_their_size) {
  EntryTree tree(file_, EntryTree::Use::table);
  tree.grow(2);
  ASSERT_NO_FATAL_FAILURE(publish(tree));
  for (const std::uint32_t depth : {0u, 1u, 3u, 9u, 255u}) {
    EntryTree again(file_, EntryTree::Use::table);
    EXPECT_EQ(again.load(tree.root(), depth, 2).code(), Code::corrupt) << depth;
  }
}

TEST_F(Trees, shrink_to_any_size_and_give_the_blocks_of_what_is_gone_back) {
  for (const std::uint64_t kept : {std::uint64_t{1}, std::uint64_t{2}, fanout, fanout + 1, 2 * fanout}) {
    for (const bool changed : {false, true}) {
      SCOPED_TRACE(kept);
      EntryTree tree(file_, EntryTree::Use::bitmap);
      const std::uint64_t before = blocks_.published().count();
      tree.grow(2 * fanout + 2);
      ASSERT_NO_FATAL_FAILURE(publish(tree));
      if (changed) tree.mark_dirty(2 * fanout + 1);  // a page that is going away
      tree.shrink(kept, blocks_, epoch_);
      EXPECT_EQ(tree.leaves(), kept);
      EXPECT_EQ(tree.depth(), depth_for(kept));
      if (changed) tree.grow(kept + 1);
      ASSERT_NO_FATAL_FAILURE(publish(tree));
      ASSERT_NO_FATAL_FAILURE(expect_reads_back(EntryTree::Use::bitmap, tree));
      EXPECT_EQ(blocks_.published().count(), before + pages_for(tree.leaves()));
      tree.grow(fanout + 5);
      ASSERT_NO_FATAL_FAILURE(publish(tree));
      ASSERT_NO_FATAL_FAILURE(expect_reads_back(EntryTree::Use::bitmap, tree));
    }
  }
}

}  // namespace
}  // namespace quire::space
