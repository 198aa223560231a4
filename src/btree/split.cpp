// Splits: a full node becomes two, and one separator goes to the parent.
//
// A split is one action over three latched pages, taken parent first: the parent, which must have room for the
// separator, the node, and a new page for the upper half. The new page takes over the node's right link before
// anyone can reach it. When the parent is full it is split first and the whole thing is looked up again. A full
// root first hands its content down to a new page, so that its own PageId stays. Where to divide is chosen on a copy
// before anything is latched; the version says whether the copy is still the node.
//
// Where (docs/decisions/0006-splits.md): a run of inserts, one behind the other, leaves the node behind it full; all
// else divides the bytes evenly, the new record included. BT-54 says why one division always makes room. Of a run the node itself tells: the record that came last lies lowest in the heap.
//
// Invariants   1. keys(left) <= separator < keys(right); the parent's old entry for the node now leads right
//              2. left, right and parent are latched before the first byte changes (BT-2)
// Threads      any with the right to change the tree
// Errors       as prepare(); before it nothing has changed, after it the split cannot fail
#include "base/try.hpp"
#include "btree/content.hpp"
#include "btree/tree.hpp"

namespace quire::btree {

using buffer::Action;
using buffer::OptimisticPage;
using buffer::WritePage;

namespace {

// What the split is for.
struct Arrival {
  std::string_view key;
  std::uint32_t place = 0;  // the slot that search() gave
  bool present = false;     // the key is there: its record grows
  std::uint32_t bytes = 0;  // that are missing
};

// How the latest inserts lie to the place of the next one.
enum class Run { none, rising, falling };

Run run_at(const NodeView& node, std::uint32_t place) {
  if (!node.upper_fence() && place == node.count()) return Run::rising;
  if (node.lower_fence().empty() && place == 0) return Run::falling;
  std::uint32_t last = 0;
  std::uint32_t before = 1;
  if (node.count() < 2) return Run::none;
  if (node.record_offset(last) > node.record_offset(before)) std::swap(last, before);
  for (std::uint32_t i = 2; i < node.count(); ++i) {
    if (node.record_offset(i) < node.record_offset(last)) {
      before = std::exchange(last, i);
    } else if (node.record_offset(i) < node.record_offset(before)) {
      before = i;
    }
  }
  if (place == last + 1 && last == before + 1) return Run::rising;
  return place == last && before == last + 1 ? Run::falling : Run::none;
}

// Tries divisions of one node until one gives both halves, and the arrival, enough room.
class Divider {
 public:
  Divider(const NodeView& node, const Arrival& arrival)
      : content_(node), arrival_(arrival), page_bytes_(node.page_bytes()), run_(run_at(node, arrival.place)) {}

  const Content& content() const noexcept { return content_; }
  bool in_run() const noexcept { return run_ != Run::none; }

  Division choose() {
    std::optional<Division> division = content_.leaf() ? leaf_run() : inner_run();
    if (!division) division = even();
    QUIRE_ASSERT(division);  // BT-54
    return std::move(*division);
  }

 private:
  enum class Side { left, right };

  // `side`: where the arrival goes when it would lie exactly between the halves.
  std::optional<Division> attempt(std::uint32_t index, Side side) const {
    return content_.leaf() ? attempt_leaf(index, side) : attempt_inner(index);
  }

  std::optional<Division> attempt_leaf(std::uint32_t index, Side side) const {
    const bool between = !arrival_.present && index == arrival_.place;
    const bool left_empty = index == 0 && !(between && side == Side::left);
    const bool right_empty = index == content_.count() && !(between && side == Side::right);
    if (left_empty || right_empty) return std::nullopt;
    const std::string below = between && side == Side::left ? std::string(arrival_.key) : content_.key(index - 1);
    const std::string above = between && side == Side::right ? std::string(arrival_.key) : content_.key(index);
    Division division{index, separator_between(below, above)};
    const bool goes_left = arrival_.key <= division.separator;
    return fitting(std::move(division), goes_left);
  }

  std::optional<Division> attempt_inner(std::uint32_t index) const {
    if (index >= content_.count()) return std::nullopt;
    return fitting({index, content_.key(index)}, arrival_.place <= index);
  }

  std::optional<Division> fitting(Division division, bool goes_left) const {
    const std::uint32_t left = content_.page_bytes_with(left_part(content_, division)) + (goes_left ? arrival_.bytes : 0);
    const std::uint32_t right = content_.page_bytes_with(right_part(content_, division)) + (goes_left ? 0 : arrival_.bytes);
    if (left > page_bytes_ || right > page_bytes_) return std::nullopt;
    return division;
  }

  // The node behind the run stays full, and what lies before the run moves away or is left behind.
  std::optional<Division> leaf_run() const {
    const std::uint32_t place = arrival_.place;
    if (run_ == Run::none || arrival_.present) return std::nullopt;
    const bool rising = run_ == Run::rising;
    const bool at_end = place == (rising ? content_.count() : 0);
    const Side with_run = rising ? Side::left : Side::right;
    const Side beside_run = rising ? Side::right : Side::left;
    std::optional<Division> division = attempt(place, at_end ? beside_run : with_run);
    if (division) return division;
    if (!at_end) return attempt(place, beside_run);
    // One record moves over, and the fence takes its room.
    return content_.count() < 2 ? std::nullopt : attempt(rising ? place - 1 : 1, beside_run);
  }

