// Amounts: numbers, sizes and times as people read and write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "quire/status.hpp"

namespace quire::tools {

// 171075 -> "171 075".
std::string group_digits(std::uint64_t number);

// "1 row", "171 075 rows".
std::string count_of(std::uint64_t number, std::string_view thing);

// 1536 -> "1.5 KiB"; bytes below 1024 as "17 bytes".
std::string byte_amount(std::uint64_t bytes);

// 0.0004 -> "0.4 ms", 12.3 -> "12.3 s", 150 -> "2 min 30 s".
std::string time_amount(std::uint64_t microseconds);

// "64M", "1.5 GiB", "65536" -> bytes; K, M, G, T are powers of 1024, in either case, with or without B or iB.
Result<std::uint64_t> parse_byte_amount(std::string_view text);

}  // namespace quire::tools
