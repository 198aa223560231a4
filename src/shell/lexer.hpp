// Words of a command line.
//
// Words are separated by blanks. A quote at the beginning of a word, or after the = of an option, quotes:
//   'it''s'        everything as it is, '' is one quote
//   "a\tb\x00"     with backslash escapes: \\ \" \n \t \r \0 \xNN
// Quotes elsewhere and backslashes outside "..." are ordinary characters. A line whose first character
// is # is a comment.
//
// Threads   functions without state
// Errors    invalid, with a text that says what is missing
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "quire/status.hpp"

namespace quire::shell {

struct Word {
  std::string text;
  bool quoted = false;
  friend bool operator==(const Word&, const Word&) = default;
};

Result<std::vector<Word>> split_words(std::string_view line);

// The word as it must be typed to mean `text`: bare where possible, else in quotes.
std::string quote_word(std::string_view text);

}  // namespace quire::shell
