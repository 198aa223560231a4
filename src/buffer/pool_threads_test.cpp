// Goal: readers of every kind see whole pages while a writer changes them, the clock evicts them and a checkpoint writes
//       them; exclusive means exclusive.
// Method: every text is one letter many times, so a torn page shows; the pool is much smaller than the pages, so that
//         each read may meet an eviction. Optimistic readers believe only what they validated.
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "buffer/test_pages.hpp"
#include "os/mem/mem_file_system.hpp"
#include "os/sync.hpp"

namespace quire::buffer {
namespace {

constexpr std::uint64_t page_count = 40;
constexpr std::size_t text_bytes = 700;

std::string text_of(std::uint64_t n) { return std::string(text_bytes, static_cast<char>('a' + n % 26)); }

class PoolThreads : public testing::Test {
 protected:
  void SetUp() override {
    for (std::uint64_t n = 0; n < page_count; ++n) {
      ids_.push_back(pages_.add(text_of(n)));
      if (n % 4 == 3) pages_.publish();
    }
  }

  bool whole(std::string_view text) { return text.size() == text_bytes && text.find_first_not_of(text[0]) == text.npos; }

  void read_latched(PageId id) {
    const Result<ReadPage> page = pages_.pool.read(id);
    if (!page.ok() || !whole(TextKind::read(page->data()))) wrong_.fetch_add(1, relaxed);
    reads_.fetch_add(1, relaxed);
  }

  void read_optimistically(PageId id) {
    for (;;) {
      {
        const OptimisticPage page = pages_.pool.optimistic(id);
        if (page) {
          // Clamped before it is used: the page may be changing.
          const std::size_t length = std::min<std::size_t>(TextKind::length(page.data()), text_bytes);
          const std::string text(as_text(page.data() + TextKind::begin, length));
          if (!page.valid()) continue;
          if (!whole(text)) wrong_.fetch_add(1, relaxed);
          reads_.fetch_add(1, relaxed);
          return;
        }
      }
      if (!pages_.pool.await(id).ok()) {
        wrong_.fetch_add(1, relaxed);
        return;
      }
    }
  }

  void read_until_stopped(std::uint64_t seed) {
    Random random(seed);
    while (!stop_.load(relaxed)) {
      const PageId id = ids_[random.below(page_count)];
      random.chance(1, 2) ? read_latched(id) : read_optimistically(id);
      // Not more than a part of the time in pages, so that the writer gets its turn.
      if (random.chance(1, 8)) os::yield_thread();
    }
  }

  os::MemFileSystem files_;
  Pages pages_{files_, {.frames = Pool::frames_min}};
  std::vector<PageId> ids_;
  Atomic<bool> stop_{false};
  Atomic<std::uint64_t> wrong_{0};
  Atomic<std::uint64_t> reads_{0};
};

TEST_F(PoolThreads, see_whole_pages_beside_a_writer_and_the_clock) {
  std::vector<os::Thread> readers;
  for (std::uint64_t i = 0; i < 3; ++i) readers.emplace_back([this, i] { read_until_stopped(i + 1); });
  Random random(99);
  std::map<std::uint64_t, std::uint64_t> expected;
  for (std::uint64_t n = 0; n < 400; ++n) {
    const PageId id = ids_[random.below(page_count)];
    EXPECT_TRUE(pages_.change(id, text_of(n)).ok());
    expected[id.raw] = n;
    if (n % 5 == 4) pages_.publish();
  }
  while (reads_.load(relaxed) < 1000) os::yield_thread();
  stop_.store(true, relaxed);
  readers.clear();
  EXPECT_EQ(wrong_.load(), 0u);
  for (const auto& [id, n] : expected) EXPECT_EQ(pages_.text(PageId{id}), text_of(n));
  EXPECT_GT(pages_.pool.counters().evictions, 100u);
  Pages again(files_, {}, pages_.space.root);
  for (const auto& [id, n] : expected) EXPECT_EQ(again.text(PageId{id}), text_of(n));
}

TEST_F(PoolThreads, fault_one_page_in_once_however_many_ask) {
  for (int round = 0; round < 50; ++round) {
    Pages again(files_, {.frames = Pool::frames_min}, pages_.space.root);
    {
      std::vector<os::Thread> readers;
      for (int i = 0; i < 3; ++i) {
        readers.emplace_back([&] {
          if (again.text(ids_[7]) != text_of(7)) wrong_.fetch_add(1, relaxed);
        });
      }
    }
    ASSERT_EQ(again.pool.counters().misses, 1u);
    ASSERT_EQ(again.pool.counters().frames_used, 1u);
  }
  EXPECT_EQ(wrong_.load(), 0u);
}

TEST_F(PoolThreads, give_an_exclusive_latch_to_one_at_a_time) {
  std::uint64_t plain = 0;  // guarded by the latch of one page
  constexpr std::uint64_t turns = 2000;
  {
    std::vector<os::Thread> writers;
    for (int i = 0; i < 3; ++i) {
      writers.emplace_back([&] {
        for (std::uint64_t n = 0; n < turns; ++n) {
          const Result<WritePage> page = pages_.pool.write(ids_[0]);
          if (page.ok()) ++plain;
        }
      });
    }
  }
  EXPECT_EQ(plain, 3 * turns);
}

}  // namespace
}  // namespace quire::buffer
