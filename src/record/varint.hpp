// Varints: unsigned integers in 1 to 9 bytes, as SQLite writes them.
//
// Seven bits a byte, most significant first, the high bit set on all but the last byte; a ninth byte gives
// all of its eight bits. Only the shortest form of a number is read, so a number has one encoding.
//
// Threads   functions without state
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quire::record {

inline constexpr std::size_t varint_bytes_max = 9;

// Bytes that write_varint takes for `number`.
constexpr std::size_t varint_bytes(std::uint64_t number) noexcept {
  std::size_t bytes = 1;
  while (bytes < varint_bytes_max && number >= 0x80) {
    number >>= 7;
    ++bytes;
  }
  return bytes;
}

// Writes `number` at `to`, which has room, and returns the end.
inline char* write_varint(char* to, std::uint64_t number) noexcept {
  const std::size_t bytes = varint_bytes(number);
  std::size_t i = bytes;
  if (bytes == varint_bytes_max) {
    to[--i] = static_cast<char>(number & 0xff);
    number >>= 8;
  } else {
    to[--i] = static_cast<char>(number & 0x7f);
    number >>= 7;
  }
  while (i > 0) {
    to[--i] = static_cast<char>((number & 0x7f) | 0x80);
    number >>= 7;
  }
  return to + bytes;
}

// Reads a number from the front of `from` and returns its bytes, or 0 if it is cut off or not the shortest form.
inline std::size_t read_varint(std::string_view from, std::uint64_t& number) noexcept {
  if (!from.empty() && static_cast<std::uint8_t>(from[0]) < 0x80) {  // nearly all of them
    number = static_cast<std::uint8_t>(from[0]);
    return 1;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < from.size() && i < varint_bytes_max; ++i) {
    const auto byte = static_cast<std::uint8_t>(from[i]);
    if (i + 1 == varint_bytes_max) {
      value = value << 8 | byte;
    } else {
      value = value << 7 | (byte & 0x7f);
      if ((byte & 0x80) != 0) continue;
    }
    if (varint_bytes(value) != i + 1) return 0;
    number = value;
    return i + 1;
  }
  return 0;
}

}  // namespace quire::record
