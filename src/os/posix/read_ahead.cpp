// ReadAhead: noticing sequences.
#include "os/posix/read_ahead.hpp"

#include <fcntl.h>

#include <algorithm>

namespace quire::os {

namespace {

// Pages of one level of a tree lie one behind the other but for a page of the level above now and then.
constexpr std::uint64_t gap_max = std::uint64_t{64} << 10;
constexpr std::uint64_t streak_min = 4;
constexpr std::uint64_t window = std::uint64_t{512} << 10;

}  // namespace

void ReadAhead::switch_on(int descriptor) noexcept { on_ = ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM) == 0; }

void ReadAhead::note(int descriptor, std::uint64_t offset, std::uint64_t bytes) noexcept {
  if (!on_) return;
  const std::uint64_t end = offset + bytes;
  const std::uint64_t last_end = last_end_.load(relaxed);
  last_end_.store(end, relaxed);
  if (offset < last_end || offset - last_end > gap_max) {
    streak_.store(0, relaxed);
    return;
  }
  const std::uint64_t streak = streak_.load(relaxed) + 1;
  streak_.store(streak, relaxed);
  if (streak < streak_min) return;
  // Half a window before what was fetched is used up, the next one.
  const std::uint64_t fetched_to = fetched_to_.load(relaxed);
  const bool inside = fetched_to > end && fetched_to - end <= 2 * window;
  if (inside && fetched_to - end > window / 2) return;
  const std::uint64_t begin = inside ? fetched_to : end;
  fetched_to_.store(begin + window, relaxed);
  (void)::posix_fadvise(descriptor, static_cast<off_t>(begin), static_cast<off_t>(window), POSIX_FADV_WILLNEED);
}

}  // namespace quire::os
