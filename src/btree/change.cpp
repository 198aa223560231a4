// Changing a tree: create, put, erase.
//
// One change is one action on one leaf: descend without latches, promise room, enter the gate, latch the leaf if it is
// still the one that was seen, change it. A leaf without room is split first, as an action of its own, and the
// descent begins again. Pages of a large value are written before its row and freed after it.
#include "base/try.hpp"
#include "btree/tree.hpp"
#include "overflow/overflow.hpp"

namespace quire::btree {

using buffer::Action;
using buffer::OptimisticPage;
using buffer::WritePage;

std::uint32_t Tree::max_slots_for_tests = 0;

Result<Tree> Tree::create(buffer::Resources& resources, TreeId id) {
  Action action(resources);
  QUIRE_TRY(action.prepare({.dirty = 0, .create = 1}));
  action.enter();
  WritePage page = action.create(page::PageType::leaf, id);
  Node(page.bytes()).format({});
  return Tree(resources, id, page.id());
}

bool Tree::has_room(const Node& node, bool fits) const noexcept {
  return fits && (max_slots_for_tests == 0 || node.count() < max_slots_for_tests);
}

Status Tree::prepare_record(std::string_view key, std::string_view value, Prepared& prepared) {
  const std::uint32_t page_bytes = pool().page_bytes();
  QUIRE_ASSERT(!key.empty() && key.size() <= key_bytes_max(page_bytes));
  prepared.record = {key, value, false};
  if (key.size() + row_header_bytes + value_length_bytes + value.size() <= record_bytes_max(page_bytes)) return Status();
  QUIRE_ASSIGN(const overflow::Stub stub, overflow::write(*resources_, id_, value));
  overflow::store_stub(prepared.stub, stub);
  prepared.overflow = true;
  prepared.record = {key, as_text(prepared.stub, overflow::stub_bytes), true};
  return Status();
}

Result<bool> Tree::put(std::string_view key, std::string_view value) {
  Prepared prepared;
  QUIRE_TRY(prepare_record(key, value, prepared));
  for (;;) {
    Path path;
    {
      OptimisticPage page;
      QUIRE_TRY(find({key}, 0, path, page));
    }
    Action action(*resources_);
    QUIRE_TRY(action.prepare({.dirty = 1}));
    action.enter();
    WritePage page = action.write(path.node.id, path.node.version);
    if (!page) continue;
    Node leaf(page.bytes());
    const SearchResult at = leaf.search(key);
    const bool fits = at.found ? leaf.fits_replacing(at.index, prepared.record) : has_room(leaf, leaf.fits(prepared.record));
    if (!fits) {
      page.release();
      action.leave();
      QUIRE_TRY(split(key, 0));
      continue;
    }
    action.mark_dirty(page);
    if (!at.found) {
      leaf.insert(at.index, prepared.record);
      return true;
    }
    const ValueAt old = leaf.value(at.index);
    overflow::Stub old_stub;
    if (old.overflow) old_stub = overflow::load_stub(old.bytes);
    const bool free_old = old.overflow;
    leaf.replace(at.index, prepared.record);
    page.release();
    action.leave();
    if (free_old) QUIRE_TRY(overflow::free(*resources_, old_stub));
    return false;
  }
}

Result<bool> Tree::erase(std::string_view key) {
  for (;;) {
    Path path;
    {
      OptimisticPage page;
      QUIRE_TRY(find({key}, 0, path, page));
    }
    Action action(*resources_);
    QUIRE_TRY(action.prepare({.dirty = 1}));
    action.enter();
    WritePage page = action.write(path.node.id, path.node.version);
    if (!page) continue;
    Node leaf(page.bytes());
    const SearchResult at = leaf.search(key);
    if (!at.found) return false;
    const ValueAt old = leaf.value(at.index);
    overflow::Stub old_stub;
    if (old.overflow) old_stub = overflow::load_stub(old.bytes);
    const bool free_old = old.overflow;
    action.mark_dirty(page);
    leaf.erase(at.index);
    page.release();
    action.leave();
    if (free_old) QUIRE_TRY(overflow::free(*resources_, old_stub));
    return true;
  }
}

}  // namespace quire::btree
