// BlockAllocator: reservation, allocation, publication, pins.
//
// The list of touched blocks stands for the sets of an epoch: publish walks it instead of the whole bitmap, so that the
// cost of a commit depends on what it changed, not on the size of the file.
#include "space/block_allocator.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "os/io_trace.hpp"
#include "space/superblock.hpp"

namespace quire::space {

namespace {

// The standing reserve of BA-8: room for checkpoints, rollback and purge on a full disk.
constexpr std::uint64_t standing_reserve_blocks_min = 64;
constexpr std::uint64_t standing_reserve_units_min = 32;  // what freeing a few pages may ask for at once, and their paths
constexpr std::uint64_t standing_reserve_fraction = 64;

// The file grows in steps, so that small writes do not extend it one page at a time.
constexpr std::uint64_t growth_blocks_min = (std::uint64_t{1} << 20) / block_bytes;
constexpr std::uint64_t growth_blocks_max = (std::uint64_t{64} << 20) / block_bytes;
constexpr std::uint64_t growth_fraction = 8;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) { return (value + step - 1) / step * step; }

}  // namespace

void BlockAllocator::open(BlockSet published, Sizes sizes) {
  os::Lock lock(mutex_);
  unit_blocks_ = sizes.unit_blocks;
  published_ = std::move(published);
  allocated_ = published_;
  const std::uint64_t whole = sizes.physical_blocks - sizes.physical_blocks % unit_blocks_;
  named_length_.fill(published_.size());
  resize(std::max(whole, round_up(published_.size(), unit_blocks_)));
  free_units_ = allocated_.count_absent(unit_blocks_);
  check();
}

void BlockAllocator::open_empty(std::uint32_t unit_blocks) {
  BlockSet superblocks;
  superblocks.resize(superblock_blocks);
  superblocks.insert(Block{0}, superblock_blocks);
  open(std::move(superblocks), {unit_blocks, 0});
}

void BlockAllocator::resize(std::uint64_t blocks) {
  published_.resize(blocks);
  allocated_.resize(blocks);
  for (EpochSets& epoch : sets_) {
    epoch.fresh.resize(blocks);
    epoch.superseded.resize(blocks);
  }
}

std::uint64_t BlockAllocator::standing_reserve() const noexcept {
  const std::uint64_t blocks = std::max(standing_reserve_blocks_min, allocated_.size() / standing_reserve_fraction);
  return std::max(standing_reserve_units_min, blocks / unit_blocks_) + 1;
}

Status BlockAllocator::reserve(std::uint64_t units, Room room) {
  os::Lock lock(mutex_);
  const std::uint64_t wanted = reserved_units_ + units + standing_reserve();
  if (free_units_ < wanted) {
    Status grown = grow(wanted - free_units_);
    if (!grown.ok() && (room == Room::ordinary || free_units_ < reserved_units_ + units)) return grown;
  }
  reserved_units_ += units;
  QUIRE_ASSERT(reserved_units_ <= free_units_);
  return Status();
}

void BlockAllocator::unreserve(std::uint64_t units) noexcept {
  os::Lock lock(mutex_);
  QUIRE_ASSERT(units <= reserved_units_);
  reserved_units_ -= units;
}

Status BlockAllocator::grow(std::uint64_t units) {
  const std::uint64_t have = allocated_.size();
  // A larger file needs a larger standing reserve; one more unit in 32 covers it.
  const std::uint64_t needed = (units + units / 32 + 1) * unit_blocks_;
  const std::uint64_t step = std::clamp(have / growth_fraction, growth_blocks_min, growth_blocks_max);
  std::uint64_t added = round_up(std::max(needed, step), unit_blocks_);
  if (have + added > Entry::block_max) return Status(Code::limit, "the file would exceed 4 PiB");
  if (!file_.allocate(have * block_bytes, added * block_bytes).ok()) {
    added = needed;
    QUIRE_TRY(file_.allocate(have * block_bytes, added * block_bytes));
  }
  os::tell_io([&] {
    return os::IoEvent{.operation = "allocate", .kind = "file", .name = {}, .offset = have * block_bytes, .bytes = added * block_bytes, .reason = "growth"};
  });
  resize(have + added);
  free_units_ += added / unit_blocks_;
  return Status();
}

