// Bulk load: a new tree, built from the leaves up, takes the keyspace's name.
//
// The tree is created by the transaction like any other, and all of it hangs on its root at any time, so a flip may come
// between any two rows and a rollback, also that of a recovery, drops it whole. Nothing is held while `next` runs (BP-2).
#include "base/contain.hpp"
#include "base/try.hpp"
#include "btree/bulk_load.hpp"
#include "engine/writer.hpp"

namespace quire::engine {

using catalog::Catalog;
using catalog::KeyspaceRecord;

Result<std::uint64_t> Writer::fill_tree(const KeyspaceRecord& record, const std::function<Result<bool>(Entry&)>& next) {
  btree::BulkLoader loader(engine_.resources_, record.tree, record.root);
  for (Entry row;;) {
    QUIRE_ASSIGN(const bool more, next(row));
    if (!more) return loader.finish();
    QUIRE_TRY(loader.add(row.key, row.value));
    QUIRE_TRY(log([&] { return log_.put(record.tree, transaction_.operations(), row.key, row.value); }));
  }
}

Result<bool> Writer::lock_if_empty(std::string_view name) {
  const auto is_empty = [&]() -> Result<bool> {
    const KeyspaceRecord* record = catalog().find(name);
    if (record == nullptr) return Status(Code::not_found, "there is no keyspace '" + std::string(name) + "'");
    const RowCounts::Change* change = changed_.find(record->tree);
    return engine_.counts_.rows(record->tree) + static_cast<std::uint64_t>(change == nullptr ? 0 : change->rows) == 0;
  };
  QUIRE_ASSIGN(const bool looks_empty, is_empty());
  if (!looks_empty) return false;
  QUIRE_TRY(lock_catalog());
  const KeyspaceRecord* record = catalog().find(name);
  if (record != nullptr) QUIRE_TRY(lock_tree(record->tree, lock::Mode::exclusive));
  return is_empty();
}

Result<std::uint64_t> Writer::bulk_load(std::string_view name, const std::function<Result<bool>(Entry&)>& next) {
  const KeyspaceRecord* found = catalog().find(name);
  if (found == nullptr) return Status(Code::not_found, "there is no keyspace '" + std::string(name) + "'");
  const KeyspaceRecord old = *found;
  QUIRE_TRY(begin_changes());
  const Savepoint before = savepoint();
  auto changed = std::make_shared<Catalog>(catalog());
  KeyspaceRecord& record = *changed->find(name);
  record.tree = TreeId{engine_.next_tree_.fetch_add(1, relaxed)};
  if (logs_ && !engine_.archives()) logs_ = false;  // its pages are all new, and so go through a checkpoint
  std::uint64_t rows = 0;
  const auto load = [&]() -> Status {
    QUIRE_ASSIGN(const btree::Tree created, btree::Tree::create(engine_.resources_, record.tree, &transaction_));
    record.root = created.root();
    engine_.note_root(record.tree, record.root);
    QUIRE_TRY(log([&] { return log_.add({wal::OpKind::create_tree, false, record.tree, transaction_.operations(), {}, {}}); }));
    QUIRE_ASSIGN(rows, fill_tree(record, next));
    QUIRE_TRY(engine_.tree(old).mark_dropped(transaction_));
    QUIRE_TRY(catalog::mark_dropping(engine_.resources_, old, &transaction_));
    QUIRE_TRY(log([&] { return log_.add({wal::OpKind::drop_tree, false, old.tree, transaction_.operations(), {}, {}}); }));
    return write_names_row(name, record);
  };
  // Also when the callback throws.
  struct TakeBack {
    Writer& writer;
    const Savepoint& before;
    bool armed = true;
    ~TakeBack() {
      if (!armed) return;
      (void)contain_no_memory([&] { return writer.undo_call(before); }, [&]() noexcept { writer.engine_.poison(); }).ok();
    }
  } take_back{*this, before};
  const Status loaded = load();
  take_back.armed = false;
  if (!loaded.ok()) {
    QUIRE_TRY(undo_call(before));
    return loaded;
  }
  changed_.erase(old.tree);
  changed_.of(record.tree).rows = static_cast<std::int64_t>(rows);
  own_catalog_ = std::move(changed);
  return rows;
}

}  // namespace quire::engine
