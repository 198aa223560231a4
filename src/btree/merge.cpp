// Merges: an underfull node joins a neighbour under the same parent, or takes records from it.
//
// Parent and both neighbours are copied with their versions, and on the copies it is decided what to do. The action
// then latches parent, left, right (BP-1) if the versions are still the same, and cannot fail any more. The left
// page always stays and takes over the right one's link, so that only a node under the same parent links to the
// page that goes. When a parent loses a child it may be underfull itself: that is the next action, a level up.
// A full leaf that is about to be split gives rows to the emptier of its neighbours instead, if that gives both enough
// room (docs/decisions/0007-shift-before-split.md).
//
// A root with a single child takes that child's content, so that its own PageId stays (BT-2).
//
// Nothing visible changes: rows go with their headers, ghosts as ghosts. Compaction first strips the headers that no snapshot
// needs any more, of a leaf and of the one that it may be joined with: what a large import left on every row. A reader that comes to a page which has gone
// finds another version there, or in its parent, and starts again.
//
// Threads      any with the right to change the tree; readers meanwhile
// Errors       as prepare(); before it nothing has changed, after it a merge cannot fail
#include "base/try.hpp"
#include "btree/content.hpp"
#include "btree/tree.hpp"

namespace quire::btree {

using buffer::Action;
using buffer::OptimisticPage;
using buffer::WritePage;

namespace {

// Below the second a node asks for a neighbour; what is merged is filled to the third at most, so that the next
// inserts do not split it again at once.
constexpr double any_load = 2;
constexpr double underfull_load = 0.25;
constexpr double merged_load_max = 0.75;
// Compaction stops short of full pages, and leaves alone what is nearly so.
constexpr double compact_load_max = 0.90;
constexpr double compact_load_min = 0.85;
// A neighbour that is fuller takes nothing from a full leaf: both would be full again soon.
constexpr double shift_load_max = 0.75;

double load_of(const NodeView& like, std::uint32_t bytes, std::uint32_t slots) {
  const double by_bytes = static_cast<double>(bytes - node_header_bytes) / (like.page_bytes() - node_header_bytes);
  const double by_slots = Tree::max_slots_for_tests == 0 ? 0 : static_cast<double>(slots) / Tree::max_slots_for_tests;
  return std::max(by_bytes, by_slots);
}

double load_of(const NodeView& node) { return load_of(node, node.page_bytes() - node.free_bytes(), node.count()); }

// What is to be done with two neighbours.
struct Plan {
  enum class Kind { nothing, merge, move } kind = Kind::nothing;
  Division division = {};
};

// Chooses for two neighbours, on copies.
class Chooser {
 public:
  Chooser(const NodeView& left, const NodeView& right, Node above, std::uint32_t index)
      : left_(left), right_(right), above_(above), index_(index), separator_(above.key(index)), content_(left, separator_, right) {}

  const Content& content() const noexcept { return content_; }

  // Plans leave room for so many bytes more at `key`, in one more slot.
  void expect(std::string_view key, std::uint32_t bytes) noexcept {
    arrival_key_ = key;
    arrival_bytes_ = bytes;
  }

  // What is empty may go whatever the load then is.
  Plan merge(double load_max) const {
    const bool one_is_empty = left_.leaf() && (left_.count() == 0 || right_.count() == 0);
    if (load_of(content_.all()) > (one_is_empty ? 1 : load_max)) return {};
    return {Plan::Kind::merge};
  }

  // Divides what both have evenly, if the emptier one gains by it.
  Plan balance() const {
    std::uint32_t middle = 0;
    const std::uint32_t all = content_.record_bytes(0, content_.count());
    while (middle < content_.count() && content_.record_bytes(0, middle) * 2 < all) ++middle;
    const double before = std::min(btree::load_of(left_), btree::load_of(right_));
    return move_near(middle, [&](double left, double right) { return std::min(left, right) > before; });
  }

  // Moves records to the left until it is full.
  Plan fill_left() const {
    const double before = btree::load_of(left_);
    if (before >= compact_load_min) return {};
    std::uint32_t most = left_.count();
    const double wanted = compact_load_max * (left_.page_bytes() - node_header_bytes);
    while (most < content_.count() && content_.record_bytes(0, most + 1) <= wanted) ++most;
    return move_near(most, [&](double left, double) { return left > before; });
  }

 private:
  double load_of(const Content::Part& part, bool with_arrival = false) const {
    return btree::load_of(left_, content_.page_bytes_with(part) + (with_arrival ? arrival_bytes_ : 0),
                          part.to - part.from + (with_arrival ? 1 : 0));
  }

