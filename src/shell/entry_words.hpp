// Entries from the words of a command: keys, values, ranges.
//
// Plain keyspace: a word is the bytes. Keyspace with columns: either a word per column, or one word that
// is a CSV record of the columns. A bare word is typed as a bare CSV field is, a quoted word is text, and
// the bare word NULL is NULL. With a single column the word is the field itself, unless it is a whole
// CSV field in double quotes.
//
// Threads   functions without state
// Errors    invalid with a text that names the columns
#pragma once

#include <span>
#include <string>
#include <vector>

#include "quire/database.hpp"
#include "quire/range.hpp"
#include "quire/value.hpp"
#include "shell/lexer.hpp"

namespace quire::shell {

// All key columns.
Result<std::string> key_from_words(const Schema& schema, std::span<const Word> words);

struct KeyAndValue {
  std::string key;
  std::string value;
};
// A word per column, key columns first; or the key's record and the value's record.
Result<KeyAndValue> entry_from_words(const Schema& schema, std::span<const Word> words);

struct RangeWords {
  const Word* from = nullptr;    // values of the first columns; inclusive
  const Word* to = nullptr;      // values of the first columns; exclusive
  const Word* prefix = nullptr;  // first columns equal to these; text* at the end: text that starts so
};
Result<Range> range_from_words(const Schema& schema, const RangeWords& words);

// "country,name,id".
std::string join_names(std::span<const std::string> names, std::string_view separator = ",");

}  // namespace quire::shell
