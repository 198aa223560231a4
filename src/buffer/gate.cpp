// Gate: slots and the closing flag.
//
// enter() stores its slot and then loads the flag; close() stores the flag and then loads the slots. Both are
// sequentially consistent, so at least one of two that meet sees the other.
#include "buffer/gate.hpp"

#include "base/assert.hpp"
#include "os/sync.hpp"

namespace quire::buffer {

thread_local bool inside_gate = false;

Gate::Slot& Gate::own_slot() noexcept { return slots_[os::this_thread_number() % slot_count]; }

void Gate::enter() {
  QUIRE_ASSERT(!inside_gate);
  inside_gate = true;
  Slot& slot = own_slot();
  for (;;) {
    slot.inside.fetch_add(1, seq_cst);
    if (!closed_.load(seq_cst)) return;
    slot.inside.fetch_sub(1, seq_cst);
    while (closed_.load(acquire)) os::yield_thread();
  }
}

void Gate::leave() {
  Slot& slot = own_slot();
  QUIRE_ASSERT(inside_gate && slot.inside.load(relaxed) > 0);
  inside_gate = false;
  slot.inside.fetch_sub(1, release);
}

void Gate::close() {
  QUIRE_ASSERT(!inside_gate && !closed_.load(relaxed));
  inside_gate = true;
  closed_.store(true, seq_cst);
  for (const Slot& slot : slots_) {
    while (slot.inside.load(seq_cst) != 0) os::yield_thread();
  }
}

void Gate::open() {
  QUIRE_ASSERT(inside_gate && closed_.load(relaxed));
  inside_gate = false;
  closed_.store(false, release);
}

bool Gate::occupied() const noexcept {
  if (closed_.load(acquire)) return true;
  for (const Slot& slot : slots_) {
    if (slot.inside.load(acquire) != 0) return true;
  }
  return false;
}

}  // namespace quire::buffer
