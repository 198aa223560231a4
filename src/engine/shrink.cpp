// Giving space back: moving pages to the front of the file and cutting its end off (BA-9), and compact.
//
// A page moves by being dirtied: the next checkpoint writes it to the lowest free blocks. Nothing else about it changes. A
// plan looks through the whole page table, so one is made only when there is something to gain: on the way when more than
// half of the file is free and no pin holds it, at close when little has to move.
#include <algorithm>

#include "base/try.hpp"
#include "engine/engine.hpp"

namespace quire::engine {

using buffer::Action;
using buffer::OptimisticPage;
using buffer::WritePage;

namespace {

// Files below this many blocks are not worth shrinking on the way (4 MiB).
constexpr std::uint64_t shrink_blocks_min = 1024;
// Free blocks left behind the last page, so that the checkpoint that moves has room: 1/16 of what is used.
constexpr std::uint64_t slack_fraction = 16;
// Passes of compact over the end of the file; each leaves less to move, table and bitmap pages last.
constexpr int compact_passes_max = 6;
// Leaves that compact looks at before another writer may take its turn.
constexpr std::uint32_t leaves_per_turn = 256;
// What closing moves at most (64 MiB), and what it must gain (256 KiB, and 1/64 of the file). Table and bitmap pages find
// room in what it leaves free: 1/256 of what is used, and a few.
constexpr std::uint64_t moved_at_close_max = 16384;
constexpr std::uint64_t gain_at_close_min = 64;
constexpr std::uint64_t gain_at_close_fraction = 64;
constexpr std::uint64_t slack_at_close_fraction = 256;
constexpr std::uint64_t slack_at_close_pages = 8;

}  // namespace

Status Engine::touch_page(PageId id) {
  for (;;) {
    std::uint64_t version = 0;
    {
      const OptimisticPage seen = pool_.optimistic(id);
      if (!seen) {
        const Status awaited = pool_.await(id);
        QUIRE_ASSIGN(const space::Entry entry, table_.entry(id));
        if (entry.free()) return Status();  // freed meanwhile
        QUIRE_TRY(awaited);
        continue;
      }
      version = seen.version();
    }
    Action action(resources_);
    QUIRE_TRY(action.prepare({.dirty = 1}));
    action.enter();
    WritePage page = action.write(id, version);
    if (!page) continue;
    action.mark_dirty(page);
    return Status();
  }
}

Status Engine::plan_shrink(Shrink when) {
  const std::uint64_t used = blocks_.used_blocks();
  const std::uint64_t all = blocks_.physical_blocks();
  // While a pin holds the old places nothing would be gained, and the next commit would look through the table again.
  if (when == Shrink::when_worth_it && (all < shrink_blocks_min || used * 2 > all || blocks_.pinned())) return Status();
  move_behind_ = used + used / slack_fraction + file_.page_blocks();
  return list_pages_to_move();
}

Status Engine::list_pages_to_move() {
  std::vector<PageId> pages;
  const std::uint64_t end = move_behind_;
  QUIRE_TRY(table_.for_each([&](PageId id, const space::Entry& entry) {
    if (!entry.free() && entry.block().raw + entry.blocks() > end) pages.push_back(id);
    return Status();
  }));
  to_move_ = std::move(pages);
  // Pages of the table and the bitmap move too.
  os::Lock no_checkpoint(checkpoint_.mutex());
  QUIRE_TRY(table_.mark_behind(Block{move_behind_}));
  for (std::uint32_t level = 0; level < bitmap_.entries().depth(); ++level) {
    for (std::uint64_t i = 0; i < bitmap_.entries().level(level).size(); ++i) {
      if (bitmap_.entries().level(level)[i].block().raw >= move_behind_) bitmap_.mark_dirty(level, i);
    }
  }
  return Status();
}

Status Engine::shrink_step(std::uint64_t budget, Shrink when) {
  if (move_behind_ == 0) QUIRE_TRY(plan_shrink(when));
  for (; budget > 0 && !to_move_.empty(); --budget) {
    const PageId id = to_move_.back();
    to_move_.pop_back();
    const space::PageSlot* slot = table_.find(id);
    // It may have moved or been freed since the plan was made.
    if (slot->entry.free() || slot->entry.block().raw < move_behind_) continue;
    QUIRE_TRY(touch_page(id));
  }
  return Status();
}

// After a publish: nothing refers to the old places any more.
Status Engine::cut_file() {
  if (move_behind_ == 0 || !to_move_.empty()) return Status();
  move_behind_ = 0;
  return blocks_.cut().status();
}

Status Engine::shrink_at_close() {
  if (commits_.load(relaxed) == 0) return Status();  // whoever only looks at a file does not rewrite it
  os::Lock alone(maintenance_mutex_);
  const std::uint64_t used = blocks_.used_blocks();
  const std::uint64_t end = checkpoint_.published().file_blocks;
  const std::uint64_t lowest = used + used / slack_at_close_fraction + slack_at_close_pages * file_.page_blocks();
  move_behind_ = blocks_.end_after_moving(moved_at_close_max, lowest);
  if (end < move_behind_ + std::max(gain_at_close_min, end / gain_at_close_fraction)) return Status();
  QUIRE_TRY(list_pages_to_move());
  QUIRE_TRY(shrink_step(UINT64_MAX, Shrink::always));
  resources_.give_spare_units();
  return publish();
}

Status Engine::compact_trees() {
  const CatalogPointer now = catalog();
  for (const auto& [name, record] : now->keyspaces) {
    std::string position;
    for (bool done = false; !done;) {
      // Whoever drops a tree waits for this mutex before its pages go.
      os::Lock alone(maintenance_mutex_);
      QUIRE_TRY(usable());
      const CatalogPointer newest = committed_catalog();
      const catalog::KeyspaceRecord* current = newest->find(name);
      if (current == nullptr || current->tree != record.tree) break;  // dropped meanwhile
      btree::Tree rows = tree(record);
      QUIRE_ASSIGN(done, rows.compact_step(position, leaves_per_turn, status_.floor()));
      resources_.give_spare_units();
    }
  }
  return Status();
}

Status Engine::compact() {
  QUIRE_TRY(usable());
  if (read_only_) return Status(Code::read_only, path() + " is open for reading only");
  QUIRE_TRY(compact_trees());
  std::uint64_t before = 0;
  for (int pass = 0; pass < compact_passes_max; ++pass) {
    os::Lock alone(maintenance_mutex_);
    QUIRE_TRY(usable());
    QUIRE_TRY(purge_step(UINT64_MAX));
    QUIRE_TRY(publish());
    QUIRE_TRY(shrink_step(UINT64_MAX, Shrink::always));
    resources_.give_spare_units();
    QUIRE_TRY(publish());
    QUIRE_TRY(cut_file());
    if (blocks_.physical_blocks() == before) break;
    before = blocks_.physical_blocks();
  }
  return Status();
}

}  // namespace quire::engine
