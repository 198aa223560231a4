// Row of the system tree: one per tree of the database.
//
// Tree 1 (root page 1) maps a tree id, four bytes big-endian, to this row. Tree 2 (root page 2) maps keyspace names to
// tree ids and column names, as a row of record/: tree id, number of key columns, key columns, value columns.
#pragma once

#include "page/layout.hpp"

namespace quire::catalog {

inline constexpr page::Field tree_row_fields[] = {
    {"kind", 0, 1}, {"state", 1, 1}, {"reserved", 2, 6}, {"root", 8, 8},
};
inline constexpr std::uint32_t tree_row_bytes = 16;
static_assert(page::packed(tree_row_fields, 0, tree_row_bytes), "the tree row has a gap or an overlap");
inline constexpr page::Layout tree_row_layout{"system tree row", tree_row_bytes, tree_row_fields};

// Explicit numbers, never reused.
enum class TreeKind : std::uint8_t { btree = 1 };
enum class TreeState : std::uint8_t {
  live = 1,
  dropping = 2,  // no keyspace leads to it any more; its pages are freed when no snapshot can see them
};

namespace tree_row {
inline constexpr page::FieldAt<std::uint8_t> kind{page::field(tree_row_fields, "kind")};
inline constexpr page::FieldAt<std::uint8_t> state{page::field(tree_row_fields, "state")};
inline constexpr page::FieldAt<std::uint64_t> root{page::field(tree_row_fields, "root")};
}  // namespace tree_row

inline constexpr TreeId system_tree{1};
inline constexpr TreeId names_tree{2};
inline constexpr TreeId default_tree{3};
inline constexpr TreeId first_free_tree{4};
inline constexpr PageId system_root{1};
inline constexpr PageId names_root{2};

}  // namespace quire::catalog
