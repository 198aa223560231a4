// Turnstile: one writer, any number of readers, and the moment of a commit.
//
//   reader   (enter_reader leave_reader)*           sees one state while inside
//   writer   (enter_writer (begin_commit end_commit)? leave_writer)*
//
// A commit changes pages in place, so it waits until the readers inside have left; readers that come meanwhile
// wait until it has ended. Reading and the writer's own work before its commit go on side by side.
//
// Readers count themselves in a slot of their thread, so that they share no cache line. A reader whose slot is
// occupied already is let in during a waiting commit: the commit waits for that slot anyhow, and a
// thread that opens a second read transaction inside its first does not lock itself out. Occupied means by a
// reader inside: one that has announced itself and may yet be refused does not count.
//
// Invariants   between begin_commit and end_commit no reader is inside
// Threads      any; the writer is left by any thread, but entered again by a thread only after it left
// Errors       busy after the timeout, saying what was waited for; invalid for a writer inside a writer
#pragma once

#include <array>
#include <cstdint>

#include "base/atomic.hpp"
#include "os/environment.hpp"
#include "os/sync.hpp"
#include "quire/status.hpp"

namespace quire::txn {

class Turnstile {
 public:
  explicit Turnstile(os::Clock& clock) : clock_(clock) {}

  // The slot to leave by.
  Result<std::uint32_t> enter_reader(std::uint64_t timeout_us);
  void leave_reader(std::uint32_t slot) noexcept;

  Status enter_writer(std::uint64_t timeout_us);
  void leave_writer() noexcept;

  Status begin_commit(std::uint64_t timeout_us);
  void end_commit() noexcept;

  std::uint64_t readers() const noexcept;

 private:
  static constexpr std::uint32_t slot_count = 64;
  struct alignas(64) Slot {
    Atomic<std::uint64_t> readers{0};
    Atomic<std::uint64_t> thread{0};  // who came in last
  };
  bool join(Slot& slot, std::uint64_t self) noexcept;

  os::Clock& clock_;
  std::array<Slot, slot_count> slots_;
  alignas(64) Atomic<bool> committing_{false};

  os::Mutex mutex_;
  os::Condition commit_ended_;
  os::Condition writer_left_;
  std::uint64_t writer_thread_ QUIRE_GUARDED_BY(mutex_) = 0;  // 0: none
};

}  // namespace quire::txn
