// Goal: publish does its steps in the order the rules ask for (CK-5 to CK-7), publishes whatever has changed, transactions
//       that ended included, and says exactly how far a failure let it get.
// Method: the operations of a publish, seen by the simulated disk; every one of them failing; hooks that fail.
#include "checkpoint/checkpoint.hpp"

#include <gtest/gtest.h>

#include "base/seeded_bug.hpp"
#include "checkpoint/test_checkpoint.hpp"
#include "os/hook.hpp"
#include "os/sim/sim_file_system.hpp"

namespace quire::checkpoint {
namespace {

class Checkpoints : public testing::Test {
 protected:
  // A few published epochs, so that blocks have been freed and used again.
  void publish_some() {
    for (int epoch = 0; epoch < 5; ++epoch) {
      change_some();
      ASSERT_TRUE(store_.publish().ok());
    }
  }
  void change_some() {
    for (int n = 0; n < 12; ++n) store_.change(random_, texts_);
  }
  std::uint64_t generation() { return store_.checkpoint.published().generation.raw; }

  os::SimFileSystem files_{{.seed = 3}};
  Store store_{files_};
  Random random_{5};
  Texts texts_;
};

TEST_F(Checkpoints, publish_a_state_that_is_found_again) {
  publish_some();
  EXPECT_EQ(generation(), 5u);
  const Found found = look_at(files_);
  EXPECT_EQ(found.failure, "");
  EXPECT_EQ(found.root.generation.raw, 5u);
  EXPECT_EQ(found.root.next_tree, TreeId{5});
  EXPECT_EQ(found.texts, texts_);
  Store again(files_, {}, found.root);
  for (const auto& [id, text] : texts_) EXPECT_EQ(again.pages.text(PageId{id}), text);
}

TEST_F(Checkpoints, do_nothing_when_nothing_changed) {
  publish_some();
  const std::uint64_t before = files_.operation_count();
  ASSERT_TRUE(store_.publish().ok());
  EXPECT_EQ(files_.operation_count(), before);
  EXPECT_EQ(generation(), 5u);
}

TEST_F(Checkpoints, publish_when_only_a_transaction_has_ended) {
  // Another one is still active, so that the superblock's flags are the same, and no page has changed in between.
  store_.active = {{Xid{1}, 17, 2}, {Xid{2}, 18, 3}};
  publish_some();
  EXPECT_EQ(look_at(files_).active, store_.active);
  const std::uint64_t before = generation();
  ASSERT_TRUE(store_.publish().ok());
  EXPECT_EQ(generation(), before) << "nothing has changed";
  store_.active.pop_back();
  ASSERT_TRUE(store_.publish().ok());
  EXPECT_EQ(look_at(files_).active, store_.active) << "else recovery would roll back what has been committed";
  // The same for a file opened anew, whose list nobody has read yet.
  Store again(files_, {}, look_at(files_).root);
  EXPECT_EQ(again.checkpoint.notes().value().notes.active, store_.active);
  again.active = {{Xid{7}, 1, 1}};
  ASSERT_TRUE(again.publish().ok());
  const Found found = look_at(files_);
  EXPECT_EQ(found.active, again.active);
  EXPECT_EQ(found.failure, "") << "the page of the list before is free";
  EXPECT_EQ(found.texts, texts_);
}

TEST_F(Checkpoints, note_as_much_as_there_is) {
  publish_some();
  for (const std::size_t transactions : {127u, 128u, 1000u, 0u, 3u}) {
    for (const std::uint32_t trees : {0u, 253u, 254u, 3000u}) {
      store_.active.assign(transactions, {Xid{1}, 17, 2});
      store_.counts.clear();
      for (std::uint32_t tree = 0; tree < trees; ++tree) store_.counts.push_back({TreeId{tree + 1}, tree % 3 == 0, tree * 1000003ull});
      ASSERT_TRUE(store_.publish().ok());
      const Found found = look_at(files_);
      EXPECT_EQ(found.failure, "");
      EXPECT_EQ(found.active, store_.active);
      Store again(files_, {}, found.root);
      EXPECT_EQ(again.checkpoint.notes().value().notes.counts, store_.counts);
    }
  }
}

TEST_F(Checkpoints, keep_notes_where_they_are_while_nothing_changes_in_them) {
  publish_some();
  store_.counts = {{TreeId{3}, false, 17}};
  ASSERT_TRUE(store_.publish().ok());
  const space::Entry before = look_at(files_).root.notes;
  texts_[store_.pages.add("more").raw] = "more";
  ASSERT_TRUE(store_.publish().ok());
  EXPECT_EQ(look_at(files_).root.notes, before);
  EXPECT_EQ(look_at(files_).failure, "");
  store_.counts.clear();
  ASSERT_TRUE(store_.publish().ok());
  EXPECT_TRUE(look_at(files_).root.notes.free());
  EXPECT_EQ(look_at(files_).failure, "");
}

TEST_F(Checkpoints, publish_when_only_a_page_of_table_or_bitmap_has_to_move) {
  publish_some();
  const std::uint64_t before = generation();
  const Block table = store_.pages.space.table.root().block();
  const Block bitmap = store_.pages.space.bitmap.root().block();
  ASSERT_TRUE(store_.pages.space.table.mark_dirty(0, 0).ok());
  ASSERT_TRUE(store_.publish().ok());
  EXPECT_EQ(generation(), before + 1);
  EXPECT_NE(store_.pages.space.table.root().block(), table);
  const Block moved = store_.pages.space.bitmap.root().block();
  EXPECT_NE(moved, bitmap);
  store_.pages.space.bitmap.mark_dirty(0, 0);
  ASSERT_TRUE(store_.publish().ok());
  EXPECT_NE(store_.pages.space.bitmap.root().block(), moved);
  EXPECT_EQ(look_at(files_).failure, "");
}

TEST_F(Checkpoints, keep_a_pinned_generation_readable) {
  publish_some();
  const Found pinned = look_at(files_);
  store_.pages.space.blocks.pin(pinned.root.generation);
  for (int n = 0; n < 5; ++n) {
    change_some();
    ASSERT_TRUE(store_.publish().ok());
    ASSERT_TRUE(store_.pages.space.blocks.cut().ok());
  }
  {
    Store old(files_, {}, pinned.root);
    for (const auto& [id, text] : pinned.texts) EXPECT_EQ(old.pages.text(PageId{id}), text);
  }
  const std::uint64_t used = store_.pages.space.blocks.used_blocks();
  store_.pages.space.blocks.unpin(pinned.root.generation);
  EXPECT_LT(store_.pages.space.blocks.used_blocks(), used);
  EXPECT_EQ(store_.pages.space.blocks.used_blocks(), store_.pages.space.blocks.published().count());
}

TEST_F(Checkpoints, sync_the_data_before_the_superblock_and_the_superblock_before_the_end) {
  publish_some();
  change_some();
  std::string order;
  const std::uint64_t slot = (generation() + 1) % space::superblock_slot_count * page::block_bytes;
  files_.observe([&](const os::Operation& operation) {
    if (operation.kind == os::OperationKind::sync) order += 's';
    if (operation.kind == os::OperationKind::write) order += operation.offset == slot ? 'S' : 'w';
  });
  ASSERT_TRUE(store_.publish().ok());
  files_.observe(nullptr);
  EXPECT_THAT(order, testing::MatchesRegex("w+sSs"));
}

// CK-56: a sync of much data keeps the device, and with it the log, busy.
TEST_F(Checkpoints, sync_the_data_in_slices_when_asked_to) {
  for (int n = 0; n < 40; ++n) texts_[store_.pages.add("x").raw] = "x";
  const std::uint64_t page = store_.pages.space.file.page_bytes();
  std::uint64_t unsynced = 0;
  std::uint64_t most = 0;
  std::uint64_t syncs = 0;
  files_.observe([&](const os::Operation& operation) {
    if (operation.kind == os::OperationKind::sync) ++syncs;
    unsynced = operation.kind == os::OperationKind::sync ? 0 : unsynced + operation.bytes;
    most = std::max(most, unsynced);
  });
  std::uint64_t called = 0;
  ASSERT_TRUE(store_.publish({.slice_bytes = 4 * page, .between = [&] { ++called; }}).ok());
  files_.observe(nullptr);
  EXPECT_LT(most, 8 * page);
  EXPECT_EQ(called, 10u);
  EXPECT_EQ(syncs, called + 2) << "one before the superblock, one after it";
  const Found found = look_at(files_);
  EXPECT_EQ(found.failure, "");
  EXPECT_EQ(found.texts, texts_);
}

TEST_F(Checkpoints, publish_nothing_when_the_sync_of_a_slice_fails) {
  publish_some();
  const Texts before = texts_;
  for (int n = 0; n < 20; ++n) store_.pages.add("x");
  files_.sync_everything();
  std::uint64_t syncs = 0;
  files_.observe([&](const os::Operation& operation) {
    if (operation.kind == os::OperationKind::sync && ++syncs == 2) files_.inject({.kind = os::FaultKind::io_error, .operation = operation.number});
  });
  const Status status = store_.publish({.slice_bytes = store_.pages.space.file.page_bytes() * 4, .between = {}});
  files_.observe(nullptr);
  EXPECT_EQ(status.code(), Code::io);
  EXPECT_TRUE(store_.checkpoint.poisoned());
  EXPECT_EQ(syncs, 2u) << "what failed is not synced again";
  EXPECT_EQ(look_at(files_).texts, before);
}

TEST_F(Checkpoints, sync_what_evictions_wrote_when_it_is_a_slice) {
  publish_some();
  std::vector<PageId> ids;
  for (int n = 0; n < 8; ++n) ids.push_back(store_.pages.add("x"));
  const std::uint64_t slice = 8 * store_.pages.space.file.page_bytes();
  std::uint64_t syncs = 0;
  files_.observe([&](const os::Operation& operation) { syncs += operation.kind == os::OperationKind::sync ? 1 : 0; });
  ASSERT_TRUE(store_.checkpoint.sync_evicted(slice).ok());
  EXPECT_EQ(syncs, 0u);
  ASSERT_TRUE(store_.pages.pool.write_out(ids).ok());
  ASSERT_TRUE(store_.checkpoint.sync_evicted(slice).ok());
  EXPECT_EQ(syncs, 1u);
  ASSERT_TRUE(store_.checkpoint.sync_evicted(slice).ok());
  EXPECT_EQ(syncs, 1u) << "nothing was written in between";
  ASSERT_TRUE(store_.pages.pool.write_out(ids).ok());
  for (const PageId id : ids) ASSERT_TRUE(store_.pages.change(id, "y").ok());
  ASSERT_TRUE(store_.pages.pool.write_out(ids).ok());
  files_.observe(nullptr);
  files_.inject({.kind = os::FaultKind::io_error, .operation = files_.operation_count() + 1});
  EXPECT_EQ(store_.checkpoint.sync_evicted(slice).code(), Code::io);
  EXPECT_TRUE(store_.checkpoint.poisoned()) << "a later sync would say that all is well";
}

// Writes into blocks of the published checkpoint, over several epochs.
std::uint64_t count_writes_into_published(os::SimFileSystem& files, Store& store, const std::function<void()>& epoch) {
  std::uint64_t wrong = 0;
  space::BlockSet published = store.pages.space.blocks.published();
  files.observe([&](const os::Operation& operation) {
    if (operation.kind != os::OperationKind::write || operation.offset < space::superblock_blocks * page::block_bytes) return;
    for (std::uint64_t b = operation.offset / page::block_bytes; b * page::block_bytes < operation.offset + operation.bytes; ++b) {
      if (published.contains(Block{b}, 1)) ++wrong;
    }
  });
  for (int n = 0; n < 5; ++n) {
    epoch();
    EXPECT_TRUE(store.publish().ok());
    published = store.pages.space.blocks.published();
  }
  files.observe(nullptr);
  return wrong;
}

TEST_F(Checkpoints, never_write_a_block_of_the_published_checkpoint) {
  publish_some();
  EXPECT_EQ(count_writes_into_published(files_, store_, [&] { change_some(); }), 0u);
  const SeededBugScope bug("reuse_block_one_checkpoint_early");
  EXPECT_GT(count_writes_into_published(files_, store_, [&] { change_some(); }), 0u) << "the look at writes finds nothing";
}

TEST_F(Checkpoints, use_the_old_blocks_in_the_next_epoch) {
  publish_some();
  std::uint64_t end = 0;
  for (int n = 0; n < 30; ++n) {
    for (const auto& [id, text] : texts_) ASSERT_TRUE(store_.pages.change(PageId{id}, text).ok());
    ASSERT_TRUE(store_.publish().ok());
    end = std::max(end, store_.checkpoint.published().file_blocks);
  }
  // Two generations of every page, table page and bitmap page at most.
  EXPECT_LE(end, space::superblock_blocks + 3 * (texts_.size() + 2));
}

TEST_F(Checkpoints, write_consecutive_blocks_in_one_go) {
  for (int n = 0; n < 40; ++n) store_.pages.add("x");
  std::uint64_t writes = 0;
  files_.observe([&](const os::Operation& operation) { writes += operation.kind == os::OperationKind::write ? 1 : 0; });
  ASSERT_TRUE(store_.publish().ok());
  files_.observe(nullptr);
  EXPECT_EQ(writes, 4u) << "forty pages, the table, the bitmap, the superblock";
}

// ---- failures

TEST(checkpoint, says_how_far_it_got_when_any_operation_fails) {
  std::set<Code> codes;
  for (std::uint64_t n = 1; n < 40; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    os::SimFileSystem files({.seed = n});
    Random random(n);
    Texts before, after;
    Status status;
    {
      Store store(files);
      for (int i = 0; i < 9; ++i) store.change(random, before);
      ASSERT_TRUE(store.publish().ok());
      files.sync_everything();
      after = before;
      for (int i = 0; i < 9; ++i) store.change(random, after);
      files.inject({.kind = os::FaultKind::io_error, .operation = files.operation_count() + n});
      status = store.publish();
      EXPECT_EQ(store.checkpoint.poisoned(), !status.ok()) << "CK-8";
    }
    codes.insert(status.code());
    files.clear_faults();
    if (status.ok()) {
      EXPECT_EQ(look_at(files).texts, after);
      EXPECT_EQ(files.faults_fired(), 0u);
      break;
    }
    // A failure that is not called unknown has committed nothing, for any reboot.
    for (int i = 0; i < 5; ++i) {
      const auto image = files.crash(random);
      const Found found = look_at(*image);
      EXPECT_EQ(found.failure, "");
      if (status.code() != Code::unknown_outcome || found.root.generation.raw == 1) {
        EXPECT_EQ(found.texts, before);
      } else {
        EXPECT_EQ(found.texts, after);
      }
    }
  }
  EXPECT_EQ(codes, (std::set<Code>{Code::ok, Code::io, Code::unknown_outcome}));
}

struct Hooks {
  std::vector<std::string> met;
  std::string fail_at;
  Hooks() { os::set_hook_handler(&Hooks::handle, this); }
  ~Hooks() { os::set_hook_handler(nullptr, nullptr); }
  static Status handle(std::string_view name, void* context) {
    auto* hooks = static_cast<Hooks*>(context);
    hooks->met.emplace_back(name);
    return name == hooks->fail_at ? Status(Code::io, "failed on purpose") : Status();
  }
};

TEST_F(Checkpoints, pass_their_hooks_in_order) {
  Hooks hooks;
  change_some();
  ASSERT_TRUE(store_.publish().ok());
  std::erase(hooks.met, "checkpoint.before_page");
  EXPECT_EQ(hooks.met, (std::vector<std::string>{"checkpoint.after_flip", "checkpoint.before_roots", "checkpoint.before_data_sync",
                                                 "checkpoint.before_superblock", "checkpoint.before_superblock_sync",
                                                 "checkpoint.durable"}));
}

TEST_F(Checkpoints, know_an_outcome_only_until_the_superblock_is_written) {
  publish_some();
  const Texts before = texts_;
  for (const char* name : {"checkpoint.before_data_sync", "checkpoint.before_superblock", "checkpoint.before_superblock_sync"}) {
    Store store(files_, {}, look_at(files_).root);
    Texts texts = look_at(files_).texts;
    ASSERT_TRUE(store.pages.change(PageId{texts.begin()->first}, name).ok());
    Hooks hooks;
    hooks.fail_at = name;
    const Status status = store.publish();
    const bool written = std::string_view(name) == "checkpoint.before_superblock_sync";
    EXPECT_EQ(hooks.met.back(), name);
    EXPECT_EQ(status.code(), written ? Code::unknown_outcome : Code::io);
    EXPECT_THAT(status.to_string(), testing::HasSubstr("failed on purpose"));
    EXPECT_TRUE(store.checkpoint.poisoned());
    const Found found = look_at(files_);
    EXPECT_EQ(found.failure, "");
    EXPECT_EQ(found.texts == before, !written) << name;
  }
}

TEST_F(Checkpoints, publish_nothing_more_after_one_of_them_failed) {
  change_some();
  Hooks hooks;
  hooks.fail_at = "checkpoint.before_superblock";
  EXPECT_FALSE(store_.publish().ok());
  EXPECT_TRUE(store_.checkpoint.poisoned());
  EXPECT_EQ(store_.publish().to_string(), "io: failed on purpose");
  EXPECT_EQ(store_.pages.try_add("x").status().to_string(), "io: failed on purpose");
  for (const auto& [id, text] : texts_) EXPECT_EQ(store_.pages.text(PageId{id}), text) << "reading goes on";
}

}  // namespace
}  // namespace quire::checkpoint
