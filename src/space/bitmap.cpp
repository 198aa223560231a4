// Bitmap: loading, assigning to the fixed point, writing.
#include "space/bitmap.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/try.hpp"

namespace quire::space {

Result<BlockSet> Bitmap::load(const Superblock& superblock) {
  const std::uint64_t blocks = superblock.file_blocks;
  const std::uint64_t leaves = (blocks + blocks_per_page() - 1) / blocks_per_page();
  QUIRE_TRY(entries_.load(superblock.bitmap_root, superblock.bitmap_depth, leaves));
  BlockSet set;
  set.resize(leaves * blocks_per_page());
  std::vector<std::byte> image(file_.page_bytes());
  const std::size_t words = file_.page_bytes() / sizeof(std::uint64_t);
  for (std::uint64_t leaf = 0; leaf < leaves; ++leaf) {
    QUIRE_TRY(entries_.read(0, leaf, image));
    for (std::size_t k = 0; k < words; ++k) {
      set.set_word(leaf * words + k, load_le<std::uint64_t>(image.data() + k * sizeof(std::uint64_t)));
    }
  }
  if (set.end() > blocks || !set.contains(Block{0}, superblock_blocks)) {
    return Status(Code::corrupt, "the bitmap of " + file_.path() + " contradicts the superblock: " +
                                     std::to_string(set.end()) + " blocks used of " + std::to_string(blocks));
  }
  set.resize(blocks);
  return set;
}

Status Bitmap::assign(PageTable& table, BlockAllocator& blocks, Epoch epoch) {
  const std::uint64_t needed = (blocks.next_published_end(epoch) + blocks_per_page() - 1) / blocks_per_page();
  if (entries_.leaves() > 0) entries_.shrink(std::max<std::uint64_t>(needed, 1), blocks, epoch);
  bool changed = true;
  while (changed) {
    changed = table.assign(blocks);
    const std::uint64_t end = blocks.next_published_end(epoch);
    entries_.grow((end + blocks_per_page() - 1) / blocks_per_page());
    for (const Block block : blocks.take_touched(epoch)) {
      const std::uint64_t leaf = block.raw / blocks_per_page();
      // A block that was both taken and given back beyond the end has no bit to change.
      if (leaf < entries_.leaves()) entries_.mark_dirty(leaf);
    }
    QUIRE_TRY(blocks.reserve(entries_.unassigned(), BlockAllocator::Room::standing));
    if (entries_.assign(blocks, epoch)) changed = true;
  }
  return Status();
}

Status Bitmap::write(const BlockAllocator& blocks, Epoch epoch, std::string_view why) {
  const auto fill = [&](std::uint64_t leaf, MutableBytes into) {
    const std::size_t words = into.size() / sizeof(std::uint64_t);
    for (std::size_t k = 0; k < words; ++k) {
      store_le(into.data() + k * sizeof(std::uint64_t), blocks.next_published_word(epoch, leaf * words + k));
    }
    return std::uint64_t{0};
  };
  return entries_.write(fill, {why, epoch});
}

std::uint64_t Bitmap::file_blocks(BlockAllocator& blocks, Epoch epoch) const {
  const std::uint64_t last_page_begin = (entries_.leaves() - 1) * blocks_per_page();
  const std::uint64_t end = std::max(blocks.next_published_end(epoch), last_page_begin + 1);
  const std::uint64_t length = (end + file_.page_blocks() - 1) / file_.page_blocks() * file_.page_blocks();
  blocks.name_length(epoch, length);
  return length;
}

}  // namespace quire::space
