// Goal: what an epoch publishes is its content of the flip, whatever is changed, freed, evicted or made anew before the
//       publish (CK-3, CK-4, BP-3 to BP-5), and no block is used again while an image may still travel to it (BA-3).
// Method: the steps of a checkpoint one by one, with changes between any two; a hook that stops a write between capture
//         and output; each test's name is its schedule. After every publish the file is opened anew and compared.
#include <gtest/gtest.h>

#include <map>

#include "base/seeded_bug.hpp"
#include "buffer/dirty_word.hpp"
#include "buffer/test_pages.hpp"
#include "os/hook.hpp"
#include "os/mem/mem_file_system.hpp"
#include "os/sim/sim_file_system.hpp"

namespace quire::buffer {
namespace {

using Texts = std::map<std::uint64_t, std::string>;

// Runs a function once, at the first time a hook of this name is met.
class AtHook {
 public:
  AtHook(std::string name, std::function<Status()> run) : name_(std::move(name)), run_(std::move(run)) {
    os::set_hook_handler(&AtHook::handle, this);
  }
  ~AtHook() { os::set_hook_handler(nullptr, nullptr); }
  bool met() const { return !run_; }

 private:
  static Status handle(std::string_view name, void* context) {
    auto* self = static_cast<AtHook*>(context);
    if (name != self->name_ || !self->run_) return Status();
    const std::function<Status()> run = std::exchange(self->run_, nullptr);
    return run();
  }
  std::string name_;
  std::function<Status()> run_;
};

class Epochs : public testing::Test {
 protected:
  // `count` published pages.
  std::vector<PageId> publish_pages(std::uint64_t count) {
    std::vector<PageId> ids;
    for (std::uint64_t n = 0; n < count; ++n) ids.push_back(add("page " + std::to_string(n)));
    pages_.publish();
    return ids;
  }
  PageId add(const std::string& text) {
    const PageId id = pages_.add(text);
    now_[id.raw] = text;
    return id;
  }
  void change(PageId id, const std::string& text) {
    ASSERT_TRUE(pages_.change(id, text).ok());
    now_[id.raw] = text;
  }
  void free(PageId id) {
    ASSERT_TRUE(free_page(pages_.resources, id).ok());
    now_.erase(id.raw);
  }
  PageId add_undo(const std::string& text) {
    const PageId id = pages_.add_undo(text);
    now_[id.raw] = text;
    return id;
  }
  void flip() {
    flipped_ = now_;
    pages_.begin_publish();
  }
  // No transaction is active: the published state needs no undo page. These are not in it.
  void flip_keeping_back(const std::vector<PageId>& kept) {
    flipped_ = now_;
    for (const PageId id : kept) flipped_.erase(id.raw);
    pages_.begin_publish(Pages::Undo::keep_back);
    for (const PageId id : kept) {
      EXPECT_EQ(dirty(id) & ~dirty::in_flight, dirty::tag(pages_.pool.running())) << "page " << id.raw;
      EXPECT_EQ(pages_.text(id), now_[id.raw]);
    }
  }
  void finish() {
    ASSERT_TRUE(pages_.write_pages().ok());
    pages_.finish_publish();
    ASSERT_NO_FATAL_FAILURE(expect_published(flipped_));
  }
  void publish() {
    flip();
    finish();
  }
  void expect_published(const Texts& texts) {
    pages_.space.blocks.check_state();
    EXPECT_EQ(pages_.leaked_units(), pages_.pool.promised(pages_.pool.running()));
    Pages again(files_, {}, pages_.space.root);
    std::uint64_t used = space::superblock_blocks;
    Texts found;
    ASSERT_TRUE(again.space.table.for_each([&](PageId id, const space::Entry& entry) {
                       if (!entry.free()) found[id.raw] = again.text(id);
                       return Status();
                     }).ok());
    EXPECT_EQ(found, texts);
    used += found.size();
    for (const space::EntryTree* tree : {&again.space.table.entries(), &again.space.bitmap.entries()}) {
      for (std::uint32_t level = 0; level < tree->depth(); ++level) used += tree->level(level).size();
    }
    EXPECT_EQ(again.space.blocks.published().count(), used);
    EXPECT_EQ(pages_.space.blocks.published().count(), used);
  }
  // The page is on its way out and no longer dirty in memory.
  std::uint32_t dirty(PageId id) { return pages_.space.table.find(id)->dirty.load(relaxed); }
  Block block(PageId id) { return pages_.space.table.find(id)->entry.block(); }

