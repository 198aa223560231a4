// The shared state behind Database, Transaction and Cursor.
//
// A DatabaseState is one handle; transactions keep it alive, cursors keep their transaction's state alive. So a cursor
// that outlives its transaction, or a transaction that outlives its handle, answers with `invalid` instead
// of touching freed memory.
//
// Threads   DatabaseState: any; TransactionState: one thread at a time
#pragma once

#include <memory>
#include <string>

#include "base/atomic.hpp"
#include "engine/engine.hpp"
#include "quire/database.hpp"

namespace quire::kv {

struct DatabaseState {
  std::unique_ptr<os::FileSystem> own_files;  // of an in-memory database; outlives the engine
  std::unique_ptr<os::Environment> own_environment;
  std::shared_ptr<engine::Engine> engine;
  bool read_only = false;
  std::uint64_t lock_timeout_us = 0;
  Atomic<std::uint64_t> users{0};  // open transactions and running calls of this handle
  Atomic<bool> closed{false};

  // A user keeps the engine from being closed. invalid after close, poisoned after a failed commit; then the
  // caller is no user.
  Status enter();
  void leave() noexcept { users.fetch_sub(1, seq_cst); }
  // busy while there are users.
  Status close();
};

// A short visit of one call that only reads: inside the turnstile, without a transaction object.
class Visit {
 public:
  static Result<Visit> begin(DatabaseState& database);
  Visit(Visit&& other) noexcept : database_(std::exchange(other.database_, nullptr)), slot_(other.slot_) {}
  Visit& operator=(Visit&&) = delete;
  ~Visit();

  engine::Engine& engine() const noexcept { return *database_->engine; }
  Result<const catalog::KeyspaceRecord*> find(std::string_view keyspace) const;
  Status check_key(std::string_view key) const;

 private:
  Visit(DatabaseState* database, std::uint32_t slot) noexcept : database_(database), slot_(slot) {}
  DatabaseState* database_;
  std::uint32_t slot_;
};

Result<const catalog::KeyspaceRecord*> find_keyspace(const catalog::Catalog& catalog, std::string_view name);
Status check_key(std::string_view key, std::uint32_t page_bytes);

class TransactionState {
 public:
  static Result<std::shared_ptr<TransactionState>> begin(std::shared_ptr<DatabaseState> database, Access access);
  ~TransactionState();

  Access access() const noexcept { return access_; }
  bool active() const noexcept { return active_; }
  const catalog::Catalog& catalog() const noexcept { return own_catalog_ ? *own_catalog_ : *catalog_; }
  engine::Engine& engine() const noexcept { return *database_->engine; }

  // invalid when ended or closed.
  Status usable() const;
  // Also read_only for a read transaction.
  Status writable() const;
  Result<const catalog::KeyspaceRecord*> find(std::string_view keyspace) const;

  // The transaction's own changes of a tree; null when there are none.
  txn::TreeChanges* changes(TreeId tree) const noexcept { return writes_ ? writes_->find(tree) : nullptr; }
  // Whether the tree itself, without own changes, holds the key.
  Result<bool> in_tree(const catalog::KeyspaceRecord& record, std::string_view key) const;

  Status get(std::string_view keyspace, std::string_view key, std::string& value) const;
  Result<bool> contains(std::string_view keyspace, std::string_view key) const;
  Result<std::uint64_t> count(const catalog::KeyspaceRecord& record) const;
  Status put(std::string_view keyspace, std::string_view key, std::string_view value, bool only_new);
  Status erase(std::string_view keyspace, std::string_view key);
  Status create_keyspace(std::string_view name, const Schema& schema);
  Status drop_keyspace(std::string_view name);

  Status commit();
  void end() noexcept;

 private:
  TransactionState(std::shared_ptr<DatabaseState> database, Access access) : database_(std::move(database)), access_(access) {}
  Status enter_turnstile();
  catalog::Catalog& own_catalog();
  // Own change first, then the tree.
  Result<bool> contains(const catalog::KeyspaceRecord& record, std::string_view key) const;

  const std::shared_ptr<DatabaseState> database_;
  const Access access_;
  bool active_ = false;
  std::uint32_t reader_slot_ = 0;
  std::shared_ptr<const catalog::Catalog> catalog_;
  std::unique_ptr<catalog::Catalog> own_catalog_;
  std::unique_ptr<txn::WriteSet> writes_;
};

}  // namespace quire::kv

namespace quire {

struct Database::Impl {
  std::shared_ptr<kv::DatabaseState> state;
};

struct Transaction::Impl {
  std::shared_ptr<kv::TransactionState> state;
};

struct Keyspace::Impl {
  std::shared_ptr<kv::DatabaseState> database;
  std::string name;
};

}  // namespace quire
