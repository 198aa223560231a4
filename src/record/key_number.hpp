// Numbers in keys: int64 and float64 in one order, 1 to 9 bytes (rules RE-53 to RE-55).
//
// The encoding depends on the mathematical value alone, so 1 and 1.0 have the same bytes, and memcmp
// orders the exact values, also beyond 2^53 where not every integer is a float64.
//
// Layout   see key_tags.hpp for the tag and key_number.cpp for the bytes after it
// Errors   decoding gives corrupt for everything that encoding does not produce
#pragma once

#include <cstdint>
#include <string>

#include "quire/status.hpp"
#include "quire/value.hpp"
#include "record/key_reader.hpp"
#include "record/key_tags.hpp"

namespace quire::record {

inline constexpr std::size_t number_bytes_max = 9;

void append_integer(std::string& out, std::int64_t number);

// `number` is not NaN, which is a NULL in keys.
void append_float(std::string& out, double number);

// The number whose tag was just read: int64 if it is an integer that fits, else float64.
Result<Value> read_number(KeyReader& reader, Tag tag);

}  // namespace quire::record
