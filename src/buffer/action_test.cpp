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
  std::uint64_t leaked() { return pages_.leaked_units(); }

  os::MemFileSystem files_;
  Pages pages_{files_, {.frames = 40}};
};

TEST_F(Actions, give_everything_back_when_they_are_left_without_use) {
  pages_.add("x");
  pages_.publish();
  ASSERT_EQ(leaked(), 0u);
  {
    Action action(pages_.resources);
    ASSERT_TRUE(action.prepare({.dirty = 5}).ok());
    EXPECT_GE(leaked(), 5u) << "promised to the action";
    action.enter();
    EXPECT_TRUE(pages_.pool.gate().occupied());
    action.leave();
    EXPECT_FALSE(pages_.pool.gate().occupied());
    EXPECT_EQ(leaked(), 0u);
    EXPECT_TRUE(action.prepare({.dirty = 2}).ok()) << "and can prepare again";
  }
  EXPECT_EQ(leaked(), 0u);
  EXPECT_FALSE(pages_.pool.has_dirty());
  pages_.resources.give_spare_units();
  EXPECT_EQ(reserved(), 0u);
}

TEST_F(Actions, give_new_pages_back_that_they_did_not_use) {
  pages_.add("x");
  pages_.publish();
  const PageId next = pages_.space.table.next_page();
  for (const bool enter : {false, true}) {
    {
      Action action(pages_.resources);
      ASSERT_TRUE(action.prepare({.dirty = 1, .create = 3}).ok());
      EXPECT_EQ(latches_held, 3);
      if (enter) action.enter();
    }
    EXPECT_EQ(latches_held, 0);
    EXPECT_EQ(leaked(), 0u);
    pages_.publish();
    EXPECT_EQ(leaked(), 0u);
    EXPECT_EQ(pages_.pool.counters().frames_used, 1u);
    EXPECT_EQ(pages_.space.blocks.published().count(), space::superblock_blocks + 3) << "page, table, bitmap";
  }
  EXPECT_EQ(pages_.add("y"), next) << "the numbers are free";
}

TEST_F(Actions, give_back_what_they_had_when_a_later_step_of_prepare_fails) {
  // Room is promised first, then pages are taken one by one: more of them than there are frames.
  pages_.add("x");
  pages_.publish();
  const PageId next = pages_.space.table.next_page();
  {
    Action action(pages_.resources);
    EXPECT_EQ(action.prepare({.dirty = 1, .create = 50}).code(), Code::no_memory);
  }
  EXPECT_EQ(leaked(), 0u);
  EXPECT_EQ(latches_held, 0);
  EXPECT_EQ(pages_.add("y"), next);
  pages_.publish();
  EXPECT_EQ(leaked(), 0u);
}

TEST_F(Actions, promise_a_page_and_its_path_once_per_epoch) {
  const PageId id = pages_.add("x");
  pages_.publish();
  ASSERT_EQ(pages_.pool.promised(pages_.pool.running()), 0u);
  ASSERT_TRUE(pages_.change(id, "a").ok());
  const std::uint64_t after_first = pages_.pool.promised(pages_.pool.running());
  EXPECT_GE(after_first, 1u + pages_.space.table.depth());
  EXPECT_EQ(leaked(), after_first);
  ASSERT_TRUE(pages_.change(id, "b").ok());
  EXPECT_EQ(pages_.pool.promised(pages_.pool.running()), after_first);
  // Written out and changed again it needs another block, but not another path.
  ASSERT_TRUE(pages_.pool.write_out({id}).ok());
  EXPECT_EQ(pages_.pool.promised(pages_.pool.running()), after_first - 1);
  ASSERT_TRUE(pages_.change(id, "c").ok());
  EXPECT_EQ(pages_.pool.promised(pages_.pool.running()), after_first);
  pages_.publish();
  EXPECT_EQ(leaked(), 0u);
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
    ASSERT_EQ(leaked(), 0u);
    ASSERT_EQ(pages_.paid_pages, pages_.space.table.depth()) << "the whole path was promised";
  }
  EXPECT_EQ(pages_.space.table.depth(), 2u);
  Pages again(files_, {}, pages_.space.root);
  for (std::uint64_t n = 1; n <= 600; ++n) ASSERT_EQ(again.text(PageId{n}), "page " + std::to_string(n));
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
  EXPECT_EQ(leaked(), 0u);
  EXPECT_EQ(pages_.text(other), "y");
  const PageId lost = pages_.add("never written");
  ASSERT_TRUE(free_page(pages_.resources, lost).ok());
  EXPECT_EQ(pages_.add("in its place"), id) << "the lowest free number, in the same epoch";
  pages_.publish();
  EXPECT_EQ(leaked(), 0u);
  EXPECT_EQ(pages_.space.blocks.published().count(), used);
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
  pages.resources.give_spare_units();
  std::uint64_t taken = 0;
  while (pages.space.blocks.reserve(1).ok()) ++taken;
  const std::uint64_t promised = pages.space.blocks.reserved_units();
  EXPECT_EQ(pages.change(id, "lost").code(), Code::full);
  EXPECT_EQ(pages.text(id), "kept");
  EXPECT_EQ(pages.space.blocks.reserved_units(), promised);
  EXPECT_EQ(latches_held, 0);
  pages.space.blocks.unreserve(taken);
  // What was promised can be written: a checkpoint meets no full disk, and then there is room again.
  pages.publish();
  EXPECT_EQ(pages.leaked_units(), 0u);
  files.set_quota(os::MemFileSystem::no_quota);
  ASSERT_TRUE(pages.change(id, "changed").ok());
  EXPECT_EQ(pages.text(id), "changed");
}

TEST(action, proceeds_in_the_standing_reserve_where_it_may) {
  os::MemFileSystem files;
  Pages pages(files, {.frames = 1000});
  std::vector<PageId> ids;
  for (int n = 0; n < 20; ++n) ids.push_back(pages.add("kept"));
  pages.publish();
  files.set_quota(files.used_bytes());
  while (pages.try_add("x").ok()) {
  }
  pages.publish();
  while (pages.try_add("x").ok()) {
  }
  ASSERT_EQ(pages.change(ids[0], "lost").code(), Code::full);
  {
    const StandingRoom room(pages.resources);
    for (const PageId id : ids) ASSERT_TRUE(free_page(pages.resources, id).ok()) << "BA-8";
  }
  pages.publish();
  EXPECT_EQ(pages.leaked_units(), 0u);
  pages.publish();
  EXPECT_TRUE(pages.try_add("fits again").ok());
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
