// EntryTree: a radix tree of entries over numbered leaf pages; both the page table and the bitmap are one.
//
// Level 0 holds one entry per leaf page; level k holds one entry per page of level k - 1's array, page_bytes /
// 16 to a page; the superblock holds the entry of the top page and the depth. All inner levels are kept in
// memory; leaf pages belong to the owner.
//
//   depth 1   root entry -> the one leaf page
//   depth 2   root entry -> page of entries -> leaf pages
//
// Protocol     (grow | mark)* assign* write root: a page changed in an epoch is assigned a block once
//              (BA-6), and nothing is written before everything is assigned
// Invariants   a page is dirty when any entry in it changes; the pages above a dirty page are dirty
// Threads      serialised by the caller
// Errors       corrupt when an inner page is damaged; io and full from writing
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "space/block_allocator.hpp"
#include "space/page_file.hpp"

namespace quire::space {

class EntryTree {
 public:
  enum class Use { table, bitmap };
  // Writes leaf page `index` into a cleared page; returns the flags (has_free, has_undo) of its entry.
  using FillLeaf = std::function<std::uint64_t(std::uint64_t index, MutableBytes into)>;

  EntryTree(PageFile& file, Use use) : file_(file), use_(use) {}

  // Reads the inner pages of a tree of `leaves` leaf pages.
  Status load(Entry root, std::uint32_t depth, std::uint64_t leaves, IoReason why = {.word = "open"});

  std::uint64_t leaves() const noexcept { return levels_.empty() ? 0 : levels_[0].size(); }
  std::uint32_t depth() const noexcept { return static_cast<std::uint32_t>(levels_.size()); }
  Entry root() const noexcept { return levels_.empty() ? Entry{} : levels_.back()[0]; }
  Entry leaf(std::uint64_t index) const noexcept { return levels_[0][index]; }
  // All entries of a level, for verify.
  const std::vector<Entry>& level(std::uint32_t k) const noexcept { return levels_[k]; }

  // Adds leaf pages up to `leaves`; the new ones are dirty.
  void grow(std::uint64_t leaves);
  // Drops leaf pages at the end, at least one remains. The blocks of all dropped pages are superseded.
  void shrink(std::uint64_t leaves, BlockAllocator& blocks, Epoch epoch);
  // The depth of a tree of that many leaf pages.
  std::uint32_t depth_for(std::uint64_t leaves) const noexcept;
  void mark_dirty(std::uint64_t leaf) { mark(0, leaf); }
  // A page of any level is written again, as are those above it.
  void mark(std::uint32_t level, std::uint64_t index);
  // The pages above a dirty page are dirty, so the top one tells.
  bool dirty() const noexcept { return !levels_.empty() && !dirty_.back().empty(); }

  // Gives every dirty page that has none yet a reserved block for the epoch. True when it gave any.
  bool assign(BlockAllocator& blocks, Epoch epoch);
  // Dirty pages that assign would give a block.
  std::uint64_t unassigned() const noexcept;
  // Writes all dirty pages, leaves first, and makes them clean.
  Status write(const FillLeaf& fill, IoReason why = {});

  // Reads and checks the page `index` of a level; level 0 are the leaf pages.
  Status read(std::uint32_t level, std::uint64_t index, MutableBytes into, IoReason why = {.word = "open"}) const;
  // The same for a leaf page whose entry the caller has, without looking into the tree.
  Status read_leaf(Entry entry, std::uint64_t index, MutableBytes into) const;
  // "page table page 3 of level 0", for messages.
  std::string name(std::uint32_t level, std::uint64_t index) const;

  std::uint64_t fanout() const noexcept { return file_.page_bytes() / entry_bytes; }

 private:
  std::uint64_t number(std::uint32_t level, std::uint64_t index) const noexcept;

  PageFile& file_;
  const Use use_;
  std::vector<std::vector<Entry>> levels_;
  std::vector<std::set<std::uint64_t>> dirty_;
  std::vector<std::set<std::uint64_t>> assigned_;
};

}  // namespace quire::space
