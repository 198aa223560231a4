// Rows in SQLite's manner.
//
// A row has one encoding: varints and integers are in their shortest form and nothing follows the last
// column, so equal rows are equal bytes and damage is noticed rather than read as something else.
#include "record/row_codec.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/try.hpp"
#include "record/varint.hpp"

namespace quire {

namespace record {

namespace {

using Serial = std::uint64_t;

constexpr Serial null_serial = 0;
constexpr Serial float_serial = 7;
constexpr Serial zero_serial = 8;
constexpr Serial one_serial = 9;
constexpr Serial false_serial = 10;
constexpr Serial true_serial = 11;
constexpr Serial blob_serial = 12;  // and every multiple of 4 above
constexpr Serial text_serial = 13;  // and every odd number above
constexpr Serial json_serial = 14;  // and every 4 above

// Content bytes of the serial types below blob_serial.
constexpr std::array<std::uint8_t, blob_serial> fixed_bytes = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};

Serial integer_serial(std::int64_t number) {
  if (number == 0) return zero_serial;
  if (number == 1) return one_serial;
  // The bits that differ from the sign, and the sign itself.
  const int bits = std::bit_width(static_cast<std::uint64_t>(number < 0 ? ~number : number)) + 1;
  if (bits <= 32) return static_cast<Serial>((bits + 7) / 8);
  return bits <= 48 ? 5 : 6;
}

Serial serial_of(const Value& value) {
  switch (value.type()) {
    case Type::null: return null_serial;
    case Type::boolean: return value.boolean() ? true_serial : false_serial;
    case Type::int64: return integer_serial(value.int64());
    case Type::float64: return float_serial;
    case Type::text: return text_serial + 2 * Serial{value.text().size()};
    case Type::json: return json_serial + 4 * Serial{value.json().size()};
    case Type::blob: return blob_serial + 4 * Serial{value.blob().size()};
  }
  QUIRE_UNREACHABLE("a value has one of seven types");
}

std::uint64_t content_bytes(Serial serial) {
  if (serial < blob_serial) return fixed_bytes[serial];
  return serial % 2 != 0 ? (serial - text_serial) / 2 : (serial - blob_serial) / 4;
}

Type type_of(Serial serial) {
  if (serial >= blob_serial) {
    if (serial % 2 != 0) return Type::text;
    return serial % 4 == 0 ? Type::blob : Type::json;
  }
  if (serial == null_serial) return Type::null;
  if (serial == float_serial) return Type::float64;
  return serial >= false_serial ? Type::boolean : Type::int64;
}

// Bytes of a header with `serial_bytes` of serial types: the varint in front counts itself.
std::size_t header_bytes_for(std::size_t serial_bytes) {
  std::size_t length_bytes = 1;
  while (varint_bytes(serial_bytes + length_bytes) > length_bytes) ++length_bytes;
  return serial_bytes + length_bytes;
}

char* write_big_endian(char* to, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = bytes; i > 0; number >>= 8) to[--i] = static_cast<char>(number & 0xff);
  return to + bytes;
}

char* write_content(char* to, const Value& value, std::size_t bytes) {
  if (bytes == 0) return to;
  const auto copy = [&](const std::string& content) {
    std::memcpy(to, content.data(), content.size());
    return to + content.size();
  };
  switch (value.type()) {
    case Type::int64: return write_big_endian(to, static_cast<std::uint64_t>(value.int64()), bytes);
    case Type::float64: return write_big_endian(to, std::bit_cast<std::uint64_t>(value.float64()), bytes);
    case Type::text: return copy(value.text());
    case Type::json: return copy(value.json());
    case Type::blob: return copy(value.blob());
    case Type::null:
    case Type::boolean: break;
  }
  QUIRE_UNREACHABLE("NULL and booleans have no content");
}

std::int64_t signed_big_endian(std::string_view content) {
  // The first byte carries the sign.
  auto number = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<signed char>(content[0])));
  for (const char c : content.substr(1)) number = number << 8 | static_cast<std::uint8_t>(c);
  return static_cast<std::int64_t>(number);
}

Status corrupt_row(std::string_view row, std::size_t offset, std::string_view expected) {
  std::string message = "row of " + std::to_string(row.size()) + " bytes, offset " + std::to_string(offset) + ": ";
  message += expected;
  return Status(Code::corrupt, std::move(message));
}

}  // namespace

// Walks the columns of a row whose header has been checked.
class RowReader {
 public:
  explicit RowReader(const RowView& view) : row_(view.row_), content_offset_(view.header_bytes_) {
    std::uint64_t header_bytes = 0;
    header_left_ = row_.substr(0, view.header_bytes_);
    header_left_.remove_prefix(read_varint(header_left_, header_bytes));
    QUIRE_ASSERT(header_bytes == view.header_bytes_);
    load();
  }

  // Moves to the next column. Legal while there is one.
  void next() {
    content_offset_ += content_bytes(serial_);
    load();
  }

