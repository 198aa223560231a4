// Range: which keys of a keyspace.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quire {

// An interval of keys in memcmp order. A missing bound is open-ended. Owns its bounds.
struct Range {
  std::optional<std::string> lower;
  std::optional<std::string> upper;
  bool lower_inclusive = true;
  bool upper_inclusive = false;

  static Range all() { return {}; }
  // Keys in [lower, upper).
  static Range between(std::string_view lower, std::string_view upper) {
    return {std::string(lower), std::string(upper), true, false};
  }
  // Keys in [lower, upper].
  static Range closed(std::string_view lower, std::string_view upper) {
    return {std::string(lower), std::string(upper), true, true};
  }
  static Range from(std::string_view lower) { return {std::string(lower), std::nullopt, true, false}; }
  static Range until(std::string_view upper) { return {std::nullopt, std::string(upper), true, false}; }
  // Keys that start with `prefix`.
  static Range prefix(std::string_view prefix);

  bool contains(std::string_view key) const noexcept;
};

}  // namespace quire
