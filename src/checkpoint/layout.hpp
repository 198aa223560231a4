// Notes page: what a checkpoint knows beside the pages of trees.
//
// Transactions that had not ended at its flip, and how many rows the trees have. The notes are one sequence of records, cut
// into pages; most databases need one page. The pages have no PageId; the superblock's entry leads to the first, each to
// the next, and their checksums are seeded with numbers of their own.
//
//   0 entry of the next page | 16 u32 transactions | 20 u32 trees | records: transactions from 32 on, then trees
#pragma once

#include "space/layout.hpp"

namespace quire::checkpoint {

inline constexpr page::Field notes_page_fields[] = {
    {"next", 0, 16}, {"transactions", 16, 4}, {"trees", 20, 4}, {"reserved_24", 24, 8}};
inline constexpr std::uint32_t notes_page_header_bytes = 32;
static_assert(page::packed(notes_page_fields, 0, notes_page_header_bytes), "the notes page has a gap");
inline constexpr page::Layout notes_page_layout{"notes page", notes_page_header_bytes, notes_page_fields};

inline constexpr page::Field active_record_fields[] = {
    {"xid", 0, 8}, {"undo_head", 8, 8}, {"last_operation", 16, 4}, {"state", 20, 4}, {"reserved_24", 24, 8},
};
inline constexpr std::uint32_t active_record_bytes = 32;
static_assert(page::packed(active_record_fields, 0, active_record_bytes), "the active-transaction record has a gap");
inline constexpr page::Layout active_record_layout{"active-transaction record", active_record_bytes, active_record_fields};

inline constexpr page::Field count_record_fields[] = {{"tree", 0, 4}, {"flags", 4, 4}, {"rows", 8, 8}};
inline constexpr std::uint32_t count_record_bytes = 16;
static_assert(page::packed(count_record_fields, 0, count_record_bytes), "the row-count record has a gap");
inline constexpr page::Layout count_record_layout{"row-count record", count_record_bytes, count_record_fields};

namespace count_flag {
inline constexpr std::uint32_t ghosts = 1;  // the tree may hold erased rows that a crash would leave behind
}  // namespace count_flag

namespace notes_field {
inline constexpr std::uint32_t next_offset = page::field(notes_page_fields, "next").offset;
inline constexpr page::FieldAt<std::uint32_t> transactions{page::field(notes_page_fields, "transactions")};
inline constexpr page::FieldAt<std::uint32_t> trees{page::field(notes_page_fields, "trees")};
inline constexpr page::FieldAt<std::uint64_t> xid{page::field(active_record_fields, "xid")};
inline constexpr page::FieldAt<std::uint64_t> undo_head{page::field(active_record_fields, "undo_head")};
inline constexpr page::FieldAt<std::uint32_t> last_operation{page::field(active_record_fields, "last_operation")};
inline constexpr page::FieldAt<std::uint32_t> state{page::field(active_record_fields, "state")};
inline constexpr page::FieldAt<std::uint32_t> tree{page::field(count_record_fields, "tree")};
inline constexpr page::FieldAt<std::uint32_t> flags{page::field(count_record_fields, "flags")};
inline constexpr page::FieldAt<std::uint64_t> rows{page::field(count_record_fields, "rows")};
}  // namespace notes_field

// Seeds the checksum of the first page, one more that of the next; no PageId reaches it.
inline constexpr std::uint64_t notes_page_number = std::uint64_t{1} << 62;

}  // namespace quire::checkpoint
