// Goal: the table finds every page of a published state again, publishes the state of the flip whatever changes after it
//       (CK-4), and gives every free number again, also after reopening.
// Method: examples at the borders of table pages and depths; random epochs with changes between flip and publish,
//         against a map of pages and a set of free numbers, with reopening; damage in every table page.
#include "space/page_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/random.hpp"
#include "os/mem/mem_file_system.hpp"
#include "space/test_space.hpp"

namespace quire::space {
namespace {

constexpr std::uint64_t ids_per_leaf = page::page_bytes_min / entry_bytes;

// Reads every published page through a table opened anew, and counts what the bitmap says is in use.
void expect_reopens(os::FileSystem& files, const Superblock& root, const std::map<std::uint64_t, std::string>& pages) {
  Space space(files, root, Status());
  const Status opened = space.open();
  ASSERT_TRUE(opened.ok()) << opened.to_string();
  std::vector<std::byte> image(space.file.page_bytes());
  std::uint64_t live = 0;
  const Status status = space.table.for_each([&](PageId id, const Entry& entry) -> Status {
    const auto expected = pages.find(id.raw);
    EXPECT_EQ(entry.free(), expected == pages.end()) << "page " << id.raw;
    if (entry.free() || expected == pages.end()) return Status();
    ++live;
    Status read = space.file.read(entry, id.raw, "page", image);
    if (read.ok()) {
      EXPECT_EQ(as_text(image.data() + page::header_bytes, expected->second.size()), expected->second);
    }
    return read;
  });
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(live, pages.size());
  std::uint64_t used = superblock_blocks + live;
  for (const EntryTree* tree : {&space.table.entries(), &space.bitmap.entries()}) {
    for (std::uint32_t level = 0; level < tree->depth(); ++level) used += tree->level(level).size();
  }
  EXPECT_EQ(space.blocks.published().count(), used) << "blocks are leaked or missing";
}

TEST(page_table, finds_pages_again_on_both_sides_of_a_table_page) {
  os::MemFileSystem files;
  Space space(files);
  std::map<std::uint64_t, std::string> pages;
  for (std::uint64_t n = 1; n <= ids_per_leaf + 2; ++n) {
    const std::string text = "page " + std::to_string(n);
    const PageId id = space.add_page(text);
    ASSERT_EQ(id.raw, n);
    pages[n] = text;
    const bool border = n + 2 >= ids_per_leaf;
    if (!border && n > 2) continue;
    space.publish();
    EXPECT_EQ(space.table.depth(), n >= ids_per_leaf ? 2u : 1u);
    ASSERT_NO_FATAL_FAILURE(expect_reopens(files, space.root, pages)) << n;
  }
}

TEST(page_table, grows_to_three_levels_and_reloads_all_entries) {
  // The entries are made up; only their table pages are written.
  os::MemFileSystem files;
  Space space(files);
  const auto entry_of = [](std::uint64_t n) {
    Entry entry = Entry::make(Block{n * 3}, 1, EntryKind::page);
    entry.checksum = n * 0x10001;
    return entry;
  };
  const std::uint64_t last = ids_per_leaf * ids_per_leaf + 5;
  for (std::uint64_t n = 1; n <= last; ++n) {
    const PageId id = space.table.allocate_id().value();
    ASSERT_EQ(id.raw, n);
    space.table.set_entry(id, entry_of(n), space.running());
  }
  EXPECT_EQ(space.table.depth(), 3u);
  space.publish();
  Space again(files, space.root);
  EXPECT_EQ(again.table.find(PageId{last + 1}), nullptr);
  std::uint64_t seen = 0;
  ASSERT_TRUE(again.table.for_each([&](PageId id, const Entry& entry) {
                     EXPECT_EQ(entry, entry_of(id.raw)) << id.raw;
                     ++seen;
                     return Status();
                   }).ok());
  EXPECT_EQ(seen, last);
}

TEST(page_table, reads_a_table_page_when_one_of_its_entries_is_asked_for) {
  os::MemFileSystem files;
  Space space(files);
  for (std::uint64_t n = 1; n <= 2 * ids_per_leaf; ++n) space.add_page("x");
  space.publish();
  Space again(files, space.root);
  EXPECT_TRUE(again.table.find(PageId{1})->entry.free()) << "not read yet";
  ASSERT_TRUE(again.table.load(PageId{1}).ok());
  EXPECT_EQ(again.table.find(PageId{1})->entry, space.table.find(PageId{1})->entry);
  EXPECT_TRUE(again.table.find(PageId{ids_per_leaf})->entry.free()) << "another table page";
  const std::uint64_t reads = again.file.counters().pages_read.load(relaxed);
  ASSERT_TRUE(again.table.load(PageId{2}).ok());
  EXPECT_EQ(again.file.counters().pages_read.load(relaxed), reads) << "read once";
}

TEST(page_table, gives_a_freed_number_again_at_once_and_publishes_the_state_of_the_flip) {
  os::MemFileSystem files;
  Space space(files);
  const PageId first = space.add_page("a");
  space.add_page("b");
  space.publish();
  const Block old = space.table.find(first)->entry.block();
  space.free_page(first);
  EXPECT_EQ(space.add_page("again"), first);
  EXPECT_NE(space.table.find(first)->entry.block(), old) << "the published state still has it there";
  space.begin_publish();
  space.free_page(first);
  EXPECT_EQ(space.add_page("in the next epoch"), first);
  space.finish_publish();
  ASSERT_NO_FATAL_FAILURE(expect_reopens(files, space.root, {{1, "again"}, {2, "b"}}));
  space.publish();
  ASSERT_NO_FATAL_FAILURE(expect_reopens(files, space.root, {{1, "in the next epoch"}, {2, "b"}}));
}

TEST(page_table, publishes_the_table_of_the_flip_though_it_grows_a_page_or_a_level_before_the_publish) {
  for (const std::uint64_t at_flip : {ids_per_leaf - 3, ids_per_leaf - 1, ids_per_leaf, 2 * ids_per_leaf - 1}) {
    SCOPED_TRACE(at_flip);
    os::MemFileSystem files;
    Space space(files);
    std::map<std::uint64_t, std::string> pages;
    for (std::uint64_t n = 1; n <= at_flip; ++n) pages[space.add_page("x").raw] = "x";
    const std::map<std::uint64_t, std::string> flipped = pages;
    space.begin_publish();
    for (std::uint64_t n = 0; n < ids_per_leaf + 10; ++n) pages[space.add_page("later").raw] = "later";
    space.write_page(PageId{3}, "changed");
    pages[3] = "changed";
    space.finish_publish();
    EXPECT_EQ(space.root.next_page.raw, at_flip + 1);
    ASSERT_NO_FATAL_FAILURE(expect_reopens(files, space.root, flipped));
    space.blocks.check_state();
    space.publish();
    ASSERT_NO_FATAL_FAILURE(expect_reopens(files, space.root, pages));
  }
}

TEST(page_table, knows_at_a_flip_either_a_number_and_its_table_page_or_neither) {
  // The number is handed out before the flip and used after it, or never.
  for (const std::uint64_t last : {ids_per_leaf - 2, ids_per_leaf - 1, ids_per_leaf}) {
    for (const bool used : {false, true}) {
      os::MemFileSystem files;
      Space space(files);
      std::map<std::uint64_t, std::string> pages;
      for (std::uint64_t n = 1; n <= last; ++n) pages[space.add_page("x").raw] = "x";
      space.publish();
      const PageId ahead = space.table.allocate_id().value();
      space.begin_publish();
      if (used) space.write_page(ahead, "late");
      space.finish_publish();
      ASSERT_NO_FATAL_FAILURE(expect_reopens(files, space.root, pages));
      Space again(files, space.root);
      EXPECT_EQ(again.table.allocate_id().value(), ahead) << "free in that state, and found";
    }
  }
}

TEST(page_table, finds_numbers_again_that_were_handed_out_and_never_used) {
  os::MemFileSystem files;
  Space space(files);
  for (std::uint64_t n = 1; n <= ids_per_leaf + 20; ++n) space.add_page("x");
  space.publish();
  for (int n = 0; n < 5; ++n) ASSERT_TRUE(space.table.allocate_id().ok());
  space.write_page(PageId{1}, "y");  // in another table page
  space.publish();
  Space again(files, space.root);
  for (std::uint64_t n = 1; n <= 6; ++n) EXPECT_EQ(again.table.allocate_id().value().raw, ids_per_leaf + 20 + n);
}

TEST(page_table, moves_any_of_its_pages_when_it_is_told_to) {
  // BA-9. Also pages of it that nobody has read since the file was opened.
  os::MemFileSystem files;
  Space space(files);
  std::map<std::uint64_t, std::string> pages;
  for (std::uint64_t n = 1; n <= 2 * ids_per_leaf; ++n) pages[space.add_page("x").raw] = "x";
  space.publish();
  for (const auto& [level, index] : std::vector<std::pair<std::uint32_t, std::uint64_t>>{{0, 0}, {0, 1}, {1, 0}}) {
    Space again(files, space.root);
    const Block before = again.table.entries().level(level)[index].block();
    ASSERT_TRUE(again.table.mark_dirty(level, index).ok());
    EXPECT_TRUE(again.table.dirty());
    again.publish();
    EXPECT_NE(again.table.entries().level(level)[index].block(), before);
    ASSERT_NO_FATAL_FAILURE(expect_reopens(files, again.root, pages));
  }
}

TEST(page_table, finds_free_numbers_after_reopening) {
  // In the first, a middle and the last table page; has_free leads to them.
  os::MemFileSystem files;
  Space space(files);
  for (std::uint64_t n = 1; n <= 3 * ids_per_leaf + 10; ++n) space.add_page("x");
  space.publish();
  const std::vector<std::uint64_t> freed{7, ids_per_leaf + 3, ids_per_leaf + 9, 3 * ids_per_leaf + 1};
  for (const std::uint64_t n : freed) space.free_page(PageId{n});
  space.publish();
  EXPECT_NE(space.root.table_root.place & Entry::has_free, 0u);
  EXPECT_EQ(space.table.entries().leaf(2).place & Entry::has_free, 0u) << "nothing is free there";
  Space again(files, space.root);
  for (const std::uint64_t n : freed) EXPECT_EQ(again.table.allocate_id().value().raw, n);
  EXPECT_EQ(again.table.allocate_id().value(), space.root.next_page) << "then new ones";
}

TEST(page_table, has_no_slot_for_numbers_never_allocated) {
  os::MemFileSystem files;
  Space space(files);
  EXPECT_EQ(space.table.find(PageId{1}), nullptr);
  const PageId id = space.add_page("x");
  EXPECT_NE(space.table.find(id), nullptr);
  EXPECT_EQ(space.table.find(PageId{id.raw + 1}), nullptr);
  EXPECT_EQ(space.table.find(PageId{~std::uint64_t{0}}), nullptr);
}

TEST(page_table, keeps_its_slots_in_place_while_it_grows) {
  os::MemFileSystem files;
  Space space(files);
  std::vector<PageSlot*> slots;
  for (std::uint64_t n = 1; n <= 8 * 1024; ++n) slots.push_back(space.table.find(space.table.allocate_id().value()));
  for (std::uint64_t n = 1; n <= slots.size(); ++n) ASSERT_EQ(space.table.find(PageId{n}), slots[n - 1]);
  std::sort(slots.begin(), slots.end());
  EXPECT_EQ(std::adjacent_find(slots.begin(), slots.end()), slots.end()) << "two pages share a slot";
}

TEST(page_table, reports_damage_of_every_table_page_by_name) {
  os::MemFileSystem files;
  Space space(files);
  for (std::uint64_t n = 1; n <= 3 * ids_per_leaf; ++n) space.add_page("x");
  space.publish();
  const EntryTree& tree = space.table.entries();
  for (std::uint32_t level = 0; level < tree.depth(); ++level) {
    for (std::uint64_t i = 0; i < tree.level(level).size(); ++i) {
      const std::uint64_t at = tree.level(level)[i].block().raw * block_bytes + 100;
      const std::string good = os::text_at(space.file.file(), at, 1);
      ASSERT_TRUE(os::put(space.file.file(), at, std::string(1, static_cast<char>(good[0] ^ 4))).ok());
      Space again(files, space.root, Status());
      Status status = again.open();
      if (status.ok()) status = again.table.for_each([](PageId, const Entry&) { return Status(); });
      EXPECT_EQ(status.code(), Code::corrupt);
      EXPECT_THAT(std::string(status.message()), testing::HasSubstr("page table page " + std::to_string(i) + " of level " + std::to_string(level)));
      ASSERT_TRUE(os::put(space.file.file(), at, good).ok());
    }
  }
}

TEST(page_table, refuses_an_impossible_next_page) {
  os::MemFileSystem files;
  Space space(files);
  space.add_page("x");
  space.publish();
  for (const std::uint64_t next : {std::uint64_t{0}, std::uint64_t{1} << 48, ids_per_leaf + 1}) {
    Superblock root = space.root;
    root.next_page = PageId{next};
    Space again(files, root, Status());
    EXPECT_EQ(again.open().code(), Code::corrupt) << next;
  }
}

// ---- random epochs

class Model {
 public:
  Model(os::FileSystem& files, std::uint64_t seed) : files_(files), random_(seed), space_(new Space(files)) {}

