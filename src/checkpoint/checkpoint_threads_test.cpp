// Goal: readers, one writer, evictions and checkpoints at once lose nothing: every read sees the newest text, every
//       published state is the one of its flip, and no checkpoint overtakes an image in flight (CK-5).
// Method: real threads over memory for a third of the pages. The writer's texts carry the number of the change, and all
//         its changes come in pairs of pages inside one action, so a state that is not of a flip shows as a pair that
//         differs. Two threads on one explicit schedule for the seeded bug that needs two.
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "checkpoint/test_checkpoint.hpp"
#include "os/hook.hpp"
#include "os/mem/mem_file_system.hpp"
#include "os/sync.hpp"

namespace quire::checkpoint {
namespace {

using buffer::Action;
using buffer::TextKind;
using buffer::WritePage;

constexpr std::uint64_t pair_count = 30;

class CheckpointThreads : public testing::Test {
 protected:
  void SetUp() override {
    for (std::uint64_t n = 0; n < pair_count; ++n) {
      first_.push_back(store_.pages.add("0 "));
      second_.push_back(store_.pages.add("0 "));
      newest_.push_back(std::make_unique<Atomic<std::uint64_t>>(0));
    }
    ASSERT_TRUE(store_.publish().ok());
  }

  static std::string text_of(std::uint64_t change) { return std::to_string(change) + " " + std::string(600, static_cast<char>('a' + change % 26)); }
  static std::uint64_t change_of(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }
  // The number stands before what is derived from it.
  static bool whole(const std::string& text) { return text == "0 " || text == text_of(change_of(text)); }

  // Both pages of a pair in one action.
  bool change_pair(std::uint64_t pair, std::uint64_t change) {
    buffer::Pages& pages = store_.pages;
    for (;;) {
      const PageId ids[] = {first_[pair], second_[pair]};
      std::uint64_t versions[2] = {};
      bool seen = true;
      for (int i = 0; i < 2; ++i) {
        if (!pages.pool.fault(ids[i]).ok()) return false;
        const buffer::OptimisticPage page = pages.pool.optimistic(ids[i]);
        seen = seen && page;
        if (page) versions[i] = page.version();
      }
      if (!seen) continue;
      Action action(pages.resources);
      if (!action.prepare({.dirty = 2}).ok()) return false;
      action.enter();
      WritePage a = action.write(ids[0], versions[0]);
      WritePage b = a ? action.write(ids[1], versions[1]) : WritePage();
      if (!b) {
        a.release();
        continue;
      }
      action.mark_dirty(a);
      action.mark_dirty(b);
      TextKind::write(a.bytes(), text_of(change));
      TextKind::write(b.bytes(), text_of(change));
      newest_[pair]->store(change, release);
      return true;
    }
  }

  // Pages come and go beside the pairs, so that numbers and blocks are used again.
  void churn(Random& random) {
    if (extra_.size() < 20 || random.chance(1, 2)) {
      extra_.push_back(store_.pages.add("0 "));
    } else {
      const std::size_t n = random.below(extra_.size());
      if (!buffer::free_page(store_.pages.resources, extra_[n]).ok()) wrong_.fetch_add(1, relaxed);
      extra_.erase(extra_.begin() + static_cast<std::ptrdiff_t>(n));
    }
  }

  void read(std::uint64_t pair) {
    const std::uint64_t at_least = newest_[pair]->load(acquire);
    const std::string text = store_.pages.text(second_[pair]);
    if (!whole(text) || change_of(text) < at_least) wrong_.fetch_add(1, relaxed);
    reads_.fetch_add(1, relaxed);
  }

  void read_optimistically(std::uint64_t pair) {
    const std::uint64_t at_least = newest_[pair]->load(acquire);
    for (;;) {
      {
        const buffer::OptimisticPage page = store_.pages.pool.optimistic(first_[pair]);
        if (page) {
          const std::size_t length = std::min<std::size_t>(TextKind::length(page.data()), 1000);
          const std::string text(as_text(page.data() + TextKind::begin, length));
          if (!page.valid()) continue;
          if (!whole(text) || change_of(text) < at_least) wrong_.fetch_add(1, relaxed);
          reads_.fetch_add(1, relaxed);
          return;
        }
      }
      if (!store_.pages.pool.await(first_[pair]).ok()) {
        wrong_.fetch_add(1, relaxed);
        return;
      }
    }
  }

  void read_until_stopped(std::uint64_t seed) {
    Random random(seed);
    while (!stop_.load(relaxed)) {
      const std::uint64_t pair = random.below(pair_count);
      random.chance(1, 2) ? read(pair) : read_optimistically(pair);
      if (random.chance(1, 8)) os::yield_thread();
    }
  }

