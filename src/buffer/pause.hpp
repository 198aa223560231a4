// Waiting for another thread that is about to finish a few instructions.
//
// Threads   any
#pragma once

#include "base/atomic.hpp"
#include "os/sync.hpp"

namespace quire::buffer {

// Spins before the processor is given away.
inline constexpr int spins_before_yield = 64;

// Before the attempt after number `attempt`, which counts from 0.
inline void pause_for(int attempt) noexcept {
  if (attempt < spins_before_yield) {
    cpu_pause();
  } else {
    os::yield_thread();
  }
}

}  // namespace quire::buffer
