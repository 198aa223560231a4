// B+ tree node on disk: header, slots, records.
//
//   0 page header | 32 node header | 128 slots, growing up | free | records and fences, growing down | page end
//
// A node covers the keys in (lower fence, upper fence]. The prefix that both fences share is not repeated in
// the records: a record holds the rest of its key, the suffix. A slot repeats the first four bytes of
// the suffix as a number (the head), and every `hint_distance`-th head stands in the header as a hint, so
// that a search touches few cache lines. Where the suffixes themselves begin alike, as in a node with an open fence,
// their heads would all be the same: there the head is taken behind the first `head_skip` bytes, which all suffixes share.
//
//   leaf record    suffix | row header if flagged | u16 value bytes | value, or a 32-byte overflow stub
//   inner record   suffix | u64 child; child i covers (key i-1, key i], the last child what lies above
//
// The lower fence of the leftmost node is empty, which is below every key; 0xFFFF as the upper fence's length
// means that there is none.
#pragma once

#include <algorithm>

#include "base/ids.hpp"
#include "page/layout.hpp"

namespace quire::btree {

inline constexpr std::uint32_t hint_count = 14;

inline constexpr page::Field node_fields[] = {
    {"count", 32, 2},         {"heap_low", 34, 2},   {"heap_used", 36, 2},     {"prefix_bytes", 38, 2},
    {"lower_offset", 40, 2},  {"lower_bytes", 42, 2}, {"upper_offset", 44, 2},  {"upper_bytes", 46, 2},
    {"right_sibling", 48, 8}, {"last_child", 56, 8}, {"level", 64, 1},         {"head_skip", 65, 1},
    {"ghosts", 66, 2},        {"row_headers", 68, 2}, {"hint_distance", 70, 2}, {"hints", 72, 56},
};
inline constexpr std::uint32_t node_header_bytes = 128;
static_assert(page::packed(node_fields, page::header_bytes, node_header_bytes), "the node header has a gap or an overlap");
inline constexpr page::Layout node_layout{"b+ tree node", node_header_bytes, node_fields};

inline constexpr page::Field slot_fields[] = {{"head", 0, 4}, {"offset", 4, 2}, {"suffix_bytes_and_flags", 6, 2}};
inline constexpr std::uint32_t slot_bytes = 8;
static_assert(page::packed(slot_fields, 0, slot_bytes), "the slot has a gap or an overlap");
inline constexpr page::Layout slot_layout{"b+ tree slot", slot_bytes, slot_fields};

inline constexpr page::Field row_header_fields[] = {{"xid_and_flags", 0, 8}, {"undo_handle", 8, 8}};
inline constexpr std::uint32_t row_header_bytes = 16;
static_assert(page::packed(row_header_fields, 0, row_header_bytes), "the row header has a gap or an overlap");
inline constexpr page::Layout row_header_layout{"row header", row_header_bytes, row_header_fields};

// Who wrote a row last, and where the version before is kept (TX-3). Rows that every snapshot sees have none.
struct RowHeader {
  Xid xid;                 // 48 bits
  std::uint64_t undo = 0;  // handle of the undo record
  std::uint8_t flags = 0;  // 4 bits
  friend bool operator==(const RowHeader&, const RowHeader&) = default;
};

namespace row_header_field {
inline constexpr page::FieldAt<std::uint64_t> xid_and_flags{page::field(row_header_fields, "xid_and_flags")};
inline constexpr page::FieldAt<std::uint64_t> undo_handle{page::field(row_header_fields, "undo_handle")};
inline constexpr std::uint32_t xid_bits = 48;
inline constexpr std::uint32_t flags_shift = 60;
inline constexpr std::uint64_t xid_mask = (std::uint64_t{1} << xid_bits) - 1;
inline constexpr std::uint64_t reserved_mask = ((std::uint64_t{1} << flags_shift) - 1) & ~xid_mask;
}  // namespace row_header_field

inline RowHeader load_row_header(const std::byte* from) noexcept {
  const std::uint64_t word = row_header_field::xid_and_flags.get(from);
  return {Xid{word & row_header_field::xid_mask}, row_header_field::undo_handle.get(from),
          static_cast<std::uint8_t>(word >> row_header_field::flags_shift)};
}
inline void store_row_header(std::byte* to, const RowHeader& header) noexcept {
  row_header_field::xid_and_flags.set(to, header.xid.raw | std::uint64_t{header.flags} << row_header_field::flags_shift);
  row_header_field::undo_handle.set(to, header.undo);
}

namespace node_field {
#define QUIRE_NODE(type, name) inline constexpr page::FieldAt<type> name{page::field(node_fields, #name)}
QUIRE_NODE(std::uint16_t, count);
QUIRE_NODE(std::uint16_t, heap_low);
QUIRE_NODE(std::uint16_t, heap_used);
QUIRE_NODE(std::uint16_t, prefix_bytes);
QUIRE_NODE(std::uint16_t, lower_offset);
QUIRE_NODE(std::uint16_t, lower_bytes);
QUIRE_NODE(std::uint16_t, upper_offset);
QUIRE_NODE(std::uint16_t, upper_bytes);
QUIRE_NODE(std::uint64_t, right_sibling);
QUIRE_NODE(std::uint64_t, last_child);
QUIRE_NODE(std::uint8_t, level);
QUIRE_NODE(std::uint8_t, head_skip);
QUIRE_NODE(std::uint16_t, ghosts);
QUIRE_NODE(std::uint16_t, row_headers);
QUIRE_NODE(std::uint16_t, hint_distance);
#undef QUIRE_NODE
inline constexpr std::uint32_t hints_offset = page::field(node_fields, "hints").offset;
}  // namespace node_field

inline constexpr std::uint16_t no_upper_fence = 0xFFFF;

namespace slot_field {
inline constexpr page::FieldAt<std::uint32_t> head{page::field(slot_fields, "head")};
inline constexpr page::FieldAt<std::uint16_t> offset{page::field(slot_fields, "offset")};
inline constexpr page::FieldAt<std::uint16_t> packed{page::field(slot_fields, "suffix_bytes_and_flags")};
}  // namespace slot_field

inline constexpr std::uint16_t slot_suffix_mask = 0x0FFF;
namespace slot_flag {
inline constexpr std::uint16_t ghost = 0x1000;
inline constexpr std::uint16_t overflow = 0x2000;
inline constexpr std::uint16_t header = 0x4000;
inline constexpr std::uint16_t all = ghost | overflow | header;
}  // namespace slot_flag

inline constexpr std::uint32_t value_length_bytes = 2;
inline constexpr std::uint32_t child_bytes = 8;
inline constexpr std::uint32_t suffix_bytes_max = slot_suffix_mask;

// Fewer shared bytes leave heads something to tell apart, and a search need not look at what they share.
inline constexpr std::uint32_t head_skip_min = sizeof(std::uint32_t);
inline constexpr std::uint32_t head_skip_max = 255;

// BT-1: a node holds two fences and two of the largest records.
constexpr std::uint32_t key_bytes_max(std::uint32_t page_bytes) {
  return std::min<std::uint32_t>((page_bytes - 256) / 4 - 16, suffix_bytes_max);
}
constexpr std::uint32_t record_bytes_max(std::uint32_t page_bytes) { return page_bytes / 4; }

constexpr bool node_holds_two_of_the_largest(std::uint32_t page_bytes) {
  return node_header_bytes + 2 * key_bytes_max(page_bytes) + 2 * (record_bytes_max(page_bytes) + slot_bytes) <= page_bytes;
}
static_assert(node_holds_two_of_the_largest(4096) && node_holds_two_of_the_largest(8192));
static_assert(node_holds_two_of_the_largest(16384) && node_holds_two_of_the_largest(32768));
static_assert(node_holds_two_of_the_largest(65536));
// So do two separators of an inner node.
static_assert(key_bytes_max(4096) + child_bytes <= record_bytes_max(4096) && key_bytes_max(65536) + child_bytes <= record_bytes_max(65536));

// The first four bytes of a suffix as a number that compares like them; missing bytes are zero.
inline std::uint32_t head_of(std::string_view suffix) noexcept {
  std::uint32_t head = 0;
  if (suffix.size() >= sizeof head) {
    std::memcpy(&head, suffix.data(), sizeof head);  // a copy of fixed length is one instruction
  } else if (!suffix.empty()) {
    std::memcpy(&head, suffix.data(), suffix.size());
  }
  return swap_bytes(head);
}

}  // namespace quire::btree
