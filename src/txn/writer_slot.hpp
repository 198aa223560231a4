// WriterSlot: one write transaction at a time.
//
//   enter ... leave     by the thread that entered; it cannot enter twice
//
// A small transaction holds it for a few microseconds, less than putting a thread to sleep costs: who comes meanwhile looks
// again for a moment before it sleeps, and whoever is awake when it becomes free may have it.
//
// Invariants   1. of a thread that goes to sleep and one that leaves, at least one sees the other: `waiting_` is raised before
//                 the last look at `thread_`, which is cleared before the look at `waiting_`, all sequentially consistent
// Threads   any; left by any thread, but entered again by a thread only after it left
// Errors    busy after the timeout; invalid for a writer inside a writer
#pragma once

#include <cstdint>

#include "base/atomic.hpp"
#include "os/environment.hpp"
#include "os/sync.hpp"
#include "quire/status.hpp"

namespace quire::txn {

class WriterSlot {
 public:
  explicit WriterSlot(os::Clock& clock) : clock_(clock) {}

  Status enter(std::uint64_t timeout_us);
  void leave() noexcept;

 private:
  bool try_enter(std::uint64_t self) noexcept {
    std::uint64_t none = 0;
    return thread_.compare_exchange_strong(none, self, seq_cst, seq_cst);
  }
  Status wait_for_turn(std::uint64_t self, std::uint64_t timeout_us);

  os::Clock& clock_;
  Atomic<std::uint64_t> thread_{0};  // 0: none
  Atomic<std::uint32_t> waiting_{0};
  os::Mutex mutex_;  // of sleeping
  os::Condition left_;
};

// The slot for a scope.
class WriterTurn {
 public:
  explicit WriterTurn(WriterSlot& slot) noexcept : slot_(&slot) {}
  WriterTurn(const WriterTurn&) = delete;
  WriterTurn& operator=(const WriterTurn&) = delete;
  ~WriterTurn() {
    if (slot_ != nullptr) slot_->leave();
  }
  // Somebody else leaves it.
  void hand_over() noexcept { slot_ = nullptr; }

 private:
  WriterSlot* slot_;
};

}  // namespace quire::txn
