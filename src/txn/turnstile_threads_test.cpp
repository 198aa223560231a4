// Goal: between begin_commit and end_commit no reader is inside, one writer at a time is inside, every wait ends (by a
//       wake-up or by its timeout), and what each sees is what the last commit left.
// Method: real threads around a pair of plain numbers that only a commit changes and that must be equal for every
//         reader; threads whose numbers make them share a slot; many short rounds, since a race needs a chance.
#include <gtest/gtest.h>

#include "base/atomic.hpp"
#include "os/environment.hpp"
#include "os/sync.hpp"
#include "txn/turnstile.hpp"

namespace quire::txn {
namespace {

constexpr std::uint64_t second_us = 1'000'000;
constexpr std::uint64_t long_us = 60 * second_us;
constexpr std::uint64_t slots = 64;

struct Shared {
  Turnstile turnstile{os::system_environment().clock};
  Atomic<bool> stop{false};
  Atomic<std::uint64_t> reads{0};
  Atomic<std::uint64_t> wrong{0};
  Atomic<std::uint64_t> inside_commit{0};
  // Plain on purpose: changed in commits, read by readers.
  std::uint64_t first = 0;
  std::uint64_t second = 0;

  void read_once() {
    const Result<std::uint32_t> slot = turnstile.enter_reader(long_us);
    if (!slot.ok()) {
      wrong.fetch_add(1, relaxed);
      return;
    }
    if (inside_commit.load(seq_cst) != 0 || first != second) wrong.fetch_add(1, relaxed);
    reads.fetch_add(1, relaxed);
    turnstile.leave_reader(*slot);
  }

  void commit_once() {
    if (!turnstile.enter_writer(long_us).ok() || !turnstile.begin_commit(long_us).ok()) {
      wrong.fetch_add(1, relaxed);
      return;
    }
    if (inside_commit.fetch_add(1, seq_cst) != 0) wrong.fetch_add(1, relaxed);
    ++first;
    for (int n = 0; n < 20; ++n) os::yield_thread();
    ++second;
    inside_commit.fetch_sub(1, seq_cst);
    turnstile.end_commit();
    turnstile.leave_writer();
  }
};

// Runs `work` in a thread that falls into the slot `slot`; numbers of threads are given in order of asking.
template <class Work>
os::Thread thread_in_slot(std::uint64_t slot, Work work) {
  for (std::uint64_t attempt = 0; attempt < 4 * slots; ++attempt) {
    Atomic<int> verdict{0};
    os::Thread thread([&verdict, slot, work] {
      const bool mine = os::this_thread_number() % slots == slot;
      verdict.store(mine ? 1 : 2, release);
      if (mine) work();
    });
    while (verdict.load(acquire) == 0) os::yield_thread();
    if (verdict.load(acquire) == 1) return thread;
  }
  ADD_FAILURE() << "no thread fell into slot " << slot;
  return {};
}

TEST(turnstile, keeps_commits_and_readers_apart) {
  Shared shared;
  constexpr int commits_per_writer = 40;
  {
    std::vector<os::Thread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([&] {
        while (!shared.stop.load(relaxed)) shared.read_once();
      });
    }
    {
      std::vector<os::Thread> writers;
      for (int i = 0; i < 2; ++i) {
        writers.emplace_back([&] {
          for (int n = 0; n < commits_per_writer; ++n) shared.commit_once();
        });
      }
    }
    while (shared.reads.load(relaxed) == 0) os::yield_thread();
    shared.stop.store(true, relaxed);
  }
  EXPECT_EQ(shared.wrong.load(), 0u);
  EXPECT_EQ(shared.first, 2u * commits_per_writer);
  EXPECT_EQ(shared.second, shared.first);
  EXPECT_EQ(shared.turnstile.readers(), 0u);
}

TEST(turnstile, keeps_readers_out_that_share_a_slot_with_one_that_is_being_refused) {
  // A reader that had announced itself and was about to find the commit made its slot look occupied; another thread of
  // the same slot took it for a reader inside and was let in during the commit. Readers that do not wait make many
  // attempts in one commit, so that two of them meet.
  Shared shared;
  ASSERT_TRUE(shared.turnstile.begin_commit(long_us).ok());
  constexpr std::uint64_t attempts = 150000;
  Atomic<std::uint64_t> entered{0};
  {
    std::vector<os::Thread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.push_back(thread_in_slot(5, [&] {
        for (std::uint64_t n = 0; n < attempts; ++n) {
          const Result<std::uint32_t> slot = shared.turnstile.enter_reader(0);
          if (!slot.ok()) continue;
          entered.fetch_add(1, relaxed);
          shared.turnstile.leave_reader(*slot);
        }
      }));
    }
  }
  EXPECT_EQ(entered.load(), 0u) << "readers were inside during a commit";
  shared.turnstile.end_commit();
  shared.read_once();
  EXPECT_EQ(shared.wrong.load(), 0u);
  EXPECT_EQ(shared.turnstile.readers(), 0u);
}