Block BlockAllocator::allocate(Epoch epoch) {
  os::Lock lock(mutex_);
  QUIRE_ASSERT(reserved_units_ > 0);
  const std::optional<Block> found = allocated_.find_absent(unit_blocks_, search_from_);
  QUIRE_ASSERT(found.has_value());
  QUIRE_ASSERT(found->raw >= superblock_blocks);
  QUIRE_ASSERT(!published_.contains_any(*found, unit_blocks_));
  EpochSets& own = sets(epoch);
  own.touched.push_back(*found);
  allocated_.insert(*found, unit_blocks_);
  own.fresh.insert(*found, unit_blocks_);
  search_from_ = Block{found->raw + unit_blocks_};
  --free_units_;
  --reserved_units_;
  return *found;
}

void BlockAllocator::release(Block block) noexcept {
  allocated_.erase(block, unit_blocks_);
  ++free_units_;
  search_from_ = std::min(search_from_, block);
}

void BlockAllocator::supersede(Block block, Epoch epoch, Image image) {
  os::Lock lock(mutex_);
  QUIRE_ASSERT(allocated_.contains(block, unit_blocks_));
  EpochSets& own = sets(epoch);
  QUIRE_ASSERT(!own.superseded.contains_any(block, unit_blocks_));
  own.touched.push_back(block);
  if (own.fresh.contains(block, unit_blocks_) && image == Image::written) {
    own.fresh.erase(block, unit_blocks_);
    release(block);
    return;
  }
  if (seeded_bug("reuse_block_one_checkpoint_early")) {
    published_.erase(block, unit_blocks_);
    for (EpochSets& each : sets_) each.fresh.erase(block, unit_blocks_);
    release(block);
    return;
  }
  own.superseded.insert(block, unit_blocks_);
}

std::vector<Block> BlockAllocator::take_touched(Epoch epoch) {
  os::Lock lock(mutex_);
  EpochSets& own = sets(epoch);
  std::vector<Block> news(own.touched.begin() + static_cast<std::ptrdiff_t>(own.touched_taken), own.touched.end());
  own.touched_taken = own.touched.size();
  return news;
}

std::uint64_t BlockAllocator::word_to_publish(Epoch epoch, std::size_t index) const noexcept {
  return (published_.word(index) | sets(epoch).fresh.word(index)) & ~sets(epoch).superseded.word(index);
}

std::uint64_t BlockAllocator::next_published_word(Epoch epoch, std::size_t index) const noexcept {
  os::Lock lock(mutex_);
  return word_to_publish(epoch, index);
}

std::uint64_t BlockAllocator::next_published_end(Epoch epoch) const noexcept {
  os::Lock lock(mutex_);
  for (std::size_t i = published_.words().size(); i-- > 0;) {
    const std::uint64_t word = word_to_publish(epoch, i);
    if (word != 0) return (i + 1) * BlockSet::word_bits - static_cast<std::uint64_t>(std::countl_zero(word));
  }
  return 0;
}

void BlockAllocator::name_length(Epoch epoch, std::uint64_t blocks) noexcept {
  os::Lock lock(mutex_);
  named_length_[epoch.raw % named_length_.size()] = blocks;
}

void BlockAllocator::publish(Epoch epoch) {
  os::Lock lock(mutex_);
  named_length_[(epoch.raw + 1) % named_length_.size()] = 0;  // that of the superblock before
  EpochSets& own = sets(epoch);
  Held dropped{epoch, {}};
  for (const Block block : own.touched) {
    if (own.superseded.contains(block, unit_blocks_)) {
      own.superseded.erase(block, unit_blocks_);
      own.fresh.erase(block, unit_blocks_);
      published_.erase(block, unit_blocks_);
      dropped.blocks.push_back(block);
    } else if (own.fresh.contains(block, unit_blocks_)) {
      own.fresh.erase(block, unit_blocks_);
      published_.insert(block, unit_blocks_);
    }
  }
  own.touched.clear();
  own.touched_taken = 0;
  held_.push_back(std::move(dropped));
  release_held();
  QUIRE_VERIFY((check(), true));
}

