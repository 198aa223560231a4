// Assertions. They tell of mistakes in Quire's own code, never of bad disks or bad input.
//
// QUIRE_ASSERT      cheap, always on
// QUIRE_VERIFY      up to O(size of a page), on in builds with QUIRE_CHECKS
// QUIRE_UNREACHABLE a place that the control flow cannot reach
#pragma once

namespace quire {
[[noreturn]] void assertion_failed(const char* what, const char* file, int line) noexcept;
}  // namespace quire

#define QUIRE_ASSERT(condition) \
  (__builtin_expect(static_cast<bool>(condition), 1) ? (void)0 : ::quire::assertion_failed(#condition, __FILE__, __LINE__))

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS
#define QUIRE_VERIFY(condition) QUIRE_ASSERT(condition)
#else
#define QUIRE_VERIFY(condition) ((void)sizeof(static_cast<bool>(condition)))
#endif

#define QUIRE_UNREACHABLE(why) ::quire::assertion_failed("unreachable: " why, __FILE__, __LINE__)
