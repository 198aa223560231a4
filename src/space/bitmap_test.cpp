// Goal: the bitmap in the file says exactly which blocks the published state refers to, the blocks of its own pages
//       included, also when writing it down dirties further pages of it (BA-6).
// Method: examples on both sides of a bitmap page's border, for all page sizes; damage in every bitmap page; a
//         superblock that contradicts the bits.
#include "space/bitmap.hpp"

#include <gtest/gtest.h>

#include "os/mem/mem_file_system.hpp"
#include "space/test_space.hpp"

namespace quire::space {
namespace {

BlockSet reload(os::FileSystem& files, const Superblock& root) {
  PageFile file(os::open_or_stop(files, test_path), test_path);
  file.configure(root.page_bytes, root.uuid);
  Bitmap bitmap(file);
  return bitmap.load(root).value();
}

TEST(bitmap, reloads_what_was_published_for_every_page_size) {
  for (std::uint32_t page_bytes = page::page_bytes_min; page_bytes <= page::page_bytes_max; page_bytes *= 2) {
    SCOPED_TRACE(page_bytes);
    os::MemFileSystem files;
    Space space(files, page_bytes);
    std::vector<PageId> ids;
    for (int n = 0; n < 20; ++n) ids.push_back(space.add_page("x"));
    space.publish();
    for (int n = 0; n < 20; n += 3) space.free_page(ids[static_cast<std::size_t>(n)]);
    space.publish();
    const BlockSet again = reload(files, space.root);
    EXPECT_EQ(again.size(), space.root.file_blocks);
    for (std::uint64_t b = 0; b < space.blocks.physical_blocks(); ++b) {
      ASSERT_EQ(again.word(b / 64), space.blocks.published().word(b / 64));
    }
    // Two superblocks; 13 pages; one page of the table and one of the bitmap.
    EXPECT_EQ(again.count(), superblock_blocks + (13 + 2) * page_bytes / block_bytes);
  }
}

TEST(bitmap, grows_over_the_border_of_a_page_while_it_is_written) {
  // Pages end just before the first block of a second bitmap page, so that the blocks of table and bitmap themselves are
  // what crosses the border, one block more each time.
  const std::uint64_t border = std::uint64_t{page::page_bytes_min} * 8;
  for (std::uint64_t distance = 0; distance <= 6; ++distance) {
    SCOPED_TRACE(distance);
    os::MemFileSystem files;
    Space space(files);
    const PageId id = space.table.allocate_id().value();
    const std::uint64_t filler = border - superblock_blocks - distance;
    ASSERT_TRUE(space.blocks.reserve(filler).ok());
    for (std::uint64_t n = 0; n < filler; ++n) (void)space.blocks.allocate(space.running());
    space.table.set_entry(id, Entry::make(Block{2}, 1, EntryKind::page), space.running());
    space.publish();
    const BlockSet again = reload(files, space.root);
    std::uint64_t used = superblock_blocks + filler;
    for (const EntryTree* tree : {&space.table.entries(), &space.bitmap.entries()}) {
      for (std::uint32_t level = 0; level < tree->depth(); ++level) {
        for (const Entry& entry : tree->level(level)) EXPECT_TRUE(again.contains(entry.block(), 1));
        used += tree->level(level).size();
      }
    }
    EXPECT_EQ(again.count(), used);
    EXPECT_EQ(again.end(), space.blocks.published().end());
    EXPECT_EQ(space.bitmap.depth(), again.end() > border ? 2u : 1u);
  }
}

// One page, and blocks that nothing refers to, over several bitmap pages.
struct Spread {
  os::MemFileSystem files;
  Space space{files};
  std::vector<Block> filler;

