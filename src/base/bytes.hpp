// Bytes: loads and stores of integers in a stated byte order, and views of memory as bytes or text.
//
// Every integer on disk is little-endian; big-endian is used where memcmp must order integers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace quire {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

static_assert(std::endian::native == std::endian::little, "a big-endian port must swap in base/bytes.hpp");

template <class T>
T load_le(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store_le(std::byte* to, T value) noexcept {
  std::memcpy(to, &value, sizeof value);
}

inline std::uint16_t swap_bytes(std::uint16_t v) noexcept { return __builtin_bswap16(v); }
inline std::uint32_t swap_bytes(std::uint32_t v) noexcept { return __builtin_bswap32(v); }
inline std::uint64_t swap_bytes(std::uint64_t v) noexcept { return __builtin_bswap64(v); }

template <class T>
T load_be(const std::byte* from) noexcept {
  return swap_bytes(load_le<T>(from));
}

template <class T>
void store_be(std::byte* to, T value) noexcept {
  store_le(to, swap_bytes(value));
}

// The same memory, seen as text or as bytes. Lifetime is the argument's.
inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::string_view as_text(const std::byte* data, std::size_t bytes) noexcept {
  return {reinterpret_cast<const char*>(data), bytes};
}
inline Bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// memcpy that accepts an empty source whose pointer is null.
inline void copy_bytes(std::byte* to, std::string_view from) noexcept {
  if (!from.empty()) std::memcpy(to, from.data(), from.size());
}

}  // namespace quire
