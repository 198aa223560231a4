// Notes: what a checkpoint knows beside the pages of trees, and their chain of pages in the file.
//
// A chain is written whole, its last page first, because each page holds the entry, checksum included, of the next. When
// the notes are as they were the next checkpoint keeps the pages.
//
// Threads   functions without state
// Errors    corrupt: a page that cannot be what it should, a chain without end; full from the caller's allocation
#pragma once

#include <functional>
#include <vector>

#include "base/ids.hpp"
#include "space/page_file.hpp"

namespace quire::checkpoint {

// A transaction that had not ended at a flip.
struct ActiveTransaction {
  Xid xid;
  std::uint64_t undo_head = 0;        // handle of its newest undo record, 0: none
  std::uint32_t last_operation = 0;
  friend bool operator==(const ActiveTransaction&, const ActiveTransaction&) = default;
};

// The committed rows of a tree at a flip.
struct RowCount {
  TreeId tree;
  bool ghosts = false;  // erased rows may be left in it
  std::uint64_t rows = 0;
  friend bool operator==(const RowCount&, const RowCount&) = default;
};

struct Notes {
  std::vector<ActiveTransaction> active;
  std::vector<RowCount> counts;
  bool empty() const noexcept { return active.empty() && counts.empty(); }
  friend bool operator==(const Notes&, const Notes&) = default;
};

struct StoredNotes {
  Notes notes;
  std::vector<space::Entry> pages;  // in order
};

// `first`: the superblock's entry; free when there are none.
Result<StoredNotes> load_notes(space::PageFile& file, const space::Entry& first, const space::IoReason& why);

// How many pages they take.
std::uint64_t notes_pages(const Notes& notes, std::uint32_t page_bytes);
// Writes them to blocks that `allocate` gives, one page each. The entries in order.
Result<std::vector<space::Entry>> write_notes(space::PageFile& file, const Notes& notes, const std::function<Block()>& allocate,
                                              const space::IoReason& why);

}  // namespace quire::checkpoint
