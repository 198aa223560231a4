// The order of values (rule RE-51).
//
// The only delicate case is int64 against float64: converting either side to the other's type may round,
// so the float64 is cut to its integer part, which is exact, and the lost fraction breaks the tie.
#include "record/compare.hpp"

#include <algorithm>
#include <cmath>

#include "base/assert.hpp"

namespace quire::record {

namespace {

// Place of the value's type in the order. NaN stands with NULL, both numeric types share a place.
int rank_of(const Value& value) {
  switch (value.type()) {
    case Type::null: return 0;
    case Type::boolean: return 1;
    case Type::int64: return 2;
    case Type::float64: return std::isnan(value.float64()) ? 0 : 2;
    case Type::text: return 3;
    case Type::json: return 4;
    case Type::blob: return 5;
  }
  QUIRE_UNREACHABLE("a value has one of seven types");
}

template <class T>
std::weak_ordering order_of(T left, T right) {
  if (left < right) return std::weak_ordering::less;
  if (left > right) return std::weak_ordering::greater;
  return std::weak_ordering::equivalent;
}

std::weak_ordering compare_integer_with_float(std::int64_t left, double right) {
  constexpr double limit = 9223372036854775808.0;  // 2^63
  if (right >= limit) return std::weak_ordering::less;
  if (right < -limit) return std::weak_ordering::greater;
  const auto cut = static_cast<std::int64_t>(right);
  if (left != cut) return order_of(left, cut);
  // `cut` came from a float64 by dropping its fraction, so converting it back does not round.
  return order_of(static_cast<double>(cut), right);
}

std::weak_ordering reversed(std::weak_ordering order) {
  if (order < 0) return std::weak_ordering::greater;
  if (order > 0) return std::weak_ordering::less;
  return order;
}

std::weak_ordering compare_numbers(const Value& left, const Value& right) {
  const bool left_integer = left.type() == Type::int64;
  const bool right_integer = right.type() == Type::int64;
  if (left_integer && right_integer) return order_of(left.int64(), right.int64());
  if (left_integer) return compare_integer_with_float(left.int64(), right.float64());
  if (right_integer) return reversed(compare_integer_with_float(right.int64(), left.float64()));
  return order_of(left.float64(), right.float64());
}

std::weak_ordering compare_texts(std::string_view left, std::string_view right, Collation collation) {
  switch (collation) {
    case Collation::binary: return order_of(left.compare(right), 0);
    case Collation::rtrim: return order_of(trim_spaces(left).compare(trim_spaces(right)), 0);
    case Collation::nocase: break;
  }
  const std::size_t common = std::min(left.size(), right.size());
  for (std::size_t i = 0; i < common; ++i) {
    const auto a = static_cast<unsigned char>(fold_case(left[i]));
    const auto b = static_cast<unsigned char>(fold_case(right[i]));
    if (a != b) return order_of(a, b);
  }
  return order_of(left.size(), right.size());
}

}  // namespace

std::string_view trim_spaces(std::string_view text) noexcept {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::weak_ordering compare_values(const Value& left, const Value& right, Collation collation) {
  const int rank = rank_of(left);
  if (const int other = rank_of(right); rank != other) return order_of(rank, other);
  switch (rank) {
    case 0: return std::weak_ordering::equivalent;
    case 1: return order_of(static_cast<int>(left.boolean()), static_cast<int>(right.boolean()));
    case 2: return compare_numbers(left, right);
    case 3: return compare_texts(left.text(), right.text(), collation);
    case 4: return order_of(left.json().compare(right.json()), 0);
    default: return order_of(left.blob().compare(right.blob()), 0);
  }
}

}  // namespace quire::record
