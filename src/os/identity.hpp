// Device numbers for file systems in memory.
//
// A process may have several of them, and real files beside; an in-process registry by FileIdentity must
// not take a file of one for a file of another. The top bit keeps clear of the system's own numbers.
#pragma once

#include <cstdint>

#include "base/atomic.hpp"

namespace quire::os {

inline std::uint64_t next_memory_device() noexcept {
  static Atomic<std::uint64_t> last{std::uint64_t{1} << 63};
  return last.fetch_add(1, relaxed) + 1;
}

}  // namespace quire::os
