// Goal: a page read is the page last changed, whatever was evicted in between, changed pages included; what comes from
//       the disk is believed only after its checks.
// Method: examples with the smallest pool there is (16 frames); damage of every kind on the way into memory; random
//         changes, evictions, publishes and reopenings against a map. Two epochs at once: epochs_test.cpp.
#include "buffer/pool.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "buffer/test_pages.hpp"
#include "os/mem/mem_file_system.hpp"
#include "os/sim/sim_file_system.hpp"
#include "os/sync.hpp"

namespace quire::buffer {
namespace {

constexpr std::uint64_t frames = Pool::frames_min;

class Pools : public testing::Test {
 protected:
  // So many published pages, with their numbers as texts; more than fit into memory are added in several epochs.
  std::vector<PageId> publish_pages(std::uint64_t count) {
    std::vector<PageId> ids;
    for (std::uint64_t n = 0; n < count; ++n) {
      ids.push_back(pages_.add("page " + std::to_string(n)));
      if (n % 4 == 3) pages_.publish();
    }
    pages_.publish();
    return ids;
  }
  std::uint64_t misses() { return pages_.pool.counters().misses; }
  // Pages with no place in the file yet.
  std::uint64_t dirty_in_memory(const std::vector<PageId>& ids) {
    return static_cast<std::uint64_t>(std::count_if(ids.begin(), ids.end(), [&](PageId id) { return pages_.space.table.find(id)->entry.free(); }));
  }

