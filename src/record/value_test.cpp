// Values as text.
//
// Goal: a person reads the type's name and a float64 that cannot be mistaken for an integer and reads back
// to the same number. Method: examples, and every interesting float64 through strtod.
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "record/test_values.hpp"

namespace quire::record {
namespace {

TEST(value, names_every_type) {
  const std::vector<std::pair<Value, std::string_view>> cases = {
      {Value(), "null"}, {Value(true), "boolean"}, {Value(1), "int64"}, {Value(1.0), "float64"},
      {Value("a"), "text"}, {Value(Json{"{}"}), "json"}, {Value(Blob{"a"}), "blob"}};
  for (const auto& [value, name] : cases) EXPECT_EQ(type_name(value.type()), name);
}

TEST(value, prints_each_type_for_people) {
  EXPECT_EQ(Value().to_string(), "null");
  EXPECT_EQ(Value(true).to_string(), "true");
  EXPECT_EQ(Value(false).to_string(), "false");
  EXPECT_EQ(Value(-42).to_string(), "-42");
  EXPECT_EQ(Value(std::numeric_limits<std::int64_t>::min()).to_string(), "-9223372036854775808");
  EXPECT_EQ(Value("it's").to_string(), "it's");
  EXPECT_EQ(Value(Json{"{\"a\": 1}"}).to_string(), "{\"a\": 1}");
  EXPECT_EQ(Value(Blob{"\n\xab"}).to_string(), "x'0aab'");
  EXPECT_EQ(Value(Blob{}).to_string(), "x''");
}

TEST(value, prints_float64_so_that_it_never_reads_as_an_integer) {
  EXPECT_EQ(Value(1.0).to_string(), "1.0");
  EXPECT_EQ(Value(-0.0).to_string(), "-0.0");
  EXPECT_EQ(Value(1.5).to_string(), "1.5");
  EXPECT_EQ(Value(0.1).to_string(), "0.1");
  EXPECT_EQ(Value(1e300).to_string(), "1e+300");
  EXPECT_EQ(Value(5e-324).to_string(), "5e-324");
  EXPECT_EQ(Value(123456.0).to_string(), "123456.0");
  EXPECT_EQ(Value(100000.0).to_string(), "1e+05");
}

TEST(value, names_infinities_and_nan) {
  EXPECT_EQ(Value(std::numeric_limits<double>::infinity()).to_string(), "inf");
  EXPECT_EQ(Value(-std::numeric_limits<double>::infinity()).to_string(), "-inf");
  EXPECT_EQ(Value(std::nan("")).to_string(), "nan");
  EXPECT_EQ(Value(-std::nan("")).to_string(), "nan");
}

TEST(value, prints_float64_that_reads_back_to_the_same_bits) {
  for (const Value& value : interesting_values()) {
    if (value.type() != Type::float64 || std::isnan(value.float64())) continue;
    const std::string text = value.to_string();
    EXPECT_TRUE(same_exactly(Value(std::strtod(text.c_str(), nullptr)), value)) << text;
    if (std::isfinite(value.float64())) {
      EXPECT_NE(text.find_first_of(".e"), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace quire::record
