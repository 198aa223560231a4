// Parking: sleeping at a condition variable.
#include "lock/parking.hpp"

#include <algorithm>

namespace quire::lock {

namespace {

// A duration that no clock overflows on; wait() may return early.
constexpr std::uint64_t nap_us_max = 3'600'000'000;

}  // namespace

std::uint64_t ThreadParking::now_us() { return clock_.monotonic_us(); }

bool ThreadParking::wait(os::Mutex& mutex, os::Condition& woken, std::uint64_t timeout_us) {
  woken.wait_for(mutex, std::min(timeout_us, nap_us_max));
  return true;
}

void ThreadParking::wake(os::Condition& woken) noexcept { woken.notify_one(); }

}  // namespace quire::lock
