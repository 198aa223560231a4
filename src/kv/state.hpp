// The shared state behind Database, Transaction and Cursor.
//
// A DatabaseState is one handle; transactions keep it alive, cursors keep their transaction's state alive. So a cursor
// that outlives its transaction, or a transaction that outlives its handle, answers with `invalid` instead
// of touching freed memory.
//
// Threads   DatabaseState: any; TransactionState: one thread at a time
#pragma once

#include <array>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/atomic.hpp"
#include "base/contain.hpp"
#include "base/try.hpp"
#include "engine/writer.hpp"
#include "quire/database.hpp"

namespace quire::kv {

class DatabaseState {
 public:
  std::unique_ptr<os::FileSystem> own_files;  // of an in-memory database; outlives the engine
  std::unique_ptr<os::Environment> own_environment;
  std::shared_ptr<engine::Engine> engine;
  bool read_only = false;
  std::uint64_t lock_timeout_us = 0;
  Isolation isolation = Isolation::serializable;

  // A user keeps the engine from being closed. invalid after close, poisoned after a failed commit; then the
  // caller is no user. The slot to leave by, which is the calling thread's.
  Result<std::uint32_t> enter();
  void leave(std::uint32_t slot) noexcept { slots_[slot].users.fetch_sub(1, release); }
  // busy while there are users.
  Status close();

 private:
  enum class Phase : std::uint8_t { open, closing, closed };
  static constexpr std::uint32_t slot_count = 64;
  struct alignas(64) Slot {
    Atomic<std::uint64_t> users{0};  // open transactions and running calls
  };
  std::array<Slot, slot_count> slots_;
  Atomic<Phase> phase_{Phase::open};
};

// A short visit of one call that only reads, without a transaction object. It sees what its thread has committed.
class Visit {
 public:
  static Result<Visit> begin(DatabaseState& database);
  Visit(Visit&& other) noexcept : database_(std::exchange(other.database_, nullptr)), slot_(other.slot_) {}
  Visit& operator=(Visit&&) = delete;
  ~Visit() {
    if (database_ != nullptr) database_->leave(slot_);
  }

  std::uint32_t slot() const noexcept { return slot_; }
  // The visit goes on as somebody else's.
  void hand_over() noexcept { database_ = nullptr; }
  engine::Engine& engine() const noexcept { return *database_->engine; }
  DatabaseState& database() const noexcept { return *database_; }
  // As last committed.
  Result<catalog::KeyspaceRecord> find(std::string_view keyspace) const;
  Status check_key(std::string_view key) const;

 private:
  Visit(DatabaseState* database, std::uint32_t slot) noexcept : database_(database), slot_(slot) {}
  DatabaseState* database_;
  std::uint32_t slot_;
};

Result<const catalog::KeyspaceRecord*> find_keyspace(const catalog::Catalog& catalog, std::string_view name);
Status check_key(std::string_view key, std::uint32_t page_bytes);
Status check_value(std::string_view value);
// Its views lead into the range.
lock::Interval interval_of(const Range& range) noexcept;

class TransactionState {
 public:
  // Begins with start(). If that fails there is nothing to end.
  TransactionState(std::shared_ptr<DatabaseState> database, const TransactionOptions& options) noexcept
      : database_(std::move(database)), options_(options) {}
  static Result<std::shared_ptr<TransactionState>> begin(std::shared_ptr<DatabaseState> database, const TransactionOptions& options);
  Status start();
  TransactionState(const TransactionState&) = delete;
  TransactionState& operator=(const TransactionState&) = delete;
  ~TransactionState();

  Access access() const noexcept { return options_.access; }
  Isolation isolation() const noexcept { return options_.isolation.value_or(database_->isolation); }
  const bool& active() const noexcept { return active_; }
  // Of a write transaction, also after its end; else 0.
  std::uint64_t number() const noexcept { return number_; }
  // Why it was rolled back without being asked; ok: it was not.
  const Status& lost() const noexcept { return lost_; }
  // Valid until the next call.
  const catalog::Catalog& catalog() { return writer_ ? writer_->catalog() : reader_->catalog(); }
  engine::Engine& engine() const noexcept { return *database_->engine; }
  // Null in a read transaction.
  engine::Writer* writer() noexcept { return writer_ ? &*writer_ : nullptr; }
  // Snapshots of cursors are the transaction's: they end with it, the cursor may live on. Valid until given back.
  using CursorSnapshot = std::optional<engine::Reader>;
  CursorSnapshot& lend_snapshot() { return cursor_snapshots_.emplace_back(); }
  void give_back(const CursorSnapshot& snapshot) noexcept {
    cursor_snapshots_.remove_if([&](const CursorSnapshot& each) { return &each == &snapshot; });
  }
  // What a cursor sees that begins or goes on; `snapshot` is the cursor's, see Writer::cursor_view.
  Result<txn::View> cursor_view(TreeId tree, CursorSnapshot& snapshot);
  // Moves whenever this transaction changes something.
  std::uint64_t changes() const noexcept { return writer_ ? writer_->changes() : 0; }

