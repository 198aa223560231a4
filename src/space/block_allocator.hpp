// BlockAllocator: which blocks of the file are taken, and by which checkpoint (rules BA-1 to BA-10).
//
// Blocks are handed out in units of one page. The sets are those of the design: PB, what the published
// checkpoint refers to; AM, what may not be allocated now; and for each epoch e under way, new_e (first
// referenced by e) and S_e (no longer referenced by e). Two epochs may be under way: the one being written and
// the running one.
//
// Invariants   1. AM = PB + new of both epochs + blocks held by a pin (check_state)
//              2. new_e and PB are disjoint; S_e is a part of PB + new of the epoch before (or of e, while an image
//                 is in flight)
//              3. units free = aligned units outside AM; what is reserved never exceeds it
// Protocol     reserve (allocate | unreserve)*; supersede at any time; publish(e) in order of e
// Threads      any
// Errors       reserve: full, limit. allocate cannot fail: BA-7 and BA-8 have made the room
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "os/file.hpp"
#include "os/sync.hpp"
#include "space/block_set.hpp"

namespace quire::space {

class BlockAllocator {
 public:
  explicit BlockAllocator(os::File& file) : file_(file) {}

  struct Sizes {
    std::uint32_t unit_blocks;      // blocks in a page
    std::uint64_t physical_blocks;  // the file's length
  };
  // After opening, before anything else: AM = PB (BA-10).
  void open(BlockSet published, Sizes sizes);
  // Of a file without anything but room for its superblocks.
  void open_empty(std::uint32_t unit_blocks);

  // BA-8: rollback, purge and checkpoints may use the standing reserve, everything else leaves it alone.
  enum class Room { ordinary, standing };
  // Promises `units` units to the caller, growing the file when needed (BA-7).
  Status reserve(std::uint64_t units, Room room = Room::ordinary);
  void unreserve(std::uint64_t units) noexcept;

  // BA-1: the lowest free unit, out of what is reserved; into AM and new_e.
  Block allocate(Epoch epoch);
  // BA-2: a unit of new_e is free at once, unless its image is still being written; others when e is published.
  enum class Image { written, in_flight };
  void supersede(Block block, Epoch epoch, Image image = Image::written);

  // Blocks allocated or superseded in the epoch since the last call: the bits of the bitmap that change.
  std::vector<Block> take_touched(Epoch epoch);
  // 64 blocks of the bitmap that the epoch publishes: (PB + new) - S.
  std::uint64_t next_published_word(Epoch epoch, std::size_t index) const noexcept;
  // One more than the highest block of that bitmap.
  std::uint64_t next_published_end(Epoch epoch) const noexcept;
  // The epoch's superblock says that the file has so many blocks: cut leaves them until the next one is published.
  void name_length(Epoch epoch, std::uint64_t blocks) noexcept;

  // BA-4: the epoch is durable. What it no longer refers to is free, unless a pin holds an older generation.
  void publish(Epoch epoch);

  // Keeps every block of this published generation until unpin.
  void pin(Epoch generation);
  void unpin(Epoch generation);
  bool pinned() const noexcept;

  // BA-9: cuts the file behind its last block in use, but keeps room for what is reserved and the length that a
  // superblock names. The new length in blocks.
  Result<std::uint64_t> cut();

  std::uint64_t physical_blocks() const noexcept;
  std::uint64_t free_blocks() const noexcept;
  std::uint64_t reserved_units() const noexcept;
  // Blocks in AM: what the file holds, pinned and superseded ones included.
  std::uint64_t used_blocks() const noexcept;
  // The lowest end that the file can get, not below `lowest`, by moving at most so many blocks to free places before it.
  std::uint64_t end_after_moving(std::uint64_t blocks, std::uint64_t lowest) const noexcept;
  BlockSet published() const;
  // Stops the program when an invariant does not hold.
  void check_state() const;

 private:
  struct EpochSets {
    BlockSet fresh;
    BlockSet superseded;
    std::vector<Block> touched;  // in order; may repeat
    std::size_t touched_taken = 0;
  };
  struct Held {
    Epoch epoch;  // that no longer refers to them
    std::vector<Block> blocks;
  };
  EpochSets& sets(Epoch epoch) noexcept QUIRE_REQUIRES(mutex_) { return sets_[epoch.raw % sets_.size()]; }
  const EpochSets& sets(Epoch epoch) const noexcept QUIRE_REQUIRES(mutex_) { return sets_[epoch.raw % sets_.size()]; }
  std::uint64_t standing_reserve() const noexcept QUIRE_REQUIRES(mutex_);
  Status grow(std::uint64_t units) QUIRE_REQUIRES(mutex_);
  void resize(std::uint64_t blocks) QUIRE_REQUIRES(mutex_);
  void release(Block block) noexcept QUIRE_REQUIRES(mutex_);
  void release_held() QUIRE_REQUIRES(mutex_);
  std::uint64_t word_to_publish(Epoch epoch, std::size_t index) const noexcept QUIRE_REQUIRES(mutex_);
  void check() const QUIRE_REQUIRES(mutex_);

  // Constant after open.
  os::File& file_;
  std::uint32_t unit_blocks_ = 1;

  mutable os::Mutex mutex_;
  BlockSet published_ QUIRE_GUARDED_BY(mutex_);
  BlockSet allocated_ QUIRE_GUARDED_BY(mutex_);
  std::array<EpochSets, 2> sets_ QUIRE_GUARDED_BY(mutex_);  // by parity of the epoch
  std::vector<Held> held_ QUIRE_GUARDED_BY(mutex_);
  std::vector<Epoch> pins_ QUIRE_GUARDED_BY(mutex_);
  std::uint64_t free_units_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::uint64_t reserved_units_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::array<std::uint64_t, 2> named_length_ QUIRE_GUARDED_BY(mutex_){};  // by superblocks, by parity of the epoch
  Block search_from_ QUIRE_GUARDED_BY(mutex_){};  // no unit below it is free
};

}  // namespace quire::space
