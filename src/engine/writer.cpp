// Writer: changing, taking back. Committing: commit_paths.cpp.
//
// What takes several changes of trees - a keyspace, a value that replaces a large one - goes back to where it began when
// one of them fails.
#include "engine/writer.hpp"

#include <algorithm>

#include "base/contain.hpp"
#include "base/try.hpp"

namespace quire::engine {

using catalog::Catalog;
using catalog::KeyspaceRecord;

Writer::Writer(Engine& engine, const Begin& how, Writers::Place& place, Entered)
    : engine_(engine),
      place_(place),
      isolation_(how.isolation),
      lock_timeout_us_(how.lock_timeout_us),
      owner_(place.number),
      changed_(std::move(place.changed)),
      log_(std::move(place.ops)),
      logs_(engine.commits_to_log()),
      durability_(engine.options_.durability) {
  if (isolation_ != Isolation::serializable) snapshot_.emplace(engine.begin_writer_read(place.number));
}

Status Writer::begin(Engine& engine, const Begin& how, std::optional<Writer>& writer) {
  QUIRE_TRY(engine.usable());
  if (engine.read_only_) return Status(Code::read_only, engine.path() + " is open for reading only");
  QUIRE_ASSIGN(Writers::Place* place, engine.writers_.enter(how.lock_timeout_us, how.isolation));
  struct LeaveUnlessBegun {
    Engine& engine;
    Writers::Place& place;
    bool armed = true;
    ~LeaveUnlessBegun() {
      if (armed) engine.writers_.leave(place);
    }
  } leave{engine, *place};
  QUIRE_TRY(engine.usable());
  writer.emplace(engine, how, *place, Entered());
  leave.armed = false;
  return Status();
}

Writer::~Writer() {
  if (ended_) return;
  (void)contain_no_memory([&] { return rollback(); }, [&]() noexcept { engine_.poison(); }).ok();
  if (!ended_) end();
}

void Writer::end() noexcept {
  ended_ = true;
  transaction_.set_ended();
  engine_.locks_.end(owner_);
  snapshot_.reset();
  changed_.clear();
  place_.ops = log_.give_memory();
  place_.changed = std::move(changed_);
  engine_.writers_.leave(place_);
}

const Catalog& Writer::catalog() {
  if (isolation_ == Isolation::repeatable_read) return own_catalog_ ? *own_catalog_ : snapshot_->catalog();
  // Here a call begins. While the version stays the same no commit of keyspaces is part of the snapshot that the catalog lacks.
  if (snapshot_) snapshot_->renew();
  const std::uint64_t version = engine_.committed_catalog_version();
  if (catalog_ == nullptr || version != catalog_version_) {
    catalog_ = snapshot_ ? engine_.renew(*snapshot_, catalog_version_) : engine_.committed_catalog();
    if (!snapshot_) catalog_version_ = version;
  }
  return own_catalog_ ? *own_catalog_ : *catalog_;
}

// Numbers are taken one by one, each when there is room to say what became of it.
Status Writer::begin_changes() {
  if (!transaction_.begun()) {
    Xid xid{engine_.next_xid_.load(relaxed)};
    do {
      engine_.status_.extend(xid);
    } while (!engine_.next_xid_.compare_exchange_weak(xid.raw, xid.raw + 1, acq_rel, relaxed));
    owner_.set_xid(xid);
    txn::WriteRules rules{.status = &engine_.status_, .locks = &engine_.locks_, .owner = &owner_};
    if (isolation_ == Isolation::repeatable_read) rules.snapshot = snapshot_->view().limit;
    transaction_.begin(place_.undo, xid, rules);
    place_.transaction.store(&transaction_, seq_cst);
  }
  return logs_ && !log_.is_open() ? begin_logging() : Status();
}

class Writer::Turn {
 public:
  Turn(Writer& writer, TreeId tree, std::string_view key) noexcept : writer_(writer), tree_(tree), key_(key) {}
  ~Turn() {
    if (!waited_) return;
    lock::LockTable& locks = writer_.engine_.locks_;
    changed_ ? locks.wrote(writer_.owner_, tree_, key_) : locks.left(writer_.owner_, tree_, key_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // Waits for what was in the way of the change that has just failed.
  Status wait() {
    const txn::Obstacle obstacle = writer_.transaction_.obstacle();
    if (obstacle.kind == txn::Obstacle::Kind::conflict) {
      return writer_.changed_since(tree_, key_, obstacle.xid);
    }
    return wait_for(obstacle.xid);
  }
  // Keeps its place in the queue when it comes to wait again.
  Status wait_for(Xid holder) {
    writer_.report_changes();
    QUIRE_TRY(writer_.engine_.locks_.wait_for(writer_.owner_, tree_, key_, lock::Mode::exclusive, holder, writer_.lock_timeout_us_));
    waited_ = true;
    return writer_.still_there(tree_);
  }
  // The row is this transaction's now.
  void set_changed() noexcept { changed_ = true; }

 private:
  Writer& writer_;
  const TreeId tree_;
  const std::string_view key_;
  bool waited_ = false;
  bool changed_ = false;
};

Status Writer::enter_tree(TreeId tree, std::string_view key, Turn& turn) {
  QUIRE_TRY(begin_changes());
  if (std::find(entered_.begin(), entered_.end(), tree) != entered_.end()) return Status();
  transaction_.touch(tree);
  if (!engine_.locks_.may_write(owner_, tree, key)) QUIRE_TRY(turn.wait_for(Xid{}));
  QUIRE_TRY(still_there(tree));
  entered_[next_entered_++ % entered_.size()] = tree;
  return Status();
}

Result<bool> Writer::put(const KeyspaceRecord& record, std::string_view key, std::string_view value) {
  const Writers::Doing doing(place_, "put");
  Turn turn(*this, record.tree, key);
  QUIRE_TRY(enter_tree(record.tree, key, turn));
  const txn::WriteTransaction::Savepoint before = transaction_.savepoint();
  btree::Tree tree = engine_.tree(record);
  Result<bool> put = Code::conflict;
  while (put == Code::conflict) {
    put = catalog::put(engine_.resources_, tree, key, value, transaction_);
    if (put == Code::conflict) QUIRE_TRY(turn.wait());
  }
  Status status = put.status();
  if (put.ok()) status = log([&] { return log_.put(record.tree, transaction_.operations(), key, value); });
  if (!status.ok()) {
    if (transaction_.head() != before.head) QUIRE_TRY(take_back(before));
    return status;
  }
  turn.set_changed();
  if (*put) ++changed_.of(record.tree).rows;
  return *put;
}

// Only whoever has the row can be sure that it was not there: so it is put, and taken back when it was.
Result<bool> Writer::insert(const KeyspaceRecord& record, std::string_view key, std::string_view value) {
  Turn turn(*this, record.tree, key);
  QUIRE_TRY(enter_tree(record.tree, key, turn));
  const btree::Tree tree = engine_.tree(record);
  const txn::View view = isolation_ == Isolation::repeatable_read ? snapshot_->view(owner_.xid()) : locked_view();
  QUIRE_ASSIGN(const btree::Tree::Found found, tree.read(key, nullptr, view));
  if (found == btree::Tree::Found::yes) {
    // That it is there is a read.
    QUIRE_ASSIGN(const bool there, locks_reads() ? contains(record, key) : Result<bool>(true));
    if (there) return false;
  }
  const Savepoint before = savepoint();
  QUIRE_ASSIGN(const bool added, put(record, key, value));
  if (added) {
    turn.set_changed();
    return true;
  }
  if (locks_reads()) QUIRE_TRY(lock_read(record.tree, lock::Interval::point(key)));
  QUIRE_TRY(undo_call(before));
  return false;
}

Result<bool> Writer::erase(const KeyspaceRecord& record, std::string_view key) {
  const Writers::Doing doing(place_, "erase");
  Turn turn(*this, record.tree, key);
  QUIRE_TRY(enter_tree(record.tree, key, turn));
  const txn::WriteTransaction::Savepoint before = transaction_.savepoint();
  RowCounts::Change& change = changed_.of(record.tree);
  // A checkpoint may come at any time.
  if (!change.ghosts) engine_.counts_.note_ghosts(record.tree);
  Result<bool> erased = Code::conflict;
  for (bool locked = !locks_reads(); erased == Code::conflict;) {
    erased = engine_.tree(record).erase(key, &transaction_);
    if (erased == Code::conflict) QUIRE_TRY(turn.wait());
    if (!erased.ok() || *erased || locked) continue;
    // That it is not there is a read.
    QUIRE_TRY(lock_read(record.tree, lock::Interval::point(key)));
    locked = true;
    erased = Code::conflict;
  }
  QUIRE_TRY(erased.status());
  if (!*erased) return false;
  Status logged = log([&] { return log_.add({wal::OpKind::erase, false, record.tree, transaction_.operations(), as_bytes(key), {}}); });
  if (!logged.ok()) {
    QUIRE_TRY(take_back(before));
    return logged;
  }
  turn.set_changed();
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
  QUIRE_TRY(lock_catalog());
  if (catalog().find(name) != nullptr) return Status(Code::exists, "keyspace '" + std::string(name) + "' exists already");
  QUIRE_TRY(begin_changes());
  const Savepoint before = savepoint();
  auto next = std::make_shared<Catalog>(catalog());
  // Also what was created and taken back keeps its number: cursors may still know it.
  KeyspaceRecord record{.tree = TreeId{engine_.next_tree_.fetch_add(1, relaxed)}, .schema = schema};
  const auto create = [&]() -> Status {
    QUIRE_ASSIGN(const btree::Tree created, btree::Tree::create(engine_.resources_, record.tree, &transaction_));
    record.root = created.root();
    engine_.note_root(record.tree, record.root);
    QUIRE_TRY(log([&] { return log_.add({wal::OpKind::create_tree, false, record.tree, transaction_.operations(), {}, {}}); }));
    return write_names_row(name, record);
  };
  Status created = create();
  if (!created.ok()) {
    QUIRE_TRY(undo_call(before));
    return created;
  }
  next->keyspaces.emplace(name, record);
  own_catalog_ = std::move(next);
  return Status();
}

Status Writer::drop_keyspace(std::string_view name) {
  if (name == default_keyspace) return Status(Code::invalid, "the keyspace 'default' cannot be dropped");
  QUIRE_TRY(lock_catalog());
  const KeyspaceRecord* found = catalog().find(name);
  if (found == nullptr) return Status(Code::not_found, "there is no keyspace '" + std::string(name) + "'");
  const KeyspaceRecord record = *found;
  QUIRE_TRY(lock_tree(record.tree, lock::Mode::exclusive));
  QUIRE_TRY(begin_changes());
  const Savepoint before = savepoint();
  const auto drop = [&]() -> Status {
    QUIRE_TRY(engine_.tree(record).mark_dropped(transaction_));
    QUIRE_TRY(catalog::erase_keyspace(engine_.resources_, std::string(name), record, &transaction_));
    QUIRE_TRY(log([&] { return log_.add({wal::OpKind::erase, false, catalog::names_tree, transaction_.operations(), as_bytes(name), {}}); }));
    return log([&] { return log_.add({wal::OpKind::drop_tree, false, record.tree, transaction_.operations(), {}, {}}); });
  };
  Status dropped = drop();
  if (!dropped.ok()) {
    QUIRE_TRY(undo_call(before));
    return dropped;
  }
  auto next = std::make_shared<Catalog>(catalog());
  next->keyspaces.erase(next->keyspaces.find(name));
  own_catalog_ = std::move(next);
  changed_.erase(record.tree);
  return Status();
}

Writer::Savepoint Writer::savepoint() const { return {transaction_.savepoint(), own_catalog_, changed_}; }

Status Writer::undo_to(const txn::WriteTransaction::Savepoint& to) {
  // One from before the first change names no place in the undo log.
  const txn::WriteTransaction::Savepoint savepoint = to.operation == 0 ? txn::WriteTransaction::Savepoint{txn::no_undo, transaction_.begin(), 0} : to;
  Status undone;
  {
    const buffer::StandingRoom room(engine_.resources_);
    undone = transaction_.rollback_to(savepoint, engine_, [&] {
      // A slice at a time: what it wrote anew frees what it replaced (BA-8).
      engine_.resources_.give_spare_units();
      return engine_.publish();
    });
  }
  if (undone.ok() && log_.is_open()) {
    undone = log_.rolled_back(savepoint.operation, transaction_.changed_anything(), transaction_.flipped());
    // What a checkpoint holds of it now needs no telling.
    if (undone == Code::busy || undone == Code::full) undone = engine_.publish();
  }
  if (!undone.ok()) engine_.poison();
  return undone;
}

// What it knows of rows that it is about to release must stay true (TX-5). Somebody who is ahead in the queue of such a row, and in the
// way, waits for this transaction: neither could go on.
Status Writer::keep_locks(const Savepoint& savepoint) {
  if (!locks_reads()) return Status();
  Status kept = transaction_.for_each_since(savepoint.undo, [&](const txn::UndoRecord& record) -> Status {
    if (record.key.empty() || record.tree == catalog::system_tree) return Status();
    return engine_.locks_.acquire(owner_, record.tree, lock::Interval::point(record.key), lock::Mode::shared, 0);
  });
  if (kept == Code::timeout) return Status(Code::deadlock, "a savepoint cannot be gone back to: " + std::string(kept.message()));
  return kept;
}

Status Writer::take_back(const txn::WriteTransaction::Savepoint& savepoint) {
  QUIRE_TRY(undo_to(savepoint));
  engine_.locks_.released_rows(transaction_.xid());
  return Status();
}

Status Writer::rollback_to(const Savepoint& savepoint) {
  if (!transaction_.begun()) return Status();
  QUIRE_TRY(keep_locks(savepoint));
  return undo_call(savepoint);
}

Status Writer::undo_call(const Savepoint& savepoint) {
  if (transaction_.begun()) QUIRE_TRY(take_back(savepoint.undo));
  own_catalog_ = savepoint.catalog;
  changed_ = savepoint.changed;
  return Status();
}

// Whoever has a snapshot by now has a limit of at most the next commit's time.
void Writer::set_aborted() noexcept { engine_.status_.aborted(transaction_.xid(), Timestamp{engine_.clock_.load(seq_cst) + 1}); }

Status Writer::rollback() {
  QUIRE_ASSERT(!ended_);
  // After a failed publish only reopening tells what was committed.
  const bool undoes = transaction_.begun() && engine_.usable().ok();
  Status undone = undoes ? undo_to({txn::no_undo, transaction_.begin(), 0}) : Status();
  if (undoes && undone.ok()) {
    log_.aborted();
    set_aborted();
  }
  end();
  return undone;
}

}  // namespace quire::engine
