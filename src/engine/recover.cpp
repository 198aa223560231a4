// Recovery after a run that did not close the file, and leaving a file that needs none.
//
// What the published checkpoint holds is consistent but for these things: changes of transactions that had not ended at its
// flip, the undo pages that kept before images, and what waited for purge: replaced large values, ghosts, trees that
// were being dropped. The first are taken back through the undo pages, then those are freed, then the rest but for
// ghosts of keyspaces, which are swept beside normal work; one publish makes it so. Until then nothing durable changes, so a
// recovery that is interrupted is simply run again (RC-8).
#include "base/try.hpp"
#include "engine/engine.hpp"

namespace quire::engine {

Status Engine::recover(const space::Superblock& superblock) {
  if ((superblock.flags & space::superblock_flag::clean) != 0) return Status();
  resources_.room = space::BlockAllocator::Room::standing;
  const auto make_room = [&] { return publish(nullptr, superblock.next_tree); };
  QUIRE_ASSIGN(const std::vector<checkpoint::ActiveTransaction> active, checkpoint_.active_transactions());
  for (const checkpoint::ActiveTransaction& each : active) {
    txn::WriteTransaction transaction(undo_log_, each.xid, each.undo_head, each.last_operation);
    {
      os::Lock lock(active_mutex_);
      active_ = &transaction;
    }
    Status undone = transaction.rollback_to({txn::no_undo, undo_log_.end()}, *this, make_room);
    {
      os::Lock lock(active_mutex_);
      active_ = nullptr;
    }
    QUIRE_TRY(std::move(undone));
  }
  QUIRE_ASSIGN(const std::vector<PageId> undo_pages, table_.undo_pages());
  for (const PageId id : undo_pages) QUIRE_TRY(buffer::free_page(resources_, id));
  QUIRE_TRY(clear_leftovers());
  QUIRE_TRY(drop_unfinished_trees());
  resources_.give_spare_units();
  resources_.room = space::BlockAllocator::Room::ordinary;
  clean_.store(true, release);
  return publish(nullptr, superblock.next_tree);
}

Status Engine::clear_leftovers() {
  QUIRE_ASSIGN(const std::vector<catalog::ReplacedValue> values, catalog::load_replaced(resources_));
  for (const catalog::ReplacedValue& value : values) QUIRE_TRY(free_replaced(value));
  btree::Tree names = tree(catalog::names_tree, catalog::names_root);
  std::string position;
  do {
    QUIRE_TRY(names.sweep_ghosts(position, Xid{first_xid_}));
  } while (!position.empty());
  return Status();
}

Status Engine::drop_unfinished_trees() {
  QUIRE_ASSIGN(const std::vector<catalog::TreeRow> rows, catalog::load_tree_rows(resources_));
  for (const catalog::TreeRow& row : rows) {
    if (!row.dropping) continue;
    QUIRE_TRY(drop_tree(row.tree, row.root));
    QUIRE_TRY(catalog::erase_tree_row(resources_, row.tree));
  }
  return Status();
}

Status Engine::finish() {
  QUIRE_TRY(purge_step(UINT64_MAX));
  if (!purge_queue_.empty()) return Status();
  QUIRE_TRY(undo_log_.clear());
  const std::shared_ptr<const catalog::Catalog> last = catalog();
  for (const auto& [name, record] : last->keyspaces) {
    if (!record.had_ghosts || !sweeps_.empty()) continue;
    catalog::KeyspaceRecord swept = record;
    swept.had_ghosts = false;
    QUIRE_TRY(catalog::write_tree_row(resources_, swept, nullptr));
  }
  resources_.give_spare_units();
  clean_.store(true, release);
  return publish(nullptr, last->next_tree);
}

}  // namespace quire::engine