  // invalid when ended or closed.
  Status usable() const;
  // Also read_only for a read transaction.
  Status writable() const;
  Result<const catalog::KeyspaceRecord*> find(std::string_view keyspace);

  Status get(std::string_view keyspace, std::string_view key, std::string& value);
  Result<bool> contains(std::string_view keyspace, std::string_view key);
  Status get_for_update(std::string_view keyspace, std::string_view key, std::string& value);
  Status lock(std::string_view keyspace, const lock::Interval& interval, LockMode mode);
  // `self`: this.
  Result<std::unique_ptr<Cursor::Impl>> make_cursor(std::string_view keyspace, std::shared_ptr<TransactionState> self);
  Result<std::uint64_t> count(std::string_view keyspace);
  Result<std::uint64_t> count(const catalog::KeyspaceRecord& record);
  Status put(std::string_view keyspace, std::string_view key, std::string_view value, bool only_new);
  Status erase(std::string_view keyspace, std::string_view key);
  Status create_keyspace(std::string_view name, const Schema& schema);
  Status drop_keyspace(std::string_view name);

  // Runs a public call. The victim of a deadlock is rolled back at once: others wait for it.
  template <class Work>
  auto call(Work&& work) {
    if (writer_) writer_->note_thread();
    auto done = contain_no_memory(std::forward<Work>(work));
    settle(status_of(done));
    return done;
  }
  void settle(const Status& done) {
    if (done == Code::deadlock && active_) give_up(done);
  }
  // The same for one that changes something. One that runs out of memory may be half done: nothing of it is published, and only
  // reopening takes it back.
  template <class Work>
  auto change(Work&& work) {
    return call([&] { return contain_no_memory(std::forward<Work>(work), [&]() noexcept { engine().poison(); }); });
  }

  Result<std::uint64_t> bulk_load(std::string_view keyspace, const std::function<Result<bool>(Entry&)>& next);

  Result<std::uint64_t> savepoint();
  Status rollback_to(std::uint64_t savepoint);
  Status release(std::uint64_t savepoint);

  void set_durability(Durability durability) noexcept {
    if (writer_) writer_->set_durability(durability);
  }
  Status commit();
  Status rollback();

 private:
  Status begin_inside();
  Status can_end() const;
  void give_up(const Status& why);
  static const Status& status_of(const Status& status) noexcept { return status; }
  template <class T>
  static Status status_of(const Result<T>& result) {
    return result.status();
  }
  // Calls `work` with the keyspace's record; again when the keyspace has got another tree while it waited.
  template <class Work>
  auto in_keyspace(std::string_view keyspace, Work&& work) -> decltype(work(std::declval<const catalog::KeyspaceRecord&>())) {
    for (;;) {
      const std::uint64_t version = engine().committed_catalog_version();
      QUIRE_ASSIGN(const catalog::KeyspaceRecord* record, find(keyspace));
      auto done = work(*record);
      if (!writer_ || !(done == Code::not_found) || engine().committed_catalog_version() == version) return done;
    }
  }
  void end() noexcept;
  // Ends the transaction, however the scope is left.
  struct Ending {
    TransactionState& state;
    ~Ending() { state.end(); }
  };
  Result<std::uint64_t> put_in_order(std::string_view keyspace, const std::function<Result<bool>(Entry&)>& next);
  Result<std::size_t> find_savepoint(std::uint64_t savepoint) const;

  const std::shared_ptr<DatabaseState> database_;
  const TransactionOptions options_;
  Status lost_;
  std::uint32_t slot_ = 0;
  std::uint64_t number_ = 0;
  bool active_ = false;
  bool asking_ = false;  // a bulk load waits for the caller's next row
  std::optional<engine::Reader> reader_;
  std::optional<engine::Writer> writer_;
  std::list<CursorSnapshot> cursor_snapshots_;
  struct Named {
    std::uint64_t number;
    engine::Writer::Savepoint savepoint;
  };
  std::vector<Named> savepoints_;  // innermost last
  std::uint64_t next_savepoint_ = 1;
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

  // Where the keyspace's tree is, as long as the catalog's version stays the same.
  struct Place {
    std::uint64_t version;
    TreeId tree;
    PageId root;
  };
  Result<Place> place(const kv::Visit& visit);
  Status read(std::string_view key, std::string* value);
  Status read_many(std::span<const std::string_view> keys, std::vector<std::optional<std::string>>& values);

  Atomic<const Place*> place_{nullptr};
  os::Mutex places_mutex_;
  std::vector<std::unique_ptr<Place>> places_ QUIRE_GUARDED_BY(places_mutex_);  // readers may still look at old ones
};

}  // namespace quire