  // Stands on column `column`.
  static RowReader at(const RowView& view, std::size_t column) {
    QUIRE_ASSERT(column < view.count());
    RowReader reader(view);
    for (std::size_t i = 0; i < column; ++i) reader.next();
    return reader;
  }

  Type type() const { return type_of(serial_); }
  std::string_view content() const { return row_.substr(content_offset_, content_bytes(serial_)); }

  Result<Value> value() const {
    switch (type()) {
      case Type::null: return Value();
      case Type::boolean: return Value(serial_ == true_serial);
      case Type::int64: return integer();
      case Type::float64: return Value(std::bit_cast<double>(static_cast<std::uint64_t>(signed_big_endian(content()))));
      case Type::text: return Value(content());
      case Type::json: return Value(Json{std::string(content())});
      case Type::blob: return Value(Blob{std::string(content())});
    }
    QUIRE_UNREACHABLE("a serial type has one of seven types");
  }

 private:
  void load() {
    serial_ = null_serial;
    header_left_.remove_prefix(read_varint(header_left_, serial_));
  }

  Result<Value> integer() const {
    if (serial_ == zero_serial || serial_ == one_serial) return Value(serial_ == one_serial ? 1 : 0);
    const std::int64_t number = signed_big_endian(content());
    if (integer_serial(number) != serial_) {
      return corrupt_row(row_, content_offset_, "expected an integer in its shortest form");
    }
    return Value(number);
  }

  std::string_view row_;
  std::string_view header_left_;  // the serial types after serial_
  std::size_t content_offset_;
  Serial serial_ = null_serial;
};

Result<RowView> RowView::open(std::string_view row) {
  std::uint64_t header_bytes = 0;
  std::size_t offset = read_varint(row, header_bytes);
  if (offset == 0) return corrupt_row(row, 0, "expected the length of the header");
  if (header_bytes < offset || header_bytes > row.size() || header_bytes_for(header_bytes - offset) != header_bytes) {
    return corrupt_row(row, 0, "expected a header within the row, found a length of " + std::to_string(header_bytes));
  }
  const std::string_view header = row.substr(0, header_bytes);
  std::size_t content_left = row.size() - header.size();
  std::size_t count = 0;
  for (; offset < header.size(); ++count) {
    Serial serial = 0;
    const std::size_t bytes = read_varint(header.substr(offset), serial);
    if (bytes == 0) return corrupt_row(row, offset, "expected a serial type in its shortest form");
    if (content_bytes(serial) > content_left) {
      return corrupt_row(row, offset, "expected a column within the row, found one of " +
                                          std::to_string(content_bytes(serial)) + " bytes where " +
                                          std::to_string(content_left) + " are left");
    }
    content_left -= content_bytes(serial);
    offset += bytes;
  }
  if (content_left != 0) return corrupt_row(row, row.size() - content_left, "expected the end of the row");
  return RowView(row, header.size(), count);
}

Type RowView::type(std::size_t column) const { return RowReader::at(*this, column).type(); }

Result<Value> RowView::column(std::size_t column) const { return RowReader::at(*this, column).value(); }

Result<std::string_view> RowView::text_view(std::size_t column) const {
  const RowReader reader = RowReader::at(*this, column);
  const Type found = reader.type();
  if (found == Type::text || found == Type::json || found == Type::blob) return reader.content();
  return Status(Code::invalid, "column " + std::to_string(column) + " is " + std::string(type_name(found)) +
                                   ", expected text, json or blob");
}

}  // namespace record

std::string encode_row(std::span<const Value> values) {
  using namespace record;
  std::size_t serial_bytes = 0;
  std::size_t total_content_bytes = 0;
  for (const Value& value : values) {
    const Serial serial = serial_of(value);
    serial_bytes += varint_bytes(serial);
    total_content_bytes += content_bytes(serial);
  }
  const std::size_t header_bytes = header_bytes_for(serial_bytes);
  std::string row(header_bytes + total_content_bytes, '\0');
  char* header = write_varint(row.data(), header_bytes);
  char* content = row.data() + header_bytes;
  for (const Value& value : values) {
    const Serial serial = serial_of(value);
    header = write_varint(header, serial);
    content = write_content(content, value, content_bytes(serial));
  }
  QUIRE_ASSERT(header == row.data() + header_bytes);
  QUIRE_ASSERT(content == row.data() + row.size());
  return row;
}

std::string encode_row(std::initializer_list<Value> values) {
  return encode_row(std::span<const Value>(values.begin(), values.size()));
}

Result<std::vector<Value>> decode_row(std::string_view row) {
  QUIRE_ASSIGN(const record::RowView view, record::RowView::open(row));
  std::vector<Value> values;
  values.reserve(view.count());
  record::RowReader reader(view);
  for (std::size_t i = 0; i < view.count(); ++i, reader.next()) {
    QUIRE_ASSIGN(Value value, reader.value());
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace quire
