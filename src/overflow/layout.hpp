// Overflow pages on disk: values too large for a leaf.
//
//   stub (in the leaf) -> index page -> index page -> ...
//                            |  |  |
//                          data data data        payload from byte 32 of each data page
//
// An index page lists data pages, so reaching byte n of a value costs one step per index page.
#pragma once

#include "page/layout.hpp"

namespace quire::overflow {

inline constexpr page::Field stub_fields[] = {{"length", 0, 8}, {"first_index_page", 8, 8}, {"checksum", 16, 8}, {"reserved", 24, 8}};
inline constexpr std::uint32_t stub_bytes = 32;
static_assert(page::packed(stub_fields, 0, stub_bytes), "the stub has a gap or an overlap");
inline constexpr page::Layout stub_layout{"overflow stub", stub_bytes, stub_fields};

inline constexpr page::Field index_fields[] = {{"next_index_page", 32, 8}, {"count", 40, 4}, {"reserved", 44, 4}};
inline constexpr std::uint32_t index_header_bytes = 48;
static_assert(page::packed(index_fields, page::header_bytes, index_header_bytes), "the overflow index has a gap or an overlap");
inline constexpr page::Layout index_layout{"overflow index page", index_header_bytes, index_fields};

inline constexpr std::uint32_t page_id_bytes = 8;

namespace index_field {
inline constexpr page::FieldAt<std::uint64_t> next{page::field(index_fields, "next_index_page")};
inline constexpr page::FieldAt<std::uint32_t> count{page::field(index_fields, "count")};
}  // namespace index_field

constexpr std::uint32_t payload_bytes(std::uint32_t page_bytes) { return page_bytes - page::header_bytes; }
constexpr std::uint32_t ids_per_index(std::uint32_t page_bytes) { return (page_bytes - index_header_bytes) / page_id_bytes; }

inline PageId index_entry(const std::byte* page, std::uint32_t i) noexcept {
  return PageId{load_le<std::uint64_t>(page + index_header_bytes + i * page_id_bytes)};
}
inline void set_index_entry(std::byte* page, std::uint32_t i, PageId id) noexcept {
  store_le(page + index_header_bytes + i * page_id_bytes, id.raw);
}

// What the leaf keeps of a large value.
struct Stub {
  std::uint64_t length = 0;
  PageId first{};
  std::uint64_t checksum = 0;  // XXH3-64 of the whole value
};

inline Stub load_stub(std::string_view bytes) noexcept {
  const std::byte* p = as_bytes(bytes).data();
  return {load_le<std::uint64_t>(p), PageId{load_le<std::uint64_t>(p + 8)}, load_le<std::uint64_t>(p + 16)};
}
inline void store_stub(std::byte* to, const Stub& stub) noexcept {
  store_le(to, stub.length);
  store_le(to + 8, stub.first.raw);
  store_le(to + 16, stub.checksum);
  store_le(to + 24, std::uint64_t{0});
}

}  // namespace quire::overflow
