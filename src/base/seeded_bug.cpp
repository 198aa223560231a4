// Seeded bugs: the set of enabled names.
//
// A handful at most, so a fixed array searched from the front; it never moves, so that a reader needs no
// lock. An entry is filled before the count that makes it visible is raised.
#include "base/seeded_bug.hpp"

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS

#include <cstddef>

#include "base/assert.hpp"

namespace quire {

namespace {

constexpr std::size_t bugs_max = 16;

struct EnabledBug {
  std::string name;
  Atomic<std::uint64_t> hits{0};
};

EnabledBug enabled_bugs[bugs_max];

EnabledBug* find_bug(std::string_view name) noexcept {
  const std::uint32_t count = internal::seeded_bugs_enabled.load(acquire);
  for (std::uint32_t index = 0; index < count; ++index) {
    if (enabled_bugs[index].name == name) return &enabled_bugs[index];
  }
  return nullptr;
}

}  // namespace

namespace internal {

Atomic<std::uint32_t> seeded_bugs_enabled{0};

bool seeded_bug_is_enabled(std::string_view name) noexcept {
  EnabledBug* bug = find_bug(name);
  if (bug == nullptr) return false;
  bug->hits.fetch_add(1, relaxed);
  return true;
}

}  // namespace internal

void enable_seeded_bug(std::string_view name) {
  if (find_bug(name) != nullptr) return;
  const std::uint32_t count = internal::seeded_bugs_enabled.load(relaxed);
  QUIRE_ASSERT(count < bugs_max);
  enabled_bugs[count].name = name;
  enabled_bugs[count].hits.store(0, relaxed);
  internal::seeded_bugs_enabled.store(count + 1, release);
}

void clear_seeded_bugs() noexcept { internal::seeded_bugs_enabled.store(0, release); }

std::uint64_t seeded_bug_hits(std::string_view name) noexcept {
  const EnabledBug* bug = find_bug(name);
  return bug == nullptr ? 0 : bug->hits.load(relaxed);
}

}  // namespace quire

#endif
