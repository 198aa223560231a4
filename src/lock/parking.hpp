// Parking: how a transaction that waits for a lock passes the time, and what time it is.
//
// The table decides who waits for whom; only the sleeping is here, so that a test can hand a baton from thread to thread, or run
// several transactions in one thread: a wait() that answers false suspends the wait. The call then returns Code::busy, its place in
// the queue is kept, and the same call made again goes on with it.
//
// Threads   any
#pragma once

#include <cstdint>

#include "os/environment.hpp"
#include "os/sync.hpp"

namespace quire::lock {

class Parking {
 public:
  virtual ~Parking() = default;

  // Never goes back.
  virtual std::uint64_t now_us() = 0;
  // Gives the mutex up, sleeps until `woken` or for about `timeout_us`, and takes the mutex again. May return early. False: the wait
  // is suspended.
  virtual bool wait(os::Mutex& mutex, os::Condition& woken, std::uint64_t timeout_us) QUIRE_REQUIRES(mutex) = 0;
  // With the table's mutex held; one transaction waits at a condition at most.
  virtual void wake(os::Condition& woken) noexcept = 0;
};

// Sleeps at the condition; the clock is the environment's.
class ThreadParking final : public Parking {
 public:
  explicit ThreadParking(os::Clock& clock) noexcept : clock_(clock) {}

  std::uint64_t now_us() override;
  bool wait(os::Mutex& mutex, os::Condition& woken, std::uint64_t timeout_us) QUIRE_REQUIRES(mutex) override;
  void wake(os::Condition& woken) noexcept override;

 private:
  os::Clock& clock_;
};

}  // namespace quire::lock
