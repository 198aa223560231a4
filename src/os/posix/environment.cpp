// The operating system's environment: clock, random numbers, threads.
#include "os/environment.hpp"

#include <sys/random.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/atomic.hpp"
#include "base/random.hpp"
#include "os/posix/posix_file_system.hpp"
#include "os/sync.hpp"

namespace quire::os {

namespace {

std::uint64_t now_us(clockid_t which) noexcept {
  timespec now = {};
  ::clock_gettime(which, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

class SystemClock final : public Clock {
 public:
  std::uint64_t monotonic_us() override { return now_us(CLOCK_MONOTONIC); }
  std::uint64_t wall_us() override { return now_us(CLOCK_REALTIME); }
};

class SystemEntropy final : public Entropy {
 public:
  std::uint64_t next() override {
    std::uint64_t number = 0;
    ssize_t got = 0;
    do {
      got = ::getrandom(&number, sizeof number, 0);
    } while (got == -1 && errno == EINTR);
    return got == static_cast<ssize_t>(sizeof number) ? number : unlike_any_other();
  }

 private:
  // For a kernel that refuses getrandom: numbers that differ between calls, processes and moments.
  std::uint64_t unlike_any_other() noexcept {
    std::uint64_t mixed =
        now_us(CLOCK_REALTIME) ^ (static_cast<std::uint64_t>(::getpid()) << 44) ^ (calls_.fetch_add(1, relaxed) << 20);
    return split_mix(mixed);
  }

  Atomic<std::uint64_t> calls_{0};
};

}  // namespace

Environment& system_environment() {
  // Never destroyed, so that databases which are static objects may use it until the end.
  struct Parts {
    PosixFileSystem files;
    SystemClock clock;
    SystemEntropy entropy;
    Environment environment{files, clock, entropy, true};
  };
  static Parts* const parts = new Parts;
  return parts->environment;
}

std::uint64_t take_thread_number() noexcept {
  static Atomic<std::uint64_t> last{0};
  own_thread_number = last.fetch_add(1, relaxed) + 1;
  return own_thread_number;
}

void yield_thread() noexcept { std::this_thread::yield(); }

void sleep_us(std::uint64_t duration_us) { std::this_thread::sleep_for(std::chrono::microseconds(duration_us)); }

}  // namespace quire::os
