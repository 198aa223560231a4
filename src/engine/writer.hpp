// Writer: the one write transaction of an engine.
//
// Changes are made in the trees at once, invisible to everybody else, with their before images in the undo log. Commit
// appends what was done to the log, or publishes a checkpoint; rollback takes everything back. Through a checkpoint go
// transactions with unlogged changes (bulk loads), those that have logged a lot - their pages must be written anyway -
// those that the log has no room for, and all with Journal::copy_on_write. With an archive the log gets everything (WAL-9).
//
// The writer slot is free again when the commit has its place in the log; waiting for the disk comes after that.
//
// Protocol   begin (put | erase | create | drop | savepoint | rollback_to)* (commit | rollback)
// Threads    one at a time
// Errors     busy, read_only at the beginning; full, limit, io, corrupt while changing: the failed change has not
//            happened, earlier ones stay. A rollback that cannot be completed poisons the engine
#pragma once

#include <optional>

#include "engine/engine.hpp"
#include "engine/transaction_log.hpp"
#include "quire/cursor.hpp"

namespace quire::engine {

class Writer {
 public:
  // Waits for the writer slot, no longer than the timeout, and makes the writer in place.
  static Status begin(Engine& engine, std::uint64_t timeout_us, std::optional<Writer>& writer);
  class Entered;  // says that the slot is taken
  Writer(Engine& engine, Entered entered);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  // With this transaction's own keyspaces. Valid until the next create, drop or rollback_to.
  const catalog::Catalog& catalog() const noexcept { return own_catalog_ ? *own_catalog_ : catalog_; }
  // Rows of a keyspace with this transaction's changes.
  std::uint64_t rows(const catalog::KeyspaceRecord& record) const;
  // Moves with every change; cursors compare it.
  std::uint64_t changes() const noexcept { return transaction_.changes(); }

  Result<bool> put(const catalog::KeyspaceRecord& record, std::string_view key, std::string_view value);
  Result<bool> erase(const catalog::KeyspaceRecord& record, std::string_view key);
  Status create_keyspace(std::string_view name, const Schema& schema);
  Status drop_keyspace(std::string_view name);

  // Fills an empty keyspace bottom-up from rows in ascending order; `next` fills the row in, false at the end. Older
  // snapshots keep the empty tree (DD-4). The number of rows.
  Result<std::uint64_t> bulk_load(std::string_view name, const std::function<Result<bool>(Entry&)>& next);

  struct Savepoint {
    txn::WriteTransaction::Savepoint undo;
    CatalogPointer catalog;  // null: none of its own
    RowCounts::Changes changed;
  };
  Savepoint savepoint() const;
  Status rollback_to(const Savepoint& savepoint);

  void set_durability(Durability durability) noexcept { durability_ = durability; }
  // Both end the transaction, whatever they return.
  Status commit();
  Status rollback();

 private:
  Result<std::uint64_t> fill_tree(const catalog::KeyspaceRecord& record, const std::function<Result<bool>(Entry&)>& next);
  Status write_names_row(std::string_view name, const catalog::KeyspaceRecord& record);
  Status undo_to(const txn::WriteTransaction::Savepoint& savepoint);
  void end() noexcept;
  // From here on flips do not list it as active.
  void take_off_active_list() noexcept;

  // Before the first change that is to be logged.
  Status begin_logging();
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
  // Others see what is committed as soon as the log is durable so far.
  void show_when(Lsn durable);
  void after_commit();

  Engine& engine_;
  const catalog::Catalog& catalog_;  // the engine's, which nobody else changes meanwhile
  CatalogPointer own_catalog_;
  txn::WriteTransaction transaction_;
  RowCounts::Changes changed_;
  TransactionLog log_;
  bool logs_;  // commits through the log, as it looks now
  Durability durability_;
  bool listed_ = true;  // on the active list
  bool ended_ = false;
};

class Writer::Entered {
  friend class Writer;
  Entered() = default;
};

}  // namespace quire::engine
