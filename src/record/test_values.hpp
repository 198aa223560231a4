// Values for tests: those near every border of the encodings, random ones, and exact comparison.
//
// The list is meant to be paired with itself: a border is present with its neighbours on both sides, as
// int64 and as float64, positive and negative.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "quire/value.hpp"

namespace quire::record {

// Same type and same content, bit by bit: NaN equals itself, and -0.0 differs from 0.0.
inline bool same_exactly(const Value& left, const Value& right) {
  if (left.type() != right.type()) return false;
  if (left.type() != Type::float64) return left == right;
  return std::bit_cast<std::uint64_t>(left.float64()) == std::bit_cast<std::uint64_t>(right.float64());
}

inline bool same_exactly(const std::vector<Value>& left, const std::vector<Value>& right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (!same_exactly(left[i], right[i])) return false;
  }
  return true;
}

// For messages: type and content, bytes outside ASCII in hex.
inline std::string describe(const Value& value) {
  std::string text = std::string(type_name(value.type())) + " ";
  if (value.type() == Type::text) return text + Value(Blob{value.text()}).to_string();
  return text + value.to_string();
}

inline std::string text_of_hex(std::string_view hex) {
  std::string bytes;
  int digit_count = 0;
  for (const char c : hex) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (digit_count++ % 2 == 0) {
      bytes += static_cast<char>(digit << 4);
    } else {
      bytes.back() = static_cast<char>(static_cast<unsigned char>(bytes.back()) | digit);
    }
  }
  return bytes;
}

inline std::string hex_of(std::string_view bytes) {
  const std::string blob = Value(Blob{std::string(bytes)}).to_string();
  return blob.substr(2, blob.size() - 3);
}

inline void add_number_borders(std::vector<Value>& values) {
  const auto add_both = [&](double number) {
    values.emplace_back(number);
    values.emplace_back(-number);
  };
  for (const int power : {0, 1, 7, 8, 15, 31, 47, 52, 53, 54, 55, 62}) {
    const std::int64_t border = std::int64_t{1} << power;
    for (const std::int64_t step : {-1, 0, 1}) {
      values.emplace_back(border + step);
      values.emplace_back(-border + step);
    }
    const auto number = static_cast<double>(border);
    add_both(number);
    add_both(std::nextafter(number, 0.0));
    add_both(std::nextafter(number, 1e300));
  }
  for (const std::int64_t step : {0, 1, 2, 511, 512, 1023, 1024}) {
    values.emplace_back(std::numeric_limits<std::int64_t>::max() - step);
    values.emplace_back(std::numeric_limits<std::int64_t>::min() + step);
  }
  for (const double power : {63.0, 64.0, 65.0, 100.0, 1023.0}) {
    const double number = std::exp2(power);
    add_both(number);
    add_both(std::nextafter(number, 0.0));
    add_both(std::nextafter(number, std::numeric_limits<double>::infinity()));
  }
  using Limits = std::numeric_limits<double>;
  for (const double number : {0.0, 0.5, 0.25, 0.1, 1.5, 1.25, 2.5, 99.99, 127.5, 128.5, 255.5, 1e-300, Limits::max(),
                              Limits::min(), Limits::denorm_min(), std::nextafter(Limits::min(), 0.0),
                              Limits::infinity()}) {
    add_both(number);
  }
}

inline std::vector<std::string> interesting_texts() {
  using namespace std::string_literals;
  return {"",       "\0"s,     "\0\0"s,    "\0\1"s,   "\0\2"s,    "\0\xff"s, "\1"s,       "\1\0"s,   "\1\1"s,
          "\1\2"s,  "\2",      "\xff",     "\xff\xff"s, "\xfe",   " ",       "  ",        "a",       "a ",
          "a  ",    "a\0"s,    "a\0b"s,    "a\1"s,    "a!",       "A",       "A ",        "ab",      "aB",
          "AB",     "b",       "Z",        "z",       "[",        "@",       "{",         "a\xff"s,  "abcdefg",
          "abcdefgh", "abcdefg\0"s, "abcdefgh\1i"s, "ABCDEFGHI ", "\xc3\xa9", "\xc3\x89", "NO", "NOON", "no"};
}

inline std::vector<Value> interesting_values() {
  std::vector<Value> values = {Value(), Value(false), Value(true), Value(std::nan(""))};
  add_number_borders(values);
  for (const std::string& text : interesting_texts()) values.emplace_back(text);
  using namespace std::string_literals;
  for (const std::string& text : {""s, "\0"s, "\1"s, "a"s, "a\0"s, "a "s, "A"s, "{}"s, "\xff"s}) {
    values.emplace_back(Json{text});
    values.emplace_back(Blob{text});
  }
  return values;
}

// A random value, biased towards equal and nearly equal ones.
inline Value random_value(std::mt19937_64& random) {
  const auto random_text = [&] {
    constexpr std::string_view letters("\0\1\2aAbB  \xff", 10);
    std::string text(random() % 12, '\0');
    for (char& c : text) c = letters[random() % letters.size()];
    return text;
  };
  switch (random() % 9) {
    case 0: return random() % 3 == 0 ? Value() : Value(random() % 2 == 0);
    case 1: return Value(static_cast<std::int64_t>(random() % 7) - 3);
    case 2: return Value(static_cast<std::int64_t>(random()) >> (random() % 64));
    case 3: return Value(static_cast<double>(static_cast<std::int64_t>(random() % 64) - 32) / 8);
    case 4: return Value(std::bit_cast<double>(random()));
    case 5: return Value(static_cast<double>(static_cast<std::int64_t>(random()) >> (random() % 64)));
    case 6: return Value(Json{random_text()});
    case 7: return Value(Blob{random_text()});
    default: return Value(random_text());
  }
}

}  // namespace quire::record
