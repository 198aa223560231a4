// Key encoding: values to bytes that memcmp orders, and back (rules RE-51 to RE-58).
//
// Every column's encoding is self-delimiting: none is the beginning of another. So two keys differ first
// inside the first column whose values differ, later columns cannot disturb the order of earlier ones, and
// the encoding of the first columns is a byte prefix of exactly the keys that share their values.
// Inverting all bytes of such a column reverses its order and keeps that property.
#include "record/key_codec.hpp"

#include <cmath>

#include "base/assert.hpp"
#include "base/try.hpp"
#include "record/key_number.hpp"
#include "record/key_reader.hpp"
#include "record/key_tags.hpp"
#include "record/key_text.hpp"

namespace quire {

namespace record {

namespace {

KeyColumn column_at(std::span<const KeyColumn> columns, std::size_t index) {
  return index < columns.size() ? columns[index] : KeyColumn{};
}

void invert_from(std::string& out, std::size_t start) {
  for (std::size_t i = start; i < out.size(); ++i) out[i] = static_cast<char>(~static_cast<unsigned char>(out[i]));
}

void append_tag(std::string& out, Tag tag) { out.push_back(static_cast<char>(tag)); }

void append_text(std::string& out, std::string_view text, Collation collation) {
  append_tag(out, text_tag);
  append_collated(out, text, collation);
}

void append_bytes(std::string& out, Tag tag, std::string_view bytes) {
  append_tag(out, tag);
  append_escaped(out, bytes);
  out.push_back(terminator);
}

void append_ascending(std::string& out, const Value& value, Collation collation) {
  switch (value.type()) {
    case Type::null: return append_tag(out, null_tag);
    case Type::boolean: return append_tag(out, value.boolean() ? true_tag : false_tag);
    case Type::int64: return append_integer(out, value.int64());
    case Type::float64:
      if (std::isnan(value.float64())) return append_tag(out, null_tag);
      return append_float(out, value.float64());
    case Type::text:
      append_text(out, value.text(), collation);
      return out.push_back(terminator);
    case Type::json: return append_bytes(out, json_tag, value.json());
    case Type::blob: return append_bytes(out, blob_tag, value.blob());
  }
}

void append_column(std::string& out, const Value& value, KeyColumn column) {
  const std::size_t start = out.size();
  append_ascending(out, value, column.collation);
  if (column.order == Order::descending) invert_from(out, start);
}

// Bytes of the value's column if it has nothing to escape.
std::size_t expected_bytes(const Value& value) {
  switch (value.type()) {
    case Type::text: return value.text().size() + 2;
    case Type::json: return value.json().size() + 2;
    case Type::blob: return value.blob().size() + 2;
    default: return number_bytes_max;
  }
}

std::size_t expected_bytes(std::span<const Value> values) {
  std::size_t bytes = 0;
  for (const Value& value : values) bytes += expected_bytes(value);
  return bytes;
}

Result<Value> read_column(KeyReader& reader, KeyColumn column) {
  reader.start_column(column.order);
  const std::size_t start = reader.offset();
  const Tag tag = reader.byte();
  if (tag >= number_tag_min && tag <= number_tag_max) return read_number(reader, tag);
  switch (tag) {
    case null_tag: return Value();
    case false_tag: return Value(false);
    case true_tag: return Value(true);
    case text_tag: {
      QUIRE_ASSIGN(std::string text, read_escaped(reader, column.collation));
      return Value(std::move(text));
    }
    case json_tag: {
      QUIRE_ASSIGN(std::string text, read_escaped(reader, Collation::binary));
      return Value(Json{std::move(text)});
    }
    case blob_tag: {
      QUIRE_ASSIGN(std::string bytes, read_escaped(reader, Collation::binary));
      return Value(Blob{std::move(bytes)});
    }
    default: break;
  }
  std::string expected = "expected the tag of ";
  expected += column.order == Order::descending ? "a descending column" : "an ascending column";
  return reader.corrupt_at(start, expected + ", found " + std::to_string(tag ^ reader.flip()));
}

}  // namespace

void append_key(std::string& out, std::span<const Value> values, std::span<const KeyColumn> columns,
                std::size_t first_column) {
  for (const Value& value : values) append_column(out, value, column_at(columns, first_column++));
}

std::string encode_text_prefix(std::span<const Value> leading, std::string_view text_prefix,
                               std::span<const KeyColumn> columns) {
  std::string key;
  key.reserve(expected_bytes(leading) + text_prefix.size() + 1);
  append_key(key, leading, columns);
  const std::size_t start = key.size();
  const KeyColumn column = column_at(columns, leading.size());
  append_text(key, text_prefix, column.collation == Collation::nocase ? Collation::nocase : Collation::binary);
  if (column.order == Order::descending) invert_from(key, start);
  return key;
}

}  // namespace record

std::string encode_key(std::span<const Value> values, std::span<const KeyColumn> columns) {
  std::string key;
  key.reserve(record::expected_bytes(values));
  record::append_key(key, values, columns);
  return key;
}

std::string encode_key(std::initializer_list<Value> values) {
  return encode_key(std::span<const Value>(values.begin(), values.size()));
}

Result<std::vector<Value>> decode_key(std::string_view key, std::span<const KeyColumn> columns) {
  std::vector<Value> values;
  values.reserve(4);  // most keys have no more columns
  record::KeyReader reader(key);
  while (!reader.at_end()) {
    if (values.size() == record::key_columns_max) {
      return Status(Code::limit, "key has more than " + std::to_string(record::key_columns_max) +
                                     " columns: the next one is at offset " + std::to_string(reader.offset()));
    }
    QUIRE_ASSIGN(Value value, record::read_column(reader, record::column_at(columns, values.size())));
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace quire
