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
//   publish: flip -> write pages -> notes -> assign and write table and bitmap -> sync data, sync the log up to the flip
//            -> superblock -> sync -> CKPT into the log, sync it -> free the old blocks, release the log before the flip
//
// Without a log the steps that name it are left out; also for the first checkpoint of a log, and within recovery.
//
// A sync of much data keeps the device busy, and commits in the log wait behind it. So a checkpoint that nobody waits for
// syncs what it has written slice by slice (CK-56), and what evictions write meanwhile is synced likewise.
//
// Invariants   1. no block of the published checkpoint is written (BlockAllocator asserts it)
//              2. the superblock is written only after a sync that covers everything it refers to (CK-5, CK-6)
//              3. superseded blocks are free only after the superblock is durable, and the log says so (CK-7): else, were the
//                 superblock's slot to rot, the one before would be believed, and its blocks be somebody else's
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
#include "checkpoint/notes.hpp"
#include "space/bitmap.hpp"
#include "wal/log_writer.hpp"

namespace quire::checkpoint {

class Checkpoint {
 public:
  Checkpoint(space::PageFile& file, buffer::Resources& resources, space::Bitmap& bitmap)
      : file_(file), resources_(resources), bitmap_(bitmap) {}

  // The state that the file was opened with.
  void start(const space::Superblock& published);
  // The notes of the published state; read when they are asked for first.
  Result<StoredNotes> notes() QUIRE_EXCLUDES(mutex_);
  // With the checkpoint mutex held.
  Result<StoredNotes> notes_locked() QUIRE_REQUIRES(mutex_);

  // The log that commits go to from now on. It outlives its use here. `begin` appends what it begins with: no checkpoint
  // meets those records without the log, which it must make durable before it names an LSN behind them (CK-6).
  Status attach(wal::LogWriter& log, const std::function<Status()>& begin) QUIRE_EXCLUDES(mutex_);
  void detach() QUIRE_EXCLUDES(mutex_);

  // What else the superblock says, besides what the pool and the table know.
  struct State {
    TreeId next_tree;
    std::uint64_t clock = 0;
    Xid next_xid{1};
    bool clean = true;   // nothing to recover: no active transaction, undo page or ghost, and no log
    bool logged = false;  // what is committed after the flip is in the log
    std::uint32_t incarnation = 0;
    Lsn log_tail{};      // at the flip
    std::vector<ActiveTransaction> active;
    std::vector<RowCount> counts;
  };
  // How much data is synced at once (CK-56), and what is done after each such sync; that must not need a publish.
  struct Pace {
    std::uint64_t slice_bytes = UINT64_MAX;
    std::function<void()> between;
  };
  // Asks for the state with the gate closed, so without a look at any page. Does nothing when nothing has changed since
  // the last publish: no page, no number, no transaction that was active then and has ended since.
  Status publish(const std::function<State()>& at_flip) { return publish(at_flip, Pace{}); }
  Status publish(const std::function<State()>& at_flip, const Pace& pace);
  Status publish(State state);

  // Syncs what evictions have written when it is a slice or more; for between two publishes. A failure poisons the handle.
  Status sync_evicted(std::uint64_t slice_bytes) QUIRE_EXCLUDES(mutex_);

  space::Superblock published() const;
  // What the write or sync failed with that left open which state is published; ok when there was none.
  Code doubt() const noexcept { return doubt_.load(acquire); }
  // Nothing will be published any more (CK-8).
  bool poisoned() const noexcept { return resources_.pool.failed(); }

  // No checkpoint is written during the scope of what this returns; for those who copy or compare what is published.
  os::Mutex& mutex() noexcept { return mutex_; }

 private:
  Status write_pages(Epoch epoch);
  Status write_run(Epoch epoch);
  // Syncs if a slice is full.
  Status end_slice(Epoch epoch);
  Status write_notes(Epoch epoch, const Notes& notes, space::Superblock& next) QUIRE_REQUIRES(mutex_);
  Status tell_log(const space::Superblock& now) QUIRE_REQUIRES(mutex_);
  Status unknown_outcome(const Status& why) QUIRE_REQUIRES(mutex_);
  Status write_roots(Epoch epoch, const State& state, space::Superblock& next);
  Status publish_locked(const std::function<State()>& at_flip) QUIRE_REQUIRES(mutex_);
  // Closes the gate and begins a new epoch; the one to be written, or none when nothing has changed. Uses up some of the units.
  Result<Epoch> flip(const std::function<State()>& at_flip, State& state, space::Superblock& next, std::uint64_t& units) QUIRE_REQUIRES(mutex_);
  Status write_epoch(Epoch epoch, State& state, space::Superblock next) QUIRE_REQUIRES(mutex_);

  space::PageFile& file_;
  buffer::Resources& resources_;
  space::Bitmap& bitmap_;
  os::Mutex mutex_;
  mutable os::Mutex published_mutex_;
  space::Superblock published_ QUIRE_GUARDED_BY(published_mutex_);
  wal::LogWriter* log_ QUIRE_GUARDED_BY(mutex_) = nullptr;
  Atomic<Code> doubt_{Code::ok};
  std::optional<StoredNotes> notes_ QUIRE_GUARDED_BY(mutex_);  // of the published state, once read

  // Images of consecutive blocks, gathered into one write. Of publish.
  std::vector<std::byte> run_;
  std::vector<buffer::Image> run_images_;
  const Pace* pace_ = nullptr;
};

}  // namespace quire::checkpoint