  os::MemFileSystem files_;
  Pages pages_{files_, {.frames = 40}};
  Texts now_, flipped_;
};

TEST_F(Epochs, changed_after_the_flip_before_its_capture_a_page_is_published_as_of_the_flip) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "of the flip");
  flip();
  change(ids[0], "of the next epoch");
  change(ids[0], "twice");
  EXPECT_EQ(pages_.text(ids[0]), "twice");
  finish();
  EXPECT_EQ(pages_.text(ids[0]), "twice");
  publish();
}

TEST_F(Epochs, changed_after_its_capture_a_page_belongs_to_the_next_epoch) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "of the flip");
  flip();
  std::vector<std::byte> bytes(pages_.pool.page_bytes());
  const std::optional<Image> image = pages_.capture(ids[0], bytes);
  ASSERT_TRUE(image.has_value());
  change(ids[0], "while the image is in flight");
  EXPECT_FALSE(pages_.capture(ids[0], bytes).has_value()) << "captured once per epoch";
  EXPECT_EQ(TextKind::read(bytes.data()), "of the flip");
  ASSERT_TRUE(pages_.space.file.write(image->block, bytes).ok());
  pages_.pool.written(*image);
  finish();
  publish();
}

TEST_F(Epochs, changed_after_the_flip_more_pages_than_there_are_side_buffers_are_written_by_their_changer) {
  Pages large(files_, {.frames = 300});
  std::vector<PageId> ids;
  for (int n = 0; n < 150; ++n) ids.push_back(large.add("of the flip"));
  large.begin_publish();
  for (const PageId id : ids) ASSERT_TRUE(large.change(id, "of the next epoch").ok());
  EXPECT_EQ(large.space.file.counters().pages_written.load(relaxed), 150u - 64u) << "64 are set aside, the others written";
  ASSERT_TRUE(large.write_pages().ok());
  large.finish_publish();
  {
    Pages again(files_, {}, large.space.root);
    for (const PageId id : ids) EXPECT_EQ(again.text(id), "of the flip");
  }
  large.publish();
  EXPECT_EQ(large.leaked_units(), 0u);
  Pages again(files_, {}, large.space.root);
  for (const PageId id : ids) EXPECT_EQ(again.text(id), "of the next epoch");
}

TEST_F(Epochs, freed_after_the_flip_a_dirty_page_is_alive_in_the_flipped_epoch) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "of the flip");
  const PageId fresh = add("new in the flip");
  flip();
  free(ids[0]);
  free(fresh);
  free(ids[1]);
  finish();
  publish();
}

TEST_F(Epochs, freed_after_the_flip_and_its_number_used_again_at_once) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "of the flip");
  flip();
  free(ids[0]);
  ASSERT_EQ(add("in its place"), ids[0]);
  change(ids[0], "and changed");
  finish();
  EXPECT_EQ(pages_.text(ids[0]), "and changed");
  publish();
}

TEST_F(Epochs, freed_and_made_anew_in_one_epoch_a_number_keeps_one_page) {
  const std::vector<PageId> ids = publish_pages(3);
  for (const bool written_out : {false, true}) {
    change(ids[1], "changed");
    const std::vector<PageId> written = written_out ? std::vector<PageId>{ids[1]} : std::vector<PageId>{};
    ASSERT_TRUE(pages_.pool.write_out(written).ok());
    free(ids[1]);
    ASSERT_EQ(add("anew"), ids[1]);
    ASSERT_TRUE(pages_.pool.write_out(written).ok());
    free(ids[1]);
    ASSERT_EQ(add("and again"), ids[1]);
    publish();
  }
}

TEST_F(Epochs, evicted_for_the_flipped_epoch_by_another_a_page_counts_as_captured) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "of the flip");
  flip();
  ASSERT_TRUE(pages_.pool.write_out({ids[0]}).ok());  // BP-5
  EXPECT_EQ(dirty(ids[0]), 0u);
  std::vector<std::byte> bytes(pages_.pool.page_bytes());
  EXPECT_FALSE(pages_.capture(ids[0], bytes).has_value());
  change(ids[0], "of the next epoch");
  finish();
  publish();
}