  os::MemFileSystem files_;
  Pages pages_{files_, {.frames = frames}};
};

TEST_F(Pools, read_back_more_pages_than_fit_into_memory) {
  const std::vector<PageId> ids = publish_pages(50);
  for (int round = 0; round < 3; ++round) {
    for (std::size_t n = 0; n < ids.size(); ++n) ASSERT_EQ(pages_.text(ids[n]), "page " + std::to_string(n));
  }
  const PoolCounters counters = pages_.pool.counters();
  EXPECT_EQ(counters.frames, frames);
  EXPECT_LE(counters.frames_used, frames);
  EXPECT_GT(counters.evictions, 100u);
  EXPECT_GE(counters.misses, 100u);
}

TEST_F(Pools, keep_a_page_that_is_used_between_any_two_faults) {
  const std::vector<PageId> ids = publish_pages(60);
  (void)pages_.text(ids[0]);
  for (std::size_t n = 1; n < ids.size(); ++n) {
    (void)pages_.text(ids[n]);
    const std::uint64_t before = misses();
    ASSERT_TRUE(pages_.pool.optimistic(ids[0])) << "evicted although it was used";
    ASSERT_EQ(misses(), before);
  }
}

TEST_F(Pools, evict_changed_pages_and_read_them_back) {
  std::vector<PageId> ids;
  for (std::uint64_t n = 0; n < 100; ++n) ids.push_back(pages_.add("first " + std::to_string(n)));
  for (std::size_t n = 0; n < ids.size(); ++n) ASSERT_EQ(pages_.text(ids[n]), "first " + std::to_string(n));
  for (std::size_t n = 0; n < ids.size(); n += 2) ASSERT_TRUE(pages_.change(ids[n], "second").ok());
  const auto expected = [](std::size_t n) { return n % 2 == 0 ? "second" : "first " + std::to_string(n); };
  for (std::size_t n = 0; n < ids.size(); ++n) ASSERT_EQ(pages_.text(ids[n]), expected(n));
  EXPECT_GT(pages_.pool.counters().evictions, 200u);
  pages_.space.blocks.check_state();
  EXPECT_EQ(pages_.space.blocks.used_blocks(), space::superblock_blocks + 100 - dirty_in_memory(ids))
      << "an evicted page has one block, however often it was written";
  pages_.publish();
  EXPECT_EQ(pages_.leaked_units(), 0u);
  Pages again(files_, {}, pages_.space.root);
  for (std::size_t n = 0; n < ids.size(); ++n) ASSERT_EQ(again.text(ids[n]), expected(n));
}

TEST_F(Pools, say_what_to_do_when_all_memory_is_latched) {
  const std::vector<PageId> ids = publish_pages(40);
  std::vector<std::pair<PageId, WritePage>> held;
  PageId id;
  Result<WritePage> page = pages_.pool.create(id);
  while (page.ok()) {
    held.emplace_back(id, std::move(page).value());
    page = pages_.pool.create(id);
  }
  EXPECT_EQ(held.size(), frames);
  EXPECT_EQ(page.status().to_string(), "no_memory: all 16 pages of memory_limit (65536 bytes) are in use at once; raise "
                                       "Options::memory_limit");
  // Another thread: one that holds latches must not read.
  os::Thread([&] { EXPECT_EQ(pages_.pool.read(ids[0]).code(), Code::no_memory); }).join();
  pages_.pool.discard_new(std::move(held.back().second), held.back().first);
  held.pop_back();
  os::Thread([&] { EXPECT_EQ(pages_.text(ids[0]), "page 0") << "a failed fault can be made again"; }).join();
  for (auto& [number, latch] : held) pages_.pool.discard_new(std::move(latch), number);
}

TEST_F(Pools, stop_whoever_reads_a_page_in_with_a_latch_in_hand) {
  const std::vector<PageId> ids = publish_pages(40);
  const ReadPage latch = pages_.pool.read(ids[39]).value();
  EXPECT_DEATH((void)pages_.pool.fault(ids[0]).ok(), "latches_held") << "BP-2";
}

TEST_F(Pools, list_each_changed_page_once) {
  const std::vector<PageId> ids = publish_pages(4);
  EXPECT_FALSE(pages_.pool.has_dirty());
  for (const std::size_t n : {3, 1, 3, 0, 1}) ASSERT_TRUE(pages_.change(ids[n], "changed").ok());
  ASSERT_TRUE(pages_.pool.write_out({ids[1]}).ok());
  ASSERT_TRUE(pages_.change(ids[1], "again").ok());
  EXPECT_TRUE(pages_.pool.has_dirty());
  pages_.begin_publish();
  EXPECT_FALSE(pages_.pool.has_dirty()) << "the next epoch has changed nothing";
  EXPECT_EQ(pages_.pool.take_dirty(pages_.writing()), (std::vector<PageId>{ids[0], ids[1], ids[3]}));
}

TEST_F(Pools, lose_no_changed_page_when_they_tidy_their_list) {
  // One epoch that changes the same pages again and again, written out in between.
  const std::vector<PageId> ids = publish_pages(40);
  for (int round = 0; round < 50; ++round) {
    for (const PageId id : ids) ASSERT_TRUE(pages_.change(id, "round " + std::to_string(round)).ok());
  }
  pages_.begin_publish();
  ASSERT_TRUE(pages_.write_pages().ok());
  pages_.finish_publish();
  Pages again(files_, {}, pages_.space.root);
  for (const PageId id : ids) ASSERT_EQ(again.text(id), "round 49");
}

// ---- what may be wrong with a page that is read

TEST_F(Pools, report_a_damaged_page_with_its_place_and_read_it_when_it_is_mended) {
  const std::vector<PageId> ids = publish_pages(2);
  const std::uint64_t offset = pages_.block_offset(ids[1]);
  const std::string good = os::text_at(pages_.space.file.file(), offset + 40, 8);
  Pages again(files_, {.frames = frames}, pages_.space.root);
  ASSERT_TRUE(os::put(again.space.file.file(), offset + 40, "?").ok());
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_EQ(again.text(ids[1]), "corrupt: page 2 at block " + std::to_string(offset / page::block_bytes) +
                                      " of /test.qdb fails its checksum");
  }
  EXPECT_EQ(again.pool.counters().frames_used, 0u) << "a failed read gives its frame back";
  ASSERT_TRUE(os::put(again.space.file.file(), offset + 40, good).ok());
  EXPECT_EQ(again.text(ids[1]), "page 1");
}

// Replaces the image of a page and its checksum, as a mistake of ours might.
void forge(Pages& pages, PageId id, const std::function<void(MutableBytes)>& change) {
  std::vector<std::byte> image(pages.space.file.page_bytes());
  ASSERT_TRUE(pages.space.file.file().read_at(pages.block_offset(id), image).ok());
  change(image);
  ASSERT_TRUE(pages.space.table.load(id).ok());
  space::Entry entry = pages.space.table.find(id)->entry;
  entry.checksum = pages.space.file.checksum(image, id.raw);
  pages.space.table.find(id)->entry = entry;
  ASSERT_TRUE(pages.space.file.write(entry.block(), image).ok());
}

TEST_F(Pools, refuse_a_page_that_says_it_is_another_of_unknown_type_or_impossible) {
  const std::vector<PageId> ids = publish_pages(8);
  const auto refusal = [&](PageId id, const std::function<void(MutableBytes)>& change) {
    Pages again(files_, {.frames = frames}, pages_.space.root);
    EXPECT_TRUE(again.space.table.load(id).ok());
    forge(again, id, change);
    return again.text(id);
  };
  EXPECT_EQ(refusal(ids[4], [](MutableBytes p) { page::header::page_id.set(p.data(), 9); }),
            "corrupt: page 5 of /test.qdb says that it is page 9");
  EXPECT_EQ(refusal(ids[5], [](MutableBytes p) { page::header::type.set(p.data(), 200); }),
            "corrupt: page 6 of /test.qdb has the unknown type 200");
  EXPECT_EQ(refusal(ids[6], [](MutableBytes p) { page::header::type.set(p.data(), 1); }),
            "corrupt: page 7 of /test.qdb has the unknown type 1");
  EXPECT_EQ(refusal(ids[7], [](MutableBytes p) { store_le(p.data() + page::header_bytes, std::uint32_t{4061}); }),
            "corrupt: page 8 of /test.qdb: a text longer than its page");
}

TEST_F(Pools, refuse_pages_never_allocated_or_free) {
  const std::vector<PageId> ids = publish_pages(3);
  EXPECT_EQ(pages_.text(PageId{77}),
            "corrupt: page 77 of /test.qdb is referred to, but was never allocated (page numbers end at 4)");
  EXPECT_EQ(pages_.pool.write(PageId{77}).code(), Code::corrupt);
  EXPECT_EQ(pages_.pool.await(PageId{77}).code(), Code::corrupt);
  EXPECT_FALSE(pages_.pool.optimistic(PageId{77}));
  ASSERT_TRUE(free_page(pages_.resources, ids[1]).ok());
  pages_.publish();
  EXPECT_EQ(pages_.text(ids[1]), "corrupt: page 2 of /test.qdb is referred to, but marked free");
}

TEST_F(Pools, check_a_page_before_it_is_written) {
  const std::vector<PageId> ids = publish_pages(2);
  ASSERT_TRUE(pages_.change(ids[0], "fine").ok());
  {
    const WritePage page = pages_.pool.write(ids[0]).value();
    store_le(page.data() + page::header_bytes, std::uint32_t{0xFFFFFFFF});
  }
  EXPECT_DEATH((void)pages_.pool.write_out({ids[0]}).ok(), "check_image");
  ASSERT_TRUE(pages_.change(ids[0], "fine").ok());
}

TEST(pool, passes_failures_of_the_disk_on_and_recovers_from_them) {
  os::SimFileSystem files({.seed = 1});
  space::Superblock root;
  PageId id;
  {
    Pages pages(files);
    id = pages.add("text");
    pages.publish();
    root = pages.space.root;
  }
  for (std::uint64_t n = 0; n < 3; ++n) {
    Pages pages(files, {}, root);
    files.inject({.kind = os::FaultKind::io_error, .operation = files.operation_count() + 1 + n});
    std::string text = pages.text(id);
    EXPECT_EQ(text.starts_with("io: cannot read "), n < 2) << text;
    files.clear_faults();
    EXPECT_EQ(pages.text(id), "text");
  }
}

// ---- guards

TEST_F(Pools, invalidate_what_was_read_when_the_page_is_written_or_evicted) {
  const std::vector<PageId> ids = publish_pages(40);
  ASSERT_TRUE(pages_.pool.fault(ids[0]).ok());
  const OptimisticPage first = pages_.pool.optimistic(ids[0]);
  ASSERT_TRUE(first && first.valid());
  {
    const ReadPage reading = pages_.pool.read(ids[0]).value();
    EXPECT_TRUE(first.valid()) << "readers do not disturb each other";
  }
  EXPECT_TRUE(first.valid());
  {
    const WritePage writing = pages_.pool.write(ids[0]).value();
    EXPECT_FALSE(first.valid());
    EXPECT_FALSE(pages_.pool.optimistic(ids[0])) << "being changed";
  }
  EXPECT_FALSE(first.valid()) << "the version is another";
  const OptimisticPage second = pages_.pool.optimistic(ids[0]);
  EXPECT_TRUE(second.valid());
  for (const PageId id : ids) (void)pages_.text(id);
  for (const PageId id : ids) (void)pages_.text(id);
  EXPECT_FALSE(second.valid()) << "evicted, and perhaps read again";
}

TEST_F(Pools, write_only_the_version_that_was_seen) {
  const std::vector<PageId> ids = publish_pages(1);
  ASSERT_TRUE(pages_.pool.fault(ids[0]).ok());
  const std::uint64_t version = pages_.pool.optimistic(ids[0]).version();
  EXPECT_TRUE(pages_.pool.try_write(ids[0], version));
  EXPECT_FALSE(pages_.pool.try_write(ids[0], version)) << "releasing changed it";
  EXPECT_FALSE(pages_.pool.try_write(ids[0], version + 2));
  EXPECT_TRUE(pages_.pool.try_write(ids[0], version + 1));
  EXPECT_EQ(latches_held, 0);
}

TEST_F(Pools, count_the_latches_that_a_thread_holds) {
  const std::vector<PageId> ids = publish_pages(2);
  EXPECT_EQ(latches_held, 0);
  {
    const ReadPage first = pages_.pool.read(ids[0]).value();
    const ReadPage again = pages_.pool.read(ids[0]).value();
    WritePage other = pages_.pool.write(ids[1]).value();
    EXPECT_EQ(latches_held, 3);
    const WritePage moved = std::move(other);
    EXPECT_EQ(latches_held, 3);
    EXPECT_FALSE(other);
  }
  EXPECT_EQ(latches_held, 0);
}

TEST(state_word, allows_many_readers_or_one_writer) {
  space::PageSlot slot;
  EXPECT_FALSE(try_lock_shared(slot)) << "evicted";
  EXPECT_FALSE(try_lock_exclusive(slot)) << "evicted";
  slot.state.store(state::unlocked);
  const std::uint64_t readers_max = state::shared_last - state::shared_first + 1;
  for (std::uint64_t n = 0; n < readers_max; ++n) ASSERT_TRUE(try_lock_shared(slot));
  EXPECT_FALSE(try_lock_shared(slot)) << "one reader too many";
  EXPECT_FALSE(try_lock_exclusive(slot));
  for (std::uint64_t n = 0; n < readers_max; ++n) unlock_shared(slot);
  EXPECT_EQ(slot.state.load(), state::unlocked) << "reading changes no version";
  EXPECT_TRUE(try_lock_exclusive(slot));
  EXPECT_FALSE(try_lock_exclusive(slot));
  EXPECT_FALSE(try_lock_shared(slot));
  unlock_exclusive(slot);
  EXPECT_EQ(version_of(slot.state.load()), 1u);
  for (const std::uint64_t s : {state::io, state::evicted}) {
    slot.state.store(with_state(slot.state.load(), s));
    EXPECT_FALSE(try_lock_shared(slot));
    EXPECT_FALSE(try_lock_exclusive(slot));
  }
  slot.state.store(with_state(slot.state.load(), state::cooling));
  EXPECT_TRUE(try_lock_shared(slot)) << "a cooling page is in memory";
  unlock_shared(slot);
}

// ---- random runs

class RandomRun {
 public:
  explicit RandomRun(std::uint64_t seed)
      : random_(seed), options_{.frames = 16 + random_.below(30)}, pages_(new Pages(files_, options_)) {}

