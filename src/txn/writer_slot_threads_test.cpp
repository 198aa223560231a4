// Goal: one thread at a time has the writer slot; nobody who waits is forgotten, whatever the moment at which it becomes free;
//       who waits too long is told, and disturbs nobody.
// Method: eight threads enter and leave thousands of times, holding the slot for nothing, a yield, or long enough that others
//         sleep; half of them with timeouts so short that they often give up.
#include <gtest/gtest.h>

#include "base/atomic.hpp"
#include "os/environment.hpp"
#include "txn/writer_slot.hpp"

namespace quire::txn {
namespace {

constexpr std::uint64_t patience_us = 60'000'000;

TEST(writer_slot, forgets_nobody_and_has_one_holder) {
  WriterSlot slot(os::system_environment().clock);
  Atomic<int> inside{0};
  Atomic<std::uint64_t> entered{0};
  Atomic<std::uint64_t> gave_up{0};
  {
    std::vector<os::Thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 3000; ++i) {
          const Status status = slot.enter(t % 2 == 0 ? patience_us : 20);
          if (!status.ok()) {
            EXPECT_EQ(status, Code::busy);
            EXPECT_EQ(t % 2, 1) << status.to_string();
            gave_up.fetch_add(1, relaxed);
            continue;
          }
          EXPECT_EQ(inside.fetch_add(1, relaxed), 0);
          if (i % 64 == t) os::sleep_us(50);
          if (i % 8 == t) os::yield_thread();
          inside.fetch_sub(1, relaxed);
          entered.fetch_add(1, relaxed);
          slot.leave();
        }
      });
    }
  }
  EXPECT_EQ(entered.load() + gave_up.load(), 8u * 3000);
  EXPECT_GE(entered.load(), 4u * 3000);
  EXPECT_TRUE(slot.enter(0).ok()) << "left by all";
  slot.leave();
}

TEST(writer_slot, does_not_nest_and_times_out) {
  WriterSlot slot(os::system_environment().clock);
  ASSERT_TRUE(slot.enter(0).ok());
  EXPECT_EQ(slot.enter(1000), Code::invalid);
  os::Thread([&] {
    EXPECT_EQ(slot.enter(0), Code::busy);
    EXPECT_EQ(slot.enter(2000).to_string(), "busy: waited 2 ms (Options::lock_timeout_ms) for another write transaction to end");
  }).join();
  slot.leave();
  os::Thread([&] {
    EXPECT_TRUE(slot.enter(0).ok());
    slot.leave();
  }).join();
}

}  // namespace
}  // namespace quire::txn
