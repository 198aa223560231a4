// Goal: while the gate is closed no action is inside, actions and flips all get on, and neither waits forever.
// Method: real threads around plain numbers that actions read and flips change, so that ThreadSanitizer sees any two
//         that meet; threads that share a slot as well.
#include <gtest/gtest.h>

#include "buffer/gate.hpp"
#include "os/sync.hpp"

namespace quire::buffer {
namespace {

struct Shared {
  Gate gate;
  Atomic<bool> stop{false};
  Atomic<std::uint64_t> inside{0};
  Atomic<std::uint64_t> actions{0};
  Atomic<std::uint64_t> wrong{0};
  // Plain on purpose.
  std::uint64_t first = 0;
  std::uint64_t second = 0;

  void act() {
    gate.enter();
    inside.fetch_add(1, relaxed);
    if (first != second) wrong.fetch_add(1, relaxed);
    inside.fetch_sub(1, relaxed);
    gate.leave();
    actions.fetch_add(1, relaxed);
  }

  void flip() {
    gate.close();
    if (inside.load(relaxed) != 0) wrong.fetch_add(1, relaxed);
    ++first;
    os::yield_thread();
    ++second;
    gate.open();
  }
};

// Takes thread numbers until one is left that shares the slot of `number`.
void skip_to_slot_of(std::uint64_t number) {
  constexpr std::uint64_t slots = 64;
  for (std::uint64_t n = 0; n < slots; ++n) {
    std::uint64_t taken = 0;
    { const os::Thread thread([&] { taken = os::this_thread_number(); }); }
    if ((taken + 1) % slots == number % slots) return;
  }
}

TEST(gate, keeps_actions_and_flips_apart) {
  for (const bool shared_slot : {false, true}) {
    Shared shared;
    std::vector<os::Thread> actors;
    Atomic<std::uint64_t> number{0};
    for (int i = 0; i < 3; ++i) {
      if (shared_slot && i > 0) skip_to_slot_of(number.load());
      Atomic<bool> started{false};
      actors.emplace_back([&shared, &number, &started] {
        number.store(os::this_thread_number());
        started.store(true, release);
        while (!shared.stop.load(relaxed)) shared.act();
      });
      while (!started.load(acquire)) os::yield_thread();
    }
    for (int n = 0; n < 1000; ++n) shared.flip();
    while (shared.actions.load(relaxed) < 1000) os::yield_thread();
    shared.stop.store(true, relaxed);
    actors.clear();
    EXPECT_EQ(shared.wrong.load(), 0u);
    EXPECT_EQ(shared.first, 1000u);
    EXPECT_FALSE(shared.gate.occupied());
  }
}

TEST(gate, lets_every_action_in_that_came_while_it_was_closed) {
  for (int round = 0; round < 200; ++round) {
    Shared shared;
    shared.gate.close();
    std::vector<os::Thread> actors;
    for (int i = 0; i < 3; ++i) actors.emplace_back([&] { shared.act(); });
    for (int i = 0; i < round % 5; ++i) os::yield_thread();
    EXPECT_EQ(shared.actions.load(), 0u);
    EXPECT_TRUE(shared.gate.occupied());
    shared.gate.open();
    actors.clear();
    ASSERT_EQ(shared.actions.load(), 3u);
  }
}

TEST(gate, closes_only_after_the_last_action_has_left) {
  Shared shared;
  shared.gate.enter();
  Atomic<bool> closed{false};
  os::Thread closer([&] {
    shared.gate.close();
    closed.store(true, release);
    shared.gate.open();
  });
  for (int n = 0; n < 200; ++n) os::yield_thread();
  EXPECT_FALSE(closed.load(acquire));
  shared.gate.leave();
  closer.join();
  EXPECT_TRUE(closed.load(acquire));
  EXPECT_FALSE(shared.gate.occupied());
}

}  // namespace
}  // namespace quire::buffer