  explicit Spread(std::uint64_t blocks) {
    space.add_page("kept");
    EXPECT_TRUE(space.blocks.reserve(blocks).ok());
    for (std::uint64_t n = 0; n < blocks; ++n) filler.push_back(space.blocks.allocate(space.running()));
    space.publish();
  }
  void drop_filler_from(std::uint64_t block) {
    for (const Block each : filler) {
      if (each.raw >= block) space.blocks.supersede(each, space.running());
    }
    std::erase_if(filler, [&](Block each) { return each.raw >= block; });
  }
  void expect_reopens() {
    const BlockSet again = reload(files, space.root);
    for (std::uint64_t b = 0; b < space.blocks.physical_blocks(); b += 64) ASSERT_EQ(again.word(b / 64), space.blocks.published().word(b / 64));
    std::uint64_t used = superblock_blocks + filler.size() + 1;
    for (const EntryTree* tree : {&space.table.entries(), &space.bitmap.entries()}) {
      for (std::uint32_t level = 0; level < tree->depth(); ++level) used += tree->level(level).size();
    }
    ASSERT_EQ(again.count(), used);
    ASSERT_GE(space.file.file().size().value(), space.root.file_blocks * block_bytes) << "else the file counts as truncated";
    Space opened(files, space.root);
    opened.blocks.check_state();
  }
};

TEST(bitmap, shrinks_with_the_file_also_by_a_level_and_is_found_again) {
  const std::uint64_t border = std::uint64_t{page::page_bytes_min} * 8;
  Spread spread(2 * border);
  ASSERT_EQ(spread.space.bitmap.depth(), 2u);
  ASSERT_EQ(spread.space.bitmap.entries().leaves(), 3u);
  ASSERT_NO_FATAL_FAILURE(spread.expect_reopens());
  for (const std::uint64_t keep : {border + 100, border - 200, std::uint64_t{500}, std::uint64_t{50}}) {
    SCOPED_TRACE(keep);
    spread.drop_filler_from(keep);
    // Its own pages and those of the table move down one publish after the other; the file is cut after each.
    for (int n = 0; n < 4; ++n) {
      spread.space.write_page(PageId{1}, "kept");
      ASSERT_TRUE(spread.space.table.mark_dirty(0, 0).ok());
      for (std::uint64_t leaf = 0; leaf < spread.space.bitmap.entries().leaves(); ++leaf) spread.space.bitmap.mark_dirty(0, leaf);
      spread.space.publish();
      ASSERT_TRUE(spread.space.blocks.cut().ok());
      ASSERT_NO_FATAL_FAILURE(spread.expect_reopens());
      spread.space.blocks.check_state();
    }
    EXPECT_EQ(spread.space.bitmap.depth(), keep > border ? 2u : 1u);
    // The file is a sixty-fourth larger at most, and the standing reserve of 64 blocks.
    EXPECT_LE(spread.space.blocks.physical_blocks(), keep + 2 * border / 64 + 80);
  }
  // And it grows again.
  ASSERT_TRUE(spread.space.blocks.reserve(border).ok());
  for (std::uint64_t n = 0; n < border; ++n) spread.filler.push_back(spread.space.blocks.allocate(spread.space.running()));
  spread.space.publish();
  EXPECT_EQ(spread.space.bitmap.depth(), 2u);
  ASSERT_NO_FATAL_FAILURE(spread.expect_reopens());
}

TEST(bitmap, is_not_cut_off_when_a_page_of_it_became_needless_in_the_same_checkpoint) {
  // The table page is the last block beyond the border of a bitmap page. The checkpoint that moves it down still has
  // two bitmap pages, so its superblock names a length beyond the border.
  const std::uint64_t border = std::uint64_t{page::page_bytes_min} * 8;
  for (std::uint64_t distance = 0; distance < 6; ++distance) {
    SCOPED_TRACE(distance);
    Spread spread(border - superblock_blocks - 1 - distance);
    spread.drop_filler_from(500);
    for (int n = 0; n < 3; ++n) {
      ASSERT_TRUE(spread.space.table.mark_dirty(0, 0).ok());
      spread.space.publish();
      ASSERT_TRUE(spread.space.blocks.cut().ok());
      ASSERT_NO_FATAL_FAILURE(spread.expect_reopens());
    }
    EXPECT_EQ(spread.space.bitmap.depth(), 1u);
    EXPECT_LT(spread.space.blocks.physical_blocks(), 2000u);
  }
}

TEST(bitmap, reports_damage_of_every_page_by_name) {
  os::MemFileSystem files;
  Space space(files);
  const std::uint64_t filler = std::uint64_t{page::page_bytes_min} * 8 * 2;
  space.add_page("x");
  ASSERT_TRUE(space.blocks.reserve(filler).ok());
  for (std::uint64_t n = 0; n < filler; ++n) (void)space.blocks.allocate(space.running());
  space.publish();
  const EntryTree& tree = space.bitmap.entries();
  ASSERT_EQ(tree.depth(), 2u);
  for (std::uint32_t level = 0; level < tree.depth(); ++level) {
    for (std::uint64_t i = 0; i < tree.level(level).size(); ++i) {
      const std::uint64_t at = tree.level(level)[i].block().raw * block_bytes + 4095;
      const std::string good = os::text_at(space.file.file(), at, 1);
      ASSERT_TRUE(os::put(space.file.file(), at, std::string(1, static_cast<char>(good[0] ^ 1))).ok());
      Bitmap bitmap(space.file);
      const Result<BlockSet> loaded = bitmap.load(space.root);
      EXPECT_EQ(loaded.code(), Code::corrupt);
      EXPECT_THAT(std::string(loaded.message()), testing::HasSubstr("bitmap page " + std::to_string(i) + " of level " + std::to_string(level)));
      ASSERT_TRUE(os::put(space.file.file(), at, good).ok());
    }
  }
}

TEST(bitmap, contradicts_a_superblock_with_too_few_blocks) {
  os::MemFileSystem files;
  Space space(files);
  space.add_page("x");
  space.publish();
  Superblock root = space.root;
  root.file_blocks -= 1;
  Bitmap bitmap(space.file);
  EXPECT_THAT(bitmap.load(root).status().to_string(), testing::HasSubstr("contradicts the superblock"));
}

}  // namespace
}  // namespace quire::space
