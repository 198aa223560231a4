// CSV reader: see csv_reader.hpp.
//
// A field is read character by character into a string that the next record reuses: measured, the reader is
// a small part of an import. A record's line number is where it begins, which is where a person looks.
#include "shell/csv_reader.hpp"

#include <fmt/format.h>

#include "base/try.hpp"

namespace quire::shell {

namespace {

// An unclosed quote would otherwise swallow a file of any size.
constexpr std::size_t field_bytes_max = std::size_t{64} << 20;

}  // namespace

Result<bool> CsvReader::next(std::vector<Field>& fields) {
  if (options_.skip_blank_lines) {
    for (int c = input_.peek(); c == '\n' || c == '\r'; c = input_.peek()) {
      line_ += c == '\n' ? 1 : 0;
      input_.get();
    }
  }
  if (input_.peek() == TextInput::end_of_input) {
    if (input_.failed()) return Status(Code::io, "the file cannot be read");
    return false;
  }
  record_line_ = line_;
  for (std::size_t count = 0;; ++count) {
    if (count == fields.size()) fields.emplace_back();
    Field& field = fields[count];
    field.text.clear();
    field.quoted = input_.peek() == '"';
    QUIRE_ASSIGN(const End end, field.quoted ? quoted(field) : bare(field));
    if (end == End::field) continue;
    fields.resize(count + 1);
    return true;
  }
}

CsvReader::End CsvReader::after(int c) {
  if (c == options_.delimiter) return End::field;
  if (c == '\n') ++line_;
  return c == TextInput::end_of_input ? End::input : End::record;
}

Result<CsvReader::End> CsvReader::bare(Field& field) {
  const auto delimiter = static_cast<unsigned char>(options_.delimiter);
  for (;;) {
    const int c = input_.get();
    if (c == delimiter || c == '\n' || c == TextInput::end_of_input) {
      if (c != delimiter && field.text.ends_with('\r')) field.text.pop_back();
      return after(c);
    }
    field.text += static_cast<char>(c);
    if (field.text.size() > field_bytes_max) {
      return Status(Code::limit, fmt::format("line {}: a field is longer than {} MiB", record_line_, field_bytes_max >> 20));
    }
  }
}

Result<CsvReader::End> CsvReader::quoted(Field& field) {
  const std::uint64_t opened = line_;
  input_.get();
  for (;;) {
    int c = input_.get();
    if (c == TextInput::end_of_input || field.text.size() > field_bytes_max) {
      return Status(Code::invalid, fmt::format("line {}: the quote opened here is never closed", opened));
    }
    if (c == '\n') ++line_;
    if (c != '"') {
      field.text += static_cast<char>(c);
      continue;
    }
    c = input_.get();
    if (c == '"') {
      field.text += '"';
      continue;
    }
    if (c == '\r' && (input_.peek() == '\n' || input_.peek() == TextInput::end_of_input)) c = input_.get();
    if (c == options_.delimiter || c == '\n' || c == TextInput::end_of_input) return after(c);
    return Status(Code::invalid, fmt::format("line {}: text after a closing quote; a quote inside a quoted field is doubled", line_));
  }
}

}  // namespace quire::shell
