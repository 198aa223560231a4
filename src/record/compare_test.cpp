// The order of values.
//
// Goal: the reference that key encodings are measured against is itself right. Method: examples at the
// places where rounding would mislead, and the laws of an order over all triples of a small list.
#include "record/compare.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "record/test_values.hpp"

namespace quire::record {
namespace {

constexpr std::int64_t two_to_53 = std::int64_t{1} << 53;
constexpr std::int64_t int64_max = std::numeric_limits<std::int64_t>::max();

TEST(compare, orders_types_from_null_to_blob) {
  const std::vector<Value> ascending = {Value(), Value(false), Value(true), Value(-1e300), Value(0), Value(1e300),
                                        Value(""), Value("\xff"), Value(Json{""}), Value(Blob{""})};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_TRUE(compare_values(ascending[i], ascending[j]) == (i <=> j)) << i << " and " << j;
    }
  }
}

TEST(compare, compares_int64_with_float64_without_rounding) {
  EXPECT_TRUE(compare_values(Value(1), Value(1.0)) == 0);
  EXPECT_TRUE(compare_values(Value(two_to_53 + 1), Value(static_cast<double>(two_to_53))) > 0);
  EXPECT_TRUE(compare_values(Value(static_cast<double>(two_to_53)), Value(two_to_53 + 1)) < 0);
  EXPECT_TRUE(compare_values(Value(int64_max), Value(9223372036854775808.0)) < 0);
  EXPECT_TRUE(compare_values(Value(std::numeric_limits<std::int64_t>::min()), Value(-9223372036854775808.0)) == 0);
  EXPECT_TRUE(compare_values(Value(-1), Value(-1.5)) > 0);
  EXPECT_TRUE(compare_values(Value(-2), Value(-1.5)) < 0);
  EXPECT_TRUE(compare_values(Value(int64_max), Value(std::numeric_limits<double>::infinity())) < 0);
}

TEST(compare, takes_nan_for_null_and_minus_zero_for_zero) {
  EXPECT_TRUE(compare_values(Value(std::nan("")), Value()) == 0);
  EXPECT_TRUE(compare_values(Value(std::nan("")), Value(false)) < 0);
  EXPECT_TRUE(compare_values(Value(-0.0), Value(0)) == 0);
  EXPECT_TRUE(compare_values(Value(-0.0), Value(0.0)) == 0);
}

TEST(compare, compares_text_under_its_collation) {
  EXPECT_TRUE(compare_values(Value("a"), Value("B")) > 0);
  EXPECT_TRUE(compare_values(Value("a"), Value("B"), Collation::nocase) < 0);
  EXPECT_TRUE(compare_values(Value("ABC"), Value("abc"), Collation::nocase) == 0);
  EXPECT_TRUE(compare_values(Value("Z"), Value("["), Collation::nocase) > 0);
  EXPECT_TRUE(compare_values(Value("a  "), Value("a"), Collation::rtrim) == 0);
  EXPECT_TRUE(compare_values(Value("a  "), Value("a")) > 0);
  EXPECT_TRUE(compare_values(Value(Json{"A"}), Value(Json{"a"}), Collation::nocase) < 0);
  EXPECT_TRUE(compare_values(Value("\x7f"), Value("\x80")) < 0);
}

TEST(compare, is_a_total_order_over_interesting_numbers) {
  std::vector<Value> numbers;
  add_number_borders(numbers);
  for (const Value& a : numbers) {
    for (const Value& b : numbers) {
      ASSERT_EQ(compare_values(a, b) < 0, compare_values(b, a) > 0) << describe(a) << " and " << describe(b);
    }
  }
  // With long double's 64-bit significand every int64 and every float64 is exact.
  if (std::numeric_limits<long double>::digits < 64) GTEST_SKIP() << "long double cannot hold every int64";
  const auto exact = [](const Value& v) {
    return v.type() == Type::int64 ? static_cast<long double>(v.int64()) : static_cast<long double>(v.float64());
  };
  for (const Value& a : numbers) {
    for (const Value& b : numbers) {
      ASSERT_EQ(compare_values(a, b) < 0, exact(a) < exact(b)) << describe(a) << " and " << describe(b);
      ASSERT_EQ(compare_values(a, b) == 0, exact(a) == exact(b)) << describe(a) << " and " << describe(b);
    }
  }
}

}  // namespace
}  // namespace quire::record