  void run_epoch() {
    // Large epochs among small ones, before the flip and after it.
    ASSERT_NO_FATAL_FAILURE(change(random_.below(random_.chance(1, 3) ? 400 : 30)));
    const std::map<std::uint64_t, std::string> flipped = pages_;
    const std::uint64_t flipped_next = next_;
    space_->begin_publish();
    const std::uint64_t after_flip = random_.below(random_.chance(1, 3) ? 400 : 30);
    ASSERT_NO_FATAL_FAILURE(change(random_.chance(2, 3) ? after_flip : 0));
    space_->finish_publish();
    space_->blocks.check_state();
    ASSERT_EQ(space_->blocks.reserved_units(), 0u);
    ASSERT_EQ(space_->root.next_page.raw, flipped_next);
    ASSERT_NO_FATAL_FAILURE(expect_reopens(files_, space_->root, flipped));
    if (random_.chance(1, 4)) {
      // What came after the flip is lost.
      const Superblock root = space_->root;
      space_ = std::make_unique<Space>(files_, root);
      pages_ = flipped;
      next_ = flipped_next;
      free_.clear();
      for (std::uint64_t n = 1; n < next_; ++n) {
        if (pages_.count(n) == 0) free_.insert(n);
      }
    }
  }

 private:
  void change(std::uint64_t changes) {
    for (; changes > 0; --changes) {
      const std::uint64_t choice = random_.below(6);
      if (choice < 3 || pages_.empty()) {
        ASSERT_NO_FATAL_FAILURE(add());
        continue;
      }
      auto some = pages_.lower_bound(random_.below(next_));
      if (some == pages_.end()) some = pages_.begin();
      if (choice < 4) {
        some->second = "changed " + std::to_string(random_.next());
        space_->write_page(PageId{some->first}, some->second);
      } else {
        space_->free_page(PageId{some->first});
        free_.insert(some->first);
        pages_.erase(some);
      }
    }
  }

  void add() {
    const std::string text = "page " + std::to_string(random_.next());
    const std::uint64_t given = space_->add_page(text).raw;
    if (free_.erase(given) == 0) {
      ASSERT_TRUE(free_.empty()) << "a new number while others are free";
      ASSERT_EQ(given, next_++);
    }
    ASSERT_TRUE(pages_.emplace(given, text).second) << "a number given twice";
  }

  os::FileSystem& files_;
  Random random_;
  std::unique_ptr<Space> space_;
  std::map<std::uint64_t, std::string> pages_;
  std::set<std::uint64_t> free_;
  std::uint64_t next_ = 1;
};

TEST(page_table, agrees_with_a_map_over_random_epochs) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    os::MemFileSystem files;
    Model model(files, seed);
    for (int epoch = 0; epoch < 30; ++epoch) ASSERT_NO_FATAL_FAILURE(model.run_epoch()) << "epoch " << epoch;
  }
}

}  // namespace
}  // namespace quire::space
