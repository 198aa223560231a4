// WriteTransaction: what a writer needs to change rows beside others, and to take its changes back.
//
// Every change of a row first appends the row's before image to the undo log; `head` names the newest record, each
// record the one before. A rollback walks that chain, one action per record, and moves the head inside the
// same action, so that a checkpoint that flips in between writes down exactly what is left to undo (TX-5).
//
// While it is active, the rows that it has changed are locked by it: their headers name it (LK-1). Before each change, with
// the row's page latched, it asks whether the row may be changed; if not, `obstacle` says who is in the way.
//
// Invariants   records from head back to none undo everything since begin
// Threads      its own; head(), operations() and note_flip() also in a flip; touches() any
// Errors       rollback: io, corrupt, full when even the standing reserve and a checkpoint give no room; the caller
//              must then not go on
#pragma once

#include <array>
#include <functional>

#include "lock/lock_table.hpp"
#include "txn/status_table.hpp"
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

// What a transaction minds when it changes a row. None: it is alone.
struct WriteRules {
  const StatusTable* status = nullptr;
  lock::LockTable* locks = nullptr;
  lock::Owner* owner = nullptr;
  Timestamp snapshot{UINT64_MAX};  // rows that were committed from here on must not be changed: first updater wins
};

// Why a row could not be changed.
struct Obstacle {
  enum class Kind : std::uint8_t {
    none,
    held,      // by an active transaction, or by locks on the key
    conflict,  // somebody has changed it since this transaction's snapshot
  };
  Kind kind = Kind::none;
  Xid xid{};  // whose row it is; zero: only locks are in the way
};

class WriteTransaction {
 public:
  WriteTransaction() = default;
  // Alone. Every transaction below the horizon is finished for every snapshot.
  WriteTransaction(UndoLog& log, Xid xid, Xid horizon) : log_(&log), xid_(xid), horizon_(horizon), begin_(log.end()) {}
  // One that a crash ended, to be rolled back.
  WriteTransaction(UndoLog& log, Xid xid, std::uint64_t head, std::uint32_t operations)
      : log_(&log), xid_(xid), horizon_{}, begin_(log.end()), head_(head), operations_(operations) {}

  // Before its first change.
  void begin(UndoLog& log, Xid xid, const WriteRules& rules) noexcept {
    log_ = &log;
    xid_ = xid;
    rules_ = rules;
    begin_ = log.end();
  }
  bool begun() const noexcept { return log_ != nullptr; }

  // With the row's page latched exclusively; `row_xid`: of its header, zero when it has none or is not there. True when the row
  // may be changed; else obstacle() says why not.
  bool may_change(TreeId tree, std::string_view key, Xid row_xid) noexcept;
  const Obstacle& obstacle() const noexcept { return obstacle_; }

  // Says, before its first change of a row there, that it changes rows of the tree (LK-6: IX); others may ask.
  void touch(TreeId tree) noexcept;
  bool touches(TreeId tree) const noexcept;

  Xid xid() const noexcept { return xid_; }
  // Every transaction below it is finished for every snapshot.
  Xid horizon() const noexcept { return rules_.status != nullptr ? rules_.status->floor() : horizon_; }
  UndoLog& log() const noexcept { return *log_; }
  std::uint64_t head() const noexcept { return head_; }
  std::uint32_t operations() const noexcept { return operations_.load(relaxed); }
  bool changed_anything() const noexcept { return head_ != no_undo; }
  UndoPosition begin() const noexcept { return begin_; }
  // Records for which needs_purge() holds.
  std::uint64_t purge_work() const noexcept { return purge_work_; }
  // Moves with every change and rollback; cursors compare it.
  std::uint64_t changes() const noexcept { return changes_; }
  // The last operation at the newest flip; the flip tells (WAL-2).
  std::uint32_t flipped() const noexcept { return flipped_.load(acquire); }
  void note_flip() noexcept { flipped_.store(operations(), release); }
  // No flip counts it among the active ones any more: its COMMIT is in the log, or a flip has taken it along. Inside the gate, or with
  // it closed.
  void set_ended() noexcept { ended_.store(true, seq_cst); }
  bool ended() const noexcept { return ended_.load(seq_cst); }
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
  Savepoint savepoint() const noexcept { return {head_, log_ == nullptr ? UndoPosition{} : log_->end(), operations()}; }
  // Calls `look` with each record since, newest first, as long as it returns ok.
  Status for_each_since(const Savepoint& savepoint, const std::function<Status(const UndoRecord&)>& look) const;
  // Undoes everything since; `make_room` publishes a checkpoint when the disk is full (BA-8).
  Status rollback_to(const Savepoint& savepoint, UndoTarget& target, const std::function<Status()>& make_room);
  // Undoes every operation with a higher number, of a transaction that a crash ended; its undo pages stay.
  Status rollback_above(std::uint32_t operation, UndoTarget& target, const std::function<Status()>& make_room);

 private:
  // False when the record, met on the way back from operation `newer_than`, is not older.
  Status check_order(const UndoRecord& record, std::uint64_t handle, std::uint64_t newer_than) const;
  template <class Stop>
  Status undo_until(Stop&& stop, UndoTarget& target, const std::function<Status()>& make_room);

  UndoLog* log_ = nullptr;
  Xid xid_{};
  Xid horizon_{};
  WriteRules rules_;
  Obstacle obstacle_;
  UndoPosition begin_;
  std::uint64_t head_ = no_undo;
  Atomic<std::uint32_t> operations_{0};  // written by its own thread only
  std::uint64_t purge_work_ = 0;
  std::uint64_t changes_ = 0;
  Atomic<std::uint32_t> flipped_{0};
  Atomic<bool> ended_{false};
  // Trees it has changed; zero: none. More than fit: any.
  static constexpr std::size_t touched_max = 8;
  std::array<Atomic<std::uint32_t>, touched_max> touched_{};
  Atomic<bool> touches_any_{false};
};

}  // namespace quire::txn
