// Key encoding: what the layers above use beside quire/key.hpp.
//
// Layout   a key is its columns one after the other; a column is a tag (key_tags.hpp) and the bytes that the
//          tag calls for (key_number.hpp, key_text.hpp), all inverted if the column is descending
// Errors   encoding cannot fail; see quire/key.hpp for decoding
// Threads  functions without state
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "quire/key.hpp"

namespace quire::record {

inline constexpr std::size_t key_columns_max = 64;  // a bound for what damaged bytes can make decode_key build

// Appends the key of `values`. The first value is column `first_column` of `columns`.
void append_key(std::string& out, std::span<const Value> values, std::span<const KeyColumn> columns = {},
                std::size_t first_column = 0);

// The bytes that start exactly the keys whose leading columns equal `leading` and whose next column is text
// that begins with `text_prefix`. Both texts are taken as they compare under that column's collation, but
// `text_prefix` keeps its trailing spaces under rtrim. For Range::prefix: a search for NO* encodes "NO".
std::string encode_text_prefix(std::span<const Value> leading, std::string_view text_prefix,
                               std::span<const KeyColumn> columns = {});

}  // namespace quire::record
