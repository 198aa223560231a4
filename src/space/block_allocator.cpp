// BlockAllocator: reservation, allocation, publication.
//
// The list of touched blocks stands for the sets of the epoch: publish and discard walk it instead of the whole
// bitmap, so that the cost of a commit depends on what it changed, not on the size of the file.
#include "space/block_allocator.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "space/superblock.hpp"

namespace quire::space {

namespace {

// The standing reserve of BA-8: room for checkpoints, rollback and purge on a full disk.
constexpr std::uint64_t standing_reserve_blocks_min = 64;
constexpr std::uint64_t standing_reserve_fraction = 64;

// The file grows in steps, so that small writes do not extend it one page at a time.
constexpr std::uint64_t growth_blocks_min = (std::uint64_t{1} << 20) / block_bytes;
constexpr std::uint64_t growth_blocks_max = (std::uint64_t{64} << 20) / block_bytes;
constexpr std::uint64_t growth_fraction = 8;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) { return (value + step - 1) / step * step; }

}  // namespace

void BlockAllocator::open(BlockSet published, Sizes sizes) {
  unit_blocks_ = sizes.unit_blocks;
  published_ = std::move(published);
  allocated_ = published_;
  const std::uint64_t whole = sizes.physical_blocks - sizes.physical_blocks % unit_blocks_;
  const std::uint64_t blocks = std::max(whole, round_up(published_.size(), unit_blocks_));
  published_.resize(blocks);
  allocated_.resize(blocks);
  fresh_.resize(blocks);
  superseded_.resize(blocks);
  free_units_ = allocated_.count_absent(unit_blocks_);
  check_state();
}

std::uint64_t BlockAllocator::standing_reserve() const noexcept {
  return std::max(standing_reserve_blocks_min, physical_blocks() / standing_reserve_fraction) / unit_blocks_ + 1;
}

Status BlockAllocator::reserve(std::uint64_t units) {
  const std::uint64_t wanted = reserved_units_ + units + standing_reserve();
  if (free_units_ < wanted) QUIRE_TRY(grow(wanted - free_units_));
  reserved_units_ += units;
  QUIRE_ASSERT(reserved_units_ <= free_units_);
  return Status();
}

void BlockAllocator::unreserve(std::uint64_t units) noexcept {
  QUIRE_ASSERT(units <= reserved_units_);
  reserved_units_ -= units;
}

Status BlockAllocator::grow(std::uint64_t units) {
  const std::uint64_t have = physical_blocks();
  // A larger file needs a larger standing reserve; one more unit in 32 covers it.
  const std::uint64_t needed = (units + units / 32 + 1) * unit_blocks_;
  const std::uint64_t step = std::clamp(have / growth_fraction, growth_blocks_min, growth_blocks_max);
  const std::uint64_t generous = round_up(std::max(needed, step), unit_blocks_);
  if (have + generous > Entry::block_max) return Status(Code::limit, "the file would exceed 4 PiB");
  if (file_.allocate(have * block_bytes, generous * block_bytes).ok()) {
    add_capacity(generous);
    return Status();
  }
  QUIRE_TRY(file_.allocate(have * block_bytes, needed * block_bytes));
  add_capacity(needed);
  return Status();
}

void BlockAllocator::add_capacity(std::uint64_t blocks) {
  const std::uint64_t total = physical_blocks() + blocks;
  published_.resize(total);
  allocated_.resize(total);
  fresh_.resize(total);
  superseded_.resize(total);
  free_units_ += blocks / unit_blocks_;
}

Block BlockAllocator::allocate() noexcept {
  const std::optional<Block> found = allocated_.find_absent(unit_blocks_, search_from_);
  QUIRE_ASSERT(found.has_value());
  QUIRE_ASSERT(found->raw >= superblock_blocks);
  QUIRE_ASSERT(!published_.contains_any(*found, unit_blocks_));
  allocated_.insert(*found, unit_blocks_);
  fresh_.insert(*found, unit_blocks_);
  touched_.push_back(*found);
  search_from_ = Block{found->raw + unit_blocks_};
  --free_units_;
  return *found;
}

