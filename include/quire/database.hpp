// Database: an ordered key-value store in one file, with transactions over named keyspaces.
//
//   auto db = quire::Database::open("app.qdb");
//   quire::Status done = db->update([](quire::Transaction& tx) { return tx.put("default", "k", "v"); });
//   quire::Result<std::string> value = db->keyspace("default")->get("k");
//
// Keys and values are bytes; keys order by memcmp. Composite and typed keys: quire/key.hpp.
// A key is 1 to key_bytes_max() bytes long (1968 at the default page size), a value at most 1 GiB.
//
// Transactions  any number at once, for reading and for writing. A write transaction keeps
//               its changes to itself until commit; commit makes them durable and visible at once, or fails and
//               changes nothing. It may be larger than memory. Two that change, or lock, the same row take turns: the
//               second waits for the first to end, and when two wait for each other one of them is `deadlock` and rolled back
//               (retry() runs it again). A read transaction sees the database as it was when
//               it began; readers never wait for writers, nor writers for them.
// Threads       Database and Keyspace may be used from any number of threads at once. A Transaction and its
//               cursors belong to one thread at a time
// Lifetime      objects keep what they need alive; after close() they fail with `invalid`
// Errors        named at each call; beyond those any call may report io, corrupt, no_memory or poisoned
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quire/cursor.hpp"
#include "quire/options.hpp"
#include "quire/range.hpp"
#include "quire/statistics.hpp"
#include "quire/status.hpp"

namespace quire {

// The keyspace that every database has from the start.
inline constexpr std::string_view default_keyspace = "default";

// Longest value in bytes.
inline constexpr std::uint64_t value_bytes_max = std::uint64_t{1} << 30;

// Longest keyspace name in bytes.
inline constexpr std::size_t keyspace_name_bytes_max = 255;

// The column names of a keyspace whose keys are encode_key and whose values are encode_row. Both empty: keys
// and values are plain bytes.
struct Schema {
  std::vector<std::string> key_columns;
  std::vector<std::string> value_columns;
  bool plain() const noexcept { return key_columns.empty() && value_columns.empty(); }
  friend bool operator==(const Schema&, const Schema&) = default;
};

struct KeyspaceInfo {
  std::string name;
  Schema schema;
  std::uint64_t count = 0;  // entries
};

enum class Access : std::uint8_t { read, write };

struct TransactionOptions {
  Access access = Access::write;
  std::optional<Isolation> isolation{};            // none: Options::isolation; of write transactions
  std::optional<Durability> durability{};          // none: Options::durability
  std::optional<std::uint32_t> lock_timeout_ms{};  // none: Options::lock_timeout_ms
};

struct RetryOptions {
  std::uint32_t attempts = 10;          // at least 1
  std::uint32_t first_delay_ms = 1;     // about; doubled with every attempt, and jittered
  std::uint32_t longest_delay_ms = 200;
};

// A point in a write transaction to go back to.
struct Savepoint {
  std::uint64_t number = 0;
};

// A transaction: begin, then any calls, then commit or rollback; destruction rolls back.
// Owned by the caller; belongs to one thread at a time. Keyspaces are named in every call; an unknown
// name is `not_found`. After commit or rollback every call is `invalid`.
class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // The value of `key`; not_found when there is none.
  Result<std::string> get(std::string_view keyspace, std::string_view key) const;
  // The same into a string whose memory is reused. `value` is unspecified when the call fails.
  Status get(std::string_view keyspace, std::string_view key, std::string& value) const;
  Result<bool> contains(std::string_view keyspace, std::string_view key) const;

  // The same, and nobody else changes or locks the key before this transaction ends. conflict when repeatable_read does not see who
  // changed it last; timeout, deadlock; read_only in a read transaction.
  Result<std::string> get_for_update(std::string_view keyspace, std::string_view key);
  // Locks keys that are there and keys that are not until the end, and waits for those who have changed any: timeout, deadlock,
  // read_only. A shared lock becomes exclusive when nobody else has one.
  Status lock(std::string_view keyspace, std::string_view key, LockMode mode = LockMode::exclusive);
  Status lock(std::string_view keyspace, const Range& range, LockMode mode = LockMode::exclusive);

  // Number of entries: of a whole keyspace at once, of a range by walking it.
  Result<std::uint64_t> count(std::string_view keyspace) const;
  Result<std::uint64_t> count(std::string_view keyspace, const Range& range) const;

  // Sets the value of `key`, new or not. read_only in a read transaction; limit for a key or value that is
  // too long; invalid for an empty key. Waits for whoever has changed or locked the key: timeout, after which the transaction goes on
  // without this change; deadlock, which rolls it back, so that every later call is deadlock too; conflict, see Isolation.
  Status put(std::string_view keyspace, std::string_view key, std::string_view value);
  // As put, but `exists` when the key is present.
  Status insert(std::string_view keyspace, std::string_view key, std::string_view value);
  // Removes `key`; not_found when there is none.
  Status erase(std::string_view keyspace, std::string_view key);

