// EntryTree: loading, growing, assigning blocks, writing.
//
// Levels are written from the leaf pages up, because the checksum of a page must be known before the page that holds its
// entry is written.
#include "space/entry_tree.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/try.hpp"

namespace quire::space {

namespace {

constexpr std::uint32_t depth_max = 8;
constexpr std::uint64_t flag_bits = Entry::has_free | Entry::has_undo;

// Pages per level for a number of leaves, level 0 first, up to the single top page.
std::vector<std::uint64_t> level_sizes(std::uint64_t leaves, std::uint64_t fanout) {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t pages = leaves; pages > 0; pages = (pages + fanout - 1) / fanout) {
    sizes.push_back(pages);
    if (pages == 1) break;
  }
  return sizes;
}

}  // namespace

std::uint64_t EntryTree::number(std::uint32_t level, std::uint64_t index) const noexcept {
  return use_ == Use::table ? table_page_number(level, index) : bitmap_page_number(level, index);
}

std::string EntryTree::name(std::uint32_t level, std::uint64_t index) const {
  return std::string(use_ == Use::table ? "page table" : "bitmap") + " page " + std::to_string(index) + " of level " +
         std::to_string(level);
}

Status EntryTree::load(Entry root, std::uint32_t depth, std::uint64_t leaves, IoReason why) {
  const std::vector<std::uint64_t> sizes = level_sizes(leaves, fanout());
  if (sizes.size() != depth || depth > depth_max) {
    return Status(Code::corrupt, std::string(use_ == Use::table ? "the page table" : "the bitmap") + " of " +
                                     file_.path() + " has depth " + std::to_string(depth) + ", " +
                                     std::to_string(sizes.size()) + " expected for " + std::to_string(leaves) + " pages");
  }
  levels_.assign(depth, {});
  dirty_.assign(depth, {});
  assigned_.assign(depth, {});
  if (depth == 0) return Status();
  levels_.back() = {root};
  std::vector<std::byte> image(file_.page_bytes());
  for (std::uint32_t level = depth; level-- > 1;) {
    std::vector<Entry>& below = levels_[level - 1];
    below.reserve(sizes[level - 1]);
    for (std::uint64_t i = 0; i < levels_[level].size(); ++i) {
      QUIRE_TRY(read(level, i, image, why));
      for (std::uint64_t k = 0; k < fanout() && below.size() < sizes[level - 1]; ++k) {
        below.push_back(load_entry(image.data() + k * entry_bytes));
      }
    }
    QUIRE_ASSERT(below.size() == sizes[level - 1]);
  }
  return Status();
}

void EntryTree::grow(std::uint64_t leaves) {
  const std::uint64_t before = this->leaves();
  if (leaves <= before) return;
  const std::vector<std::uint64_t> sizes = level_sizes(leaves, fanout());
  levels_.resize(sizes.size());
  dirty_.resize(sizes.size());
  assigned_.resize(sizes.size());
  for (std::size_t level = 0; level < sizes.size(); ++level) levels_[level].resize(sizes[level]);
  for (std::uint64_t leaf = before; leaf < leaves; ++leaf) mark_dirty(leaf);
}

void EntryTree::shrink(std::uint64_t leaves, BlockAllocator& blocks, Epoch epoch) {
  QUIRE_ASSERT(leaves > 0);
  if (leaves >= this->leaves()) return;
  const std::vector<std::uint64_t> sizes = level_sizes(leaves, fanout());
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    const std::uint64_t keep = level < sizes.size() ? sizes[level] : 0;
    QUIRE_ASSERT(assigned_[level].empty());
    for (std::uint64_t i = keep; i < levels_[level].size(); ++i) {
      if (!levels_[level][i].free()) blocks.supersede(levels_[level][i].block(), epoch);
    }
    levels_[level].resize(keep);
    dirty_[level].erase(dirty_[level].lower_bound(keep), dirty_[level].end());
  }
  levels_.resize(sizes.size());
  dirty_.resize(sizes.size());
  assigned_.resize(sizes.size());
  // The pages above the new last leaf list fewer pages now.
  dirty_[0].erase(leaves - 1);
  mark(0, leaves - 1);
}

std::uint32_t EntryTree::depth_for(std::uint64_t leaves) const noexcept {
  return static_cast<std::uint32_t>(level_sizes(leaves, fanout()).size());
}

void EntryTree::mark(std::uint32_t level, std::uint64_t index) {
  for (; level < depth(); ++level, index /= fanout()) {
    QUIRE_ASSERT(index < levels_[level].size());
    if (!dirty_[level].insert(index).second) break;
  }
}

bool EntryTree::assign(BlockAllocator& blocks, Epoch epoch) {
  bool any = false;
  for (std::uint32_t level = 0; level < depth(); ++level) {
    for (const std::uint64_t index : dirty_[level]) {
      if (!assigned_[level].insert(index).second) continue;
      Entry& entry = levels_[level][index];
      if (!entry.free()) blocks.supersede(entry.block(), epoch);
      entry = Entry::make(blocks.allocate(epoch), file_.page_blocks(), EntryKind::page);
      any = true;
    }
  }
  return any;
}

std::uint64_t EntryTree::unassigned() const noexcept {
  std::uint64_t pages = 0;
  for (std::uint32_t level = 0; level < depth(); ++level) pages += dirty_[level].size() - assigned_[level].size();
  return pages;
}

Status EntryTree::write(const FillLeaf& fill, IoReason why) {
  std::vector<std::byte> image(file_.page_bytes());
  for (std::uint32_t level = 0; level < depth(); ++level) {
    QUIRE_ASSERT(dirty_[level].size() == assigned_[level].size());
    for (const std::uint64_t index : dirty_[level]) {
      std::fill(image.begin(), image.end(), std::byte{0});
      std::uint64_t flags = 0;
      if (level == 0) {
        flags = fill(index, image);
      } else {
        const std::vector<Entry>& below = levels_[level - 1];
        const std::uint64_t first = index * fanout();
        for (std::uint64_t k = 0; k < fanout() && first + k < below.size(); ++k) {
          store_entry(image.data() + k * entry_bytes, below[first + k]);
          flags |= below[first + k].place & flag_bits;
        }
      }
      Entry& entry = levels_[level][index];
      entry.place = (entry.place & ~flag_bits) | (flags & flag_bits);
      entry.checksum = file_.checksum(image, number(level, index));
      QUIRE_TRY(file_.write(entry.block(), image, why, number(level, index)));
    }
    dirty_[level].clear();
    assigned_[level].clear();
  }
  return Status();
}

Status EntryTree::read(std::uint32_t level, std::uint64_t index, MutableBytes into, IoReason why) const {
  return file_.read(levels_[level][index], number(level, index), name(level, index), into, why);
}

Status EntryTree::read_leaf(Entry entry, std::uint64_t index, MutableBytes into) const {
  return file_.read(entry, number(0, index), name(0, index), into, {.word = "lookup"});
}

}  // namespace quire::space
