// The order of values, defined by comparing the values themselves.
//
// This is the meaning that key encodings must reproduce with memcmp (rule RE-51). It is written for
// certainty, not speed: the tests measure the codec against it, and callers use it where a value has no
// encoding at hand.
//
// Threads   functions without state
#pragma once

#include <compare>

#include "quire/key.hpp"
#include "quire/value.hpp"

namespace quire::record {

// NULL < bool < number < text < JSON < blob. Numbers compare by exact mathematical value across int64 and
// float64; NaN is NULL and -0.0 is 0. Text compares under `collation`, JSON and blobs byte by byte.
std::weak_ordering compare_values(const Value& left, const Value& right, Collation collation = Collation::binary);

// The part of `text` that counts under rtrim: everything before the trailing spaces.
std::string_view trim_spaces(std::string_view text) noexcept;

// A-Z become a-z, every other byte stays.
constexpr char fold_case(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace quire::record
