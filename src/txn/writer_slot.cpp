// WriterSlot: waiting for the writer before.
#include "txn/writer_slot.hpp"

#include <string>

#include "base/assert.hpp"

namespace quire::txn {

namespace {

// About as long as a small transaction holds the slot.
constexpr int looks_before_sleep = 200;

}  // namespace

Status WriterSlot::enter(std::uint64_t timeout_us) {
  const std::uint64_t self = os::this_thread_number();
  if (try_enter(self)) return Status();
  if (thread_.load(relaxed) == self) {
    return Status(Code::invalid, "this thread has a write transaction open already; transactions do not nest");
  }
  for (int i = 0; timeout_us > 0 && i < looks_before_sleep; ++i) {
    cpu_pause();
    if (thread_.load(relaxed) == 0 && try_enter(self)) return Status();
  }
  return wait_for_turn(self, timeout_us);
}

Status WriterSlot::wait_for_turn(std::uint64_t self, std::uint64_t timeout_us) {
  const std::uint64_t deadline = clock_.monotonic_us() + timeout_us;
  os::Lock lock(mutex_);
  waiting_.fetch_add(1, seq_cst);
  bool entered = false;
  while (!(entered = try_enter(self))) {
    const std::uint64_t now = clock_.monotonic_us();
    if (now >= deadline) break;
    left_.wait_for(mutex_, deadline - now);
  }
  waiting_.fetch_sub(1, seq_cst);
  if (entered) return Status();
  return Status(Code::busy, "waited " + std::to_string(timeout_us / 1000) + " ms (Options::lock_timeout_ms) for another write transaction to end");
}

void WriterSlot::leave() noexcept {
  QUIRE_ASSERT(thread_.load(relaxed) != 0);
  thread_.store(0, seq_cst);
  if (waiting_.load(seq_cst) == 0) return;
  { os::Lock lock(mutex_); }  // not between a waiter's look and its sleep
  left_.notify_one();
}

}  // namespace quire::txn
