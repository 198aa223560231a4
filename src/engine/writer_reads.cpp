// Writer: reading and locking.
//
// A serializable transaction locks first and reads then (LK-2): a writer that comes later meets the lock, one that was there before has
// its number in the row, and the reader waits for it. So what it reads is committed, and stays as it is until its end.
#include "base/try.hpp"
#include "btree/cursor.hpp"
#include "engine/writer.hpp"

namespace quire::engine {

using btree::Tree;
using catalog::KeyspaceRecord;

namespace {

// A value that is being replaced, again and again, while it is read: then the committed one will do.
constexpr int uncommitted_reads_max = 8;

Xid own_xid(const txn::WriteTransaction& transaction) noexcept { return transaction.begun() ? transaction.xid() : Xid{}; }

}  // namespace

class Writer::Claimed {
 public:
  Claimed(Writer& writer, const lock::Interval& interval) noexcept : writer_(writer), interval_(interval) {}
  ~Claimed() {
    if (!claim_.is_empty()) writer_.engine_.locks_.cut(claim_, interval_);
  }
  Claimed(const Claimed&) = delete;
  Claimed& operator=(const Claimed&) = delete;

  Status take(TreeId tree, lock::Mode mode) {
    writer_.report_changes();
    QUIRE_ASSIGN(claim_, writer_.engine_.locks_.claim(writer_.owner_, tree, interval_, mode, writer_.lock_timeout_us_));
    return writer_.still_there(tree);
  }
  Status keep() {
    if (!claim_.is_empty()) writer_.engine_.locks_.keep(claim_);
    claim_ = lock::Claim();
    return Status();
  }

