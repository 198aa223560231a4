// Time: how many operations a second, and how long the middle and the slow ones took.
//
// A histogram with 64 steps to each power of two keeps latencies within 1.6 %. They are taken from the
// processor's time stamp counter where there is one, one reading per operation, and turned into time by what the
// counter and the system's clock both say about the whole measurement.
//
// Threads   one Meter, one thread; merge afterwards
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <ctime>

namespace quire::bench {

using Clock = std::chrono::steady_clock;

inline std::uint64_t read_ticks() noexcept {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
#endif
}

// Processor time that this thread has used, in seconds.
inline double thread_seconds() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// One row of one engine. Times in microseconds; they are 0 where single operations are not timed.
struct Measurement {
  std::uint64_t operations = 0;
  double seconds = 0;
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
  double cpu_seconds = 0;           // processor time, the mean of the threads
  std::uint64_t empty_seconds = 0;  // of the row `latency`: one-second windows in which nothing committed
  std::uint64_t written_bytes = 0;  // of the rows `write-bytes...`
  std::uint64_t retries = 0;        // transactions that were begun anew, of the rows that count them
  double per_second() const noexcept { return seconds > 0 ? static_cast<double>(operations) / seconds : 0; }
};

class Meter {
 public:
  // Call order: start (lap* stop).
  void start() noexcept {
    cpu_seconds_ = thread_seconds();
    start_ = Clock::now();
    first_ticks_ = lap_ticks_ = read_ticks();
  }
  // One timed piece of work is done, which is `operations` operations.
  void lap(std::uint64_t operations = 1) noexcept {
    const std::uint64_t now = read_ticks();
    ++steps_[step_of(now - lap_ticks_)];
    lap_ticks_ = now;
    ++laps_;
    operations_ += operations;
  }
  // Work that was done but not timed singly.
  void add(std::uint64_t operations) noexcept { operations_ += operations; }
  void stop() noexcept {
    stop_ = Clock::now();
    ticks_ = read_ticks() - first_ticks_;
    cpu_seconds_ = thread_seconds() - cpu_seconds_;
  }

  double seconds_so_far() const noexcept { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  // Adds what another thread did at the same time: the time is that from the first start to the last stop.
  void merge(const Meter& other) noexcept {
    for (std::size_t i = 0; i < steps_.size(); ++i) steps_[i] += other.steps_[i];
    laps_ += other.laps_;
    operations_ += other.operations_;
    cpu_seconds_ += other.cpu_seconds_;
    threads_ += other.threads_;
    start_ = std::min(start_, other.start_);
    stop_ = std::max(stop_, other.stop_);
  }

  Measurement measurement() const noexcept {
    const double seconds = std::chrono::duration<double>(stop_ - start_).count();
    // Threads run for about as long as the first one, whose ticks these are.
    const double tick_us = ticks_ == 0 ? 0 : seconds * 1e6 / static_cast<double>(ticks_);
    Measurement result{.operations = operations_, .seconds = seconds, .cpu_seconds = cpu_seconds_ / threads_};
    result.p50_us = quantile_ticks(0.50) * tick_us;
    result.p99_us = quantile_ticks(0.99) * tick_us;
    result.p999_us = quantile_ticks(0.999) * tick_us;
    result.max_us = quantile_ticks(1) * tick_us;
    return result;
  }

 private:
  static constexpr unsigned step_bits = 6;

  static std::size_t step_of(std::uint64_t ticks) noexcept {
    if (ticks < (1u << step_bits)) return static_cast<std::size_t>(ticks);
    const unsigned shift = static_cast<unsigned>(std::bit_width(ticks)) - step_bits - 1;
    return (static_cast<std::size_t>(shift) << step_bits) + static_cast<std::size_t>(ticks >> shift);
  }
  static double ticks_of(std::size_t step) noexcept {
    if (step < (2u << step_bits)) return static_cast<double>(step);
    const std::size_t shift = (step >> step_bits) - 1;
    return (static_cast<double>(step - (shift << step_bits)) + 0.5) * static_cast<double>(std::uint64_t{1} << shift);
  }
  double quantile_ticks(double part) const noexcept {
    const double wanted = part * static_cast<double>(laps_);
    double seen = 0;
    for (std::size_t i = 0; i < steps_.size() && laps_ > 0; ++i) {
      seen += static_cast<double>(steps_[i]);
      if (seen >= wanted && steps_[i] > 0) return ticks_of(i);
    }
    return 0;
  }

  Clock::time_point start_;
  Clock::time_point stop_;
  double cpu_seconds_ = 0;
  unsigned threads_ = 1;
  std::uint64_t first_ticks_ = 0;
  std::uint64_t lap_ticks_ = 0;
  std::uint64_t ticks_ = 0;
  std::uint64_t laps_ = 0;
  std::uint64_t operations_ = 0;
  std::array<std::uint64_t, (64 - step_bits + 1) << step_bits> steps_{};
};

}  // namespace quire::bench
