// WriteTransaction: what the one writer needs to take its changes back.
//
// Every change of a row first appends the row's before image to the undo log; `head` names the newest record, each
// record the one before. A rollback walks that chain, one action per record, and moves the head inside the
// same action, so that a checkpoint that flips in between writes down exactly what is left to undo (TX-5).
//
// Invariants   records from head back to none undo everything since begin
// Threads      its own; head(), operations() and note_flip() also in a flip
// Errors       rollback: io, corrupt, full when even the standing reserve and a checkpoint give no room; the caller
//              must then not go on
#pragma once

#include <functional>

#include "txn/undo_log.hpp"

namespace quire::txn {

class WriteTransaction;

// What can put a before image back, and clear away what an ended transaction left for older snapshots: the trees.
class UndoTarget {
 public:
  virtual ~UndoTarget() = default;
  // One or more actions, in the last of which transaction.stepped_back(record) is called.
  virtual Status undo(WriteTransaction& transaction, const UndoRecord& record, std::uint64_t handle) = 0;
  // The transaction is finished for every snapshot.
  virtual Status purge(Xid xid, const UndoRecord& record, std::uint64_t handle) = 0;
};

// Whether purge has something to do for the record: an erased row, a replaced large value, a dropped tree.
bool needs_purge(const UndoRecord& record) noexcept;

class WriteTransaction {
 public:
  // Every transaction below the horizon is finished for every snapshot; it may be lower than the newest one.
  WriteTransaction(UndoLog& log, Xid xid, Xid horizon) : log_(log), xid_(xid), horizon_(horizon), begin_(log.end()) {}
  // One that a crash ended, to be rolled back.
  WriteTransaction(UndoLog& log, Xid xid, std::uint64_t head, std::uint32_t operations)
      : log_(log), xid_(xid), horizon_{}, begin_(log.end()), head_(head), operations_(operations) {}

  Xid xid() const noexcept { return xid_; }
  Xid horizon() const noexcept { return horizon_; }
  UndoLog& log() const noexcept { return log_; }
  std::uint64_t head() const noexcept { return head_; }
  std::uint32_t operations() const noexcept { return operations_; }
  bool changed_anything() const noexcept { return head_ != no_undo; }
  UndoPosition begin() const noexcept { return begin_; }
  // Records for which needs_purge() holds.
  std::uint64_t purge_work() const noexcept { return purge_work_; }
  // Moves with every change and rollback; cursors compare it.
  std::uint64_t changes() const noexcept { return changes_; }
  // The last operation at the newest flip; the flip tells (WAL-2).
  std::uint32_t flipped() const noexcept { return flipped_.load(acquire); }
  void note_flip() noexcept { flipped_.store(operations_, release); }
  // `limit` when the transaction has made its last possible change.
  Status check_room() const;

  // Inside an action, with what log().open gave. The handle belongs into the row's header.
  std::uint64_t record(buffer::Action& action, const buffer::WritePage& page, UndoRecord record);
  // Inside the action that has put the before image back.
  void stepped_back(const UndoRecord& record) noexcept;

  struct Savepoint {
    std::uint64_t head = no_undo;
    UndoPosition position;
    std::uint32_t operation = 0;  // the last one before it
  };
  Savepoint savepoint() const noexcept { return {head_, log_.end(), operations_}; }
  // Undoes everything since; `make_room` publishes a checkpoint when the disk is full (BA-8).
  Status rollback_to(const Savepoint& savepoint, UndoTarget& target, const std::function<Status()>& make_room);
  // Undoes every operation with a higher number, of a transaction that a crash ended; its undo pages stay.
  Status rollback_above(std::uint32_t operation, UndoTarget& target, const std::function<Status()>& make_room);

 private:
  template <class Stop>
  Status undo_until(Stop&& stop, UndoTarget& target, const std::function<Status()>& make_room);

  UndoLog& log_;
  const Xid xid_;
  const Xid horizon_;
  const UndoPosition begin_;
  std::uint64_t head_ = no_undo;
  std::uint32_t operations_ = 0;
  std::uint64_t purge_work_ = 0;
  std::uint64_t changes_ = 0;
  Atomic<std::uint32_t> flipped_{0};
};

}  // namespace quire::txn
