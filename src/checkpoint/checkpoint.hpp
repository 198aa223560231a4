// Checkpoint: makes everything changed since the last one durable, as one consistent state.
//
// In this version a commit is a checkpoint, made by the one writer while no action runs. Every changed page
// goes to a fresh block; then the page table and the bitmap; then, all that synced, the other superblock.
// Until that last write is on disk the previous checkpoint is untouched.
//
//   publish: flip -> write pages -> assign and write table and bitmap -> sync -> superblock -> sync -> free the old
//
// Invariants   1. no block of the published checkpoint is written (BlockAllocator asserts it)
//              2. the superblock is written only after a sync that covers everything it refers to (CK-5, CK-6)
//              3. superseded blocks are free only after the superblock is durable (CK-7)
// Threads      one at a time, serialised by the engine; readers may run beside it
// Errors       a failure after the flip poisons the handle (CK-8, WAL-7): `io`, `corrupt`... say that nothing
//              was committed; unknown_outcome says that the superblock was being written
#pragma once

#include <string>

#include "buffer/action.hpp"
#include "space/bitmap.hpp"

namespace quire::checkpoint {

class Checkpoint {
 public:
  Checkpoint(space::PageFile& file, buffer::Resources& resources, space::Bitmap& bitmap)
      : file_(file), resources_(resources), bitmap_(bitmap) {}

  // The state that the file was opened with.
  void start(const space::Superblock& published);

  // What else the superblock says, besides what the pool and the table know.
  struct State {
    TreeId next_tree;
    std::uint64_t clock = 0;
  };
  Status publish(State state);
  // Instead of publish: drops all changes from memory, as if they had never been made.
  void discard();

  const space::Superblock& published() const noexcept { return published_; }
  bool poisoned() const noexcept { return poisoned_; }

 private:
  Status write_pages(const buffer::Changes& changes);
  Status write_run();
  Status write_roots(State state, space::Superblock& next);
  void settle();

  space::PageFile& file_;
  buffer::Resources& resources_;
  space::Bitmap& bitmap_;
  space::Superblock published_;
  bool poisoned_ = false;

  // Images of consecutive blocks, gathered into one write.
  std::vector<std::byte> run_;
  std::vector<PageId> run_pages_;
  Block run_first_{};
};

}  // namespace quire::checkpoint
