// Words of command lines: examples of each quoting rule, and every quoted word read back.
#include "shell/lexer.hpp"

#include <gtest/gtest.h>

namespace quire::shell {
namespace {

using Words = std::vector<Word>;

TEST(lexer, splits_at_blanks) {
  EXPECT_EQ(split_words("  put  user:101\tIsmail \r").value(), (Words{{"put", false}, {"user:101", false}, {"Ismail", false}}));
  EXPECT_TRUE(split_words("").value().empty());
  EXPECT_TRUE(split_words("  # put a b").value().empty());
  EXPECT_EQ(split_words("put #1 #2").value().size(), 3u);
}

TEST(lexer, keeps_single_quoted_text_as_it_is) {
  EXPECT_EQ(split_words(R"(put 'a b' 'it''s \n')").value(), (Words{{"put", false}, {"a b", true}, {"it's \\n", true}}));
  EXPECT_EQ(split_words("''").value(), (Words{{"", true}}));
  EXPECT_EQ(split_words("''''").value(), (Words{{"'", true}}));
}

TEST(lexer, decodes_escapes_in_double_quotes) {
  EXPECT_EQ(split_words(R"("a\tb\x00\"\\")").value(), (Words{{std::string("a\tb\0\"\\", 6), true}}));
}

TEST(lexer, takes_quotes_inside_a_word_as_they_are) {
  EXPECT_EQ(split_words("it's x'0a0b' a\\b").value(), (Words{{"it's", false}, {"x'0a0b'", false}, {"a\\b", false}}));
}

TEST(lexer, quotes_the_value_of_an_option) {
  EXPECT_EQ(split_words("scan --prefix='NO, O' x").value(), (Words{{"scan", false}, {"--prefix=NO, O", false}, {"x", false}}));
}

TEST(lexer, says_what_is_missing) {
  EXPECT_EQ(split_words("put 'a").status().message(), "a ' is not closed");
  EXPECT_EQ(split_words("put \"a\\\"").status().message(), "a \" is not closed");
  EXPECT_EQ(split_words("put 'a'b").status().message(), "a blank is missing after the closing '");
  EXPECT_EQ(split_words("put \"\\q\"").code(), Code::invalid);
}

TEST(lexer, reads_back_every_quoted_word) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      const Words words = split_words("x " + quote_word(text)).value();
      ASSERT_EQ(words.size(), 2u) << quote_word(text);
      ASSERT_EQ(words[1].text, text);
    }
  }
  EXPECT_EQ(quote_word("--prefix"), "\"--prefix\"");
  EXPECT_EQ(quote_word(""), "\"\"");
}

}  // namespace
}  // namespace quire::shell
