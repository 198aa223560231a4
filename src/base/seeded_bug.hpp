// Seeded bugs: mistakes that a test build can make on purpose, to prove that the tests notice.
//
//   if (!seeded_bug("skip_data_sync")) QUIRE_TRY(file.sync());
//
// Without QUIRE_CHECKS the question is a constant false and the wrong branch is not compiled in. With it,
// the question costs one relaxed load while no bug is enabled.
//
// Threads   ask from any thread; enable and clear only while no engine runs
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/atomic.hpp"

namespace quire {

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS

namespace internal {
extern Atomic<std::uint32_t> seeded_bugs_enabled;
bool seeded_bug_is_enabled(std::string_view name) noexcept;
}  // namespace internal

inline bool seeded_bug(std::string_view name) noexcept {
  if (internal::seeded_bugs_enabled.load(relaxed) == 0) return false;
  return internal::seeded_bug_is_enabled(name);
}

// From now on seeded_bug(name) is true.
void enable_seeded_bug(std::string_view name);
void clear_seeded_bugs() noexcept;

// How often an enabled bug was asked for since it was enabled. A test that does not find a bug tells by it
// whether the wrong code ran at all.
std::uint64_t seeded_bug_hits(std::string_view name) noexcept;

// Enables one bug for a scope.
class SeededBugScope {
 public:
  explicit SeededBugScope(std::string_view name) { enable_seeded_bug(name); }
  ~SeededBugScope() { clear_seeded_bugs(); }
  SeededBugScope(const SeededBugScope&) = delete;
  SeededBugScope& operator=(const SeededBugScope&) = delete;
};

#else

constexpr bool seeded_bug(std::string_view) noexcept { return false; }

#endif

}  // namespace quire
