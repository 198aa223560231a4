// Gate: keeps actions and the flip of a checkpoint apart (CK-1).
//
// Every action holds the gate shared, through a slot of its thread, so that no cache line is shared between
// threads. The flip holds it exclusively and waits for actions only; actions wait for nothing, so it takes
// microseconds.
//
// Rule BP-1: the gate comes before every latch. A thread that waited for the gate with a latch in hand would
// deadlock with the flip.
//
// Threads   any; an action is entered and left by the same thread and does not nest: the inner one would wait for
//           a flip that waits for the outer one
#pragma once

#include <array>
#include <cstdint>

#include "base/atomic.hpp"

namespace quire::buffer {

// Whether this thread is inside an action, or has closed a gate; checked where waiting is forbidden (BP-2).
extern thread_local bool inside_gate;

class Gate {
 public:
  void enter();
  void leave();
  void close();  // exclusive: returns when no action is inside
  void open();
  // True while an action is inside or the gate is closed. For assertions.
  bool occupied() const noexcept;

 private:
  static constexpr std::size_t slot_count = 64;
  struct alignas(64) Slot {
    Atomic<std::uint64_t> inside{0};
  };
  Slot& own_slot() noexcept;

  std::array<Slot, slot_count> slots_;
  alignas(64) Atomic<bool> closed_{false};
};

}  // namespace quire::buffer