// Blocks that epoch e no longer refers to belong to generations below e only.
void BlockAllocator::release_held() {
  std::vector<Held> kept;
  for (Held& held : held_) {
    if (std::any_of(pins_.begin(), pins_.end(), [&](Epoch pin) { return pin < held.epoch; })) {
      kept.push_back(std::move(held));
      continue;
    }
    for (const Block block : held.blocks) release(block);
  }
  held_ = std::move(kept);
}

void BlockAllocator::pin(Epoch generation) {
  os::Lock lock(mutex_);
  pins_.push_back(generation);
}

void BlockAllocator::unpin(Epoch generation) {
  os::Lock lock(mutex_);
  const auto found = std::find(pins_.begin(), pins_.end(), generation);
  QUIRE_ASSERT(found != pins_.end());
  pins_.erase(found);
  release_held();
}

bool BlockAllocator::pinned() const noexcept {
  os::Lock lock(mutex_);
  return !pins_.empty();
}

Result<std::uint64_t> BlockAllocator::cut() {
  os::Lock lock(mutex_);
  const std::uint64_t have = allocated_.size();
  const std::uint64_t named = std::max(named_length_[0], named_length_[1]);
  std::uint64_t keep = round_up(std::max(allocated_.end(), named), unit_blocks_);
  // Free units below the cut must still cover what is reserved.
  const std::uint64_t lost = (have - keep) / unit_blocks_;
  const std::uint64_t needed = reserved_units_ + standing_reserve();
  if (free_units_ < lost + needed) keep += (lost + needed - free_units_) * unit_blocks_;
  if (keep >= have) return have;
  QUIRE_TRY(file_.truncate(keep * block_bytes));
  os::tell_io([&] { return os::IoEvent{.operation = "truncate", .kind = "file", .name = "to " + std::to_string(keep * block_bytes) + " bytes", .reason = "shrink"}; });
  resize(keep);
  free_units_ = allocated_.count_absent(unit_blocks_);
  search_from_ = Block{};
  check();
  return keep;
}

std::uint64_t BlockAllocator::physical_blocks() const noexcept {
  os::Lock lock(mutex_);
  return allocated_.size();
}

std::uint64_t BlockAllocator::free_blocks() const noexcept {
  os::Lock lock(mutex_);
  return free_units_ * unit_blocks_;
}

std::uint64_t BlockAllocator::reserved_units() const noexcept {
  os::Lock lock(mutex_);
  return reserved_units_;
}

std::uint64_t BlockAllocator::used_blocks() const noexcept {
  os::Lock lock(mutex_);
  return allocated_.size() - free_units_ * unit_blocks_;
}

std::uint64_t BlockAllocator::end_after_moving(std::uint64_t blocks, std::uint64_t lowest) const noexcept {
  os::Lock lock(mutex_);
  std::uint64_t end = round_up(allocated_.end(), BlockSet::word_bits);
  std::uint64_t moved = 0;
  while (end > 0 && end - BlockSet::word_bits >= lowest) {
    moved += static_cast<std::uint64_t>(std::popcount(allocated_.word(end / BlockSet::word_bits - 1)));
    if (moved > blocks) break;
    end -= BlockSet::word_bits;
  }
  return end;
}

BlockSet BlockAllocator::published() const {
  os::Lock lock(mutex_);
  return published_;
}

void BlockAllocator::check_state() const {
  os::Lock lock(mutex_);
  check();
}

void BlockAllocator::check() const {
  BlockSet held;
  held.resize(allocated_.size());
  for (const Held& each : held_) {
    for (const Block block : each.blocks) held.insert(block, unit_blocks_);
  }
  for (std::size_t i = 0; i < allocated_.words().size(); ++i) {
    const std::uint64_t fresh = sets_[0].fresh.word(i) | sets_[1].fresh.word(i);
    QUIRE_ASSERT(allocated_.word(i) == (published_.word(i) | fresh | held.word(i)));
    QUIRE_ASSERT((published_.word(i) & fresh) == 0 && (sets_[0].fresh.word(i) & sets_[1].fresh.word(i)) == 0);
    QUIRE_ASSERT(((sets_[0].superseded.word(i) | sets_[1].superseded.word(i)) & ~(published_.word(i) | fresh)) == 0);
  }
  QUIRE_ASSERT(free_units_ == allocated_.count_absent(unit_blocks_));
  QUIRE_ASSERT(reserved_units_ <= free_units_);
}

}  // namespace quire::space