  template <class Accept>
  Plan move_near(std::uint32_t wanted, Accept accept) const {
    for (std::uint32_t distance = 0; distance <= content_.count(); ++distance) {
      for (const std::uint32_t index : {wanted - std::min(distance, wanted), wanted + distance}) {
        std::optional<Division> division = division_at(index);
        if (!division) continue;
        const bool arrives_left = arrival_key_ <= division->separator;
        const double left = load_of(left_part(content_, *division), arrival_bytes_ > 0 && arrives_left);
        const double right = load_of(right_part(content_, *division), arrival_bytes_ > 0 && !arrives_left);
        if (left <= 1 && right <= 1 && accept(left, right)) return {Plan::Kind::move, std::move(*division)};
      }
    }
    return {};
  }

  std::optional<Division> division_at(std::uint32_t index) const {
    if (index >= content_.count() || (content_.leaf() && index == 0)) return std::nullopt;
    Division division{index, content_.leaf() ? separator_between(content_.key(index - 1), content_.key(index)) : content_.key(index)};
    if (!above_.fits_replacing_separator(index_, division.separator)) return std::nullopt;
    return division;
  }

  NodeView left_;
  NodeView right_;
  Node above_;  // a copy
  std::uint32_t index_;
  std::string separator_;
  Content content_;
  std::string_view arrival_key_;
  std::uint32_t arrival_bytes_ = 0;  // 0: none
};

}  // namespace

// A node, its parent and one neighbour, copied.
struct Tree::Family {
  Seen parent;
  Seen node;
  Seen neighbour;
  std::uint32_t index = 0;  // of the node in the parent
  bool neighbour_is_left = false;
  std::vector<std::byte> above;
  std::vector<std::byte> node_image;
  std::vector<std::byte> neighbour_image;