TEST_F(Epochs, evicted_for_the_next_epoch_before_the_publish_a_page_is_not_in_the_flipped_table) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "of the flip");
  flip();
  change(ids[0], "of the next epoch");
  const PageId fresh = add("new in the next epoch");
  ASSERT_TRUE(pages_.write_pages().ok());
  ASSERT_TRUE(pages_.pool.write_out({ids[0], fresh}).ok());
  EXPECT_EQ(dirty(ids[0]), 0u);
  change(ids[0], "and again");
  ASSERT_TRUE(pages_.pool.write_out({ids[0]}).ok());
  finish();
  EXPECT_EQ(pages_.text(ids[0]), "and again");
  publish();
}

TEST_F(Epochs, grown_by_table_pages_and_a_level_between_flip_and_publish) {
  (void)publish_pages(250);
  add("of the flip");
  flip();
  for (int n = 0; n < 300; ++n) add("of the next epoch");
  finish();
  EXPECT_EQ(pages_.space.root.next_page.raw, 252u);
  EXPECT_EQ(pages_.space.root.table_depth, 1u);
  publish();
  EXPECT_EQ(pages_.space.root.table_depth, 2u);
}

// ---- undo pages of ended transactions (CK-9)

TEST_F(Epochs, kept_back_an_undo_page_is_neither_written_nor_published_and_belongs_to_the_next_epoch) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "of the flip");
  const PageId undo = add_undo("before images");
  flip_keeping_back({undo});
  const std::uint64_t written = pages_.space.file.counters().pages_written.load(relaxed);
  ASSERT_TRUE(pages_.write_pages().ok());
  EXPECT_EQ(pages_.space.file.counters().pages_written.load(relaxed), written + 1);
  finish();
  EXPECT_TRUE(pages_.space.table.find(undo)->entry.free());
  change(ids[1], "more");
  publish();  // kept back once; what is still there is then written
  EXPECT_FALSE(pages_.space.table.find(undo)->entry.free());
}

TEST_F(Epochs, kept_back_and_changed_an_undo_page_is_stored_by_the_flip_of_an_active_transaction) {
  (void)publish_pages(3);
  const PageId first = add_undo("ended");
  const PageId second = add_undo("ended too");
  flip_keeping_back({first, second});
  change(second, "ended too, and active");
  finish();
  change(second, "ended too, and active, twice");
  publish();
}

TEST_F(Epochs, changed_again_and_again_an_undo_page_is_kept_back_every_time) {
  const std::vector<PageId> ids = publish_pages(3);
  const PageId undo = add_undo("0");
  for (const char* text : {"1", "2", "3"}) {
    flip_keeping_back({undo});
    change(undo, text);
    finish();
    change(ids[0], text);
  }
  EXPECT_TRUE(pages_.space.table.find(undo)->entry.free());
  const PageId idle = add_undo("not changed any more");
  flip_keeping_back({undo, idle});
  finish();
  change(undo, "4");
  flip_keeping_back({undo});  // the other one has been kept back before
  finish();
  EXPECT_FALSE(pages_.space.table.find(idle)->entry.free());
}

TEST_F(Epochs, evicted_before_the_flip_an_undo_page_is_published_and_captured_again_if_it_changed) {
  (void)publish_pages(3);
  const PageId clean = add_undo("written out");
  const PageId changed = add_undo("written out, then");
  ASSERT_TRUE(pages_.pool.write_out({clean, changed}).ok());
  change(changed, "changed");
  flip_keeping_back({});
  finish();
  change(clean, "of the next epoch");
  flip_keeping_back({});
  finish();
}

TEST_F(Epochs, evicted_after_the_flip_a_page_kept_back_belongs_to_the_next_epoch) {
  (void)publish_pages(3);
  const PageId undo = add_undo("before images");
  const PageId other = add_undo("of the same transaction");
  flip_keeping_back({undo, other});
  ASSERT_TRUE(pages_.pool.write_out({undo, other}).ok());
  EXPECT_EQ(dirty(undo), 0u);
  change(other, "changed after that");
  finish();
  publish();
}

