// BlockAllocator: which blocks of the file are taken, and by which checkpoint (rules BA-1 to BA-10).
//
// Blocks are handed out in units of one page. Four sets, as in the design: PB, what the published checkpoint
// refers to; AM, what may not be allocated now; and for the epoch being built, `fresh` (new_E) and
// `superseded` (S_E).
//
// Invariants   1. AM = PB + fresh (check_state)
//              2. fresh and PB are disjoint; superseded is a part of PB
//              3. units free = aligned units outside AM; reservations never exceed units free less the reserve
// Protocol     (reserve (allocate | supersede)* unreserve)* publish, or discard instead of publish
// Threads      serialised by the caller: the one writer, or the checkpoint
// Errors       reserve: full. allocate cannot fail: BA-7 and BA-8 have made the room
#pragma once

#include <cstdint>
#include <vector>

#include "os/file.hpp"
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

  // Promises `units` units to the caller, growing the file when needed (BA-7).
  Status reserve(std::uint64_t units);
  void unreserve(std::uint64_t units) noexcept;

  // BA-1: the lowest free unit; into AM and fresh.
  Block allocate() noexcept;
  // BA-2: fresh units are free at once, others when the epoch is published.
  void supersede(Block block) noexcept;

  // Blocks allocated or superseded since the last call: the bits of the bitmap that change.
  std::vector<Block> take_touched();
  // 64 blocks of the bitmap that the epoch publishes: (PB + fresh) - superseded.
  std::uint64_t next_published_word(std::size_t index) const noexcept;
  // One more than the highest block of that bitmap.
  std::uint64_t next_published_end() const noexcept;

  // BA-4: the epoch is durable.
  void publish();
  // The epoch never happens: its fresh units are free again.
  void discard();

  std::uint64_t physical_blocks() const noexcept { return allocated_.size(); }
  std::uint64_t free_blocks() const noexcept { return free_units_ * unit_blocks_; }
  std::uint64_t reserved_units() const noexcept { return reserved_units_; }
  const BlockSet& published() const noexcept { return published_; }
  void check_state() const;

  // The file was truncated to this many blocks; everything beyond must be free.
  void truncated(std::uint64_t physical_blocks);

 private:
  std::uint64_t standing_reserve() const noexcept;
  Status grow(std::uint64_t units);
  void add_capacity(std::uint64_t blocks);

  // Constant after open.
  os::File& file_;
  std::uint32_t unit_blocks_ = 1;
  // Serialised by the caller.
  BlockSet published_;
  BlockSet allocated_;
  BlockSet fresh_;
  BlockSet superseded_;
  std::vector<Block> touched_;        // of this epoch, in order; may repeat
  std::size_t touched_taken_ = 0;
  std::uint64_t free_units_ = 0;
  std::uint64_t reserved_units_ = 0;
  Block search_from_{};               // no unit below it is free
};

}  // namespace quire::space
