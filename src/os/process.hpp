// The process: telling a child made by fork() from its parent.
#pragma once

#include <cstdint>

#include "base/atomic.hpp"

namespace quire::os {

namespace internal {
extern Atomic<std::uint32_t> forks;
}  // namespace internal

// Changes in the child of every fork(), never in the parent. What a process opened and a child finds in its memory
// belongs to the parent: file offsets, locks and threads are not the child's to use. One relaxed load.
inline std::uint32_t fork_generation() noexcept { return internal::forks.load(relaxed); }

}  // namespace quire::os
