// Commit: a write set becomes the next published state, or nothing.
//
// First the catalog's changes, then the rows of each tree in key order, then row counts, all in memory; a failure so far
// is undone by dropping the changed pages. Then one checkpoint publishes everything.
#include "base/try.hpp"
#include "engine/engine.hpp"

namespace quire::engine {

using catalog::Catalog;
using catalog::KeyspaceRecord;

namespace {

KeyspaceRecord* find_tree(Catalog& catalog, TreeId tree) {
  for (auto& [name, record] : catalog.keyspaces) {
    if (record.tree == tree) return &record;
  }
  return nullptr;
}

}  // namespace

Status Engine::usable() const {
  if (!ours()) {
    return Status(Code::invalid, path() + " was opened before fork(); a child must open it itself, after the parent has closed it");
  }
  if (!poisoned_.load(acquire)) return Status();
  return Status(Code::poisoned, "an earlier commit to " + path() + " failed while it was being written; close every handle of it and open it again");
}

std::shared_ptr<const Catalog> Engine::catalog() const {
  os::Lock lock(catalog_mutex_);
  return catalog_;
}

void Engine::install(std::shared_ptr<Catalog> next) {
  os::Lock lock(catalog_mutex_);
  catalog_now_.store(next.get(), release);
  catalog_ = std::move(next);
}

Status Engine::commit(Commit& commit) {
  QUIRE_TRY(usable());
  if (commit.catalog == nullptr && commit.changes.empty()) return Status();
  std::shared_ptr<Catalog> target;
  if (commit.catalog != nullptr) {
    target = std::make_shared<Catalog>(*commit.catalog);
  } else {
    os::Lock lock(catalog_mutex_);
    target = catalog_;
  }
  RowCounts counts;
  Status status = apply(commit, *target, counts);
  if (!status.ok()) {
    // Nothing has left memory, so dropping the changed pages undoes everything.
    checkpoint_.discard();
    return status;
  }
  status = checkpoint_.publish({target->next_tree, checkpoint_.published().clock + 1});
  if (!status.ok()) {
    poisoned_.store(true, release);
    return status;
  }
  for (const auto& [record, rows] : counts) record->rows = rows;
  install(std::move(target));
  commits_.fetch_add(1, relaxed);
  return Status();
}

Status Engine::apply(Commit& commit, Catalog& target, RowCounts& counts) {
  if (commit.catalog != nullptr) QUIRE_TRY(apply_catalog(target));
  for (auto& [tree, changes] : commit.changes.trees()) {
    KeyspaceRecord* record = find_tree(target, tree);
    QUIRE_ASSERT(record != nullptr);
    QUIRE_ASSIGN(const std::uint64_t rows, apply_rows(*record, changes));
    if (rows == record->rows) continue;
    counts.emplace_back(record, rows);
    KeyspaceRecord counted = *record;
    counted.rows = rows;
    QUIRE_TRY(catalog::write_tree_row(resources_, counted));
  }
  return Status();
}

// Drops what is no longer in the transaction's catalog and makes trees for what is new.
Status Engine::apply_catalog(Catalog& target) {
  const std::shared_ptr<const Catalog> before = catalog();
  for (const auto& [name, record] : before->keyspaces) {
    const KeyspaceRecord* now = target.find(name);
    if (now != nullptr && now->tree == record.tree) continue;
    QUIRE_TRY(tree(record).drop());
    QUIRE_TRY(catalog::erase_keyspace(resources_, name, record));
  }
  for (auto& [name, record] : target.keyspaces) {
    if (record.root != no_page) continue;
    QUIRE_ASSIGN(const btree::Tree created, btree::Tree::create(resources_, record.tree));
    record.root = created.root();
    QUIRE_TRY(catalog::write_keyspace(resources_, name, record));
  }
  return Status();
}

Result<std::uint64_t> Engine::apply_rows(const KeyspaceRecord& record, txn::TreeChanges& changes) {
  btree::Tree rows_of = tree(record);
  std::uint64_t rows = record.rows;
  for (const auto& [key, change] : changes) {
    if (change.value) {
      QUIRE_ASSIGN(const bool fresh, rows_of.put(key, *change.value));
      if (fresh) ++rows;
    } else {
      QUIRE_ASSIGN(const bool erased, rows_of.erase(key));
      if (!erased) continue;
      if (rows == 0) {
        return Status(Code::corrupt, "tree " + std::to_string(record.tree.raw) + " of " + path() +
                                         " has more rows than its system row says");
      }
      --rows;
    }
  }
  return rows;
}

}  // namespace quire::engine
