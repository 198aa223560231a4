// Entries from the words of a command: see entry_words.hpp.
//
// A bound made of the first columns is a key's beginning, which sorts before every key that starts with
// it: so FROM includes all keys with these columns, and TO excludes them all.
#include "shell/entry_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/try.hpp"
#include "quire/key.hpp"
#include "record/key_codec.hpp"
#include "shell/field.hpp"

namespace quire::shell {

namespace {

Value value_of_word(const Word& word) {
  if (!word.quoted && word.text == "NULL") return {};
  return value_of(word.text, word.quoted);
}

// A word that stands for one column.
Result<Value> single_value(const Word& word) {
  if (word.text.size() >= 2 && word.text.front() == '"' && word.text.back() == '"') {
    QUIRE_ASSIGN(const std::vector<Field> fields, parse_record(word.text));
    if (fields.size() == 1) return value_of(fields[0]);
  }
  return value_of_word(word);
}

Result<std::vector<Value>> record_values(const Word& word) {
  QUIRE_ASSIGN(const std::vector<Field> fields, parse_record(word.text));
  std::vector<Value> values;
  for (const Field& field : fields) values.push_back(value_of(field));
  return values;
}

// The values of exactly these columns from a word each or from one record.
Result<std::vector<Value>> column_values(std::span<const std::string> columns, std::span<const Word> words, const char* what) {
  std::vector<Value> values;
  if (columns.size() == 1 && words.size() == 1) {
    QUIRE_ASSIGN(Value value, single_value(words[0]));
    values.push_back(std::move(value));
  } else if (words.size() == 1) {
    QUIRE_ASSIGN(values, record_values(words[0]));
  } else {
    for (const Word& word : words) values.push_back(value_of_word(word));
  }
  if (columns.empty() && words.size() == 1 && words[0].text.empty()) return std::vector<Value>();
  if (values.size() == columns.size()) return values;
  return Status(Code::invalid, fmt::format("the {} has {} column{} ({}), given {}", what, columns.size(),
                                           columns.size() == 1 ? "" : "s", join_names(columns), values.size()));
}

// The values of the first columns that a bound or a prefix names.
Result<std::vector<Value>> leading_values(const Schema& schema, const Word& word) {
  const std::span<const std::string> columns = schema.key_columns;
  if (columns.size() == 1) return column_values(columns, {&word, 1}, "key");
  QUIRE_ASSIGN(std::vector<Value> values, record_values(word));
  if (values.size() <= columns.size()) return values;
  return Status(Code::invalid, fmt::format("the key has {} columns ({}), given {}", columns.size(), join_names(columns), values.size()));
}

Result<std::string> bound_key(const Schema& schema, const Word& word) {
  if (schema.key_columns.empty()) return word.text;
  QUIRE_ASSIGN(const std::vector<Value> values, leading_values(schema, word));
  return encode_key(values);
}

// The text before the * when the last field of a prefix is bare and ends with one.
Result<std::optional<std::string>> starred_text(const Schema& schema, const Word& word) {
  if (!word.text.ends_with('*')) return std::optional<std::string>();
  if (schema.key_columns.size() == 1) return std::optional(word.text.substr(0, word.text.size() - 1));
  QUIRE_ASSIGN(const std::vector<Field> fields, parse_record(word.text));
  const Field& last = fields.back();
  if (last.quoted) return std::optional<std::string>();
  return std::optional(last.text.substr(0, last.text.size() - 1));
}

Result<Range> prefix_range(const Schema& schema, const Word& word) {
  if (schema.key_columns.empty()) {
    std::string_view text = word.text;
    if (text.ends_with('*')) text.remove_suffix(1);
    return Range::prefix(text);
  }
  QUIRE_ASSIGN(const std::optional<std::string> text, starred_text(schema, word));
  QUIRE_ASSIGN(std::vector<Value> values, leading_values(schema, word));
  if (!text) return Range::prefix(encode_key(values));
  values.pop_back();
  return Range::prefix(record::encode_text_prefix(values, *text));
}

}  // namespace

std::string join_names(std::span<const std::string> names, std::string_view separator) {
  return fmt::format("{}", fmt::join(names, separator));
}

Result<std::string> key_from_words(const Schema& schema, std::span<const Word> words) {
  if (schema.key_columns.empty()) {
    if (words.size() == 1) return words[0].text;
    return Status(Code::invalid, fmt::format("a key is one word, given {} (put a key with blanks in quotes)", words.size()));
  }
  QUIRE_ASSIGN(const std::vector<Value> values, column_values(schema.key_columns, words, "key"));
  return encode_key(values);
}

Result<KeyAndValue> entry_from_words(const Schema& schema, std::span<const Word> words) {
  if (schema.plain()) {
    if (words.size() == 2) return KeyAndValue{words[0].text, words[1].text};
    return Status(Code::invalid, fmt::format("key and value are one word each, given {} words (put what has blanks in quotes)", words.size()));
  }
  const std::size_t key_count = std::max<std::size_t>(schema.key_columns.size(), 1);
  const std::size_t all = key_count + schema.value_columns.size();
  const bool word_per_column = words.size() == all;
  const bool records = words.size() == 2 || (words.size() == 1 && schema.value_columns.empty());
  Result<std::string> found = Status(Code::invalid);
  if (word_per_column || records) found = key_from_words(schema, words.first(word_per_column ? key_count : 1));
  if (!found.ok()) {
    return Status(Code::invalid, fmt::format("{} columns ({}{}{}), given {} word{}; or give two CSV records, the key's and the value's", all,
                                             join_names(schema.key_columns), schema.value_columns.empty() ? "" : ",",
                                             join_names(schema.value_columns), words.size(), words.size() == 1 ? "" : "s"));
  }
  std::string key = std::move(found).value();
  const std::size_t key_words = word_per_column ? key_count : 1;
  const std::span<const Word> rest = words.subspan(key_words);
  std::vector<Value> values;
  if (!rest.empty() || !schema.value_columns.empty()) {
    QUIRE_ASSIGN(values, column_values(schema.value_columns, rest, "value"));
  }
  return KeyAndValue{std::move(key), encode_row(values)};
}

Result<Range> range_from_words(const Schema& schema, const RangeWords& words) {
  if (words.prefix != nullptr) {
    if (words.from != nullptr) return Status(Code::invalid, "give either --prefix or from and to");
    return prefix_range(schema, *words.prefix);
  }
  Range range;
  if (words.from != nullptr) {
    QUIRE_ASSIGN(range.lower, bound_key(schema, *words.from));
  }
  if (words.to != nullptr) {
    QUIRE_ASSIGN(range.upper, bound_key(schema, *words.to));
  }
  return range;
}

}  // namespace quire::shell
