// Keys and rows: typed values to bytes and back.
//
// encode_key is order-preserving: comparing two encoded keys with memcmp compares the values column by
// column. Numbers compare by value: 1 and 1.0 have the same key. A key encoded from the first columns only
// is a byte prefix of exactly the keys whose first columns equal them, so it serves Range::prefix.
//
// encode_row keeps values exactly and small; it does not order.
//
// Threads   functions without state
// Errors    corrupt when bytes to decode are not an encoding; limit when a key has more than 64 columns
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quire/status.hpp"
#include "quire/value.hpp"

namespace quire {

enum class Order : std::uint8_t { ascending = 0, descending = 1 };

// How text compares: byte by byte; with A-Z folded to a-z; or with trailing spaces ignored.
enum class Collation : std::uint8_t { binary = 0, nocase = 1, rtrim = 2 };

// How one column of a key is ordered.
struct KeyColumn {
  Order order = Order::ascending;
  Collation collation = Collation::binary;
};

// The key of `values`. Columns beyond the end of `columns` are ascending and binary.
std::string encode_key(std::span<const Value> values, std::span<const KeyColumn> columns = {});
std::string encode_key(std::initializer_list<Value> values);

// The values of a key. Numbers come back as int64 when they are integers that fit, else as float64; text
// under a collation other than binary comes back as it compares (folded, trimmed).
Result<std::vector<Value>> decode_key(std::string_view key, std::span<const KeyColumn> columns = {});

// The row of `values`: any number of columns.
std::string encode_row(std::span<const Value> values);
std::string encode_row(std::initializer_list<Value> values);

Result<std::vector<Value>> decode_row(std::string_view row);

}  // namespace quire
