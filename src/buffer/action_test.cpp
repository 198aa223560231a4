// Goal: an action that prepared has everything it needs (AC-1, BA-7), one that gives up gives everything back, and
//       running out shows before the first byte changes.
// Method: reserved units and page numbers before and after; a disk and a memory that are full; the borders of table
//         pages, where a new page needs a deeper table.
#include "buffer/action.hpp"

#include <gtest/gtest.h>

#include "buffer/test_pages.hpp"
#include "os/mem/mem_file_system.hpp"

namespace quire::buffer {
namespace {

class Actions : public testing::Test {
 protected:
  std::uint64_t reserved() { return pages_.space.blocks.reserved_units(); }

  os::MemFileSystem files_;
  Pages pages_{files_, {.frames = 40}};
};

TEST_F(Actions, give_everything_back_when_they_are_left_without_use) {
  pages_.add("x");
  pages_.publish();
  ASSERT_EQ(reserved(), 0u);
  {
    Action action(pages_.resources);
    ASSERT_TRUE(action.prepare({.dirty = 5}).ok());
    EXPECT_GE(reserved(), 5u);
    action.enter();
    EXPECT_TRUE(pages_.pool.gate().occupied());
    action.leave();
    EXPECT_FALSE(pages_.pool.gate().occupied());
    EXPECT_EQ(reserved(), 0u);
    EXPECT_TRUE(action.prepare({.dirty = 2}).ok()) << "and can prepare again";
  }
  EXPECT_EQ(reserved(), 0u);
  EXPECT_FALSE(pages_.pool.has_changes());
}

TEST_F(Actions, give_new_pages_back_that_they_did_not_use) {
  pages_.add("x");
  pages_.publish();
  const PageId next = pages_.space.table.next_page();
  for (const bool publish : {false, true}) {
    {
      Action action(pages_.resources);
      ASSERT_TRUE(action.prepare({.dirty = 1, .create = 3}).ok());
      EXPECT_EQ(latches_held, 3);
      if (publish) action.enter();
    }
    EXPECT_EQ(latches_held, 0);
    EXPECT_LE(reserved(), pages_.space.table.path_units_max()) << "at most the table path of the numbers";
    publish ? pages_.publish() : pages_.discard();
    EXPECT_EQ(reserved(), 0u);
    EXPECT_EQ(pages_.pool.counters().frames_used, 1u);
    EXPECT_EQ(pages_.space.blocks.published().count(), space::superblock_blocks + 3) << "page, table, bitmap";
  }
  EXPECT_EQ(pages_.add("y"), next) << "the numbers are free";
}

TEST_F(Actions, promise_a_page_and_its_path_once_per_epoch) {
  const PageId id = pages_.add("x");
  pages_.publish();
  ASSERT_TRUE(pages_.change(id, "a").ok());
  const std::uint64_t after_first = reserved();
  EXPECT_GE(after_first, 1u + pages_.space.table.depth());
  EXPECT_EQ(after_first, pages_.resources.units_promised);
  EXPECT_EQ(pages_.resources.dirty_pages, 1u);
  ASSERT_TRUE(pages_.change(id, "b").ok());
  EXPECT_EQ(reserved(), after_first);
  EXPECT_EQ(pages_.resources.dirty_pages, 1u);
  pages_.publish();
  EXPECT_EQ(reserved(), 0u);
}

TEST_F(Actions, stamp_the_generation_that_will_contain_the_change) {
  const PageId id = pages_.add("x");
  pages_.publish();
  pages_.publish();
  ASSERT_TRUE(pages_.change(id, "y").ok());
  const ReadPage page = pages_.pool.read(id).value();
  EXPECT_EQ(page::header::generation.get(page.data()), pages_.space.root.generation.raw + 1);
}

TEST_F(Actions, have_room_for_a_path_that_their_own_new_page_deepens) {
  // The page that begins the second table page makes the table deeper after the action was promised its path.
  for (std::uint64_t n = 1; n <= 600; ++n) {
    ASSERT_EQ(pages_.add("page " + std::to_string(n)).raw, n);
    pages_.publish();
    ASSERT_EQ(reserved(), 0u);
  }
  EXPECT_EQ(pages_.space.table.depth(), 2u);
  Pages again(files_, {}, pages_.space.root);
  for (std::uint64_t n = 1; n <= 600; ++n) ASSERT_EQ(again.text(PageId{n}), "page " + std::to_string(n));
}

TEST_F(Actions, refuse_more_changes_than_memory_has_room_for) {
  for (std::uint64_t n = 0; n < pages_.pool.dirty_pages_max(); ++n) pages_.add("x");
  const std::uint64_t before = reserved();
  Action action(pages_.resources);
  EXPECT_EQ(action.prepare({.dirty = 1}).to_string(),
            "no_memory: the transaction changes more than the 32 pages of 4096 bytes that Options::memory_limit has room "
            "for; raise it or commit in smaller transactions");
  action.leave();
  EXPECT_EQ(reserved(), before);
  pages_.discard();
  EXPECT_TRUE(action.prepare({.dirty = 1}).ok());
}

TEST_F(Actions, free_a_page_in_an_action_of_its_own) {
  const PageId id = pages_.add("x");
  const PageId other = pages_.add("y");
  pages_.publish();
  const std::uint64_t used = pages_.space.blocks.published().count();
  ASSERT_TRUE(free_page(pages_.resources, id).ok());
  EXPECT_EQ(free_page(pages_.resources, PageId{99}).code(), Code::corrupt);
  pages_.publish();
  EXPECT_EQ(pages_.space.blocks.published().count(), used - 1);
  EXPECT_EQ(reserved(), 0u);
  EXPECT_EQ(pages_.text(other), "y");
}

TEST(action, fails_and_changes_nothing_when_the_disk_is_full) {
  os::MemFileSystem files;
  Pages pages(files, {.frames = 1000});
  const PageId id = pages.add("kept");
  pages.publish();
  files.set_quota(files.used_bytes());
  std::uint64_t added = 0;
  Result<PageId> last = pages.try_add("x");
  for (; last.ok(); last = pages.try_add("x")) ++added;
  EXPECT_EQ(last.code(), Code::full) << last.status().to_string();
  EXPECT_GT(added, 10u);
  std::uint64_t taken = 0;
  while (pages.space.blocks.reserve(1).ok()) ++taken;
  const std::uint64_t promised = pages.space.blocks.reserved_units();
  EXPECT_EQ(pages.change(id, "lost").code(), Code::full);
  EXPECT_EQ(pages.text(id), "kept");
  EXPECT_EQ(pages.space.blocks.reserved_units(), promised);
  EXPECT_EQ(latches_held, 0);
  pages.space.blocks.unreserve(taken);
  // What was promised can be written: a checkpoint meets no full disk.
  pages.publish();
  files.set_quota(os::MemFileSystem::no_quota);
  ASSERT_TRUE(pages.change(id, "changed").ok());
  EXPECT_EQ(pages.text(id), "changed");
}

using ActionDeathTest = Actions;

TEST_F(ActionDeathTest, stops_whoever_takes_the_gate_after_a_latch) {
  const PageId id = pages_.add("x");
  const ReadPage latch = pages_.pool.read(id).value();
  Action action(pages_.resources);
  ASSERT_TRUE(action.prepare({.dirty = 1}).ok());
  EXPECT_DEATH(action.enter(), "latches_held") << "BP-1";
}

}  // namespace
}  // namespace quire::buffer