 private:
  Writer& writer_;
  const lock::Interval interval_;
  lock::Claim claim_;
};

// The newest committed rows; those of active transactions are not seen. Nobody replaces what the reader has locked.
txn::View Writer::locked_view() const noexcept {
  return {Timestamp{UINT64_MAX}, false, &engine_.snapshots_, &engine_.status_, own_xid(transaction_), true};
}

// Whoever drops a tree waits for the locks and changes of others there; so once something is locked it is enough to look again.
Status Writer::still_there(TreeId tree) {
  QUIRE_TRY(engine_.usable());
  if (own_catalog_ != nullptr || engine_.committed_catalog_version() == catalog_version_) return Status();
  const CatalogPointer now = engine_.committed_catalog();
  for (const auto& [name, record] : now->keyspaces) {
    if (record.tree == tree) return Status();
  }
  return Status(Code::not_found, "the keyspace was dropped by another transaction");
}

Status Writer::lock_read(TreeId tree, const lock::Interval& interval) {
  report_changes();
  QUIRE_TRY(engine_.locks_.acquire(owner_, tree, interval, lock::Mode::shared, lock_timeout_us_));
  return still_there(tree);
}

Status Writer::await_row(TreeId tree, std::string_view key, Xid holder) {
  report_changes();
  QUIRE_TRY(engine_.locks_.wait_for(owner_, tree, key, lock::Mode::shared, holder, lock_timeout_us_));
  return still_there(tree);
}

Status Writer::read(const KeyspaceRecord& record, std::string_view key, std::string* value) {
  const Writers::Doing doing(place_, "get");
  const Tree tree = engine_.tree(record);
  Result<Tree::Found> found = Tree::Found::needs_snapshot;
  if (isolation_ == Isolation::serializable) {
    QUIRE_TRY(lock_read(record.tree, lock::Interval::point(key)));
    while (found.ok() && *found == Tree::Found::needs_snapshot) {
      Xid holder{};
      found = tree.read(key, value, locked_view(), &holder);
      if (found.ok() && *found == Tree::Found::needs_snapshot && holder != Xid{}) QUIRE_TRY(await_row(record.tree, key, holder));
    }
  }
  if (isolation_ == Isolation::read_uncommitted) {
    const txn::View everything{.registered = false};
    for (int i = 0; i < uncommitted_reads_max && found.ok() && *found == Tree::Found::needs_snapshot; ++i) found = tree.read(key, value, everything);
  }
  if (found.ok() && *found == Tree::Found::needs_snapshot) found = tree.read(key, value, snapshot_->view(own_xid(transaction_)));
  QUIRE_TRY(found.status());
  return *found == Tree::Found::yes ? Status() : Status(Code::not_found);
}

Status Writer::get(const KeyspaceRecord& record, std::string_view key, std::string& value) { return read(record, key, &value); }

Result<bool> Writer::contains(const KeyspaceRecord& record, std::string_view key) {
  Status found = read(record, key, nullptr);
  if (found.ok()) return true;
  if (found == Code::not_found && found.message().empty()) return false;
  return found;
}

Status Writer::get_for_update(const KeyspaceRecord& record, std::string_view key, std::string& value) {
  const Writers::Doing doing(place_, "get_for_update");
  Claimed claimed(*this, lock::Interval::point(key));
  QUIRE_TRY(claimed.take(record.tree, lock::Mode::exclusive));
  txn::View view = locked_view();
  if (isolation_ == Isolation::repeatable_read) view.limit = snapshot_->view().limit;
  for (;;) {
    Xid unseen{};
    QUIRE_ASSIGN(const Tree::Found found, engine_.tree(record).read(key, &value, view, &unseen));
    if (found != Tree::Found::needs_snapshot) {
      QUIRE_TRY(claimed.keep());
      return found == Tree::Found::yes ? Status() : Status(Code::not_found);
    }
    if (unseen == Xid{}) continue;
    if (engine_.status_.committed_before(unseen, Timestamp{UINT64_MAX}) && !view.sees(unseen)) return changed_since(record.tree, key, unseen);
    QUIRE_TRY(engine_.locks_.wait_for(owner_, record.tree, key, lock::Mode::exclusive, unseen, lock_timeout_us_));
    engine_.locks_.left(owner_, record.tree, key);
    QUIRE_TRY(still_there(record.tree));
  }
}

Status Writer::changed_since(TreeId tree, std::string_view key, Xid by) const {
  return Status(Code::conflict, "key " + lock::describe_key(key) + " of " + engine_.describe_tree(tree) + " was changed by the transaction with xid " +
                                    std::to_string(by.raw) + ", which has committed since this transaction began (repeatable_read: the first updater wins)");
}

Status Writer::lock(const KeyspaceRecord& record, const lock::Interval& interval, lock::Mode mode) {
  const Writers::Doing doing(place_, "lock");
  if (interval.is_all()) return lock_tree(record.tree, mode);
  Claimed claimed(*this, interval);
  QUIRE_TRY(claimed.take(record.tree, mode));
  // Whoever changes a row from here on meets the lock; whoever has changed one is in the row.
  btree::TreeCursor cursor(engine_.tree(record), locked_view());
  std::string from(interval.lower);
  if (!interval.lower_inclusive) from.push_back('\0');
  for (;;) {
    Status at = cursor.seek_ge(from);
    while (at.ok() && interval.contains(cursor.key())) at = cursor.next();
    const std::optional<btree::TreeCursor::Held> held = cursor.held();
    if (at != Code::conflict || !held) return at.ok() || at == Code::not_found ? claimed.keep() : at;
    if (!interval.contains(held->key)) return claimed.keep();
    from = held->key;
    QUIRE_TRY(engine_.locks_.wait_for(owner_, record.tree, from, mode, held->xid, lock_timeout_us_));
    engine_.locks_.left(owner_, record.tree, from);
    QUIRE_TRY(still_there(record.tree));
  }
}

Status Writer::lock_catalog() {
  report_changes();
  QUIRE_TRY(engine_.locks_.acquire(owner_, catalog::names_tree, lock::Interval::all(), lock::Mode::exclusive, lock_timeout_us_));
  if (own_catalog_ == nullptr) own_catalog_ = engine_.committed_catalog();
  return Status();
}

Status Writer::lock_tree(TreeId tree, lock::Mode mode) {
  Claimed claimed(*this, lock::Interval::all());
  QUIRE_TRY(claimed.take(tree, mode));
  std::vector<Xid> there;
  engine_.writers_.for_each([&](const Writers::Place& place) {
    const txn::WriteTransaction* other = place.transaction.load(seq_cst);
    if (other != nullptr && other != &transaction_ && other->touches(tree)) there.push_back(other->xid());
  });
  for (const Xid xid : there) QUIRE_TRY(engine_.locks_.wait_for_end(owner_, tree, xid, lock_timeout_us_));
  QUIRE_TRY(still_there(tree));
  return claimed.keep();
}

Result<txn::View> Writer::cursor_view(TreeId tree, std::optional<Reader>& snapshot) {
  const Xid own = own_xid(transaction_);
  if (isolation_ == Isolation::repeatable_read) return snapshot_->view(own);
  if (!snapshot) {
    // Also where nothing is read from it: the tree stays for as long as it.
    snapshot.emplace(engine_.begin_writer_read(owner_.number()));
    QUIRE_TRY(still_there(tree));
  }
  if (isolation_ == Isolation::serializable) return locked_view();
  return isolation_ == Isolation::read_committed ? snapshot->view(own) : txn::newest;
}

Result<std::uint64_t> Writer::rows(const KeyspaceRecord& record) {
  if (isolation_ == Isolation::serializable) QUIRE_TRY(lock_tree(record.tree, lock::Mode::shared));
  const RowCounts::Change* change = changed_.find(record.tree);
  const Timestamp limit = isolation_ == Isolation::serializable ? Timestamp{UINT64_MAX} : snapshot_->view().limit;
  return engine_.counts_.rows(record.tree, limit) + (change == nullptr ? 0 : static_cast<std::uint64_t>(change->rows));
}

}  // namespace quire::engine
