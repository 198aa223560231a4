// WriterSlot: one write transaction at a time.
//
//   enter ... leave     by the thread that entered; it cannot enter twice
//
// Threads   any; left by any thread, but entered again by a thread only after it left
// Errors    busy after the timeout; invalid for a writer inside a writer
#pragma once

#include <cstdint>

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
  os::Clock& clock_;
  os::Mutex mutex_;
  os::Condition left_;
  std::uint64_t thread_ QUIRE_GUARDED_BY(mutex_) = 0;  // 0: none
};

// The slot for a scope.
class WriterTurn {
 public:
  explicit WriterTurn(WriterSlot& slot) noexcept : slot_(&slot) {}
  WriterTurn(const WriterTurn&) = delete;
  WriterTurn& operator=(const WriterTurn&) = delete;
  ~WriterTurn() { slot_->leave(); }

 private:
  WriterSlot* slot_;
};

}  // namespace quire::txn
