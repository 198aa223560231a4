// Writer: the one write transaction of an engine.
//
// Changes are made in the trees at once, invisible to everybody else, with their before images in the undo log. Commit
// adds the new numbers of rows and publishes a checkpoint; rollback takes everything back.
//
// Protocol   begin (put | erase | create | drop | savepoint | rollback_to)* (commit | rollback)
// Threads    one at a time
// Errors     busy, read_only at the beginning; full, limit, io, corrupt while changing: the failed change has not
//            happened, earlier ones stay. A rollback that cannot be completed poisons the engine
#pragma once

#include <map>
#include <memory>

#include "engine/engine.hpp"
#include "quire/cursor.hpp"

namespace quire::engine {

class Writer {
 public:
  static Result<std::unique_ptr<Writer>> begin(Engine& engine, std::uint64_t timeout_us);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  // With this transaction's own keyspaces. Valid until the next create, drop or rollback_to.
  const catalog::Catalog& catalog() const noexcept { return own_catalog_ ? *own_catalog_ : *catalog_; }
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

  struct TreeChange {
    std::int64_t rows = 0;
    bool ghosts = false;
  };
  struct Savepoint {
    txn::WriteTransaction::Savepoint undo;
    std::shared_ptr<const catalog::Catalog> catalog;  // null: none of its own
    std::map<TreeId, TreeChange> changed;
  };
  Savepoint savepoint() const;
  Status rollback_to(const Savepoint& savepoint);

  // Both end the transaction, whatever they return.
  Status commit();
  Status rollback();

 private:
  Writer(Engine& engine, std::shared_ptr<const catalog::Catalog> catalog);
  TreeChange& change_of(TreeId tree);
  Result<std::uint64_t> fill_tree(const catalog::KeyspaceRecord& record, const std::function<Result<bool>(Entry&)>& next);
  Status write_counts(catalog::Catalog& next);
  Status undo_to(const txn::WriteTransaction::Savepoint& savepoint);
  void end() noexcept;

  Engine& engine_;
  std::shared_ptr<const catalog::Catalog> catalog_;
  std::shared_ptr<const catalog::Catalog> own_catalog_;
  TreeId next_tree_;
  txn::WriteTransaction transaction_;
  std::map<TreeId, TreeChange> changed_;
  TreeChange* last_change_ = nullptr;  // of last_tree_
  TreeId last_tree_{};
  bool ended_ = false;
};

}  // namespace quire::engine