  // A cursor over a keyspace, not positioned. It must not outlive the transaction's end.
  Result<Cursor> cursor(std::string_view keyspace) const;
  // The entries of a range, for range-for; see Scan.
  Scan scan(std::string_view keyspace, Range range = Range::all(), ScanOptions options = {}) const;

  // Adds an empty keyspace: exists, invalid (empty name), limit (name or schema too long).
  Status create_keyspace(std::string_view name, const Schema& schema = {});
  // Removes a keyspace with all its entries; invalid for the default one.
  Status drop_keyspace(std::string_view name);
  // All keyspaces in order of their names, as this transaction sees them.
  Result<std::vector<KeyspaceInfo>> keyspaces() const;
  Result<KeyspaceInfo> keyspace(std::string_view name) const;
  // Only its columns: counts no entries, so it locks nothing.
  Result<Schema> schema(std::string_view keyspace) const;

  // Marks a point to go back to; savepoints nest. read_only in a read transaction.
  Result<Savepoint> savepoint();
  // Takes back every change since the savepoint, which stays; those made after it are gone. not_found when it is
  // not one of this transaction's, or was released.
  Status rollback_to(Savepoint savepoint);
  // Forgets the savepoint and those after it; the changes stay.
  Status release(Savepoint savepoint);

  // Adds rows that come in ascending order of keys: `next` fills in the next one, whose views must live until it is
  // called again, and returns false at the end or its own failure. Into an empty keyspace this builds the tree from the leaves
  // up, several times as fast as put; else it puts row by row. Nothing is added when it fails: invalid for a key that is
  // not above the one before, whatever put may return, or what `next` returned. The number of rows. `next` may read in
  // this transaction and call checkpoint(); changing or ending the transaction is `invalid` there.
  Result<std::uint64_t> bulk_load(std::string_view keyspace, const std::function<Result<bool>(Entry&)>& next);

  // How durable the commit shall be, instead of what Options said; any time before it.
  void set_durability(Durability durability) noexcept;

  // Makes all changes durable and visible at once. On `unknown_outcome` only reopening tells whether it
  // happened; on every other failure nothing was changed. Ends the transaction in any case.
  Status commit();
  // Takes all changes back and ends the transaction. When that fails (io, corrupt), the handle is poisoned and the next
  // open takes them back.
  Status rollback();

  // False after commit and rollback.
  bool active() const noexcept;
  // Of a write transaction: by which messages and Database::transactions() name it. 0 for a read transaction.
  std::uint64_t number() const noexcept;
  Access access() const noexcept;
  Isolation isolation() const noexcept;

  struct Impl;

 private:
  friend class Database;
  explicit Transaction(std::unique_ptr<Impl> impl) noexcept;
  Status lost() const;
  std::unique_ptr<Impl> impl_;
};

// A named keyspace, for calls outside a transaction: each is a transaction of its own.
// Cheap to copy. Safe to use from many threads at once.
class Keyspace {
 public:
  const std::string& name() const noexcept;
  Result<std::string> get(std::string_view key) const;
  Status get(std::string_view key, std::string& value) const;
  Result<bool> contains(std::string_view key) const;
  // Many keys at once, which costs less than one by one. `values` gets an entry per key, in order; empty when the
  // key is not there. All values are those of one moment.
  Status multi_get(std::span<const std::string_view> keys, std::vector<std::optional<std::string>>& values) const;
  Result<std::uint64_t> count() const;
  Status put(std::string_view key, std::string_view value);
  Status insert(std::string_view key, std::string_view value);
  Status erase(std::string_view key);

  struct Impl;

 private:
  friend class Database;
  explicit Keyspace(std::shared_ptr<Impl> impl) noexcept;
  std::shared_ptr<Impl> impl_;
};

// How far a restore goes: to the commit at an LSN, as `quire log` shows them, that one included; or to the last commit not later
// than a time (microseconds since 1970-01-01 UTC); or, with neither, to the end of the archive.
struct RestorePoint {
  std::optional<std::uint64_t> lsn{};
  std::optional<std::uint64_t> wall_us{};
};

// What a restore did.
struct RestoreReport {
  std::uint64_t commits = 0;        // applied to what the backup holds
  std::uint64_t last_lsn = 0;       // of the last of them; 0: none
  std::uint64_t last_wall_us = 0;   // when it was made
  bool more = false;                // the archive holds later commits
};

