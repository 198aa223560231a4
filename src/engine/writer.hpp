// Writer: a write transaction.
//
// Changes are made in the trees at once, invisible to everybody else, with their before images in the undo log. Commit
// appends what was done to the log, or publishes a checkpoint; rollback takes everything back. Through a checkpoint go
// transactions with unlogged changes (bulk loads), those that have logged a lot - their pages must be written anyway -
// those that the log has no room for, and all with Journal::copy_on_write. With an archive the log gets everything (WAL-9).
//
// A row that another active transaction has changed, or that is locked, is waited for (LK-1 to LK-4). What a transaction reads,
// and which locks that takes, depends on its isolation:
//
//   serializable       the newest committed rows, each locked before it is read, and gaps with them (LK-2): strict two-phase locking
//   repeatable_read    a snapshot of its beginning; a row that somebody has committed since cannot be changed: conflict
//   read_committed     a snapshot of each call
//   read_uncommitted   the newest rows, committed or not
//
// Locks are given back when the commit has its place in the log; waiting for the disk comes after that.
//
// Protocol   begin (read | put | erase | create | drop | lock | savepoint | rollback_to)* (commit | rollback)
// Threads    one at a time
// Errors     busy, read_only at the beginning; full, limit, io, corrupt while changing: the failed change has not
//            happened, earlier ones stay. timeout, conflict likewise. deadlock: the caller must roll back, others wait for it. A
//            rollback that cannot be completed poisons the engine
#pragma once

#include <array>
#include <optional>

#include "engine/engine.hpp"
#include "engine/transaction_log.hpp"
#include "quire/cursor.hpp"

namespace quire::engine {

class Writer {
 public:
  struct Begin {
    Isolation isolation = Isolation::serializable;
    std::uint64_t lock_timeout_us = 0;
  };
  // Makes the writer in place.
  static Status begin(Engine& engine, const Begin& how, std::optional<Writer>& writer);
  class Entered;  // says that the place is taken
  Writer(Engine& engine, const Begin& how, Writers::Place& place, Entered entered);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  Isolation isolation() const noexcept { return isolation_; }
  std::uint64_t number() const noexcept { return owner_.number(); }
  // The calling thread has the transaction from here on.
  void note_thread() noexcept { place_.thread.store(os::this_thread_number(), relaxed); }
  // With this transaction's own keyspaces. Valid until the next call.
  const catalog::Catalog& catalog();

  // ---- reading; see writer_reads.cpp

  // The row as the isolation has it; serializable: locked from now on. not_found.
  Status get(const catalog::KeyspaceRecord& record, std::string_view key, std::string& value);
  Result<bool> contains(const catalog::KeyspaceRecord& record, std::string_view key);
  // The same, with the key locked exclusively until the end. conflict as for a change.
  Status get_for_update(const catalog::KeyspaceRecord& record, std::string_view key, std::string& value);
  // Locks keys, and waits until nobody else's change is among them.
  Status lock(const catalog::KeyspaceRecord& record, const lock::Interval& interval, lock::Mode mode);
  // Whether what is read has to be locked first (lock_read).
  bool locks_reads() const noexcept { return isolation_ == Isolation::serializable; }
  // A shared lock on what is about to be read; rows of active transactions are met when they are read, by what cursor_view() does
  // not see, and waited for with await_row.
  Status lock_read(TreeId tree, const lock::Interval& interval);
  Status await_row(TreeId tree, std::string_view key, Xid holder);
  // For a cursor that begins, or goes on after a change of this transaction. Where that needs one, `snapshot` keeps the cursor's.
  Result<txn::View> cursor_view(TreeId tree, std::optional<Reader>& snapshot);
  // Rows of a keyspace with this transaction's changes.
  Result<std::uint64_t> rows(const catalog::KeyspaceRecord& record);
  // Moves with every change; cursors compare it.
  std::uint64_t changes() const noexcept { return transaction_.changes(); }

  Result<bool> put(const catalog::KeyspaceRecord& record, std::string_view key, std::string_view value);
  // As put, if the key is not there; false when it is.
  Result<bool> insert(const catalog::KeyspaceRecord& record, std::string_view key, std::string_view value);
  Result<bool> erase(const catalog::KeyspaceRecord& record, std::string_view key);
  Status create_keyspace(std::string_view name, const Schema& schema);
  Status drop_keyspace(std::string_view name);

