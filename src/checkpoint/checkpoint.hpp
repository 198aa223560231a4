// Checkpoint: makes everything changed since the last one durable, as one consistent state.
//
// The flip ends an epoch while no action runs and writes down the transactions that are active then. Every page
// changed in the epoch goes to a fresh block, with its content as of the flip, while actions go on in the next epoch
// (CK-3); then the page table and the bitmap; then, all that synced, the other superblock. Until that
// last write is on disk the previous checkpoint is untouched.
//
// Undo pages are written only while a transaction is active at the flip. Otherwise those that the file does not hold
// yet stay in memory, for older snapshots and for purge, and are free in what is published (CK-9).
//
//   publish: flip -> write pages -> assign and write table and bitmap -> sync -> superblock -> sync -> free the old
//
// Invariants   1. no block of the published checkpoint is written (BlockAllocator asserts it)
//              2. the superblock is written only after a sync that covers everything it refers to (CK-5, CK-6)
//              3. superseded blocks are free only after the superblock is durable (CK-7)
//              4. every undo page of a transaction that the published list names has an image in the published table
// Threads      publish from any thread, one at a time; actions and readers beside it
// Errors       a failure after the flip poisons the handle (CK-8, WAL-7): `io`, `corrupt`... say that nothing
//              was published; unknown_outcome says that the superblock was being written
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "buffer/action.hpp"
#include "space/bitmap.hpp"

namespace quire::checkpoint {

// A transaction that had not ended at a flip.
struct ActiveTransaction {
  Xid xid;
  std::uint64_t undo_head = 0;        // handle of its newest undo record, 0: none
  std::uint32_t last_operation = 0;
  friend bool operator==(const ActiveTransaction&, const ActiveTransaction&) = default;
};

class Checkpoint {
 public:
  Checkpoint(space::PageFile& file, buffer::Resources& resources, space::Bitmap& bitmap)
      : file_(file), resources_(resources), bitmap_(bitmap) {}

  // The state that the file was opened with.
  void start(const space::Superblock& published);
  // The transactions that were active at the flip of that state.
  Result<std::vector<ActiveTransaction>> active_transactions() const;

  // What else the superblock says, besides what the pool and the table know.
  struct State {
    TreeId next_tree;
    std::uint64_t clock = 0;
    Xid next_xid{1};
    bool clean = true;  // nothing to recover: no active transaction, undo page or ghost
    std::vector<ActiveTransaction> active;
  };
  // Asks for the state with the gate closed, so without a look at any page. Does nothing when nothing has changed since
  // the last publish: no page, no number, no transaction that was active then and has ended since.
  Status publish(const std::function<State()>& at_flip);
  Status publish(State state);

  space::Superblock published() const;
  // Nothing will be published any more (CK-8).
  bool poisoned() const noexcept { return resources_.pool.failed(); }

  // No checkpoint is written during the scope of what this returns; for those who copy or compare what is published.
  os::Mutex& mutex() noexcept { return mutex_; }

 private:
  Status write_pages(Epoch epoch);
  Status write_run();
  Status write_active(Epoch epoch, const std::vector<ActiveTransaction>& active, space::Superblock& next);
  Status write_roots(Epoch epoch, const State& state, space::Superblock& next);
  Status publish_locked(const std::function<State()>& at_flip) QUIRE_REQUIRES(mutex_);
  // Closes the gate and begins a new epoch; the one to be written, or none when nothing has changed. Uses up some of the units.
  Result<Epoch> flip(const std::function<State()>& at_flip, State& state, space::Superblock& next, std::uint64_t& units) QUIRE_REQUIRES(mutex_);
  Status write_epoch(Epoch epoch, const State& state, space::Superblock next) QUIRE_REQUIRES(mutex_);

  space::PageFile& file_;
  buffer::Resources& resources_;
  space::Bitmap& bitmap_;
  os::Mutex mutex_;
  mutable os::Mutex published_mutex_;
  space::Superblock published_ QUIRE_GUARDED_BY(published_mutex_);
  // Those of the published state; unknown after opening a file that lists some.
  std::optional<std::vector<ActiveTransaction>> published_active_ QUIRE_GUARDED_BY(mutex_);

  // Images of consecutive blocks, gathered into one write. Of publish.
  std::vector<std::byte> run_;
  std::vector<buffer::Image> run_images_;
};

}  // namespace quire::checkpoint