TEST(turnstile, lets_a_thread_in_again_that_is_inside_while_a_commit_waits) {
  Shared shared;
  Atomic<bool> inside{false};
  Atomic<bool> again{false};
  os::Thread reader([&] {
    const std::uint32_t first = shared.turnstile.enter_reader(long_us).value();
    inside.store(true, release);
    // Until the commit waits nothing is refused; then the own slot must still be open.
    for (int n = 0; n < 1000; ++n) {
      const Result<std::uint32_t> second = shared.turnstile.enter_reader(long_us);
      if (!second.ok()) break;
      shared.turnstile.leave_reader(*second);
      os::yield_thread();
      again.store(n == 999, release);
    }
    shared.turnstile.leave_reader(first);
  });
  while (!inside.load(acquire)) os::yield_thread();
  EXPECT_TRUE(shared.turnstile.begin_commit(long_us).ok());
  EXPECT_TRUE(again.load(acquire));
  shared.turnstile.end_commit();
}

TEST(turnstile, wakes_every_reader_that_waited_for_a_commit) {
  for (int round = 0; round < 200; ++round) {
    Shared shared;
    ASSERT_TRUE(shared.turnstile.begin_commit(second_us).ok());
    {
      std::vector<os::Thread> readers;
      for (int i = 0; i < 4; ++i) readers.emplace_back([&] { shared.read_once(); });
      for (int i = 0; i < round % 7; ++i) os::yield_thread();
      shared.turnstile.end_commit();
    }
    ASSERT_EQ(shared.reads.load(), 4u);
  }
}

TEST(turnstile, passes_the_writers_place_on_until_all_had_it) {
  Shared shared;
  Atomic<std::uint64_t> inside{0};
  Atomic<std::uint64_t> turns{0};
  {
    std::vector<os::Thread> writers;
    for (int i = 0; i < 6; ++i) {
      writers.emplace_back([&] {
        for (int n = 0; n < 100; ++n) {
          if (!shared.turnstile.enter_writer(long_us).ok()) continue;
          if (inside.fetch_add(1, seq_cst) != 0) shared.wrong.fetch_add(1, relaxed);
          turns.fetch_add(1, relaxed);
          inside.fetch_sub(1, seq_cst);
          shared.turnstile.leave_writer();
        }
      });
    }
  }
  EXPECT_EQ(turns.load(), 600u);
  EXPECT_EQ(shared.wrong.load(), 0u);
}

TEST(turnstile, lets_no_writer_wait_forever_behind_others_that_give_up) {
  // Waiters that time out at about the moment of a wake-up must not swallow it.
  Shared shared;
  Atomic<std::uint64_t> turns{0};
  {
    std::vector<os::Thread> impatient;
    for (int i = 0; i < 3; ++i) {
      impatient.emplace_back([&] {
        while (!shared.stop.load(relaxed)) {
          if (shared.turnstile.enter_writer(20).ok()) shared.turnstile.leave_writer();
        }
      });
    }
    for (int n = 0; n < 300; ++n) {
      if (!shared.turnstile.enter_writer(long_us).ok()) continue;
      turns.fetch_add(1, relaxed);
      shared.turnstile.leave_writer();
    }
    shared.stop.store(true, relaxed);
  }
  EXPECT_EQ(turns.load(), 300u);
}

TEST(turnstile, gives_a_commit_up_after_its_time_and_lets_readers_in_again) {
  Shared shared;
  Atomic<int> stage{0};
  os::Thread reader([&] {
    const Result<std::uint32_t> slot = shared.turnstile.enter_reader(long_us);
    stage.store(1, release);
    while (stage.load(acquire) == 1) os::yield_thread();
    if (slot.ok()) shared.turnstile.leave_reader(*slot);
    stage.store(3, release);
  });
  while (stage.load(acquire) == 0) os::yield_thread();
  const Status status = shared.turnstile.begin_commit(2000);
  EXPECT_EQ(status.to_string(),
            "busy: the commit waited 2 ms for 1 read transactions that are still open; nothing was committed");
  shared.read_once();
  EXPECT_EQ(shared.wrong.load(), 0u);
  stage.store(2, release);
  EXPECT_TRUE(shared.turnstile.begin_commit(long_us).ok()) << "after the reader left";
  shared.turnstile.end_commit();
}

}  // namespace
}  // namespace quire::txn
