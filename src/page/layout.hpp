// Page header and page kinds: what every page with a PageId begins with.
//
// There is no checksum in the page: it lives with the pointer, in the page-table entry (space/layout.hpp).
// Offsets inside a page are 16 bits wide; in a 64 KiB page the offset 0 stands for 65536 (end_offset).
#pragma once

#include <array>

#include "base/ids.hpp"
#include "page/field.hpp"

namespace quire::page {

inline constexpr std::uint32_t page_bytes_min = 4096;
inline constexpr std::uint32_t page_bytes_max = 65536;
inline constexpr std::uint32_t page_bytes_default = 8192;
inline constexpr std::uint32_t block_bytes = 4096;

constexpr bool is_page_size(std::uint64_t bytes) {
  return bytes >= page_bytes_min && bytes <= page_bytes_max && (bytes & (bytes - 1)) == 0;
}

// Explicit numbers, never reused.
enum class PageType : std::uint8_t {
  none = 0,
  inner = 1,
  leaf = 2,
  overflow_index = 3,
  overflow_data = 4,
  undo = 5,
  heap_home = 6,
  heap_spill = 7,
  heap_map = 8,
  run_data = 9,
  run_index = 10,
  active_transactions = 11,
  table = 12,
  bitmap = 13,
};
inline constexpr std::size_t page_type_count = 14;

constexpr std::string_view page_type_name(PageType type) {
  constexpr std::array<std::string_view, page_type_count> names = {
      "none",      "inner",    "leaf",     "overflow_index", "overflow_data",       "undo",  "heap_home",
      "heap_spill", "heap_map", "run_data", "run_index",      "active_transactions", "table", "bitmap"};
  const auto index = static_cast<std::size_t>(type);
  return index < names.size() ? names[index] : "unknown";
}

inline constexpr Field header_fields[] = {
    {"type", 0, 1},     {"flags", 1, 1},   {"layout", 2, 2},     {"tree_id", 4, 4},
    {"page_id", 8, 8},  {"max_xid", 16, 8}, {"generation", 24, 8},
};
inline constexpr std::uint32_t header_bytes = 32;
static_assert(packed(header_fields, 0, header_bytes), "the page header has a gap or an overlap");
inline constexpr Layout header_layout{"page header", header_bytes, header_fields};

namespace header {
inline constexpr FieldAt<std::uint8_t> type{field(header_fields, "type")};
inline constexpr FieldAt<std::uint8_t> flags{field(header_fields, "flags")};
inline constexpr FieldAt<std::uint16_t> layout{field(header_fields, "layout")};
inline constexpr FieldAt<std::uint32_t> tree_id{field(header_fields, "tree_id")};
inline constexpr FieldAt<std::uint64_t> page_id{field(header_fields, "page_id")};
inline constexpr FieldAt<std::uint64_t> max_xid{field(header_fields, "max_xid")};
inline constexpr FieldAt<std::uint64_t> generation{field(header_fields, "generation")};
}  // namespace header

inline PageType type_of(const std::byte* page) noexcept { return static_cast<PageType>(header::type.get(page)); }
inline TreeId tree_of(const std::byte* page) noexcept { return TreeId{header::tree_id.get(page)}; }
inline PageId id_of(const std::byte* page) noexcept { return PageId{header::page_id.get(page)}; }

// Clears the page and writes its header.
struct NewPage {
  PageType type;
  TreeId tree;
  PageId id;
};
inline void format_page(MutableBytes bytes, NewPage what) noexcept {
  std::memset(bytes.data(), 0, bytes.size());
  header::type.set(bytes.data(), static_cast<std::uint8_t>(what.type));
  header::tree_id.set(bytes.data(), what.tree.raw);
  header::page_id.set(bytes.data(), what.id.raw);
}

// The 16-bit form of an offset that may be the page's end, and back.
inline std::uint16_t to_offset16(std::uint32_t offset) noexcept { return static_cast<std::uint16_t>(offset); }
inline std::uint32_t end_offset(std::uint16_t stored) noexcept { return stored == 0 ? 65536u : stored; }

}  // namespace quire::page
