// WriterSlot: waiting for the writer before.
#include "txn/writer_slot.hpp"

#include <string>

#include "base/assert.hpp"

namespace quire::txn {

Status WriterSlot::enter(std::uint64_t timeout_us) {
  const std::uint64_t self = os::this_thread_number();
  const std::uint64_t deadline = clock_.monotonic_us() + timeout_us;
  os::Lock lock(mutex_);
  while (thread_ != 0) {
    if (thread_ == self) {
      return Status(Code::invalid, "this thread has a write transaction open already; transactions do not nest");
    }
    const std::uint64_t now = clock_.monotonic_us();
    if (now >= deadline) {
      return Status(Code::busy, "waited " + std::to_string(timeout_us / 1000) + " ms (Options::lock_timeout_ms) for another write transaction to end");
    }
    left_.wait_for(mutex_, deadline - now);
  }
  thread_ = self;
  return Status();
}

void WriterSlot::leave() noexcept {
  {
    os::Lock lock(mutex_);
    QUIRE_ASSERT(thread_ != 0);
    thread_ = 0;
  }
  left_.notify_one();
}

}  // namespace quire::txn
