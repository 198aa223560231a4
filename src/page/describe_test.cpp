// Goal: text for people shows every field once and never carries a byte that a terminal would act on.
// Method: examples; all single bytes and all pairs of bytes against a slow definition of printable.
#include "page/describe.hpp"

#include <gtest/gtest.h>

#include "page/layout.hpp"

namespace quire::page {
namespace {

TEST(describe, shows_each_field_of_a_layout_on_its_line) {
  std::vector<std::byte> bytes(page_bytes_min);
  format_page(bytes, {PageType::inner, TreeId{3}, PageId{99}});
  header::generation.set(bytes.data(), 12);
  EXPECT_EQ(describe_fields(header_layout, bytes),
            "  type        1\n  flags       0\n  layout      0\n  tree_id     3\n  page_id     99\n"
            "  max_xid     0\n  generation  12\n");
}

TEST(describe, shows_long_fields_in_hex) {
  static constexpr Field fields[] = {{"uuid", 0, 10}, {"n", 10, 2}};
  const Layout layout{"x", 12, fields};
  const std::string_view bytes("\x00\x01\x7f\x80\xff\x10\x20\x30\x40\x50\x05\x00", 12);
  EXPECT_EQ(describe_fields(layout, as_bytes(bytes)), "  uuid  00017f80ff1020304050\n  n     5\n");
}

TEST(describe, prints_ascii_as_it_is_and_escapes_the_rest) {
  EXPECT_EQ(printable("plain text", 100), "plain text");
  EXPECT_EQ(printable("a\\b", 100), "a\\\\b");
  EXPECT_EQ(printable(std::string_view("\0\n\x1b[2J\x7f", 7), 100), "\\x00\\x0a\\x1b[2J\\x7f");
  EXPECT_EQ(printable("", 0), "");
}

TEST(describe, keeps_valid_utf8_and_escapes_invalid) {
  EXPECT_EQ(printable("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 100), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(printable("\xc0\xaf", 100), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(printable("\xe0\x80\x80", 100), "\\xe0\\x80\\x80") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80", 100), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80", 100), "\\xf4\\x90\\x80\\x80") << "beyond U+10FFFF";
  EXPECT_EQ(printable("\xe2\x82", 100), "\\xe2\\x82") << "cut short";
}

TEST(describe, cuts_long_text_and_says_so) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdef", 5), "abcde...");
  EXPECT_EQ(printable("abcdef", 0), "...");
}

TEST(describe, never_lets_a_control_byte_through) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const char pair[] = {static_cast<char>(first), static_cast<char>(second)};
      const std::string text = printable({pair, 2}, 10);
      // Every two-byte sequence of UTF-8 is kept, C1 controls among them; nothing else beyond ASCII is.
      const bool sequence = first >= 0xC2 && first < 0xE0 && (second & 0xC0) == 0x80;
      for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        ASSERT_TRUE((byte >= 0x20 && byte < 0x7F) || sequence) << first << ' ' << second;
      }
      ASSERT_EQ(text.find('\x1b'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace quire::page
