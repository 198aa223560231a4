// Row sources: the rows of a file to import, whatever its format.
//
// csv    RFC 4180 with the column names in the first line; fields typed as field.hpp says
// jsonl  one JSON object a line, its members are the columns; a column that a line lacks is NULL
// tsv    key, tab, value a line with \xNN escapes, as a piped scan prints them
//
// Threads   one thread at a time
// Errors    invalid with line and column; io
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quire/status.hpp"
#include "quire/value.hpp"
#include "shell/text_input.hpp"

namespace quire::shell {

enum class Format { csv, jsonl, tsv };

// csv, jsonl, tsv and other common names of them; invalid otherwise.
Result<Format> parse_format(std::string_view name);
// By the ending of a file's name; none when it says nothing.
std::optional<Format> format_of_path(std::string_view path);
// By the first bytes of a file; none when they say nothing.
std::optional<Format> format_of_content(std::string_view start);

class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual const std::vector<std::string>& columns() const = 0;
  // The next row, a value a column. False at the end.
  virtual Result<bool> next(std::vector<Value>& row) = 0;
  // Where the last row began, from 1.
  virtual std::uint64_t line() const = 0;
};

struct SourceOptions {
  Format format = Format::csv;
  std::optional<char> delimiter;           // of csv; otherwise comma, or what the first line has instead
  std::vector<std::string> column_names;   // of csv whose first line is data
};

// The input outlives the source.
Result<std::unique_ptr<RowSource>> open_source(TextInput& input, const SourceOptions& options);

}  // namespace quire::shell
