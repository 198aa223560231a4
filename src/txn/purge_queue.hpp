// PurgeQueue: what committed transactions have left behind for snapshots older than they are.
//
// Worked off in the order of commits, and only for transactions that every snapshot sees as finished (TX-7): ghosts go,
// large values that were replaced go, dropped trees go, and the undo log gives up its front.
//
// Threads   the holder of the writer slot
// Errors    as UndoTarget::purge; the record that failed is tried again at the next step
#pragma once

#include <deque>

#include "txn/write_transaction.hpp"

namespace quire::txn {

class PurgeQueue {
 public:
  void add(const WriteTransaction& committed);
  // Looks at no more than `budget` records of transactions below the horizon. True when it has done all it may. Not while
  // a transaction is writing to the log.
  Result<bool> step(Xid horizon, std::uint64_t budget, UndoTarget& target, UndoLog& log);
  bool empty() const noexcept { return queue_.empty(); }
  std::size_t size() const noexcept { return queue_.size(); }

 private:
  struct Committed {
    Xid xid;
    std::uint64_t next;  // record to look at next, none when only the log is left to release
    std::uint64_t work;  // records that need it and have not been met
    UndoPosition end;
    std::uint64_t newer_than;  // the operation of the record looked at last
  };
  std::deque<Committed> queue_;
  Status release(UndoLog& log);
  UndoPosition released_;  // everything before it is purged; zero: it is released already
};

}  // namespace quire::txn
