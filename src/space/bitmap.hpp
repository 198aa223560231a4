// Bitmap: the set PB, written down with every checkpoint.
//
// An EntryTree whose leaf pages are plain bits, one per block, set when the published checkpoint refers to the
// block. The superblocks' own blocks are set. Bits at or beyond the superblock's file_blocks are not stored.
//
// Rule BA-6: giving the bitmap's own pages blocks changes bits, which may dirty further bitmap pages; assign
// goes on until nothing new is dirty, and only then anything is written.
//
// Threads   serialised by the caller
// Errors    corrupt when a page is damaged or a bit contradicts the superblock
#pragma once

#include "space/entry_tree.hpp"
#include "space/page_table.hpp"

namespace quire::space {

class Bitmap {
 public:
  explicit Bitmap(PageFile& file) : file_(file), entries_(file, EntryTree::Use::bitmap) {}

  // Reads the set of a published superblock.
  Result<BlockSet> load(const Superblock& superblock);

  // Gives blocks to all dirty pages of the table and of the bitmap itself, to the fixed point. Those of the table
  // are reserved already; the bitmap's own draw on the standing reserve (BA-8).
  Status assign(PageTable& table, BlockAllocator& blocks, Epoch epoch);
  // Writes the bits of the epoch's (PB + new) - S.
  Status write(const BlockAllocator& blocks, Epoch epoch, std::string_view why = "checkpoint");
  // The length of the file for the superblock of the epoch: from it follows how many pages the bitmap has. Cutting the
  // file respects it.
  std::uint64_t file_blocks(BlockAllocator& blocks, Epoch epoch) const;
  // A page of it moves to another block with the next assign (BA-9).
  void mark_dirty(std::uint32_t level, std::uint64_t index) { entries_.mark(level, index); }

  bool dirty() const noexcept { return entries_.dirty(); }

  Entry root() const noexcept { return entries_.root(); }
  std::uint32_t depth() const noexcept { return entries_.depth(); }
  const EntryTree& entries() const noexcept { return entries_; }

  std::uint64_t blocks_per_page() const noexcept { return std::uint64_t{file_.page_bytes()} * 8; }

 private:
  PageFile& file_;
  EntryTree entries_;
};

}  // namespace quire::space
