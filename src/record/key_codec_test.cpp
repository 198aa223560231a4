// Keys: exact bytes, round trips, prefixes and malformed input.
//
// Goal: the bytes of the format stay what they are, and decoding takes those and no others. Method: a
// golden table, and one example per refusal. Order is in key_order_test.cpp, damage in key_damage_test.cpp.
#include "record/key_codec.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "quire/range.hpp"
#include "record/compare.hpp"
#include "record/test_values.hpp"

namespace quire::record {
namespace {

using namespace std::string_literals;

constexpr KeyColumn descending{Order::descending, Collation::binary};
constexpr KeyColumn nocase{Order::ascending, Collation::nocase};
constexpr KeyColumn rtrim{Order::ascending, Collation::rtrim};

struct Golden {
  Value value;
  std::string_view hex;
};

std::vector<Golden> golden_table() {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return {
      {Value(), "08"},
      {Value(false), "10"},
      {Value(true), "11"},
      {Value(-infinity), "18 800fffffffffffff"},
      {Value(-18446744073709551616.0), "18 bc0fffffffffffff"},
      {Value(-9223372036854775808.0 * 1.5), "19 3fffffffffffffff"},
      {Value(std::numeric_limits<std::int64_t>::min()), "19 7fffffffffffffff"},
      {Value(-(std::int64_t{1} << 55)), "19 ff7fffffffffffff"},
      {Value(1 - (std::int64_t{1} << 55)), "1a 00000000000001"},
      {Value(-128), "1f feff"},
      {Value(-127.5), "20 00 7fffffffffff"},
      {Value(-127), "20 01"},
      {Value(-1), "20 fd"},
      {Value(-0.5), "21 c01fffffffffffff"},
      {Value(0), "22"},
      {Value(-0.0), "22"},
      {Value(5e-324), "23 0000000000000001"},
      {Value(0.5), "23 3fe0000000000000"},
      {Value(1), "24 02"},
      {Value(1.0), "24 02"},
      {Value(1.5), "24 03 80000000000000"},
      {Value(2), "24 04"},
      {Value(99.99), "24 c7 fd70a3d70a3c"},
      {Value(127), "24 fe"},
      {Value(128), "25 0100"},
      {Value(32767), "25 fffe"},
      {Value(32768), "26 010000"},
      {Value(4503599627370495.5), "2a 1fffffffffffff 80"},
      {Value((std::int64_t{1} << 53) + 1), "2a 40000000000002"},
      {Value((std::int64_t{1} << 55) - 1), "2a fffffffffffffe"},
      {Value(std::int64_t{1} << 55), "2b 0080000000000000"},
      {Value(std::numeric_limits<std::int64_t>::max()), "2b 7fffffffffffffff"},
      {Value(9223372036854775808.0), "2b 8000000000000000"},
      {Value(18446744073709551616.0), "2c 43f0000000000000"},
      {Value(infinity), "2c 7ff0000000000000"},
      {Value(""), "40 00"},
      {Value("NOON"), "40 4e4f4f4e 00"},
      {Value("a\0b\1c\2\xff"s), "40 61 0101 62 0102 63 02 ff 00"},
      {Value(Json{"{}"}), "48 7b7d 00"},
      {Value(Blob{"\0\xff"s}), "50 0101 ff 00"},
  };
}

Status decode_hex(std::string_view hex, std::vector<KeyColumn> columns = {}) {
  return decode_key(text_of_hex(hex), columns).status();
}

TEST(key_codec, writes_the_bytes_of_the_golden_table) {
  std::string previous;
  for (const Golden& golden : golden_table()) {
    const std::string key = encode_key({golden.value});
    EXPECT_EQ(key, text_of_hex(golden.hex)) << describe(golden.value) << " is " << hex_of(key);
    EXPECT_LE(previous, key) << "the table is in order";
    previous = key;
  }
}

TEST(key_codec, inverts_the_bytes_of_a_descending_column) {
  const std::vector<KeyColumn> columns = {descending};
  for (const Golden& golden : golden_table()) {
    std::string expected = text_of_hex(golden.hex);
    for (char& c : expected) c = static_cast<char>(~c);
    EXPECT_EQ(encode_key(std::vector<Value>{golden.value}, columns), expected);
  }
}

TEST(key_codec, stores_columns_one_after_the_other) {
  EXPECT_EQ(encode_key({"a", 1, nullptr}), text_of_hex("40 61 00 24 02 08"));
  const std::vector<Value> values = {"Ab ", "Ab ", "Ab ", "Ab "};
  const std::vector<KeyColumn> columns = {nocase, rtrim, descending};
  EXPECT_EQ(encode_key(values, columns), text_of_hex("40 616220 00 40 4162 00 bf be9ddf ff 40 416220 00"));
  EXPECT_EQ(encode_key({}), "");
}

TEST(key_codec, keeps_every_number_within_nine_bytes) {
  std::vector<Value> numbers;
  add_number_borders(numbers);
  for (int power = -1074; power < 1024; ++power) {
    const double number = std::ldexp(1.0, power);
    numbers.insert(numbers.end(), {Value(number), Value(-number), Value(std::nextafter(number, 1e308))});
  }
  for (const Value& number : numbers) EXPECT_LE(encode_key({number}).size(), 9u) << describe(number);
}

TEST(key_codec, decodes_to_values_that_compare_equal) {
  for (const Value& value : interesting_values()) {
    const auto decoded = decode_key(encode_key({value}));
    ASSERT_TRUE(decoded.ok()) << describe(value) << ": " << decoded.message();
    ASSERT_EQ(decoded->size(), 1u);
    const Value& back = decoded->front();
    EXPECT_TRUE(compare_values(back, value) == 0) << describe(value) << " became " << describe(back);
    // An integer that fits is int64, whatever it was before; all else keeps its type.
    if (back.type() != Type::float64) continue;
    const double number = back.float64();
    EXPECT_FALSE(number == std::floor(number) && std::abs(number) < 9223372036854775808.0) << describe(back);
  }
}

TEST(key_codec, decodes_collated_text_as_it_compares) {
  const std::vector<KeyColumn> columns = {nocase, rtrim};
  const std::vector<Value> values = {"Ab ", "Ab "};
  const auto decoded = decode_key(encode_key(values, columns), columns);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(*decoded, (std::vector<Value>{"ab ", "Ab"}));
  EXPECT_EQ(decode_hex("40 41 00", {nocase}), Code::corrupt);
  EXPECT_EQ(decode_hex("40 61 20 00", {rtrim}), Code::corrupt);
}

TEST(key_codec, refuses_what_encoding_does_not_write) {
  for (const std::string_view hex : {
           "00", "07", "09", "12", "17", "2d", "3f", "41", "51", "ff", "f7",     // tags; the last is a descending NULL
           "24", "25 01", "2b 00800000000000", "24 03 8000000000",               // cut off
           "24 00", "24 01", "24 01 80000000000000", "25 00fe", "26 00ffff",     // integer part not the shortest
           "24 03 00000000000000", "24 03 00000000000008",                       // fraction 0, padding bits not clear
           "2a 20000000000001 80",                                               // fraction from 2^52 on
           "2b 007fffffffffffff", "2b 8000000000000001",                         // belongs below; no such number
           "23 0000000000000000", "23 3ff0000000000000", "23 8000000000000001",  // not between 0 and 1
           "2c 43efffffffffffff", "2c 7ff0000000000001", "2c fff0000000000000",  // below 2^64, NaN, negative
           "19 7ffffffffffffffe", "21 ffffffffffffffff", "20 ff",                // the same, negative
           "40", "40 61", "40 01 00", "40 01 03 00", "40 01", "48 7b", "50 02",  // terminator, escape
       }) {
    EXPECT_EQ(decode_hex(hex), Code::corrupt) << hex;
  }
}

TEST(key_codec, names_the_offset_and_what_it_expected) {
  EXPECT_EQ(decode_hex("08 07").message(), "key of 2 bytes, offset 1: expected the tag of an ascending column, found 7");
  EXPECT_EQ(decode_hex("08", {descending}).message(),
            "key of 1 bytes, offset 0: expected the tag of a descending column, found 8");
  EXPECT_EQ(decode_hex("40 61").message(), "key of 2 bytes, offset 2: expected the terminator of a text, JSON or blob");
  EXPECT_EQ(decode_hex("08 25 01").message(), "key of 3 bytes, offset 2: expected 2 bytes of a number, found 1");
  EXPECT_EQ(decode_hex("40 61 01 05 00").message(),
            "key of 5 bytes, offset 3: expected 01 or 02 after the escape byte 01");
}

TEST(key_codec, decodes_64_columns_and_no_more) {
  EXPECT_EQ(decode_key("")->size(), 0u);
  EXPECT_EQ(decode_key(std::string(63, '\x08'))->size(), 63u);
  EXPECT_EQ(decode_key(std::string(64, '\x08'))->size(), 64u);
  EXPECT_EQ(decode_key(std::string(65, '\x08')), Code::limit);
}

TEST(key_codec, makes_the_first_columns_a_prefix_of_exactly_the_keys_that_share_them) {
  const std::vector<Value> values = interesting_values();
  for (const KeyColumn column : {KeyColumn{}, descending, nocase, rtrim}) {
    const std::vector<KeyColumn> columns = {column};
    std::vector<std::string> first;
    for (const Value& value : values) first.push_back(encode_key(std::vector<Value>{value}, columns));
    for (std::size_t i = 0; i < values.size(); ++i) {
      for (std::size_t j = 0; j < values.size(); ++j) {
        const bool equal = compare_values(values[i], values[j], column.collation) == 0;
        ASSERT_EQ(first[j].starts_with(first[i]), equal) << describe(values[i]) << " and " << describe(values[j]);
        if (equal) {
          ASSERT_EQ(first[j].size(), first[i].size());
        }
      }
    }
  }
}

TEST(key_codec, prefixes_exactly_the_texts_that_begin_alike) {
  const std::vector<Value> leading = {7};
  for (const Order order : {Order::ascending, Order::descending}) {
    for (const Collation collation : {Collation::binary, Collation::nocase, Collation::rtrim}) {
      const std::vector<KeyColumn> columns = {{}, {order, collation}};
      const auto as_compared = [&](std::string text) {
        if (collation == Collation::rtrim) text = trim_spaces(text);
        for (char& c : text) c = collation == Collation::nocase ? fold_case(c) : c;
        return text;
      };
      for (const std::string& prefix : interesting_texts()) {
        const std::string start = encode_text_prefix(leading, prefix, columns);
        const std::string wanted = collation == Collation::rtrim ? prefix : as_compared(prefix);
        for (const Value& value : interesting_values()) {
          const std::string key = encode_key(std::vector<Value>{7, value, 3}, columns);
          const bool begins = value.type() == Type::text && as_compared(value.text()).starts_with(wanted);
          ASSERT_EQ(key.starts_with(start), begins) << describe(value) << " for " << hex_of(prefix);
          ASSERT_EQ(Range::prefix(start).contains(key), begins);
        }
        EXPECT_FALSE(encode_key(std::vector<Value>{8, prefix}, columns).starts_with(start));
      }
    }
  }
}

TEST(key_codec, appends_columns_from_any_place) {
  const std::vector<KeyColumn> columns = {{}, descending};
  std::string key = encode_key({"a"});
  append_key(key, std::vector<Value>{1}, columns, 1);
  EXPECT_EQ(key, encode_key(std::vector<Value>{"a", 1}, columns));
}

}  // namespace
}  // namespace quire::record
