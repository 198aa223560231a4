// PurgeQueue: what committed transactions have left behind for snapshots older than they are.
//
// Worked off in the order of commits, and only for transactions that every snapshot sees as finished (TX-7): ghosts go,
// large values that were replaced go, dropped trees go, and the undo log gives up its front.
//
// Commits come in nearly in the order of their timestamps, from many threads; they are sorted when a step takes them over.
//
// Threads   add: any; the rest: one at a time
// Errors    as UndoTarget::purge; the record that failed is tried again at the next step
#pragma once

#include <deque>
#include <vector>

#include "txn/write_transaction.hpp"

namespace quire::txn {

class PurgeQueue {
 public:
  // Before another transaction takes the log over.
  void add(const WriteTransaction& committed, Timestamp at) QUIRE_EXCLUDES(mutex_);
  // Looks at no more than `budget` records of transactions that committed below the horizon. True when it has done all it may.
  Result<bool> step(Timestamp horizon, std::uint64_t budget, UndoTarget& target) QUIRE_EXCLUDES(mutex_);
  bool empty() const noexcept QUIRE_EXCLUDES(mutex_) { return size() == 0; }
  std::size_t size() const noexcept QUIRE_EXCLUDES(mutex_);

 private:
  struct Committed {
    Timestamp at;
    Xid xid;
    UndoLog* log;
    std::uint64_t next;  // record to look at next, none when only the log is left to release
    std::uint64_t work;  // records that need it and have not been met
    UndoPosition end;
    std::uint64_t newer_than;  // the operation of the record looked at last
  };
  void take_over() QUIRE_EXCLUDES(mutex_);

  std::deque<Committed> queue_;
  mutable os::Mutex mutex_;  // a leaf
  std::vector<Committed> arrived_ QUIRE_GUARDED_BY(mutex_);
  std::size_t size_ QUIRE_GUARDED_BY(mutex_) = 0;  // with those in queue_
};

}  // namespace quire::txn