  std::optional<Division> inner_run() const {
    const std::uint32_t place = arrival_.place;
    if (run_ == Run::rising) return attempt(std::min(place, content_.count() - 1), Side::left);
    if (run_ == Run::falling) return attempt(place == 0 ? 0 : place - 1, Side::left);
    return std::nullopt;
  }

  // The division that is closest to the middle and has room.
  std::optional<Division> even() const {
    const std::uint32_t count = content_.count();
    const std::uint32_t middle = middle_by_bytes();
    for (std::uint32_t distance = 0; distance <= count; ++distance) {
      for (const Side side : {Side::left, Side::right}) {
        if (middle >= distance) {
          if (std::optional<Division> division = attempt(middle - distance, side)) return division;
        }
        if (distance > 0 && middle + distance <= count) {
          if (std::optional<Division> division = attempt(middle + distance, side)) return division;
        }
      }
    }
    return std::nullopt;
  }

  // Where the larger half is smallest, the arrival included.
  std::uint32_t middle_by_bytes() const {
    const std::uint32_t count = content_.count();
    std::uint32_t best = 0;
    std::uint32_t best_larger_half = UINT32_MAX;
    for (std::uint32_t i = 0; i <= count; ++i) {
      const std::uint32_t right_begin = content_.leaf() ? i : std::min(i + 1, count);
      std::uint32_t left = content_.record_bytes(0, i);
      std::uint32_t right = content_.record_bytes(right_begin, count);
      (arrival_.place < i ? left : right) += arrival_.bytes;
      if (std::max(left, right) > best_larger_half) continue;
      best = i;
      best_larger_half = std::max(left, right);
    }
    return best;
  }

  Content content_;
  Arrival arrival_;
  std::uint32_t page_bytes_;
  Run run_;
};

}  // namespace

// Unless somebody else has changed it since it was seen, maybe by just that.
Status Tree::split_root(const Seen& seen, std::uint32_t level) {
  Action action(*resources_);
  QUIRE_TRY(action.prepare({.dirty = 1, .create = 1}));
  action.enter();
  WritePage root = action.write(root_, seen.version);
  if (!root) return Status();
  action.mark_dirty(root);
  WritePage below = action.create(level == 0 ? page::PageType::leaf : page::PageType::inner, id_);
  std::memcpy(below.data() + page::header_bytes, root.data() + page::header_bytes, pool().page_bytes() - page::header_bytes);
  page::header::max_xid.set(below.data(), page::header::max_xid.get(root.data()));
  Node top(root.bytes());
  top.format({level + 1, {}, std::nullopt});
  top.set_child(0, below.id());
  return Status();
}

Status Tree::split(std::string_view key, std::uint32_t level, std::uint32_t bytes) {
  std::vector<std::byte> copy(pool().page_bytes());
  for (;;) {
    Path path;
    {
      OptimisticPage page;
      QUIRE_TRY(find({key}, level, path, page));
      std::memcpy(copy.data(), page.data(), copy.size());
      if (!page.valid()) continue;
    }
    if (path.level < level) return Status();  // the tree has become lower
    // Others may have made room meanwhile, down to a node that has nothing to divide.
    const NodeView old(copy.data(), pool().page_bytes());
    if (has_room(Node(MutableBytes(copy)), old.free_bytes() >= bytes)) return Status();
    if (path.parent.id == no_page) {
      QUIRE_TRY(split_root(path.node, path.level));
      continue;
    }
    const SearchResult at = old.search(key);
    Divider divider(old, {key, at.index, at.found && old.leaf(), bytes});
    if (old.leaf() && !divider.in_run()) {
      QUIRE_ASSIGN(const bool shifted, shift(path, key, bytes));
      if (shifted) return Status();
    }
    const Division division = divider.choose();
    Action action(*resources_);
    QUIRE_TRY(action.prepare({.dirty = 2, .create = 1}));
    action.enter();
    WritePage parent = action.write(path.parent.id, path.parent.version);
    if (!parent) continue;
    WritePage node = action.write(path.node.id, path.node.version);
    if (!node) continue;
    Node above(parent.bytes());
    if (!has_room(above, above.fits_separator(division.separator))) {
      node.release();
      parent.release();
      action.leave();
      QUIRE_TRY(split(key, level + 1, static_cast<std::uint32_t>(division.separator.size()) + child_bytes + slot_bytes));
      continue;
    }
    action.mark_dirty(parent);
    action.mark_dirty(node);
    WritePage fresh = action.create(page::type_of(node.data()), id_);
    Node left(node.bytes());
    Node right(fresh.bytes());
    divider.content().put(left_part(divider.content(), division), left);
    divider.content().put(right_part(divider.content(), division), right);
    right.set_right_sibling(old.right_sibling());
    left.set_right_sibling(fresh.id());
    above.insert_separator(path.child_index, division.separator, fresh.id());
    QUIRE_VERIFY(left.check().ok() && right.check().ok());
    return Status();
  }
}

}  // namespace quire::btree
