// Escapes, text width, amounts and suggestions: examples, and every byte there and back.
#include "tools/escape.hpp"

#include <gtest/gtest.h>

#include "tools/amounts.hpp"
#include "tools/suggest.hpp"
#include "tools/text_width.hpp"

namespace quire::tools {
namespace {

TEST(escape, leaves_printable_utf8_alone) {
  EXPECT_EQ(escape("Sant Julià de Lòria"), "Sant Julià de Lòria");
  EXPECT_EQ(escape("東京 \"x\" 'y'"), "東京 \"x\" 'y'");
}

TEST(escape, writes_control_bytes_and_broken_utf8_as_hexadecimal) {
  EXPECT_EQ(escape("a\tb\nc"), "a\\x09b\\x0ac");
  EXPECT_EQ(escape(std::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(escape("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(escape("\xc0\x80"), "\\xc0\\x80") << "overlong";
  EXPECT_EQ(escape("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(escape("\xc2\x9b"), "\\xc2\\x9b") << "a control character that steers terminals";
  EXPECT_EQ(escape("C:\\x"), "C:\\\\x");
}

TEST(escape, comes_back_for_every_pair_of_bytes) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      const std::string escaped = escape(text);
      EXPECT_EQ(escaped.find_first_of("\t\n\r"), std::string::npos);
      EXPECT_TRUE(is_utf8(escaped));
      ASSERT_EQ(unescape(escaped).value(), text);
    }
  }
}

TEST(unescape, refuses_what_is_no_escape) {
  EXPECT_EQ(unescape("a\\").code(), Code::invalid);
  EXPECT_EQ(unescape("\\q").code(), Code::invalid);
  EXPECT_EQ(unescape("\\x0").code(), Code::invalid);
  EXPECT_EQ(unescape("\\xg0").code(), Code::invalid);
}

TEST(hex, comes_back) {
  EXPECT_EQ(to_hex("\x01\xaf"), "01af");
  EXPECT_EQ(from_hex("01Af").value(), "\x01\xaf");
  EXPECT_EQ(from_hex("0").code(), Code::invalid);
  EXPECT_EQ(from_hex("0g").code(), Code::invalid);
}

TEST(text_width, counts_columns_not_bytes) {
  EXPECT_EQ(text_width("Lòria"), 5u);
  EXPECT_EQ(text_width("東京"), 4u);
  EXPECT_EQ(text_width("e\u0301"), 1u);
}

TEST(text_width, fits_with_an_ellipsis) {
  EXPECT_EQ(fit_width("abcdef", 6), "abcdef");
  EXPECT_EQ(fit_width("abcdefg", 6), "abcde…");
  EXPECT_EQ(fit_width("東京都", 5), "東京…");
  EXPECT_EQ(fit_width("東京都", 4), "東…");
}

TEST(amounts, read_as_people_write_them) {
  EXPECT_EQ(group_digits(0), "0");
  EXPECT_EQ(group_digits(171075), "171 075");
  EXPECT_EQ(group_digits(1234567), "1 234 567");
  EXPECT_EQ(count_of(1, "row"), "1 row");
  EXPECT_EQ(byte_amount(17), "17 bytes");
  EXPECT_EQ(byte_amount(1536), "1.5 KiB");
  EXPECT_EQ(byte_amount(1048575), "1.0 MiB");
  EXPECT_EQ(time_amount(400), "0.4 ms");
  EXPECT_EQ(time_amount(12'300'000), "12.3 s");
  EXPECT_EQ(time_amount(150'000'000), "2 min 30 s");
  EXPECT_EQ(parse_byte_amount("64M").value(), 64u << 20);
  EXPECT_EQ(parse_byte_amount("1.5GiB").value(), std::uint64_t{3} << 29);
  EXPECT_EQ(parse_byte_amount("65536").value(), 65536u);
  for (const char* wrong : {"", "M", "-1", "1X", "1MM", "nan", "1e99T"}) EXPECT_EQ(parse_byte_amount(wrong).code(), Code::invalid) << wrong;
}

TEST(suggest, finds_what_was_meant) {
  const std::vector<std::string> known = {"put", "get", "del", "scan", "count", "keyspaces", "import"};
  EXPECT_EQ(similar_names("scna", known), std::vector<std::string>{"scan"});
  EXPECT_EQ(similar_names("keyspace", known), std::vector<std::string>{"keyspaces"});
  EXPECT_EQ(similar_names("imprt", known), std::vector<std::string>{"import"});
  EXPECT_TRUE(similar_names("zzz", known).empty());
  EXPECT_TRUE(similar_names("x", known).empty());
  EXPECT_EQ(suggestion("GTE", known), "; did you mean get?");
}

TEST(suggest, distance_counts_swaps_once) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abcd", "abdc"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace quire::tools
