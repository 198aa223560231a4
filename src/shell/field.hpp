// Fields: values as text in CSV and on the command line.
//
// Bare text that is exactly how Quire writes an int64 or a finite float64 is that number: 42, -1.5, but
// not 007, +1, 1.50. Bare x'0a0b' is a blob, bare nothing is NULL, everything else is text. Quoted text is
// always text. Writing follows the same rule: text that would be read as something else is quoted.
// Booleans, JSON and infinite numbers have no form of their own: they are written as text and read as such.
//
// Threads   functions without state
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quire/status.hpp"
#include "quire/value.hpp"

namespace quire::shell {

struct Field {
  std::string text;
  bool quoted = false;
  friend bool operator==(const Field&, const Field&) = default;
};

Value value_of(const Field& field);
Value value_of(std::string_view text, bool quoted);

// The value's text without quotes: as it is for text, JSON; empty for NULL; x'0a' for a blob.
std::string bare_text(const Value& value);

// Whether reading what append_field writes gives this value again.
bool keeps_type(const Value& value);

void append_field(std::string& out, const Value& value, char delimiter = ',');
std::string write_record(std::span<const Value> values, char delimiter = ',');

// One record without its line end; quotes as in RFC 4180. invalid when a quote is not closed.
Result<std::vector<Field>> parse_record(std::string_view text, char delimiter = ',');

}  // namespace quire::shell
