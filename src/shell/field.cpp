// Fields: see field.hpp.
//
// "Canonical" is decided by writing the number again and comparing, so that this file needs no grammar of
// numbers and cannot disagree with the way values are printed.
#include "shell/field.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "base/try.hpp"
#include "shell/csv_reader.hpp"
#include "tools/escape.hpp"

namespace quire::shell {

namespace {

std::optional<Value> number_of(std::string_view text) {
  const std::size_t digits = text[0] == '-' ? 1 : 0;
  if (digits == text.size() || text[digits] < '0' || text[digits] > '9') return {};
  const char* const end = text.data() + text.size();
  std::int64_t integer = 0;
  const auto [integer_end, integer_error] = std::from_chars(text.data(), end, integer);
  if (integer_end == end && integer_error == std::errc()) {
    const bool leading_zero = text[digits] == '0' && (digits == 1 || text.size() > 1);
    return leading_zero ? std::optional<Value>() : Value(integer);
  }
  double real = 0;
  const auto [real_end, real_error] = std::from_chars(text.data(), end, real);
  if (real_end != end || real_error != std::errc() || !std::isfinite(real)) return {};
  Value value(real);
  if (value.to_string() != text) return {};
  return value;
}

std::optional<Value> blob_of(std::string_view text) {
  if (text.size() < 3 || !text.starts_with("x'") || text.back() != '\'') return {};
  const std::string_view digits = text.substr(2, text.size() - 3);
  Result<std::string> bytes = tools::from_hex(digits);
  if (!bytes.ok() || tools::to_hex(*bytes) != digits) return {};
  return Value(Blob{std::move(*bytes)});
}

bool needs_quotes(std::string_view text, char delimiter) {
  if (text.empty()) return true;
  for (const char c : text) {
    if (c == delimiter || c == '"' || c == '\n' || c == '\r') return true;
  }
  return value_of(text, false).type() != Type::text;
}

}  // namespace

Value value_of(std::string_view text, bool quoted) {
  if (quoted) return Value(text);
  if (text.empty()) return {};
  if (text[0] == 'x') {
    if (std::optional<Value> blob = blob_of(text)) return std::move(*blob);
  } else if (text[0] <= '9') {
    if (std::optional<Value> number = number_of(text)) return std::move(*number);
  }
  return Value(text);
}

Value value_of(const Field& field) { return value_of(field.text, field.quoted); }

std::string bare_text(const Value& value) {
  switch (value.type()) {
    case Type::null: return {};
    case Type::text: return value.text();
    case Type::json: return value.json();
    case Type::blob: return "x'" + tools::to_hex(value.blob()) + "'";
    default: return value.to_string();
  }
}

bool keeps_type(const Value& value) {
  switch (value.type()) {
    case Type::boolean: case Type::json: return false;
    case Type::float64: return std::isfinite(value.float64());
    default: return true;
  }
}

void append_field(std::string& out, const Value& value, char delimiter) {
  const std::string text = bare_text(value);
  const bool textual = value.type() == Type::text || value.type() == Type::json;
  if (!textual || !needs_quotes(text, delimiter)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string write_record(std::span<const Value> values, char delimiter) {
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += delimiter;
    append_field(out, values[i], delimiter);
  }
  return out;
}

Result<std::vector<Field>> parse_record(std::string_view text, char delimiter) {
  std::vector<Field> fields;
  if (text.empty()) {
    fields.emplace_back();
    return fields;
  }
  TextInput input(text);
  CsvReader reader(input, {.delimiter = delimiter, .skip_blank_lines = false});
  QUIRE_ASSIGN(const bool any, reader.next(fields));
  if (!any || input.peek() != TextInput::end_of_input) {
    return Status(Code::invalid, "a line break inside a record must be in double quotes");
  }
  return fields;
}

}  // namespace quire::shell
