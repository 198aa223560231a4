// Atomics: the one place that names std::atomic.
//
// Orders are spelled out at every use: relaxed for counters, acquire/release for publication, seq_cst
// where two sides each store and then load (gate and slots).
#pragma once

#include <atomic>

namespace quire {

template <class T>
using Atomic = std::atomic<T>;

inline constexpr auto relaxed = std::memory_order_relaxed;
inline constexpr auto acquire = std::memory_order_acquire;
inline constexpr auto release = std::memory_order_release;
inline constexpr auto acq_rel = std::memory_order_acq_rel;
inline constexpr auto seq_cst = std::memory_order_seq_cst;

inline void acquire_fence() noexcept {
#if !defined(QUIRE_TSAN)
  std::atomic_thread_fence(std::memory_order_acquire);
#endif
}

// Keeps later plain stores behind the atomic change before it, for readers that validate afterwards. Free on x86.
inline void release_fence() noexcept {
#if !defined(QUIRE_TSAN)
  std::atomic_thread_fence(std::memory_order_release);
#endif
}

inline void cpu_pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace quire