  void checkpoint_until_stopped() {
    while (!stop_.load(relaxed)) {
      if (!store_.publish().ok()) wrong_.fetch_add(1, relaxed);
      check_published();
    }
  }

  // What is in the file, while the next epoch goes on: its blocks are left alone.
  void check_published() {
    os::Lock lock(store_.checkpoint.mutex());
    const Found found = look_at(files_);
    if (!found.failure.empty()) wrong_.fetch_add(1, relaxed);
    for (std::uint64_t n = 0; n < pair_count; ++n) {
      const auto a = found.texts.find(first_[n].raw);
      const auto b = found.texts.find(second_[n].raw);
      const bool there = a != found.texts.end() && b != found.texts.end();
      if (!there || a->second != b->second || !whole(a->second)) wrong_.fetch_add(1, relaxed);
    }
  }

  os::MemFileSystem files_;
  Store store_{files_, {.frames = 20}};
  std::vector<PageId> first_, second_, extra_;
  std::vector<std::unique_ptr<Atomic<std::uint64_t>>> newest_;
  Atomic<bool> stop_{false};
  Atomic<std::uint64_t> wrong_{0}, reads_{0};
};

TEST_F(CheckpointThreads, lose_nothing_with_readers_a_writer_a_checkpoint_thread_and_little_memory) {
  std::vector<os::Thread> others;
  for (std::uint64_t i = 0; i < 3; ++i) others.emplace_back([this, i] { read_until_stopped(i + 1); });
  others.emplace_back([this] { checkpoint_until_stopped(); });
  Random random(77);
  std::uint64_t change = 0;
  while (change < 1500 || store_.checkpoint.published().generation.raw < 30 || reads_.load(relaxed) < 3000) {
    if (!change_pair(random.below(pair_count), ++change)) wrong_.fetch_add(1, relaxed);
    if (change % 4 == 0) churn(random);
    if (wrong_.load(relaxed) != 0) break;
  }
  stop_.store(true, relaxed);
  others.clear();
  EXPECT_EQ(wrong_.load(), 0u);
  EXPECT_GT(store_.pages.pool.counters().evictions, 500u);
  for (std::uint64_t n = 0; n < pair_count; ++n) {
    const std::uint64_t newest = newest_[n]->load();
    EXPECT_EQ(store_.pages.text(first_[n]), newest == 0 ? "0 " : text_of(newest));
  }
  ASSERT_TRUE(store_.publish().ok());
  EXPECT_EQ(store_.pages.leaked_units(), 0u);
  store_.pages.space.blocks.check_state();
}

TEST(checkpoint_threads, flip_between_a_new_number_and_its_table_page) {
  // Page numbers are taken outside the gate: a flip may come at any time, also where a table page and a level begin.
  constexpr std::uint64_t border = page::page_bytes_min / space::entry_bytes;
  for (int round = 0; round < 50; ++round) {
    os::MemFileSystem files;
    Store store(files, {.frames = 300});
    for (std::uint64_t n = 1; n + 3 < border; ++n) store.pages.add("x");
    ASSERT_TRUE(store.publish().ok());
    Atomic<bool> stop{false};
    std::string failure;
    {
      os::Thread checkpoint([&] {
        for (bool last = false; !last && failure.empty();) {
          last = stop.load(acquire);
          if (!store.publish().ok()) failure = "not published";
          os::Lock lock(store.checkpoint.mutex());
          failure += look_at(files).failure;
        }
      });
      for (int n = 0; n < round % 8; ++n) os::yield_thread();
      for (int n = 0; n < 8; ++n) store.pages.add("x");
      stop.store(true, release);
    }
    ASSERT_EQ(failure, "") << "round " << round;
    ASSERT_EQ(look_at(files).texts.size(), border - 4 + 8);
    ASSERT_EQ(store.pages.leaked_units(), 0u);
  }
}

// ---- a checkpoint that meets an eviction between its capture and its output

struct Stopped {
  Atomic<bool> arrived{false};
  Atomic<bool> go_on{false};
  Stopped() { os::set_hook_handler(&Stopped::handle, this); }
  ~Stopped() { os::set_hook_handler(nullptr, nullptr); }
  static Status handle(std::string_view name, void* context) {
    auto* self = static_cast<Stopped*>(context);
    if (name != "pool.before_write" || self->arrived.exchange(true)) return Status();
    while (!self->go_on.load(acquire)) os::yield_thread();
    return Status();
  }
};

// Whether the checkpoint was published while the eviction was stopped; the file as it was then.
bool publish_beside_an_eviction(Store& store, os::FileSystem& files, PageId id, Found& found) {
  Stopped stopped;
  os::Thread evictor([&] { EXPECT_TRUE(store.pages.pool.write_out({id}).ok()); });
  while (!stopped.arrived.load(acquire)) os::yield_thread();
  Atomic<bool> published{false};
  os::Thread checkpoint([&] {
    EXPECT_TRUE(store.publish().ok());
    published.store(true, release);
  });
  for (int n = 0; n < 20000 && !published.load(acquire); ++n) os::yield_thread();
  const bool early = published.load(acquire);
  if (early) found = look_at(files);
  stopped.go_on.store(true, release);
  evictor.join();
  checkpoint.join();
  if (!early) found = look_at(files);
  return early;
}

TEST_F(CheckpointThreads, wait_for_an_eviction_that_is_between_capture_and_output) {
  ASSERT_TRUE(store_.pages.change(first_[0], "1 evicted").ok());
  Found found;
  EXPECT_FALSE(publish_beside_an_eviction(store_, files_, first_[0], found)) << "CK-5";
  EXPECT_EQ(found.failure, "");
  EXPECT_EQ(found.texts[first_[0].raw], "1 evicted");
}

TEST_F(CheckpointThreads, find_a_checkpoint_that_does_not_wait_for_an_eviction) {
  const SeededBugScope bug("publish_with_eviction_in_flight");
  ASSERT_TRUE(store_.pages.change(first_[0], "1 evicted").ok());
  Found found;
  EXPECT_TRUE(publish_beside_an_eviction(store_, files_, first_[0], found));
  EXPECT_NE(found.failure, "") << "the table refers to a block that is not written";
}

// ---- a checkpoint that fails

TEST_F(CheckpointThreads, let_a_writer_go_on_to_an_error_when_the_checkpoint_fails_with_images_set_aside) {
  // More pages than there are side buffers are dirty at the flip; the writer changes them all while the checkpoint fails.
  struct Failing {
    Atomic<bool> flipped{false}, fail{false};
    static Status handle(std::string_view name, void* context) {
      auto* self = static_cast<Failing*>(context);
      if (name != "checkpoint.after_flip") return Status();
      self->flipped.store(true, release);
      while (!self->fail.load(acquire)) os::yield_thread();
      return Status(Code::io, "failed on purpose");
    }
  } failing;
  os::MemFileSystem files;
  Store store(files, {.frames = 300});
  std::vector<PageId> ids;
  for (int n = 0; n < 150; ++n) ids.push_back(store.pages.add("of the flip"));
  os::set_hook_handler(&Failing::handle, &failing);
  os::Thread checkpoint([&] { EXPECT_EQ(store.publish().code(), Code::io); });
  while (!failing.flipped.load(acquire)) os::yield_thread();
  for (std::size_t n = 0; n < 70; ++n) EXPECT_TRUE(store.pages.change(ids[n], "later").ok());
  failing.fail.store(true, release);
  checkpoint.join();
  os::set_hook_handler(nullptr, nullptr);
  for (const PageId id : ids) EXPECT_EQ(store.pages.change(id, "too late").to_string(), "io: failed on purpose");
  EXPECT_EQ(store.pages.text(ids[0]), "later");
  EXPECT_EQ(store.pages.text(ids[149]), "of the flip");
}

// ---- a log that begins

// Whoever copies the log to an archive up to the LSN of a superblock would copy a hole.
TEST_F(CheckpointThreads, name_no_lsn_behind_what_is_durable_of_a_log_that_begins) {
  const std::unique_ptr<wal::LogWriter> log = wal::LogWriter::start(files_, space::test_path, {}).value();
  std::optional<os::Thread> checkpoint;
  Atomic<bool> published{false};
  Lsn behind{};
  const auto begin = [&]() -> Status {
    QUIRE_ASSIGN(wal::LogRoom room, log->reserve(wal::restart_bytes));
    QUIRE_TRY(log->append(room, Xid{}, wal::RestartRecord{}).status());
    behind = log->tail();
    checkpoint.emplace([&] {
      EXPECT_TRUE(store_.pages.change(first_[0], "1 more").ok());
      Checkpoint::State state = store_.state();
      state.log_tail = log->tail();
      EXPECT_TRUE(store_.checkpoint.publish(state).ok());
      published.store(true, release);
    });
    // The checkpoint has the time that it would need.
    for (int n = 0; n < 100 && !published.load(acquire); ++n) os::sleep_us(1000);
    EXPECT_LE(store_.checkpoint.published().checkpoint_lsn, log->durable_lsn());
    return Status();
  };
  ASSERT_TRUE(store_.checkpoint.attach(*log, begin).ok());
  checkpoint.reset();
  EXPECT_EQ(store_.checkpoint.published().checkpoint_lsn, behind);
  EXPECT_LE(behind, log->durable_lsn());
  store_.checkpoint.detach();
}

}  // namespace
}  // namespace quire::checkpoint
