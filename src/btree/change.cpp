// Changing a tree: create, put, erase.
//
// One change is one action on one leaf: descend without latches, promise room, enter the gate, latch the leaf if it is
// still the one that was seen, append the before image, change it. A leaf without room is split first, as an action
// of its own, and the descent begins again.
//
// Pages of a large value are written before its row and freed after it; no flip comes between, so that no checkpoint holds
// pages that no row leads to (Pool::flip_mutex). Whoever changes a tree without a transaction sees to that himself.
#include <algorithm>

#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "btree/tree.hpp"
#include "overflow/overflow.hpp"

namespace quire::btree {

using buffer::Action;
using buffer::OptimisticPage;
using buffer::WritePage;
using txn::UndoRecord;
using txn::UndoType;
using txn::WriteTransaction;

namespace {

// Headers of transactions below it may go.
Xid strippable_below(const WriteTransaction& transaction) {
  if (!seeded_bug("strip_row_headers_early")) return transaction.horizon();
  return std::min(Xid{transaction.horizon().raw + 1}, transaction.xid());
}

}  // namespace

std::uint32_t Tree::max_slots_for_tests = 0;

Result<Tree> Tree::create(buffer::Resources& resources, TreeId id, WriteTransaction* transaction) {
  for (;;) {
    Action action(resources);
    Action::Needs needs{.dirty = 0, .create = 1};
    if (transaction != nullptr) QUIRE_TRY(transaction->log().prepare(txn::undo_record_bytes(0, sizeof(std::uint64_t)), needs));
    QUIRE_TRY(action.prepare(needs));
    action.enter();
    WritePage undo;
    if (transaction != nullptr) {
      undo = transaction->log().open(action);
      if (!undo) continue;
    }
    WritePage page = action.create(page::PageType::leaf, id);
    Node(page.bytes()).format({});
    if (transaction != nullptr) {
      std::byte root[sizeof(std::uint64_t)];
      store_le(root, page.id().raw);
      transaction->record(action, undo, {.type = UndoType::create, .tree = id, .key = {}, .value = as_text(root, sizeof root)});
    }
    return Tree(resources, id, page.id());
  }
}

bool Tree::has_room(const Node& node, bool fits) const noexcept {
  return fits && (max_slots_for_tests == 0 || node.count() < max_slots_for_tests);
}

Status Tree::prepare_record(std::string_view key, std::string_view value, Prepared& prepared) {
  const std::uint32_t page_bytes = pool().page_bytes();
  QUIRE_ASSERT(!key.empty() && key.size() <= key_bytes_max(page_bytes));
  prepared.record = {.key = key, .value = value};
  if (key.size() + row_header_bytes + value_length_bytes + value.size() <= record_bytes_max(page_bytes)) return Status();
  QUIRE_ASSIGN(const overflow::Stub stub, overflow::write(*resources_, id_, value));
  overflow::store_stub(prepared.stub, stub);
  prepared.overflow = true;
  prepared.record = {.key = key, .value = as_text(prepared.stub, overflow::stub_bytes), .overflow = true};
  return Status();
}

// No row leads to the value any more. Pages that cannot be freed would be lost in what is published next.
Status Tree::free_value(std::string_view stub) {
  if (stub.empty()) return Status();
  // Others may have taken the room that was promised for it ahead.
  const buffer::StandingRoom room(*resources_);
  Status freed = overflow::free(*resources_, overflow::load_stub(stub));
  if (!freed.ok()) pool().fail(freed);
  return freed;
}

Status Tree::look(std::string_view key, Room& room) const {
  for (;;) {
    OptimisticPage page;
    QUIRE_TRY(find({key}, 0, room.path, page));
    const NodeView leaf(page.data(), pool().page_bytes());
    const SearchResult at = leaf.search(key);
    const ValueAt value = at.found ? leaf.value(at.index) : ValueAt{};
    room.value_bytes = static_cast<std::uint32_t>(value.bytes.size());
    room.overflow = value.overflow;
    if (page.valid()) return Status();
  }
}

// The undo record of a row that is about to change.
UndoRecord Tree::before_image(UndoType type, TreeId tree, const NodeView& leaf, std::uint32_t index, std::string_view key) {
  UndoRecord record{.type = type, .tree = tree, .key = key, .value = {}};
  if (const std::optional<RowHeader> header = leaf.row_header(index)) {
    record.flags |= txn::undo_flag::row_header;
    record.row_xid_word = header->xid.raw;
    record.row_handle = header->undo;
  }
  if (type != UndoType::update) return record;
  const ValueAt value = leaf.value(index);
  record.value = value.bytes;
  if (value.overflow) record.flags |= txn::undo_flag::overflow;
  if (leaf.ghost(index)) record.flags |= txn::undo_flag::ghost;
  return record;
}

bool Tree::may_change(WriteTransaction* transaction, TreeId tree, std::string_view key, const NodeView& leaf, const SearchResult& at) {
  if (transaction == nullptr) return true;
  const std::optional<RowHeader> header = at.found ? leaf.row_header(at.index) : std::nullopt;
  return transaction->may_change(tree, key, header ? header->xid : Xid{});
}

Result<Tree::Attempt> Tree::try_put(const LeafRecord& wanted, WriteTransaction* transaction, Leftover& leftover) {
  LeafRecord record = wanted;
  Room room;
  QUIRE_TRY(look(record.key, room));
  Action::Needs needs{.dirty = 1};
  if (transaction != nullptr) {
    record.header = RowHeader{transaction->xid()};
    QUIRE_TRY(transaction->log().prepare(txn::undo_record_bytes(record.key.size(), room.value_bytes), needs));
  }
  Action action(*resources_);
  QUIRE_TRY(action.prepare(needs));
  action.enter();
  WritePage page = action.write(room.path.node.id, room.path.node.version);
  if (!page) return Attempt::again;
  Node leaf(page.bytes());
  const SearchResult at = leaf.search(record.key);
  if (!may_change(transaction, id_, record.key, leaf, at)) return Attempt::held;
  const bool fits = at.found ? leaf.fits_replacing(at.index, record) : has_room(leaf, leaf.fits(record));
  if (!fits) {
    // Headers that no snapshot needs any more go before the node is split (TX-3).
    leftover.split_bytes = leaf.bytes_for(record, at);
    if (transaction == nullptr || leaf.row_headers() == leaf.ghosts()) return Attempt::split;
    action.mark_dirty(page);
    return leaf.strip_headers(strippable_below(*transaction)) > 0 ? Attempt::again : Attempt::split;
  }
  WritePage undo;
  if (transaction != nullptr) {
    undo = transaction->log().open(action);
    if (!undo) return Attempt::again;
  }
  const bool was_clean = action.mark_dirty(page);
  const bool was_there = at.found && !leaf.ghost(at.index);
  if (transaction != nullptr) {
    record.header->undo = transaction->record(
        action, undo,
        at.found ? before_image(UndoType::update, id_, leaf, at.index, record.key) : UndoRecord{.type = UndoType::insert, .tree = id_, .key = record.key, .value = {}});
    // Rows at rest lose their headers here: once per page and epoch.
    if (was_clean && leaf.row_headers() > leaf.ghosts()) leaf.strip_headers(strippable_below(*transaction));
  }
  if (at.found && leaf.value(at.index).overflow) {
    leftover.replaced = overflow::load_stub(leaf.value(at.index).bytes).first;
    if (transaction == nullptr) leftover.freed_stub = leaf.value(at.index).bytes;
  }
  if (at.found) {
    leaf.replace(at.index, record);
  } else {
    leaf.insert(at.index, record);
  }
  return was_there ? Attempt::replaced : Attempt::added;
}

Result<bool> Tree::put(std::string_view key, std::string_view value, WriteTransaction* transaction, PageId* replaced) {
  if (transaction != nullptr) QUIRE_TRY(transaction->check_room());
  std::optional<os::Lock> no_flip;
  const bool large = key.size() + row_header_bytes + value_length_bytes + value.size() > record_bytes_max(pool().page_bytes());
  if (large && transaction != nullptr) no_flip.emplace(pool().flip_mutex());
  // Room to free the value again, should its row find none.
  Action for_freeing(*resources_);
  if (large) QUIRE_TRY(for_freeing.prepare({.dirty = overflow::dirty_pages_to_free}));
  Prepared prepared;
  QUIRE_TRY(prepare_record(key, value, prepared));
  Result<Attempt> done = Attempt::again;
  Leftover leftover;
  while (done.ok() && (*done == Attempt::again || *done == Attempt::split)) {
    done = try_put(prepared.record, transaction, leftover);
    if (!done.ok() || *done != Attempt::split) continue;
    Status made_room = split(key, 0, leftover.split_bytes);
    if (!made_room.ok()) done = std::move(made_room);
  }
  if (done.ok() && *done == Attempt::held) done = Code::conflict;
  if (!done.ok()) {
    for_freeing.leave();
    if (prepared.overflow) QUIRE_TRY(free_value(prepared.record.value));
    return std::move(done).status();
  }
  for_freeing.leave();
  if (replaced != nullptr) *replaced = leftover.replaced;
  QUIRE_TRY(free_value(leftover.freed_stub));
  return *done == Attempt::added;
}

Result<Tree::Attempt> Tree::try_erase(std::string_view key, WriteTransaction* transaction, Leftover& leftover) {
  Room room;
  QUIRE_TRY(look(key, room));
  Action::Needs needs{.dirty = 1};
  if (transaction != nullptr) QUIRE_TRY(transaction->log().prepare(txn::undo_record_bytes(key.size(), 0), needs));
  Action action(*resources_);
  QUIRE_TRY(action.prepare(needs));
  action.enter();
  WritePage page = action.write(room.path.node.id, room.path.node.version);
  if (!page) return Attempt::again;
  Node leaf(page.bytes());
  const SearchResult at = leaf.search(key);
  // Also for a key that is not there, or is a ghost: somebody may be about to say otherwise (LK-5).
  if (!may_change(transaction, id_, key, leaf, at)) return Attempt::held;
  if (!at.found || leaf.ghost(at.index)) return Attempt::absent;
  if (transaction == nullptr) {
    if (leaf.value(at.index).overflow) leftover.freed_stub = leaf.value(at.index).bytes;
    action.mark_dirty(page);
    leaf.erase(at.index);
    return Attempt::done;
  }
  if (!leaf.fits_header(at.index)) {
    leftover.split_bytes = row_header_bytes;
    action.mark_dirty(page);
    return leaf.strip_headers(strippable_below(*transaction)) > 0 ? Attempt::again : Attempt::split;
  }
  WritePage undo = transaction->log().open(action);
  if (!undo) return Attempt::again;
  action.mark_dirty(page);
  const std::uint64_t handle = transaction->record(action, undo, before_image(UndoType::erase, id_, leaf, at.index, key));
  leaf.make_ghost(at.index, RowHeader{transaction->xid(), handle});
  return Attempt::done;
}

Result<bool> Tree::erase(std::string_view key, WriteTransaction* transaction) {
  if (transaction != nullptr) QUIRE_TRY(transaction->check_room());
  Leftover leftover;
  for (;;) {
    QUIRE_ASSIGN(const Attempt done, try_erase(key, transaction, leftover));
    if (done == Attempt::held) return Status(Code::conflict);
    if (done == Attempt::split) {
      QUIRE_TRY(split(key, 0, leftover.split_bytes));
    } else if (done != Attempt::again) {
      QUIRE_TRY(free_value(leftover.freed_stub));
      return done == Attempt::done;
    }
  }
}

}  // namespace quire::btree
