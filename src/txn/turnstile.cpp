// Turnstile: waiting, with time limits.
//
// enter_reader stores its slot and then loads committing_; begin_commit stores committing_ and then loads the slots.
// Both are sequentially consistent, so of two that meet at least one sees the other.
#include "txn/turnstile.hpp"

#include "base/assert.hpp"

namespace quire::txn {

namespace {

// A commit that waits for readers looks again after this time.
constexpr std::uint64_t look_again_us = 50;
constexpr int yields_before_sleeping = 200;

// Slot::readers counts those inside in its lower half and those that have not been let in yet in its upper half.
constexpr std::uint64_t inside = 1;
constexpr std::uint64_t knocking = std::uint64_t{1} << 32;

std::string waited(std::uint64_t timeout_us) { return "waited " + std::to_string(timeout_us / 1000) + " ms for "; }

}  // namespace

Result<std::uint32_t> Turnstile::enter_reader(std::uint64_t timeout_us) {
  const std::uint64_t self = os::this_thread_number();
  const auto index = static_cast<std::uint32_t>(self % slot_count);
  Slot& slot = slots_[index];
  std::uint64_t deadline = 0;
  for (;;) {
    if (join(slot, self)) return index;
    slot.readers.fetch_add(knocking, seq_cst);
    if (!committing_.load(seq_cst)) {
      slot.readers.fetch_sub(knocking - inside, acq_rel);
      slot.thread.store(self, relaxed);
      return index;
    }
    slot.readers.fetch_sub(knocking, seq_cst);
    if (deadline == 0) deadline = clock_.monotonic_us() + timeout_us;
    os::Lock lock(mutex_);
    while (committing_.load(acquire)) {
      const std::uint64_t now = clock_.monotonic_us();
      if (now >= deadline) return Status(Code::busy, waited(timeout_us) + "a commit to end");
      commit_ended_.wait_for(mutex_, deadline - now);
    }
  }
}

// A reader inside keeps the commit waiting, so another of the same slot may come in; one that only knocks does not.
// While a commit waits, only the thread that came in last may: threads that took turns would hold it off for ever.
bool Turnstile::join(Slot& slot, std::uint64_t self) noexcept {
  if (committing_.load(relaxed) && slot.thread.load(relaxed) != self) return false;
  std::uint64_t word = slot.readers.load(relaxed);
  while (word % knocking != 0) {
    if (!slot.readers.compare_exchange_weak(word, word + inside, acq_rel, relaxed)) continue;
    slot.thread.store(self, relaxed);
    return true;
  }
  return false;
}

void Turnstile::leave_reader(std::uint32_t slot) noexcept {
  QUIRE_ASSERT(slots_[slot].readers.load(relaxed) % knocking != 0);
  slots_[slot].readers.fetch_sub(inside, release);
}

Status Turnstile::enter_writer(std::uint64_t timeout_us) {
  const std::uint64_t self = os::this_thread_number();
  const std::uint64_t deadline = clock_.monotonic_us() + timeout_us;
  os::Lock lock(mutex_);
  while (writer_thread_ != 0) {
    if (writer_thread_ == self) {
      return Status(Code::invalid, "this thread has a write transaction open already; transactions do not nest");
    }
    const std::uint64_t now = clock_.monotonic_us();
    if (now >= deadline) return Status(Code::busy, waited(timeout_us) + "another write transaction to end");
    writer_left_.wait_for(mutex_, deadline - now);
  }
  writer_thread_ = self;
  return Status();
}

void Turnstile::leave_writer() noexcept {
  {
    os::Lock lock(mutex_);
    QUIRE_ASSERT(writer_thread_ != 0);
    writer_thread_ = 0;
  }
  writer_left_.notify_one();
}

Status Turnstile::begin_commit(std::uint64_t timeout_us) {
  QUIRE_ASSERT(!committing_.load(relaxed));
  committing_.store(true, seq_cst);
  const std::uint64_t deadline = clock_.monotonic_us() + timeout_us;
  int looks = 0;
  for (const Slot& slot : slots_) {
    while (slot.readers.load(seq_cst) != 0) {
      if (clock_.monotonic_us() >= deadline) {
        const std::uint64_t open = readers();
        end_commit();
        return Status(Code::busy, "the commit " + waited(timeout_us) + std::to_string(open) + " read transactions that are still open; nothing was committed");
      }
      if (++looks < yields_before_sleeping) {
        os::yield_thread();
      } else {
        os::sleep_us(look_again_us);
      }
    }
  }
  return Status();
}

void Turnstile::end_commit() noexcept {
  {
    os::Lock lock(mutex_);
    committing_.store(false, release);
  }
  commit_ended_.notify_all();
}

std::uint64_t Turnstile::readers() const noexcept {
  std::uint64_t total = 0;
  for (const Slot& slot : slots_) total += slot.readers.load(acquire) % knocking;
  return total;
}

}  // namespace quire::txn