TEST_F(Epochs, freed_and_made_anew_as_a_page_of_a_tree_the_number_of_an_undo_page_is_captured) {
  (void)publish_pages(3);
  const PageId undo = add_undo("before images");
  free(undo);
  ASSERT_EQ(add("a page of a tree"), undo);
  const PageId second = add_undo("more of them");
  flip_keeping_back({second});
  free(second);
  ASSERT_EQ(add("another"), second);
  finish();
  publish();
}

TEST_F(Epochs, kept_back_while_an_image_of_the_number_before_is_in_flight) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "first");
  const AtHook in_flight("pool.before_write", [&] {
    free(ids[0]);
    EXPECT_EQ(add_undo("before images"), ids[0]);
    flip_keeping_back({ids[0]});
    EXPECT_NE(dirty(ids[0]) & dirty::in_flight, 0u);
    return Status();
  });
  ASSERT_TRUE(pages_.pool.write_out({ids[0]}).ok());
  ASSERT_TRUE(in_flight.met());
  EXPECT_EQ(dirty(ids[0]), dirty::tag(pages_.pool.running()));
  finish();
  publish();
}

TEST_F(Epochs, without_room_for_the_next_epoch_undo_pages_are_written) {
  (void)publish_pages(3);
  const PageId undo = add_undo("before images");
  flipped_ = now_;
  pages_.pool.gate().close();
  (void)pages_.pool.flip();
  pages_.space.begin_publish();
  EXPECT_EQ(pages_.pool.keep_undo_back(0), 0u);
  pages_.pool.gate().open();
  finish();
  EXPECT_FALSE(pages_.space.table.find(undo)->entry.free());
}

TEST_F(Epochs, kept_back_undo_pages_of_many_table_pages_use_no_more_units_than_promised) {
  Pages large(files_, {.frames = 900});
  std::vector<PageId> undo;
  for (int n = 0; n < 300; ++n) {
    (void)large.add("a page of a tree");
    undo.push_back(large.add_undo("before images"));
  }
  EXPECT_EQ(large.pool.keep_back_units(), 3 * large.space.table.path_units_max()) << "256 entries to a table page";
  large.begin_publish(Pages::Undo::keep_back);
  ASSERT_TRUE(large.write_pages().ok());
  EXPECT_EQ(large.space.file.counters().pages_written.load(relaxed), 300u);
  large.finish_publish();
  EXPECT_EQ(large.leaked_units(), large.pool.promised(large.pool.running()));
  EXPECT_GE(large.leaked_units(), 300 + 3 * 2);
  for (const PageId id : undo) ASSERT_TRUE(free_page(large.resources, id).ok());
  large.publish();
  EXPECT_EQ(large.leaked_units(), 0u);
}

// ---- images in flight

TEST_F(Epochs, changed_while_its_image_is_in_flight_a_page_is_not_captured_again_before_that_is_written) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "first");
  const AtHook in_flight("pool.before_write", [&] {
    EXPECT_NE(dirty(ids[0]) & dirty::in_flight, 0u);
    change(ids[0], "second");
    const std::uint64_t written = pages_.space.file.counters().pages_written.load(relaxed);
    EXPECT_TRUE(pages_.pool.write_out({ids[0]}).ok());
    EXPECT_EQ(pages_.space.file.counters().pages_written.load(relaxed), written) << "BA-3";
    EXPECT_NE(dirty(ids[0]) & dirty::tag_mask, 0u) << "still dirty";
    return Status();
  });
  ASSERT_TRUE(pages_.pool.write_out({ids[0]}).ok());
  ASSERT_TRUE(in_flight.met());
  EXPECT_EQ(pages_.text(ids[0]), "second");
  publish();
}

TEST_F(Epochs, freed_while_its_image_is_in_flight_a_page_keeps_its_block_until_the_publish) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "first");
  Block travelling{};
  const AtHook in_flight("pool.before_write", [&] {
    travelling = block(ids[0]);
    free(ids[0]);
    EXPECT_EQ(add("in its place"), ids[0]);
    EXPECT_TRUE(pages_.space.blocks.reserve(1).ok());
    const Block next = pages_.space.blocks.allocate(pages_.pool.running());
    EXPECT_NE(next, travelling);
    pages_.space.blocks.supersede(next, pages_.pool.running());
    return Status();
  });
  ASSERT_TRUE(pages_.pool.write_out({ids[0]}).ok());
  ASSERT_TRUE(in_flight.met());
  publish();
  EXPECT_FALSE(pages_.space.blocks.published().contains(travelling, 1));
}

