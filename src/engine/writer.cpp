// Writer: changing, committing, taking back.
//
// What takes several changes of trees - a keyspace, a value that replaces a large one - goes back to where it began when
// one of them fails.
#include "engine/writer.hpp"

#include "base/try.hpp"

namespace quire::engine {

using catalog::Catalog;
using catalog::KeyspaceRecord;

namespace {

// Records that purge looks at after a commit: enough to keep up with any sequence of transactions.
constexpr std::uint64_t purge_budget_min = 64;
constexpr std::uint64_t purge_budget_per_change = 2;

}  // namespace

Writer::Writer(Engine& engine, std::shared_ptr<const Catalog> catalog)
    : engine_(engine),
      catalog_(std::move(catalog)),
      next_tree_(catalog_->next_tree),
      transaction_(engine.undo_log_, Xid{engine.next_xid_.fetch_add(1, relaxed)}, engine.snapshots_.horizon()) {
  os::Lock lock(engine_.active_mutex_);
  engine_.active_ = &transaction_;
}

Result<std::unique_ptr<Writer>> Writer::begin(Engine& engine, std::uint64_t timeout_us) {
  QUIRE_TRY(engine.usable());
  if (engine.read_only_) return Status(Code::read_only, engine.path() + " is open for reading only");
  QUIRE_TRY(engine.writer_slot_.enter(timeout_us));
  Status usable = engine.usable();
  if (!usable.ok()) {
    engine.writer_slot_.leave();
    return usable;
  }
  return std::unique_ptr<Writer>(new Writer(engine, engine.catalog()));
}

Writer::~Writer() {
  if (!ended_) (void)rollback().ok();
}

void Writer::end() noexcept {
  ended_ = true;
  {
    os::Lock lock(engine_.active_mutex_);
    engine_.active_ = nullptr;
  }
  engine_.resources_.give_spare_units();
  engine_.writer_slot_.leave();
}

Writer::TreeChange& Writer::change_of(TreeId tree) {
  if (last_change_ == nullptr || last_tree_ != tree) {
    last_change_ = &changed_[tree];
    last_tree_ = tree;
  }
  return *last_change_;
}

std::uint64_t Writer::rows(const KeyspaceRecord& record) const {
  const auto found = changed_.find(record.tree);
  return found == changed_.end() ? record.rows : record.rows + static_cast<std::uint64_t>(found->second.rows);
}

Result<bool> Writer::put(const KeyspaceRecord& record, std::string_view key, std::string_view value) {
  const txn::WriteTransaction::Savepoint before = transaction_.savepoint();
  btree::Tree tree = engine_.tree(record);
  const Result<bool> put = catalog::put(engine_.resources_, tree, key, value, transaction_);
  if (!put.ok() && transaction_.head() != before.head) QUIRE_TRY(undo_to(before));
  QUIRE_ASSIGN(const bool fresh, put);
  TreeChange& change = change_of(record.tree);
  if (fresh) ++change.rows;
  return fresh;
}

Result<bool> Writer::erase(const KeyspaceRecord& record, std::string_view key) {
  QUIRE_ASSIGN(const bool erased, engine_.tree(record).erase(key, &transaction_));
  if (!erased) return false;
  TreeChange& change = change_of(record.tree);
  --change.rows;
  change.ghosts = true;
  return true;
}

Status Writer::create_keyspace(std::string_view name, const Schema& schema) {
  QUIRE_TRY(catalog::check_new_keyspace(name, schema));
  if (catalog().find(name) != nullptr) return Status(Code::exists, "keyspace '" + std::string(name) + "' exists already");
  const Savepoint before = savepoint();
  auto next = std::make_shared<Catalog>(catalog());
  // Also what was created and taken back keeps its number: cursors may still know it.
  KeyspaceRecord record{.tree = next_tree_, .schema = schema};
  ++next_tree_.raw;
  Result<btree::Tree> created = btree::Tree::create(engine_.resources_, record.tree, &transaction_);
  Status status = created.status();
  if (status.ok()) {
    record.root = created->root();
    engine_.roots_[record.tree] = record.root;
    status = catalog::write_keyspace(engine_.resources_, std::string(name), record, &transaction_);
  }
  if (!status.ok()) {
    QUIRE_TRY(rollback_to(before));
    return status;
  }
  next->keyspaces.emplace(name, record);
  own_catalog_ = std::move(next);
  return Status();
}

Status Writer::drop_keyspace(std::string_view name) {
  if (name == default_keyspace) return Status(Code::invalid, "the keyspace 'default' cannot be dropped");
  const KeyspaceRecord* found = catalog().find(name);
  if (found == nullptr) return Status(Code::not_found, "there is no keyspace '" + std::string(name) + "'");
  const KeyspaceRecord record = *found;
  const Savepoint before = savepoint();
  Status status = engine_.tree(record).mark_dropped(transaction_);
  if (status.ok()) status = catalog::erase_keyspace(engine_.resources_, std::string(name), record, &transaction_);
  if (!status.ok()) {
    QUIRE_TRY(rollback_to(before));
    return status;
  }
  auto next = std::make_shared<Catalog>(catalog());
  next->keyspaces.erase(next->keyspaces.find(name));
  own_catalog_ = std::move(next);
  changed_.erase(record.tree);
  last_change_ = nullptr;
  return Status();
}

Writer::Savepoint Writer::savepoint() const { return {transaction_.savepoint(), own_catalog_, changed_}; }

Status Writer::undo_to(const txn::WriteTransaction::Savepoint& savepoint) {
  engine_.resources_.room = space::BlockAllocator::Room::standing;
  Status undone = transaction_.rollback_to(savepoint, engine_, [&] {
    // A slice at a time: what it wrote anew frees what it replaced (BA-8).
    engine_.resources_.give_spare_units();
    return engine_.publish(nullptr, catalog_->next_tree);
  });
  engine_.resources_.room = space::BlockAllocator::Room::ordinary;
  if (!undone.ok()) engine_.poison();
  return undone;
}

Status Writer::rollback_to(const Savepoint& savepoint) {
  QUIRE_TRY(undo_to(savepoint.undo));
  own_catalog_ = savepoint.catalog;
  changed_ = savepoint.changed;
  last_change_ = nullptr;
  return Status();
}

Status Writer::rollback() {
  QUIRE_ASSERT(!ended_);
  // After a failed publish only reopening tells what was committed.
  Status undone = engine_.usable().ok() ? undo_to({txn::no_undo, transaction_.begin()}) : Status();
  end();
  return undone;
}

// The rows of the system tree that tell how many rows there are.
Status Writer::write_counts(Catalog& next) {
  for (auto& [name, record] : next.keyspaces) {
    const auto found = changed_.find(record.tree);
    if (found == changed_.end() || (found->second.rows == 0 && (!found->second.ghosts || record.had_ghosts))) continue;
    if (found->second.rows < 0 && record.rows < static_cast<std::uint64_t>(-found->second.rows)) {
      return Status(Code::corrupt, "keyspace " + name + " of " + engine_.path() + " has more rows than its system row says");
    }
    record.rows += static_cast<std::uint64_t>(found->second.rows);
    record.had_ghosts = record.had_ghosts || found->second.ghosts;
    QUIRE_TRY(catalog::write_tree_row(engine_.resources_, record, &transaction_));
  }
  return Status();
}

Status Writer::commit() {
  QUIRE_ASSERT(!ended_);
  if (!transaction_.changed_anything()) {
    end();
    return engine_.usable();
  }
  auto next = std::make_shared<Catalog>(catalog());
  Status status = engine_.usable();
  if (status.ok()) status = write_counts(*next);
  if (!status.ok()) {
    (void)rollback().ok();
    return status;
  }
  engine_.resources_.give_spare_units();
  next->next_tree = next_tree_;
  // From here on it must not be taken back, also when memory runs out: then only reopening tells what was committed.
  struct NoWayBack {
    Writer& writer;
    ~NoWayBack() {
      if (writer.ended_) return;
      writer.engine_.poison();
      writer.end();
    }
  } const no_way_back{*this};
  status = engine_.publish(&transaction_, next->next_tree);
  if (!status.ok()) {
    end();
    return status;
  }
  engine_.install(std::move(next), Xid{transaction_.xid().raw + 1}, own_catalog_ != nullptr);
  engine_.commits_.fetch_add(1, relaxed);
  engine_.purge_queue_.add(transaction_);
  const std::uint64_t budget = purge_budget_min + purge_budget_per_change * transaction_.operations();
  if (engine_.cut_file().ok() && engine_.purge_step(budget).ok()) {
    (void)engine_.shrink_step(budget, Engine::Shrink::when_worth_it).ok();
  }
  end();
  return Status();
}

}  // namespace quire::engine