// An open database. Movable; the last handle of a file in a process closes it.
// Opening the same file again in one process gives another handle of the same database.
class Database {
 public:
  // Opens or creates the file. not_found, busy (another process has it), corrupt (damaged, or not a Quire
  // file), unsupported (made by a newer version), read_only, invalid (options).
  static Result<Database> open(const std::string& path, const Options& options = {});
  // A database that lives in memory and goes with its handle.
  static Result<Database> open_in_memory(const Options& options = {});

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  // Ends this handle's use and, for the last handle, closes the file. busy while transactions of this handle
  // are open. A closed handle answers every call with `invalid`. Another failure tells of what was committed and is not in the
  // archive (Options::archive_dir), or not on the disk; the handle is closed then as well, and the next opening goes on from there.
  Status close();

  // Runs fn(Transaction&), which returns Status, in a write transaction: commits when it returns ok, rolls
  // back and returns its status otherwise.
  template <std::invocable<Transaction&> Fn>
  Status update(Fn&& fn) {
    return run(Access::write, std::forward<Fn>(fn));
  }
  // Runs fn(Transaction&), which returns Status, in a read transaction.
  template <std::invocable<Transaction&> Fn>
  Status view(Fn&& fn) {
    return run(Access::read, std::forward<Fn>(fn));
  }
  // As update, but runs fn again, in a new transaction, when it or the commit failed with deadlock, conflict, timeout or busy; so fn must
  // have no effect that counts twice. The last failure when all attempts have failed.
  template <std::invocable<Transaction&> Fn>
  Status retry(Fn&& fn, const RetryOptions& options = {}) {
    for (std::uint32_t attempt = 1;; ++attempt) {
      Status status = update(fn);
      if (attempt >= options.attempts || !wait_to_retry(status, attempt, options)) return status;
    }
  }
  // Begins a transaction. busy while verify() or a picture of a tree wants to be alone, for longer than the lock timeout.
  Result<Transaction> begin(Access access = Access::write);
  Result<Transaction> begin(const TransactionOptions& options);

  // A handle on a keyspace that exists; not_found.
  Result<Keyspace> keyspace(std::string_view name = default_keyspace) const;
  Status create_keyspace(std::string_view name, const Schema& schema = {});
  Status drop_keyspace(std::string_view name);
  Result<std::vector<KeyspaceInfo>> keyspaces() const;

  // Transaction::bulk_load in a transaction of its own; `next` returns false at the end.
  Status bulk_load(std::string_view keyspace, const std::function<bool(Entry&)>& next);
  // Writes a copy of everything committed to a new file at `path`, which can be opened like any database. Transactions
  // go on meanwhile. exists when there is a file.
  Status backup(const std::string& path) const;
  // Makes a database at `target` from a backup and the archived log of the same database (Options::archive_dir), up to a point.
  // exists when there is a file at the target; not_found and corrupt when the archive lacks something, naming what; invalid for
  // an LSN before the backup or behind the archive's end. A time before all archived commits gives the backup's own state.
  static Result<RestoreReport> restore(const std::string& backup, const std::string& archive_dir, const std::string& target,
                                       const RestorePoint& point = {});
  // Merges pages that are nearly empty, moves the rest to the front of the file and cuts its end off. Transactions go on
  // meanwhile.
  Status compact();

  // Longest key in bytes for this file's page size.
  std::size_t key_bytes_max() const noexcept;

  // Reads every page and checks everything that can be checked. The first damage found is the `corrupt` status.
  // Waits for open write transactions of other threads, then `busy`.
  Result<VerifyReport> verify() const;
  // Clears away what ended transactions have left behind - erased entries, versions that only older read
  // transactions could see - and publishes that. Changes of open write transactions are published as what they are: not committed.
  Status checkpoint();
  Result<Statistics> statistics() const;
  // Who is at work: open write transactions in the order of their numbers, locks in the order of keyspaces and keys, snapshots from the
  // oldest to the newest. Each list is of one moment.
  Result<std::vector<TransactionInfo>> transactions() const;
  Result<std::vector<LockInfo>> locks() const;
  Result<std::vector<SnapshotInfo>> snapshots() const;
  // Walks one keyspace's tree. Waits for write transactions of other threads, then `busy`.
  Result<TreeStatistics> tree_statistics(std::string_view keyspace) const;

  // For Quire's own tools.
  struct Impl;
  explicit Database(std::shared_ptr<Impl> impl) noexcept;
  Impl* impl() const noexcept { return impl_.get(); }

 private:
  // False when it should not be tried again.
  static bool wait_to_retry(const Status& status, std::uint32_t attempt, const RetryOptions& options);
  template <class Fn>
  Status run(Access access, Fn&& fn) {
    Result<Transaction> transaction = begin(access);
    if (!transaction.ok()) return transaction.status();
    Status status = fn(*transaction);
    if (!transaction->active()) return status.ok() ? transaction->lost() : status;
    if (status.ok()) return transaction->commit();
    Status rolled_back = transaction->rollback();
    return rolled_back.ok() ? status : rolled_back;
  }

  std::shared_ptr<Impl> impl_;
};

}  // namespace quire
