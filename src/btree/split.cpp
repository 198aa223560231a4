// Splits: a full node becomes two, and one separator goes to the parent.
//
// A split is one action over three latched pages, taken parent first: the parent, which must have room for the
// separator, the node, and a new page for the upper half. The new page takes over the node's right link before
// anyone can reach it. When the parent is full it is split first and the whole thing is looked up again. A full
// root first hands its content down to a new page, so that its own PageId stays.
//
// Where to split: in the middle by bytes; but when the rightmost node is appended to, it is left full if its new
// upper fence still fits beside its records. The middle always leaves room: with U usable bytes, fences of K and
// records of M bytes at most, the larger half holds (U + M + 3 K) / 2 bytes with its fences, which BT-1 keeps below U.
//
// Invariants   1. keys(left) <= separator < keys(right); the parent's old entry for the node now leads right
//              2. left, right and parent are latched before the first byte changes (BT-2)
// Threads      the one writer
// Errors       as prepare(); before it nothing has changed, after it the split cannot fail
#include "base/try.hpp"
#include "btree/tree.hpp"

namespace quire::btree {

using buffer::Action;
using buffer::OptimisticPage;
using buffer::WritePage;

namespace {

struct SplitPoint {
  std::uint32_t index = 0;  // leaf: first record of the right node; inner: the record that moves up
  std::string separator;
};

std::uint32_t slotted_bytes(const NodeView& node, std::uint32_t index) { return node.record_bytes(index) + slot_bytes; }

// The index that divides the records, at least one to each side, into halves as equal as can be.
std::uint32_t even_division(const NodeView& node) {
  std::uint32_t total = 0;
  for (std::uint32_t i = 0; i < node.count(); ++i) total += slotted_bytes(node, i);
  std::uint32_t best = 1;
  std::uint32_t best_larger_half = UINT32_MAX;
  std::uint32_t left = 0;
  for (std::uint32_t i = 1; i < node.count(); ++i) {
    left += slotted_bytes(node, i - 1);
    const std::uint32_t larger_half = std::max(left, total - left);
    if (larger_half <= best_larger_half) {
      best = i;
      best_larger_half = larger_half;
    }
  }
  return best;
}

// First index whose records, with all before it, make at least half of the bytes.
std::uint32_t middle_by_bytes(const NodeView& node) {
  std::uint32_t total = 0;
  for (std::uint32_t i = 0; i < node.count(); ++i) total += slotted_bytes(node, i);
  std::uint32_t sum = 0;
  for (std::uint32_t i = 0; i < node.count(); ++i) {
    sum += slotted_bytes(node, i);
    if (sum * 2 >= total) return i;
  }
  return node.count() - 1;
}

SplitPoint choose_leaf_split(const NodeView& node, std::string_view key) {
  const std::uint32_t count = node.count();
  const std::string last = node.key(count - 1);
  if (!node.upper_fence() && key > last) {
    std::string separator = separator_between(last, key);
    if (separator.size() <= node.free_bytes()) return {count, std::move(separator)};
    // One record moves over, and the fence takes its room.
    if (count > 1) {
      separator = separator_between(node.key(count - 2), last);
      if (separator.size() <= node.free_bytes() + slotted_bytes(node, count - 1)) return {count - 1, std::move(separator)};
    }
  }
  if (count == 1) {
    if (key > last) return {1, separator_between(last, key)};
    return {0, separator_between(key, last)};
  }
  const std::uint32_t index = even_division(node);
  return {index, separator_between(node.key(index - 1), node.key(index))};
}

SplitPoint choose_inner_split(const NodeView& node, std::string_view key) {
  const std::uint32_t count = node.count();
  QUIRE_ASSERT(count >= 2);
  const bool append = !node.upper_fence() && key > node.key(count - 1);
  const std::uint32_t index = append ? count - 1 : std::clamp<std::uint32_t>(middle_by_bytes(node), 1, count - 1);
  return {index, node.key(index)};
}

// Divides the content of `node` (a copy of the old page) onto two fresh nodes.
void divide(const NodeView& old, const SplitPoint& point, Node& left, Node& right) {
  const std::string lower(old.lower_fence());
  const std::optional<std::string_view> upper = old.upper_fence();
  left.format({old.level(), lower, std::string_view(point.separator)});
  right.format({old.level(), point.separator, upper});
  std::uint32_t right_begin = point.index;
  for (std::uint32_t i = 0; i < point.index; ++i) left.append_from(old, i);
  if (old.level() > 0) {
    left.set_child(left.count(), old.child(point.index));
    ++right_begin;
  }
  for (std::uint32_t i = right_begin; i < old.count(); ++i) right.append_from(old, i);
  if (old.level() > 0) right.set_child(right.count(), old.child(old.count()));
  left.update_hints();
  right.update_hints();
}

}  // namespace

Status Tree::split_root() {
  Path path;
  for (;;) {
    std::uint32_t level = 0;
    {
      OptimisticPage page = pool().optimistic(root_);
      if (!page) {
        QUIRE_TRY(pool().await(root_));
        continue;
      }
      level = NodeView(page.data(), pool().page_bytes()).level();
      path.node = {root_, page.version()};
      if (!page.valid()) continue;
    }
    Action action(*resources_);
    QUIRE_TRY(action.prepare({.dirty = 1, .create = 1}));
    action.enter();
    WritePage root = action.write(root_, path.node.version);
    if (!root) continue;
    action.mark_dirty(root);
    WritePage below = action.create(level == 0 ? page::PageType::leaf : page::PageType::inner, id_);
    std::memcpy(below.data() + page::header_bytes, root.data() + page::header_bytes, pool().page_bytes() - page::header_bytes);
    page::header::max_xid.set(below.data(), page::header::max_xid.get(root.data()));
    Node top(root.bytes());
    top.format({level + 1, {}, std::nullopt});
    top.set_child(0, below.id());
    return Status();
  }
}

Status Tree::split(std::string_view key, std::uint32_t level) {
  std::vector<std::byte> copy(pool().page_bytes());
  for (;;) {
    Path path;
    {
      OptimisticPage page;
      QUIRE_TRY(find({key}, level, path, page));
    }
    if (path.parent.id == no_page) {
      QUIRE_TRY(split_root());
      continue;
    }
    Action action(*resources_);
    QUIRE_TRY(action.prepare({.dirty = 2, .create = 1}));
    action.enter();
    WritePage parent = action.write(path.parent.id, path.parent.version);
    if (!parent) continue;
    WritePage node = action.write(path.node.id, path.node.version);
    if (!node) continue;
    Node above(parent.bytes());
    Node left(node.bytes());
    const SplitPoint point = level == 0 ? choose_leaf_split(left, key) : choose_inner_split(left, key);
    if (!has_room(above, above.fits_separator(point.separator))) {
      node.release();
      parent.release();
      action.leave();
      QUIRE_TRY(split(key, level + 1));
      continue;
    }
    action.mark_dirty(parent);
    action.mark_dirty(node);
    WritePage fresh = action.create(page::type_of(node.data()), id_);
    Node right(fresh.bytes());
    std::memcpy(copy.data(), node.data(), copy.size());
    const NodeView old(copy.data(), pool().page_bytes());
    divide(old, point, left, right);
    right.set_right_sibling(old.right_sibling());
    left.set_right_sibling(fresh.id());
    above.insert_separator(path.child_index, point.separator, fresh.id());
    QUIRE_VERIFY(left.check().ok() && right.check().ok());
    return Status();
  }
}

}  // namespace quire::btree