  // Whether the keyspace has no row; then nobody else changes it, or the catalog, before this transaction ends.
  Result<bool> lock_if_empty(std::string_view name);
  // Fills an empty, locked keyspace bottom-up from rows in ascending order; `next` fills the row in, false at the end. Older
  // snapshots keep the empty tree (DD-4). The number of rows.
  Result<std::uint64_t> bulk_load(std::string_view name, const std::function<Result<bool>(Entry&)>& next);

  struct Savepoint {
    txn::WriteTransaction::Savepoint undo;
    CatalogPointer catalog;  // null: none of its own
    RowCounts::Changes changed;
  };
  Savepoint savepoint() const;
  Status rollback_to(const Savepoint& savepoint);
  // Takes back what a call has done that failed half-way: it tells nothing of the rows, so nothing of them stays locked.
  Status undo_call(const Savepoint& before);

  void set_durability(Durability durability) noexcept { durability_ = durability; }
  // Both end the transaction, whatever they return.
  Status commit();
  Status rollback();

 private:
  Result<std::uint64_t> fill_tree(const catalog::KeyspaceRecord& record, const std::function<Result<bool>(Entry&)>& next);
  Status write_names_row(std::string_view name, const catalog::KeyspaceRecord& record);
  Status undo_to(const txn::WriteTransaction::Savepoint& savepoint);
  // The same, and those who wait for one of its rows look again.
  Status take_back(const txn::WriteTransaction::Savepoint& savepoint);
  // Gives locks and place back.
  void end() noexcept;

  void set_aborted() noexcept;
  Status keep_locks(const Savepoint& savepoint);
  // Before the first change.
  Status begin_changes();
  Status begin_logging();
  txn::View locked_view() const noexcept;
  Status read(const catalog::KeyspaceRecord& record, std::string_view key, std::string* value);
  // Locks that a call has taken, given back at the end of its scope unless it has succeeded.
  class Claimed;
  // The place of one row in the queue of those who want to change it, for a scope.
  class Turn;
  // Whoever else changes the catalog waits.
  Status lock_catalog();
  // Nobody else has changed the tree and may still take it back, or will before this transaction ends.
  Status lock_tree(TreeId tree, lock::Mode mode);
  Status still_there(TreeId tree);
  // Before a change: whoever drops the tree waits for this transaction from here on, or is waited for.
  Status enter_tree(TreeId tree, std::string_view key, Turn& turn);
  Status changed_since(TreeId tree, std::string_view key, Xid by) const;
  // Calls `add`, which adds to log_, unless this transaction commits through a checkpoint; from then on it does if the log
  // has no room. A failure means that the change must be taken back.
  template <class Fn>
  Status log(Fn&& add) {
    return logs_ ? logged(add()) : Status();
  }
  Status logged(Status added);
  Status log_counts();
  Status check_counts() const;
  Status commit_to_log();
  Status commit_by_checkpoint();
  Status commit_in_memory();
  // Under the commit mutex: what makes it committed. Others see it as soon as the log is durable up to `durable`. `counted`: its row counts
  // are known already.
  void take_effect(Timestamp at, Lsn durable, bool counted);
  void after_commit(Timestamp at);
  void report_changes() noexcept { owner_.set_changes(transaction_.operations()); }

  Engine& engine_;
  Writers::Place& place_;
  const Isolation isolation_;
  const std::uint64_t lock_timeout_us_;
  lock::Owner owner_;
  std::optional<Reader> snapshot_;  // of repeatable_read; of others: of the call
  CatalogPointer catalog_;          // the committed one, as last looked at
  std::uint64_t catalog_version_ = 0;
  CatalogPointer own_catalog_;
  txn::WriteTransaction transaction_;
  std::array<TreeId, 4> entered_{};  // some of those that enter_tree was ok for
  std::size_t next_entered_ = 0;
  RowCounts::Changes changed_;
  TransactionLog log_;
  bool logs_;  // commits through the log, as it looks now
  Durability durability_;
  bool ended_ = false;
};

class Writer::Entered {
  friend class Writer;
  Entered() = default;
};

}  // namespace quire::engine
