// Undo page and undo record on disk.
//
// An undo record is the before image of one change: what rollback puts back and what older snapshots read. Records grow up
// from byte 64 of the page. A handle names a record: PageId:48 | offset / 8:13 | 0:3.
#pragma once

#include "page/layout.hpp"

namespace quire::txn {

inline constexpr page::Field undo_page_fields[] = {
    {"previous_page", 32, 8}, {"first_xid", 40, 8}, {"last_xid", 48, 8}, {"stream", 56, 4}, {"end", 60, 2}, {"live", 62, 2},
};
inline constexpr std::uint32_t undo_page_header_bytes = 64;
static_assert(page::packed(undo_page_fields, page::header_bytes, undo_page_header_bytes), "the undo page has a gap or an overlap");
inline constexpr page::Layout undo_page_layout{"undo page", undo_page_header_bytes, undo_page_fields};

inline constexpr page::Field undo_record_fields[] = {
    {"eighths", 0, 2},      {"type", 2, 1},        {"flags", 3, 1},      {"tree", 4, 4},       {"previous", 8, 8},
    {"row_xid_word", 16, 8}, {"row_handle", 24, 8}, {"operation", 32, 4}, {"key_bytes", 36, 2}, {"reserved_38", 38, 2},
    {"value_bytes", 40, 4}, {"reserved_44", 44, 4},
};
inline constexpr std::uint32_t undo_record_header_bytes = 48;
static_assert(page::packed(undo_record_fields, 0, undo_record_header_bytes), "the undo record has a gap or an overlap");
inline constexpr page::Layout undo_record_layout{"undo record", undo_record_header_bytes, undo_record_fields};

// Explicit numbers, never reused.
enum class UndoType : std::uint8_t {
  insert = 1,  // the row was not there
  update = 2,  // the row had the value of this record
  erase = 3,   // the row was there; its ghost keeps its value
  create = 4,  // the tree was not there; the value is its root PageId, 8 bytes
  drop = 5,    // the tree is dropped when nobody can see it any more; the value as for create
};

namespace undo_flag {
inline constexpr std::uint8_t overflow = 1;    // update: the value is an overflow stub
inline constexpr std::uint8_t ghost = 2;       // update: the row was a ghost
inline constexpr std::uint8_t row_header = 4;  // the row had a header: row_xid_word and row_handle
}  // namespace undo_flag

namespace undo_field {
#define QUIRE_UNDO(type, where, name) inline constexpr page::FieldAt<type> name{page::field(where, #name)}
QUIRE_UNDO(std::uint64_t, undo_page_fields, previous_page);
QUIRE_UNDO(std::uint64_t, undo_page_fields, first_xid);
QUIRE_UNDO(std::uint64_t, undo_page_fields, last_xid);
QUIRE_UNDO(std::uint16_t, undo_page_fields, end);
QUIRE_UNDO(std::uint16_t, undo_record_fields, eighths);
QUIRE_UNDO(std::uint8_t, undo_record_fields, type);
QUIRE_UNDO(std::uint8_t, undo_record_fields, flags);
QUIRE_UNDO(std::uint32_t, undo_record_fields, tree);
QUIRE_UNDO(std::uint64_t, undo_record_fields, previous);
QUIRE_UNDO(std::uint64_t, undo_record_fields, row_xid_word);
QUIRE_UNDO(std::uint64_t, undo_record_fields, row_handle);
QUIRE_UNDO(std::uint32_t, undo_record_fields, operation);
QUIRE_UNDO(std::uint16_t, undo_record_fields, key_bytes);
QUIRE_UNDO(std::uint32_t, undo_record_fields, value_bytes);
#undef QUIRE_UNDO
}  // namespace undo_field

inline constexpr std::uint64_t no_undo = 0;

constexpr std::uint64_t undo_handle(PageId page, std::uint32_t offset) { return page.raw << 16 | offset; }
constexpr PageId page_of_undo(std::uint64_t handle) { return PageId{handle >> 16}; }
constexpr std::uint32_t offset_of_undo(std::uint64_t handle) { return static_cast<std::uint32_t>(handle & 0xFFF8); }

constexpr std::uint32_t undo_record_bytes(std::size_t key_bytes, std::size_t value_bytes) {
  return static_cast<std::uint32_t>((undo_record_header_bytes + key_bytes + value_bytes + 7) / 8 * 8);
}

}  // namespace quire::txn
