// Active-transactions page: what a checkpoint knows of transactions that had not ended at its flip.
//
// It has no PageId; the superblock's entry leads to it, and its checksum is seeded with a number of its own.
//
//   0 entry of the next such page | 16 u32 count | records from 32, 32 bytes each
#pragma once

#include "space/layout.hpp"

namespace quire::checkpoint {

inline constexpr page::Field active_page_fields[] = {{"next", 0, 16}, {"count", 16, 4}, {"reserved_20", 20, 4}, {"reserved_24", 24, 8}};
inline constexpr std::uint32_t active_page_header_bytes = 32;
static_assert(page::packed(active_page_fields, 0, active_page_header_bytes), "the active-transactions page has a gap");
inline constexpr page::Layout active_page_layout{"active-transactions page", active_page_header_bytes, active_page_fields};

inline constexpr page::Field active_record_fields[] = {
    {"xid", 0, 8}, {"undo_head", 8, 8}, {"last_operation", 16, 4}, {"state", 20, 4}, {"first_lsn", 24, 8},
};
inline constexpr std::uint32_t active_record_bytes = 32;
static_assert(page::packed(active_record_fields, 0, active_record_bytes), "the active-transaction record has a gap");
inline constexpr page::Layout active_record_layout{"active-transaction record", active_record_bytes, active_record_fields};

namespace active_field {
inline constexpr page::FieldAt<std::uint32_t> count{page::field(active_page_fields, "count")};
inline constexpr page::FieldAt<std::uint64_t> xid{page::field(active_record_fields, "xid")};
inline constexpr page::FieldAt<std::uint64_t> undo_head{page::field(active_record_fields, "undo_head")};
inline constexpr page::FieldAt<std::uint32_t> last_operation{page::field(active_record_fields, "last_operation")};
inline constexpr page::FieldAt<std::uint32_t> state{page::field(active_record_fields, "state")};
inline constexpr page::FieldAt<std::uint64_t> first_lsn{page::field(active_record_fields, "first_lsn")};
}  // namespace active_field

// Seeds the page's checksum; no PageId reaches it.
inline constexpr std::uint64_t active_page_number = std::uint64_t{1} << 62;

}  // namespace quire::checkpoint