  void step() {
    const std::uint64_t choice = random_.below(100);
    if (choice < 6) {
      ASSERT_NO_FATAL_FAILURE(end_epoch());
    } else if (choice < 30 || now_.empty()) {
      const std::string text(random_.below(200), static_cast<char>('a' + random_.below(26)));
      const PageId id = pages_->add(text);
      ASSERT_EQ(now_.count(id.raw), 0u) << "a number given twice";
      now_[id.raw] = text;
    } else {
      const auto some = std::next(now_.begin(), static_cast<std::ptrdiff_t>(random_.below(now_.size())));
      const PageId id{some->first};
      if (choice < 55) {
        some->second = "changed " + std::to_string(random_.next());
        ASSERT_TRUE(pages_->change(id, some->second).ok());
      } else if (choice < 65) {
        ASSERT_TRUE(free_page(pages_->resources, id).ok());
        now_.erase(some);
      } else if (choice < 70) {
        ASSERT_TRUE(pages_->pool.write_out({id}).ok());
      } else {
        ASSERT_EQ(pages_->text(id), some->second) << "page " << id.raw;
      }
    }
  }

  void end_epoch() {
    pages_->publish();
    ASSERT_EQ(pages_->leaked_units(), 0u);
    if (random_.chance(1, 4)) {
      const space::Superblock root = pages_->space.root;
      pages_ = std::make_unique<Pages>(files_, options_, root);
    }
    for (const auto& [id, text] : now_) ASSERT_EQ(pages_->text(PageId{id}), text) << "page " << id;
  }

 private:
  os::MemFileSystem files_;
  Random random_;
  const PagesOptions options_;
  std::unique_ptr<Pages> pages_;
  std::map<std::uint64_t, std::string> now_;
};

TEST(pool, agrees_with_a_map_over_random_changes) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomRun run(seed);
    for (int n = 0; n < 500; ++n) ASSERT_NO_FATAL_FAILURE(run.step()) << "step " << n;
  }
}

}  // namespace
}  // namespace quire::buffer
