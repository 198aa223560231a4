// Ranges of keys: the interval of a prefix, and membership.
//
// The keys that start with a prefix lie in [prefix, successor), where the successor is the smallest string
// greater than all of them: the prefix without its trailing 0xFF bytes, its last byte raised by one. A
// prefix of 0xFF bytes only, or none, has no successor, and its range is open above.
#include "quire/range.hpp"

namespace quire {

Range Range::prefix(std::string_view prefix) {
  Range range = from(prefix);
  const std::size_t last = prefix.find_last_not_of('\xff');
  if (last == std::string_view::npos) return range;
  std::string upper(prefix.substr(0, last + 1));
  upper[last] = static_cast<char>(static_cast<unsigned char>(upper[last]) + 1);
  range.upper = std::move(upper);
  return range;
}

bool Range::contains(std::string_view key) const noexcept {
  if (lower) {
    const int order = key.compare(*lower);
    if (order < 0 || (order == 0 && !lower_inclusive)) return false;
  }
  if (upper) {
    const int order = key.compare(*upper);
    if (order > 0 || (order == 0 && !upper_inclusive)) return false;
  }
  return true;
}

}  // namespace quire
