// Writer: changing, taking back. Committing: commit_paths.cpp.
//
// What takes several changes of trees - a keyspace, a value that replaces a large one - goes back to where it began when
// one of them fails.
#include "engine/writer.hpp"

#include "base/contain.hpp"
#include "base/try.hpp"

namespace quire::engine {

using catalog::Catalog;
using catalog::KeyspaceRecord;

Writer::Writer(Engine& engine, Entered)
    : engine_(engine),
      catalog_(*engine.committed_catalog_),
      transaction_(engine.undo_log_, Xid{engine.next_xid_.fetch_add(1, relaxed)}, engine.horizon_of_writer()),
      changed_(std::move(engine.writer_memory_.changed)),
      log_(std::move(engine.writer_memory_.ops)),
      logs_(engine.commits_to_log()),
      durability_(engine.options_.durability) {
  os::Lock lock(engine_.active_mutex_);
  engine_.active_ = &transaction_;
}

Status Writer::begin(Engine& engine, std::uint64_t timeout_us, std::optional<Writer>& writer) {
  QUIRE_TRY(engine.usable());
  if (engine.read_only_) return Status(Code::read_only, engine.path() + " is open for reading only");
  QUIRE_TRY(engine.writer_slot_.enter(timeout_us));
  txn::WriterTurn turn(engine.writer_slot_);
  QUIRE_TRY(engine.usable());
  writer.emplace(engine, Entered());
  turn.hand_over();
  return Status();
}

Writer::~Writer() {
  if (ended_) return;
  (void)contain_no_memory([&] { return rollback(); }, [&]() noexcept { engine_.poison(); }).ok();
  if (!ended_) end();
}

void Writer::take_off_active_list() noexcept {
  os::Lock lock(engine_.active_mutex_);
  engine_.active_ = nullptr;
  listed_ = false;
}

void Writer::end() noexcept {
  ended_ = true;
  if (listed_) take_off_active_list();
  changed_.clear();
  engine_.writer_memory_ = {log_.give_memory(), std::move(changed_)};
  engine_.resources_.give_spare_units();
  engine_.writer_slot_.leave();
}

std::uint64_t Writer::rows(const KeyspaceRecord& record) const {
  const RowCounts::Change* change = changed_.find(record.tree);
  return engine_.counts_.rows(record.tree) + (change == nullptr ? 0 : static_cast<std::uint64_t>(change->rows));
}

Result<bool> Writer::put(const KeyspaceRecord& record, std::string_view key, std::string_view value) {
  if (logs_ && !log_.is_open()) QUIRE_TRY(begin_logging());
  const txn::WriteTransaction::Savepoint before = transaction_.savepoint();
  btree::Tree tree = engine_.tree(record);
  const Result<bool> put = catalog::put(engine_.resources_, tree, key, value, transaction_);
  Status status = put.status();
  if (put.ok()) status = log([&] { return log_.put(record.tree, transaction_.operations(), key, value); });
  if (!status.ok()) {
    if (transaction_.head() != before.head) QUIRE_TRY(undo_to(before));
    return status;
  }
  if (*put) ++changed_.of(record.tree).rows;
  return *put;
}

Result<bool> Writer::erase(const KeyspaceRecord& record, std::string_view key) {
  if (logs_ && !log_.is_open()) QUIRE_TRY(begin_logging());
  const txn::WriteTransaction::Savepoint before = transaction_.savepoint();
  RowCounts::Change& change = changed_.of(record.tree);
  // A checkpoint may come at any time.
  if (!change.ghosts) engine_.counts_.note_ghosts(record.tree);
  QUIRE_ASSIGN(const bool erased, engine_.tree(record).erase(key, &transaction_));
  if (!erased) return false;
  Status logged = log([&] { return log_.add({wal::OpKind::erase, false, record.tree, transaction_.operations(), as_bytes(key), {}}); });
  if (!logged.ok()) {
    QUIRE_TRY(undo_to(before));
    return logged;
  }
  --change.rows;
  change.ghosts = true;
  return true;
}

Status Writer::write_names_row(std::string_view name, const KeyspaceRecord& record) {
  QUIRE_TRY(catalog::write_keyspace(engine_.resources_, std::string(name), record, &transaction_));
  return log([&] {
    return log_.put(catalog::names_tree, transaction_.operations(), name, catalog::encode_name_row(record));
  });
}

Status Writer::create_keyspace(std::string_view name, const Schema& schema) {
  QUIRE_TRY(catalog::check_new_keyspace(name, schema));
  if (catalog().find(name) != nullptr) return Status(Code::exists, "keyspace '" + std::string(name) + "' exists already");
  if (logs_ && !log_.is_open()) QUIRE_TRY(begin_logging());
  const Savepoint before = savepoint();
  auto next = std::make_shared<Catalog>(catalog());
  // Also what was created and taken back keeps its number: cursors may still know it.
  KeyspaceRecord record{.tree = TreeId{engine_.next_tree_.fetch_add(1, relaxed)}, .schema = schema};
  const auto create = [&]() -> Status {
    QUIRE_ASSIGN(const btree::Tree created, btree::Tree::create(engine_.resources_, record.tree, &transaction_));
    record.root = created.root();
    engine_.roots_[record.tree] = record.root;
    QUIRE_TRY(log([&] { return log_.add({wal::OpKind::create_tree, false, record.tree, transaction_.operations(), {}, {}}); }));
    return write_names_row(name, record);
  };
  Status created = create();
  if (!created.ok()) {
    QUIRE_TRY(rollback_to(before));
    return created;
  }
  next->keyspaces.emplace(name, record);
  own_catalog_ = std::move(next);
  return Status();
}

Status Writer::drop_keyspace(std::string_view name) {
  if (name == default_keyspace) return Status(Code::invalid, "the keyspace 'default' cannot be dropped");
  const KeyspaceRecord* found = catalog().find(name);
  if (found == nullptr) return Status(Code::not_found, "there is no keyspace '" + std::string(name) + "'");
  if (logs_ && !log_.is_open()) QUIRE_TRY(begin_logging());
  const KeyspaceRecord record = *found;
  const Savepoint before = savepoint();
  const auto drop = [&]() -> Status {
    QUIRE_TRY(engine_.tree(record).mark_dropped(transaction_));
    QUIRE_TRY(catalog::erase_keyspace(engine_.resources_, std::string(name), record, &transaction_));
    QUIRE_TRY(log([&] { return log_.add({wal::OpKind::erase, false, catalog::names_tree, transaction_.operations(), as_bytes(name), {}}); }));
    return log([&] { return log_.add({wal::OpKind::drop_tree, false, record.tree, transaction_.operations(), {}, {}}); });
  };
  Status dropped = drop();
  if (!dropped.ok()) {
    QUIRE_TRY(rollback_to(before));
    return dropped;
  }
  auto next = std::make_shared<Catalog>(catalog());
  next->keyspaces.erase(next->keyspaces.find(name));
  own_catalog_ = std::move(next);
  changed_.erase(record.tree);
  return Status();
}

Writer::Savepoint Writer::savepoint() const { return {transaction_.savepoint(), own_catalog_, changed_}; }

Status Writer::undo_to(const txn::WriteTransaction::Savepoint& savepoint) {
  engine_.resources_.room = space::BlockAllocator::Room::standing;
  Status undone = transaction_.rollback_to(savepoint, engine_, [&] {
    // A slice at a time: what it wrote anew frees what it replaced (BA-8).
    engine_.resources_.give_spare_units();
    return engine_.publish();
  });
  engine_.resources_.room = space::BlockAllocator::Room::ordinary;
  if (undone.ok() && log_.is_open()) {
    undone = log_.rolled_back(savepoint.operation, transaction_.changed_anything(), transaction_.flipped());
    // What a checkpoint holds of it now needs no telling.
    if (undone == Code::busy || undone == Code::full) undone = engine_.publish();
  }
  if (!undone.ok()) engine_.poison();
  return undone;
}

Status Writer::rollback_to(const Savepoint& savepoint) {
  QUIRE_TRY(undo_to(savepoint.undo));
  own_catalog_ = savepoint.catalog;
  changed_ = savepoint.changed;
  return Status();
}

Status Writer::rollback() {
  QUIRE_ASSERT(!ended_);
  // After a failed publish only reopening tells what was committed.
  Status undone = engine_.usable().ok() ? undo_to({txn::no_undo, transaction_.begin(), 0}) : Status();
  if (undone.ok()) log_.aborted();
  end();
  return undone;
}

}  // namespace quire::engine
