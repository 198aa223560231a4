// Entries of a keyspace as text: see entry_text.hpp.
//
// What is stored may have more values than the keyspace has columns, since programs write rows as they
// like: further values are shown under a number, missing ones as NULL.
#include "shell/entry_text.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/try.hpp"
#include "kv/inspect.hpp"
#include "quire/key.hpp"
#include "shell/field.hpp"
#include "shell/json_value.hpp"
#include "tools/escape.hpp"
#include "tools/text_width.hpp"

namespace quire::shell {

namespace {

constexpr std::size_t key_name_columns = 80;

tools::Cell cell_of(const Value& value) {
  const bool number = value.type() == Type::int64 || value.type() == Type::float64;
  if (value.is_null()) return {"NULL", false};
  return {tools::escape(bare_text(value)), number};
}

// The name of a value beyond the declared columns.
std::string name_at(const std::vector<std::string>& names, std::size_t index) {
  return index < names.size() ? names[index] : fmt::format("column {}", index + 1);
}

}  // namespace

Result<std::vector<Value>> key_values(const Schema& schema, std::string_view key) {
  if (schema.key_columns.empty()) return std::vector<Value>{Value(key)};
  return decode_key(key);
}

Result<std::vector<Value>> row_values(const Schema& schema, std::string_view value) {
  if (schema.plain()) return std::vector<Value>{Value(value)};
  QUIRE_ASSIGN(std::vector<Value> values, decode_row(value));
  if (values.size() < schema.value_columns.size()) values.resize(schema.value_columns.size());
  return values;
}

Result<std::string> key_text(const Schema& schema, std::string_view key) {
  if (schema.key_columns.empty()) return std::string(key);
  QUIRE_ASSIGN(const std::vector<Value> values, key_values(schema, key));
  return write_record(values);
}

Result<std::string> value_text(const Schema& schema, std::string_view value) {
  if (schema.plain()) return std::string(value);
  QUIRE_ASSIGN(const std::vector<Value> values, row_values(schema, value));
  return write_record(values);
}

std::vector<std::string> column_names(const Schema& schema, bool keys_only) {
  std::vector<std::string> names = schema.key_columns;
  if (names.empty()) names.emplace_back("key");
  if (keys_only) return names;
  if (schema.plain()) names.emplace_back("value");
  names.insert(names.end(), schema.value_columns.begin(), schema.value_columns.end());
  return names;
}

Result<std::vector<Value>> entry_values(const Schema& schema, const Entry& entry, bool keys_only) {
  QUIRE_ASSIGN(std::vector<Value> values, key_values(schema, entry.key));
  if (keys_only) return values;
  QUIRE_ASSIGN(std::vector<Value> row, row_values(schema, entry.value));
  for (Value& value : row) values.push_back(std::move(value));
  return values;
}

Result<tools::Document> entry_document(const Schema& schema, const Entry& entry, bool keys_only) {
  tools::Document document = tools::Document::object();
  if (schema.plain()) {
    document["key"] = document_of_bytes(entry.key);
    if (!keys_only) document["value"] = document_of_bytes(entry.value);
    return document;
  }
  const std::vector<std::string> names = column_names(schema, keys_only);
  QUIRE_ASSIGN(const std::vector<Value> values, entry_values(schema, entry, keys_only));
  for (std::size_t i = 0; i < values.size(); ++i) document[name_at(names, i)] = document_of(values[i]);
  return document;
}

Result<std::vector<tools::Cell>> entry_cells(const Schema& schema, const Entry& entry, bool keys_only) {
  QUIRE_ASSIGN(const std::vector<Value> values, entry_values(schema, entry, keys_only));
  std::vector<tools::Cell> cells;
  for (const Value& value : values) cells.push_back(cell_of(value));
  return cells;
}

std::string bound_text(const Schema& schema, std::string_view key) {
  if (schema.key_columns.empty()) return tools::escape(key);
  const Result<kv::KeyParts> parts = kv::decode_key_parts(key);
  if (!parts.ok()) return tools::escape(key);
  return tools::escape(write_record(parts->values)) + (parts->whole ? "" : "\u2026");
}

std::string range_text(const Schema& schema, const Range& range) {
  if (!range.lower && !range.upper) return "all keys";
  if (range.lower && range.lower == range.upper) return bound_text(schema, *range.lower);
  if (range.lower && range.upper && range.lower_inclusive && !range.upper_inclusive && Range::prefix(*range.lower).upper == range.upper) {
    const std::string beginning = bound_text(schema, *range.lower);
    return beginning + (schema.key_columns.empty() ? "*" : beginning.ends_with("\u2026") ? "" : ",\u2026");
  }
  std::string text;
  if (range.lower) text = (range.lower_inclusive ? "from " : "after ") + bound_text(schema, *range.lower);
  if (range.upper) text += (text.empty() ? "" : " ") + std::string(range.upper_inclusive ? "up to " : "before ") + bound_text(schema, *range.upper);
  return text;
}

std::string key_name(const Schema& schema, std::string_view key) {
  Result<std::string> text = key_text(schema, key);
  return tools::fit_width(tools::escape(text.ok() ? *text : std::string(key)), key_name_columns);
}

}  // namespace quire::shell
