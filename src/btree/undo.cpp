// Taking changes back, and clearing away what they left for older snapshots.
//
// Rows are found by key, wherever splits and merges have put them since (TX-5). A row is only touched while its header
// names the very record that is undone or purged, so a second attempt finds nothing to do.
#include "base/try.hpp"
#include "btree/tree.hpp"
#include "overflow/free.hpp"

namespace quire::btree {

using buffer::Action;
using buffer::OptimisticPage;
using buffer::WritePage;
using txn::UndoRecord;
using txn::UndoType;
using txn::WriteTransaction;

namespace {

// What one action of freeing may dirty: a few data pages and two index pages.
constexpr std::uint32_t dirty_pages_to_free = overflow::pages_per_action + 2;

}  // namespace

Result<Tree::Attempt> Tree::try_undo(WriteTransaction& transaction, const UndoRecord& record, std::uint64_t handle,
                                     Leftover& leftover) {
  Room room;
  QUIRE_TRY(look(record.key, room));
  // Once the row leads to its large value no more, its pages must find room to be freed.
  Action for_freeing(*resources_);
  if (room.overflow) QUIRE_TRY(for_freeing.prepare({.dirty = dirty_pages_to_free}));
  Action action(*resources_);
  QUIRE_TRY(action.prepare({.dirty = 1}));
  action.enter();
  WritePage page = action.write(room.path.node.id, room.path.node.version);
  if (!page) return Attempt::again;
  Node leaf(page.bytes());
  const SearchResult at = leaf.search(record.key);
  const std::optional<RowHeader> header = at.found ? leaf.row_header(at.index) : std::nullopt;
  if (!header || header->xid != transaction.xid() || header->undo != handle) {
    return Status(Code::corrupt, "a row of tree " + std::to_string(id_.raw) + " of " + pool().path() +
                                     " is not as its undo record says; the transaction cannot be taken back");
  }
  std::optional<RowHeader> before;
  if ((record.flags & txn::undo_flag::row_header) != 0) {
    before = RowHeader{Xid{record.row_xid_word & row_header_field::xid_mask}, record.row_handle};
  }
  LeafRecord old{.key = record.key, .value = record.value};
  if (record.type == UndoType::update) {
    old.overflow = (record.flags & txn::undo_flag::overflow) != 0;
    old.ghost = (record.flags & txn::undo_flag::ghost) != 0;
    old.header = before;
    if (!leaf.fits_replacing(at.index, old)) {
      leftover.split_bytes = leaf.bytes_for(old, at);
      return Attempt::split;
    }
  }
  action.mark_dirty(page);
  if (record.type != UndoType::erase && leaf.value(at.index).overflow) leftover.freed_stub = leaf.value(at.index).bytes;
  switch (record.type) {
    case UndoType::insert: leaf.erase(at.index); break;
    case UndoType::update: leaf.replace(at.index, old); break;
    default: leaf.set_row(at.index, before, false); break;
  }
  transaction.stepped_back(record);
  return Attempt::done;
}

Status Tree::undo(WriteTransaction& transaction, const UndoRecord& record, std::uint64_t handle) {
  Room room;
  QUIRE_TRY(look(record.key, room));
  // A large value goes with its row, which is this transaction's: it stays as it is.
  std::optional<os::Lock> no_flip;
  if (room.overflow) no_flip.emplace(pool().flip_mutex());
  Leftover leftover;
  for (;;) {
    QUIRE_ASSIGN(const Attempt done, try_undo(transaction, record, handle, leftover));
    if (done == Attempt::split) QUIRE_TRY(split(record.key, 0, leftover.split_bytes));
    if (done == Attempt::done) return free_value(leftover.freed_stub);
  }
}

Status Tree::purge_ghost(Xid xid, std::string_view key, std::uint64_t handle) {
  QUIRE_TRY(remove_ghost(key, Xid{xid.raw + 1}, handle));
  return merge_underfull(key);
}

Status Tree::mark_dropped(WriteTransaction& transaction) {
  for (;;) {
    Action::Needs needs{.dirty = 0};
    QUIRE_TRY(transaction.log().prepare(txn::undo_record_bytes(0, sizeof(std::uint64_t)), needs));
    Action action(*resources_);
    QUIRE_TRY(action.prepare(needs));
    action.enter();
    WritePage undo = transaction.log().open(action);
    if (!undo) continue;
    std::byte root[sizeof(std::uint64_t)];
    store_le(root, root_.raw);
    transaction.record(action, undo, {.type = UndoType::drop, .tree = id_, .key = {}, .value = as_text(root, sizeof root)});
    return Status();
  }
}

// Removes the ghost if it is of a transaction below `below` and, unless `handle` is none, of that record.
Status Tree::remove_ghost(std::string_view key, Xid below, std::uint64_t handle) {
  os::Lock no_flip(pool().flip_mutex());
  for (;;) {
    Room room;
    QUIRE_TRY(look(key, room));
    Action for_freeing(*resources_);
    if (room.overflow) QUIRE_TRY(for_freeing.prepare({.dirty = dirty_pages_to_free}));
    Action action(*resources_);
    QUIRE_TRY(action.prepare({.dirty = 1}));
    action.enter();
    WritePage page = action.write(room.path.node.id, room.path.node.version);
    if (!page) continue;
    Node leaf(page.bytes());
    const SearchResult at = leaf.search(key);
    if (!at.found || !leaf.ghost(at.index)) return Status();
    const std::optional<RowHeader> header = leaf.row_header(at.index);
    if (!header || header->xid >= below || (handle != txn::no_undo && header->undo != handle)) return Status();
    std::string freed_stub;
    if (leaf.value(at.index).overflow) freed_stub = leaf.value(at.index).bytes;
    action.mark_dirty(page);
    leaf.erase(at.index);
    page.release();
    action.leave();
    for_freeing.leave();
    return free_value(freed_stub);
  }
}

Status Tree::sweep_ghosts(std::string& position, Xid limit) {
  std::vector<std::byte> image(pool().page_bytes());
  QUIRE_TRY(copy_leaf({position}, image));
  const NodeView leaf(image.data(), pool().page_bytes());
  for (std::uint32_t i = 0; leaf.ghosts() > 0 && i < leaf.count(); ++i) {
    if (leaf.ghost(i)) QUIRE_TRY(remove_ghost(leaf.key(i), limit, txn::no_undo));
  }
  if (leaf.ghosts() > 0) QUIRE_TRY(merge_underfull(leaf.key(0)));
  position = leaf.upper_fence() ? std::string(*leaf.upper_fence()) + '\0' : std::string();
  return Status();
}

}  // namespace quire::btree
