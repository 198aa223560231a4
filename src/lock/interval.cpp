// Interval: comparing bounds, and the words for messages.
//
// A lower bound orders by key and then inclusive before exclusive, an upper bound the other way round. Whether a key exists between two
// bounds is not asked: ("a", "a\0") counts as an interval that may hold something, which is safe and only ever too careful.
#include "lock/interval.hpp"

#include <cstddef>

namespace quire::lock {

namespace {

constexpr std::size_t shown_key_bytes_max = 48;

// Every key of `one` is below every key of `other`.
bool lies_before(const Interval& one, const Interval& other) noexcept {
  if (!one.has_upper) return false;
  const int order = one.upper.compare(other.lower);
  return order < 0 || (order == 0 && !(one.upper_inclusive && other.lower_inclusive));
}

// `other` begins where `one` ends, with no key between them.
bool meets(const Interval& one, const Interval& other) noexcept {
  if (!one.has_upper) return false;
  if (one.upper == other.lower) return one.upper_inclusive || other.lower_inclusive;
  const std::size_t bytes = one.upper.size();
  const bool follows = other.lower.size() == bytes + 1 && other.lower[bytes] == '\0' && other.lower.substr(0, bytes) == one.upper;
  return follows && one.upper_inclusive && other.lower_inclusive;
}

}  // namespace

bool Interval::is_empty() const noexcept {
  if (!has_upper) return false;
  const int order = lower.compare(upper);
  return order > 0 || (order == 0 && !(lower_inclusive && upper_inclusive));
}

bool Interval::contains(std::string_view key) const noexcept {
  const int above = key.compare(lower);
  if (above < 0 || (above == 0 && !lower_inclusive)) return false;
  if (!has_upper) return true;
  const int below = key.compare(upper);
  return below < 0 || (below == 0 && upper_inclusive);
}

bool overlap(const Interval& one, const Interval& other) noexcept {
  return !lies_before(one, other) && !lies_before(other, one) && !one.is_empty() && !other.is_empty();
}

bool covers(const Interval& outer, const Interval& inner) noexcept {
  return inner.is_empty() || (!begins_before(inner, outer) && !ends_after(inner, outer));
}

bool touch(const Interval& one, const Interval& other) noexcept {
  return overlap(one, other) || meets(one, other) || meets(other, one);
}

bool begins_before(const Interval& one, const Interval& other) noexcept {
  const int order = one.lower.compare(other.lower);
  return order < 0 || (order == 0 && one.lower_inclusive && !other.lower_inclusive);
}

bool ends_after(const Interval& one, const Interval& other) noexcept {
  if (!other.has_upper) return false;
  if (!one.has_upper) return true;
  const int order = one.upper.compare(other.upper);
  return order > 0 || (order == 0 && one.upper_inclusive && !other.upper_inclusive);
}

std::string describe_key(std::string_view key) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : key.substr(0, shown_key_bytes_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += "\\x";
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
  }
  text += '"';
  if (key.size() > shown_key_bytes_max) text += "... (" + std::to_string(key.size()) + " bytes)";
  return text;
}

std::string describe(const Interval& interval) {
  if (interval.is_point()) return "key " + describe_key(interval.lower);
  if (interval.is_all()) return "all keys";
  std::string text = "keys";
  if (!interval.lower.empty() || !interval.lower_inclusive) {
    text += interval.lower_inclusive ? " from " : " after ";
    text += describe_key(interval.lower);
  }
  if (interval.has_upper) {
    text += interval.upper_inclusive ? " up to " : " before ";
    text += describe_key(interval.upper);
  }
  return text;
}

std::string_view describe(Mode mode) noexcept { return mode == Mode::shared ? "shared" : "exclusive"; }

}  // namespace quire::lock