TEST_F(Epochs, read_while_their_images_are_in_flight_pages_stay_in_memory) {
  const std::vector<PageId> ids = publish_pages(100);
  change(ids[0], "on its way");
  const AtHook in_flight("pool.before_write", [&] {
    for (std::size_t n = 1; n < ids.size(); ++n) EXPECT_EQ(pages_.text(ids[n]), now_[ids[n].raw]);
    EXPECT_TRUE(pages_.pool.optimistic(ids[0])) << "BP-4: a fault would read a block that is not written yet";
    return Status();
  });
  ASSERT_TRUE(pages_.pool.write_out({ids[0]}).ok());
  ASSERT_TRUE(in_flight.met());
  EXPECT_EQ(pages_.text(ids[0]), "on its way");
}

TEST_F(Epochs, flipped_while_an_image_is_in_flight_and_the_page_dirty_again_the_checkpoint_writes_it_once_more) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "first");
  const AtHook in_flight("pool.before_write", [&] {
    change(ids[0], "of the flip");
    flip();
    return Status();
  });
  ASSERT_TRUE(pages_.pool.write_out({ids[0]}).ok());
  ASSERT_TRUE(in_flight.met());
  change(ids[0], "of the next epoch");
  finish();
  publish();
}

// ---- failures

TEST(epochs, reading_goes_on_when_an_eviction_could_not_be_written_but_nothing_is_published_any_more) {
  os::SimFileSystem files({.seed = 2});
  Pages pages(files, {.frames = Pool::frames_min});
  std::vector<PageId> ids;
  for (int n = 0; n < 60; ++n) ids.push_back(pages.add("published"));
  pages.publish();
  for (int n = 0; n < 8; ++n) ASSERT_TRUE(pages.change(ids[static_cast<std::size_t>(n)], "lost").ok());
  ASSERT_TRUE(pages.pool.failure().ok());
  files.inject({.kind = os::FaultKind::io_error, .operation = files.operation_count() + 1});
  EXPECT_EQ(pages.pool.write_out({ids[0], ids[1]}).code(), Code::io);
  files.clear_faults();
  EXPECT_TRUE(pages.pool.failed());
  EXPECT_EQ(pages.try_add("x").code(), Code::io);
  EXPECT_EQ(pages.change(ids[9], "x").code(), Code::io);
  EXPECT_EQ(pages.pool.write_out({ids[2]}).code(), Code::io) << "not written either";
  for (int round = 0; round < 2; ++round) {
    for (std::size_t n = 0; n < ids.size(); ++n) ASSERT_EQ(pages.text(ids[n]), n < 8 ? "lost" : "published");
  }
  EXPECT_EQ(latches_held, 0);
}

TEST(epochs, reading_says_why_when_no_clean_frame_is_left_after_a_failure) {
  os::SimFileSystem files({.seed = 2});
  Pages pages(files, {.frames = Pool::frames_min});
  std::vector<PageId> ids;
  for (int n = 0; n < 40; ++n) ids.push_back(pages.add("published"));
  pages.publish();
  for (std::size_t n = 0; n < Pool::frames_min; ++n) ASSERT_TRUE(pages.change(ids[n], "lost").ok());
  pages.pool.fail(Status(Code::io, "the disk is gone"));
  const Result<ReadPage> page = pages.pool.read(ids[30]);
  EXPECT_TRUE(page.ok() || page.status().to_string() == "io: the disk is gone") << page.status().to_string();
}

// ---- a bug that all this has to notice

TEST_F(Epochs, finds_that_a_change_does_not_set_the_image_of_the_flip_aside) {
  const std::vector<PageId> ids = publish_pages(3);
  change(ids[0], "of the flip");
  flip();
  const SeededBugScope bug("skip_copy_on_update");
  change(ids[0], "of the next epoch");
  ASSERT_TRUE(pages_.write_pages().ok());
  pages_.finish_publish();
  Pages again(files_, {}, pages_.space.root);
  EXPECT_NE(again.text(ids[0]), "of the flip");
}

}  // namespace
}  // namespace quire::buffer
