// CSV reader: records of RFC 4180, one at a time.
//
// Fields in double quotes may hold delimiters, line breaks and doubled quotes. Lines end with LF or CRLF.
// A quote inside a bare field is an ordinary character, as most programs have it.
//
// Threads   one thread at a time
// Errors    invalid with the line number: a quote never closed, text after a closing quote; limit for a
//           field that is larger than any value; io when the file cannot be read on
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quire/status.hpp"
#include "shell/field.hpp"
#include "shell/text_input.hpp"

namespace quire::shell {

class CsvReader {
 public:
  struct Options {
    char delimiter = ',';
    bool skip_blank_lines = true;  // else an empty line is a record of one empty field
  };
  // The input outlives the reader.
  explicit CsvReader(TextInput& input) : CsvReader(input, Options{}) {}
  CsvReader(TextInput& input, Options options) : input_(input), options_(options) {}

  void set_skip_blank_lines(bool skip) { options_.skip_blank_lines = skip; }

  // The next record into `fields`, whose memory is reused. False at the end.
  Result<bool> next(std::vector<Field>& fields);

  // Where the last record began, from 1.
  std::uint64_t line() const noexcept { return record_line_; }

 private:
  enum class End { field, record, input };
  Result<End> bare(Field& field);
  Result<End> quoted(Field& field);
  End after(int c);

  TextInput& input_;
  Options options_;
  std::uint64_t line_ = 1;
  std::uint64_t record_line_ = 0;
};

}  // namespace quire::shell
