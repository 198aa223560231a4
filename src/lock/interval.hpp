// Interval: a set of neighbouring keys of a tree, the thing that is locked.
//
// Keys are bytes and sort by memcmp. Nothing needs to exist inside an interval: a missing key, a gap and a ghost are locked like any
// other key, and splits or merges of pages move nothing (LK-1).
//
// Threads   values; views are valid as long as what they show, for an argument during the call
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quire::lock {

enum class Mode : std::uint8_t { shared, exclusive };

constexpr bool conflict(Mode one, Mode other) noexcept { return one == Mode::exclusive || other == Mode::exclusive; }
// Who holds `held` needs no lock of `wanted`.
constexpr bool suffices(Mode held, Mode wanted) noexcept { return held == Mode::exclusive || wanted == Mode::shared; }

struct Bound {
  std::string_view key;
  bool inclusive = true;
};

struct Interval {
  std::string_view lower;  // empty and inclusive: from the start
  std::string_view upper;
  bool lower_inclusive = true;
  bool upper_inclusive = true;
  bool has_upper = false;  // without: to the end, `upper` means nothing

  static constexpr Interval all() noexcept { return {}; }
  static constexpr Interval point(std::string_view key) noexcept { return {key, key, true, true, true}; }
  static constexpr Interval from(Bound lower) noexcept { return {lower.key, {}, lower.inclusive, true, false}; }
  static constexpr Interval up_to(Bound upper) noexcept { return {{}, upper.key, true, upper.inclusive, true}; }
  static constexpr Interval between(Bound lower, std::optional<Bound> upper) noexcept {
    if (!upper) return from(lower);
    return {lower.key, upper->key, lower.inclusive, upper->inclusive, true};
  }

  bool is_point() const noexcept { return has_upper && lower_inclusive && upper_inclusive && lower == upper; }
  bool is_all() const noexcept { return !has_upper && lower_inclusive && lower.empty(); }
  // No key can be in it, judged by its bounds alone.
  bool is_empty() const noexcept;
  bool contains(std::string_view key) const noexcept;
};

// Whether some key may be in both.
bool overlap(const Interval& one, const Interval& other) noexcept;
// Whether every key of `inner` is in `outer`.
bool covers(const Interval& outer, const Interval& inner) noexcept;
// Whether the union of the two has no gap: they overlap, or one ends where the other begins.
bool touch(const Interval& one, const Interval& other) noexcept;

// Whether `one` begins before `other`, and whether it ends after it.
bool begins_before(const Interval& one, const Interval& other) noexcept;
bool ends_after(const Interval& one, const Interval& other) noexcept;

// For messages: `key "abc"`, `keys from "a" to before "b"`, `all keys`. Long keys are cut, bytes that do not print are escaped.
std::string describe(const Interval& interval);
std::string describe_key(std::string_view key);
std::string_view describe(Mode mode) noexcept;

}  // namespace quire::lock