  Node above_node() { return Node(MutableBytes(above)); }
  NodeView view() const { return NodeView(node_image.data(), static_cast<std::uint32_t>(node_image.size())); }
  NodeView neighbour_view() const { return NodeView(neighbour_image.data(), static_cast<std::uint32_t>(neighbour_image.size())); }
  NodeView left() const { return neighbour_is_left ? neighbour_view() : view(); }
  NodeView right() const { return neighbour_is_left ? view() : neighbour_view(); }
  const Seen& left_seen() const { return neighbour_is_left ? neighbour : node; }
  const Seen& right_seen() const { return neighbour_is_left ? node : neighbour; }
  std::uint32_t separator_index() const { return neighbour_is_left ? index - 1 : index; }
};

bool Tree::unchanged(const Seen& seen) const {
  const OptimisticPage page = pool().optimistic(seen.id);
  return page && page.version() == seen.version;
}

// False when it could not be had now.
Result<bool> Tree::copy_child(const Seen& parent, PageId id, Seen& seen, std::vector<std::byte>& image) const {
  OptimisticPage page = pool().optimistic(id);
  if (!page) {
    QUIRE_TRY(await_child(id, parent));
    return false;
  }
  image.resize(pool().page_bytes());
  std::memcpy(image.data(), page.data(), image.size());
  seen = {id, page.version()};
  return page.valid();
}

struct Tree::LookFor {
  std::string_view key;
  std::uint32_t level = 0;
  double load_below = 0;  // inner nodes with a single child are always wanted
};

// Copies the node of `level` that covers `key`, and its parent; false when it is the root or has a higher load.
Result<bool> Tree::look(const LookFor& what, Family& family) const {
  for (;;) {
    Path path;
    {
      OptimisticPage page;
      QUIRE_TRY(find({what.key}, what.level, path, page));
      const NodeView node(page.data(), pool().page_bytes());
      const bool wanted = load_of(node) < what.load_below || (what.level > 0 && node.count() == 0);
      if (!page.valid()) continue;
      if (!wanted || path.parent.id == no_page) return false;
    }
    family.index = path.child_index;
    QUIRE_ASSIGN(const bool above, copy_child(path.parent, path.parent.id, family.parent, family.above));
    if (!above || family.parent.version != path.parent.version) continue;
    QUIRE_ASSIGN(const bool node, copy_child(family.parent, path.node.id, family.node, family.node_image));
    if (node && unchanged(family.parent)) return true;
  }
}

// False when the parent has changed since it was copied.
Result<bool> Tree::look_aside(Family& family, bool left) const {
  family.neighbour_is_left = left;
  const PageId id = family.above_node().child(left ? family.index - 1 : family.index + 1);
  for (;;) {
    QUIRE_ASSIGN(const bool there, copy_child(family.parent, id, family.neighbour, family.neighbour_image));
    if (!unchanged(family.parent)) return false;
    if (there) return true;
  }
}

Result<bool> Tree::join(const Family& family, const Content& content, const Division* division) {
  Action action(*resources_);
  QUIRE_TRY(action.prepare({.dirty = 3}));
  action.enter();
  WritePage parent = action.write(family.parent.id, family.parent.version);
  if (!parent) return false;
  WritePage left = action.write(family.left_seen().id, family.left_seen().version);
  if (!left) return false;
  WritePage right = action.write(family.right_seen().id, family.right_seen().version);
  if (!right) return false;
  action.mark_dirty(parent);
  action.mark_dirty(left);
  Node above(parent.bytes());
  Node left_node(left.bytes());
  const PageId link = family.right().right_sibling();
  if (division == nullptr) {
    content.put(content.all(), left_node);
    left_node.set_right_sibling(link);
    above.remove_separator(family.separator_index());
    action.free_page(std::move(right));
  } else {
    action.mark_dirty(right);
    Node right_node(right.bytes());
    content.put(left_part(content, *division), left_node);
    content.put(right_part(content, *division), right_node);
    left_node.set_right_sibling(right.id());
    right_node.set_right_sibling(link);
    above.replace_separator(family.separator_index(), division->separator);
    QUIRE_VERIFY(right_node.check().ok());
  }
  QUIRE_VERIFY(left_node.check().ok());
  return true;
}

// One attempt for the node and its neighbour on one side; `changed` or `again` when there is nothing more to try.
Result<Tree::Joined> Tree::try_join(Family& family, bool left, JoinBy by) {
  if (left ? family.index == 0 : family.index == family.above_node().count()) return Joined::nothing;
  QUIRE_ASSIGN(const bool there, look_aside(family, left));
  if (!there) return Joined::again;
  const Chooser chooser(family.left(), family.right(), family.above_node(), family.separator_index());
  Plan plan;
  if (by == JoinBy::merge) plan = chooser.merge(merged_load_max);
  if (by == JoinBy::balance) plan = chooser.balance();
  if (by == JoinBy::compact) plan = chooser.merge(compact_load_max);
  if (by == JoinBy::compact && plan.kind == Plan::Kind::nothing) plan = chooser.fill_left();
  if (plan.kind == Plan::Kind::nothing) return Joined::nothing;
  QUIRE_ASSIGN(const bool joined, join(family, chooser.content(), plan.kind == Plan::Kind::merge ? nullptr : &plan.division));
  return joined ? Joined::changed : Joined::again;
}

bool Tree::find_emptier(const Path& path, bool& left) const {
  PageId beside[2];  // right, left
  {
    const OptimisticPage parent = pool().peek(path.parent.id);
    if (!parent || parent.version() != path.parent.version) return false;
    const NodeView above(parent.data(), pool().page_bytes());
    if (path.child_index < above.count()) beside[0] = above.child(path.child_index + 1);
    if (path.child_index > 0) beside[1] = above.child(path.child_index - 1);
    if (!parent.valid()) return false;
  }
  double least = shift_load_max;
  bool found = false;
  for (const bool is_left : {false, true}) {
    // One that is not in memory is not read for this.
    const OptimisticPage page = beside[is_left] == no_page ? OptimisticPage() : pool().peek(beside[is_left]);
    if (!page) continue;
    const double load = load_of(NodeView(page.data(), pool().page_bytes()));
    if (!page.valid() || load >= least) continue;
    least = load;
    left = is_left;
    found = true;
  }
  return found;
}

Result<bool> Tree::shift(const Path& path, std::string_view key, std::uint32_t bytes) {
  Family family;
  bool left = false;
  if (!find_emptier(path, left)) return false;
  family.index = path.child_index;
  QUIRE_ASSIGN(const bool above, copy_child(path.parent, path.parent.id, family.parent, family.above));
  if (!above || family.parent.version != path.parent.version) return false;
  QUIRE_ASSIGN(const bool node, copy_child(family.parent, path.node.id, family.node, family.node_image));
  if (!node || family.node.version != path.node.version) return false;
  QUIRE_ASSIGN(const bool beside, look_aside(family, left));
  if (!beside) return false;
  Chooser chooser(family.left(), family.right(), family.above_node(), family.separator_index());
  chooser.expect(key, bytes);
  const Plan plan = chooser.balance();
  if (plan.kind == Plan::Kind::nothing) return false;
  return join(family, chooser.content(), &plan.division);
}

// The node of `level` that covers `key`, if it is underfull. True when something changed.
Result<bool> Tree::relieve(std::string_view key, std::uint32_t level) {
  Family family;
  for (;;) {
    QUIRE_ASSIGN(const bool there, look({key, level, underfull_load}, family));
    if (!there) return false;
    if (family.above_node().count() == 0) {
      // No neighbour here: the parent needs one first.
      bool changed = false;
      if (family.parent.id == root_) {
        QUIRE_ASSIGN(changed, collapse_root());
      } else {
        QUIRE_ASSIGN(changed, relieve(key, level + 1));
      }
      if (!changed) return false;
      continue;
    }
    Joined joined = Joined::nothing;
    for (const JoinBy by : {JoinBy::merge, JoinBy::balance}) {
      for (const bool left : {true, false}) {
        if (joined != Joined::nothing) break;
        QUIRE_ASSIGN(joined, try_join(family, left, by));
      }
    }
    if (joined != Joined::again) return joined == Joined::changed;
  }
}

Result<bool> Tree::collapse_root() {
  Family family;
  for (;;) {
    QUIRE_ASSIGN(const bool seen, copy_child({root_}, root_, family.parent, family.above));
    if (!seen) continue;
    const Node root = family.above_node();
    if (root.leaf() || root.count() > 0) return false;
    QUIRE_ASSIGN(const bool below_seen, copy_child(family.parent, root.child(0), family.node, family.node_image));
    if (!below_seen || !unchanged(family.parent)) continue;
    Action action(*resources_);
    QUIRE_TRY(action.prepare({.dirty = 2}));
    action.enter();
    WritePage top = action.write(family.parent.id, family.parent.version);
    if (!top) continue;
    WritePage below = action.write(family.node.id, family.node.version);
    if (!below) continue;
    action.mark_dirty(top);
    page::header::type.set(top.data(), page::header::type.get(below.data()));
    page::header::max_xid.set(top.data(), page::header::max_xid.get(below.data()));
    std::memcpy(top.data() + page::header_bytes, below.data() + page::header_bytes, pool().page_bytes() - page::header_bytes);
    action.free_page(std::move(below));
    return true;
  }
}

Status Tree::merge_underfull(std::string_view key) {
  for (std::uint32_t level = 0;; ++level) {
    QUIRE_ASSIGN(const bool changed, relieve(key, level));
    if (!changed) break;
  }
  for (;;) {
    QUIRE_ASSIGN(const bool changed, collapse_root());
    if (!changed) return Status();
  }
}

// Rows at rest in the leaf that covers `key` lose their headers (TX-3). Its upper fence.
Result<std::optional<std::string>> Tree::strip_leaf(std::string_view key, Xid horizon) {
  for (;;) {
    Path path;
    std::optional<std::string> upper;
    bool at_rest = false;
    {
      OptimisticPage page;
      QUIRE_TRY(find({key}, 0, path, page));
      const NodeView leaf(page.data(), pool().page_bytes());
      for (std::uint32_t i = 0; !at_rest && leaf.row_headers() > leaf.ghosts() && i < leaf.count(); ++i) {
        const std::optional<RowHeader> header = leaf.row_header(i);
        at_rest = header && header->xid < horizon && !leaf.ghost(i);
      }
      if (const std::optional<std::string_view> fence = leaf.upper_fence()) upper = std::string(*fence);
      if (!page.valid()) continue;
    }
    if (!at_rest) return upper;
    Action action(*resources_);
    QUIRE_TRY(action.prepare({.dirty = 1}));
    action.enter();
    WritePage page = action.write(path.node.id, path.node.version);
    if (!page) continue;
    action.mark_dirty(page);
    Node(page.bytes()).strip_headers(horizon);
    return upper;
  }
}

// The leaf that covers `position` and what is to the right of it. True when the position has reached the end.
Result<bool> Tree::compact_at(std::string& position, Xid horizon) {
  QUIRE_ASSIGN(const std::optional<std::string> end, strip_leaf(position, horizon));
  if (end) QUIRE_TRY(strip_leaf(*end + '\0', horizon).status());
  Family family;
  for (std::uint32_t level = 0;; ++level) {
    QUIRE_ASSIGN(const bool there, look({position, level, any_load}, family));
    if (!there) break;
    const bool last = family.index == family.above_node().count();
    // Under the same parent or, when that has no more leaves, one level up, which brings more under it.
    QUIRE_ASSIGN(const Joined joined, try_join(family, false, JoinBy::compact));
    if (joined != Joined::nothing) return false;
    if (!last) break;
  }
  std::vector<std::byte> leaf(pool().page_bytes());
  QUIRE_TRY(copy_leaf({position}, leaf));
  const std::optional<std::string_view> upper = NodeView(leaf.data(), pool().page_bytes()).upper_fence();
  if (!upper) return true;
  position.assign(*upper);
  position.push_back('\0');
  return false;
}

Result<bool> Tree::compact_step(std::string& position, std::uint32_t steps, Xid horizon) {
  for (std::uint32_t i = 0; i < steps; ++i) {
    QUIRE_ASSIGN(const bool end, compact_at(position, horizon));
    if (!end) continue;
    for (bool changed = true; changed;) {
      QUIRE_ASSIGN(changed, collapse_root());
    }
    return true;
  }
  return false;
}

}  // namespace quire::btree
