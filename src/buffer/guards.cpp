// Guards: latch operations on the state word.
#include "buffer/guards.hpp"

namespace quire::buffer {

thread_local int latches_held = 0;

bool try_lock_shared(space::PageSlot& slot) noexcept {
  std::uint64_t word = slot.state.load(relaxed);
  for (;;) {
    std::uint64_t next = 0;
    if (state_of(word) == state::unlocked || state_of(word) == state::cooling) {
      next = with_state(word, state::shared_first);
    } else if (is_shared(word) && state_of(word) < state::shared_last) {
      next = word + 1;
    } else {
      return false;
    }
    if (slot.state.compare_exchange_weak(word, next, acquire, relaxed)) break;
  }
  ++latches_held;
  return true;
}

bool try_lock_exclusive(space::PageSlot& slot) noexcept {
  std::uint64_t word = slot.state.load(relaxed);
  do {
    if (state_of(word) != state::unlocked && state_of(word) != state::cooling) return false;
  } while (!slot.state.compare_exchange_weak(word, with_state(word, state::exclusive), acq_rel, relaxed));
  release_fence();
  ++latches_held;
  return true;
}

namespace {

// The last one out leaves the page in this state.
void unlock_shared_as(space::PageSlot& slot, std::uint64_t last_out) noexcept {
  std::uint64_t word = slot.state.load(relaxed);
  std::uint64_t next = 0;
  do {
    QUIRE_ASSERT(is_shared(word));
    next = state_of(word) == state::shared_first ? with_state(word, last_out) : word - 1;
  } while (!slot.state.compare_exchange_weak(word, next, release, relaxed));
  --latches_held;
}

}  // namespace

void unlock_shared(space::PageSlot& slot) noexcept { unlock_shared_as(slot, state::unlocked); }
void unlock_shared_cooling(space::PageSlot& slot) noexcept { unlock_shared_as(slot, state::cooling); }

void unlock_exclusive(space::PageSlot& slot) noexcept {
  const std::uint64_t word = slot.state.load(relaxed);
  QUIRE_ASSERT(state_of(word) == state::exclusive);
  slot.state.store(next_version(word, state::unlocked), release);
  --latches_held;
}

}  // namespace quire::buffer