void BlockAllocator::supersede(Block block) noexcept {
  QUIRE_ASSERT(allocated_.contains(block, unit_blocks_));
  touched_.push_back(block);
  if (fresh_.contains(block, unit_blocks_)) {
    fresh_.erase(block, unit_blocks_);
    allocated_.erase(block, unit_blocks_);
    ++free_units_;
    search_from_ = std::min(search_from_, block);
    return;
  }
  QUIRE_ASSERT(published_.contains(block, unit_blocks_));
  QUIRE_ASSERT(!superseded_.contains_any(block, unit_blocks_));
  superseded_.insert(block, unit_blocks_);
  if (seeded_bug("reuse_block_one_checkpoint_early")) {
    published_.erase(block, unit_blocks_);
    superseded_.erase(block, unit_blocks_);
    allocated_.erase(block, unit_blocks_);
    ++free_units_;
    search_from_ = std::min(search_from_, block);
  }
}

std::vector<Block> BlockAllocator::take_touched() {
  std::vector<Block> news(touched_.begin() + static_cast<std::ptrdiff_t>(touched_taken_), touched_.end());
  touched_taken_ = touched_.size();
  return news;
}

std::uint64_t BlockAllocator::next_published_word(std::size_t index) const noexcept {
  return (published_.word(index) | fresh_.word(index)) & ~superseded_.word(index);
}

std::uint64_t BlockAllocator::next_published_end() const noexcept {
  for (std::size_t i = published_.words().size(); i-- > 0;) {
    const std::uint64_t word = next_published_word(i);
    if (word != 0) return (i + 1) * BlockSet::word_bits - static_cast<std::uint64_t>(std::countl_zero(word));
  }
  return 0;
}

void BlockAllocator::publish() {
  for (const Block block : touched_) {
    if (fresh_.contains(block, unit_blocks_)) {
      published_.insert(block, unit_blocks_);
      fresh_.erase(block, unit_blocks_);
    } else if (superseded_.contains(block, unit_blocks_)) {
      published_.erase(block, unit_blocks_);
      superseded_.erase(block, unit_blocks_);
      allocated_.erase(block, unit_blocks_);
      ++free_units_;
      search_from_ = std::min(search_from_, block);
    }
  }
  touched_.clear();
  touched_taken_ = 0;
  QUIRE_VERIFY((check_state(), true));
}

void BlockAllocator::discard() {
  for (const Block block : touched_) {
    if (fresh_.contains(block, unit_blocks_)) {
      fresh_.erase(block, unit_blocks_);
      allocated_.erase(block, unit_blocks_);
      ++free_units_;
      search_from_ = std::min(search_from_, block);
    } else if (superseded_.contains(block, unit_blocks_)) {
      superseded_.erase(block, unit_blocks_);
    }
  }
  touched_.clear();
  touched_taken_ = 0;
  check_state();
}

void BlockAllocator::truncated(std::uint64_t physical_blocks) {
  physical_blocks = round_up(physical_blocks, unit_blocks_);
  QUIRE_ASSERT(allocated_.end() <= physical_blocks);
  published_.resize(physical_blocks);
  allocated_.resize(physical_blocks);
  fresh_.resize(physical_blocks);
  superseded_.resize(physical_blocks);
  free_units_ = allocated_.count_absent(unit_blocks_);
  search_from_ = Block{};
}

void BlockAllocator::check_state() const {
  for (std::size_t i = 0; i < allocated_.words().size(); ++i) {
    QUIRE_ASSERT(allocated_.word(i) == (published_.word(i) | fresh_.word(i)));
    QUIRE_ASSERT((published_.word(i) & fresh_.word(i)) == 0);
    QUIRE_ASSERT((superseded_.word(i) & ~published_.word(i)) == 0);
  }
  QUIRE_ASSERT(free_units_ == allocated_.count_absent(unit_blocks_));
  QUIRE_ASSERT(reserved_units_ <= free_units_);
}

}  // namespace quire::space
