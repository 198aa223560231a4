// ManualClock and SeededEntropy: time and randomness that repeat.
//
// Threads   any
#pragma once

#include <cstdint>

#include "base/atomic.hpp"
#include "base/random.hpp"
#include "os/environment.hpp"
#include "os/sync.hpp"

namespace quire::os {

// Stands still, or goes on by a fixed step at each question, or is told to go on.
class ManualClock final : public Clock {
 public:
  struct Options {
    std::uint64_t wall_start_us = 1'700'000'000'000'000;  // a day in November 2023
    std::uint64_t step_us = 0;                            // per question
  };

  ManualClock() : ManualClock(Options()) {}
  explicit ManualClock(Options options) noexcept : options_(options) {}

  std::uint64_t monotonic_us() override { return elapsed_.fetch_add(options_.step_us, relaxed); }
  std::uint64_t wall_us() override { return options_.wall_start_us + monotonic_us(); }
  void advance(std::uint64_t duration_us) noexcept { elapsed_.fetch_add(duration_us, relaxed); }

 private:
  const Options options_;
  Atomic<std::uint64_t> elapsed_{0};
};

class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) noexcept : random_(seed) {}
  std::uint64_t next() override {
    Lock held(mutex_);
    return random_.next();
  }

 private:
  Mutex mutex_;
  Random random_ QUIRE_GUARDED_BY(mutex_);
};

}  // namespace quire::os
