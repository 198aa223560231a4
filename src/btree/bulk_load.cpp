// BulkLoader: levels, their pages, and the end.
//
// A node that is cut becomes a record of the level above, which may be cut by it in turn.
#include "btree/bulk_load.hpp"

#include "base/try.hpp"
#include "btree/tree.hpp"
#include "overflow/overflow.hpp"

namespace quire::btree {

using buffer::Action;
using buffer::ReadPage;
using buffer::WritePage;

namespace {

// Children that an inner node gets in any case: BT-1 leaves room for two separators, and so no node has one child only.
constexpr std::uint32_t children_min = 3;

}  // namespace

BulkLoader::BulkLoader(buffer::Resources& resources, TreeId tree, PageId root)
    : resources_(resources),
      tree_(tree),
      root_(root),
      page_bytes_(resources.pool.page_bytes()),
      bytes_max_(page_bytes_ * fill_percent / 100) {
  level(0);
}

BulkLoader::Level& BulkLoader::level(std::uint32_t number) {
  QUIRE_ASSERT(number <= levels_.size());
  if (number == levels_.size()) levels_.push_back(std::make_unique<Level>(Level{NodeBuilder(page_bytes_, number)}));
  return *levels_[number];
}

// ---- rows

Status BulkLoader::out_of_order(std::string_view key) const {
  const std::string last = levels_[0]->node.key(levels_[0]->node.count() - 1);
  return Status(Code::invalid, "row " + std::to_string(rows_ + 1) + " of a bulk load " +
                                   (key == last ? "has the same key as" : "has a key below that of") +
                                   " the row before it; keys must ascend");
}

Status BulkLoader::add(std::string_view key, std::string_view value) {
  QUIRE_ASSERT(!key.empty() && key.size() <= key_bytes_max(page_bytes_));
  if (failed_ || done_)
    return Status(Code::invalid, done_ ? "the bulk load is finished" : "the bulk load has failed before");
  Status status = add_row(key, value);
  failed_ = !status.ok();
  return status;
}

bool BulkLoader::has_room(const NodeBuilder& node, std::string_view key, NodeBuilder::Place place,
                          std::uint32_t payload_bytes) const {
  const std::uint32_t always = node.level() == 0 ? 1 : children_min;
  if (node.count() < always) return true;
  // An inner node has one child more than slots.
  const std::uint32_t slots_max = Tree::max_slots_for_tests + (node.level() == 0 ? 0 : 1);
  if (Tree::max_slots_for_tests != 0 && node.count() >= slots_max) return false;
  return node.has_room(key, place, payload_bytes, bytes_max_);
}

Status BulkLoader::add_row(std::string_view key, std::string_view value) {
  if (rows_ == 0) QUIRE_TRY(check_root());
  const NodeBuilder::Place place = levels_[0]->node.place(key);
  if (!place.ascends) return out_of_order(key);
  const bool large = key.size() + row_header_bytes + value_length_bytes + value.size() > record_bytes_max(page_bytes_);
  return large ? add_large(key, value, place) : append({key, value, false}, place);
}

Status BulkLoader::append(const LeafRecord& record, NodeBuilder::Place place) {
  NodeBuilder& node = levels_[0]->node;
  if (!has_room(node, record.key, place, value_length_bytes + static_cast<std::uint32_t>(record.value.size()))) {
    QUIRE_TRY(cut(0, node.count(), record.key));
    place = node.place(record.key);
  }
  node.append(record, place);
  ++rows_;
  return Status();
}

Status BulkLoader::add_large(std::string_view key, std::string_view value, NodeBuilder::Place place) {
  os::Lock no_flip(resources_.pool.flip_mutex());
  // Room to free the value again, should its row find none.
  Action for_freeing(resources_);
  QUIRE_TRY(for_freeing.prepare({.dirty = overflow::dirty_pages_to_free}));
  QUIRE_ASSIGN(const overflow::Stub written, overflow::write(resources_, tree_, value));
  std::byte stub[overflow::stub_bytes];
  overflow::store_stub(stub, written);
  Status status = append({key, as_text(stub, sizeof stub), true}, place);
  if (status.ok()) status = divide_tail(0);
  if (status.ok()) status = write_last(*levels_[0], no_page);
  if (status.ok()) return status;
  for_freeing.leave();
  Status freed = overflow::free(resources_, written);
  if (!freed.ok()) resources_.pool.fail(freed);
  return status;
}

Status BulkLoader::add_child(std::uint32_t number, std::string_view upper, PageId child) {
  NodeBuilder& node = level(number).node;
  if (!has_room(node, upper, node.place(upper), child_bytes)) QUIRE_TRY(cut(number, node.count(), upper));
  node.append_child(upper, node.place(upper), child);
  return Status();
}

// ---- nodes

Status BulkLoader::cut(std::uint32_t number, std::uint32_t records, std::string_view next_key) {
  Level& own = *levels_[number];
  std::string upper = own.node.key(records - 1);
  PageId written;
  if (number > 0) {
    // The last record's child is the last child, its key the fence.
    QUIRE_ASSIGN(written, write_node(own, {records - 1, upper, own.node.child(records - 1)}));
  } else {
    std::string shorter = separator_between(upper, next_key);
    if (own.node.front_fits(records, shorter)) upper = std::move(shorter);
    QUIRE_ASSIGN(written, write_node(own, {records, upper}));
  }
  own.node.keep_from(records, upper);
  return add_child(number + 1, upper, written);
}

Result<PageId> BulkLoader::write_node(Level& own, const NodeEnd& end) {
  const page::PageType type = own.node.level() == 0 ? page::PageType::leaf : page::PageType::inner;
  const bool first = own.next == no_page;
  const PageId known = first ? root_ : own.next;
  for (;;) {
    QUIRE_ASSIGN(const std::uint64_t version, overflow::version_of(resources_.pool, known));
    Action action(resources_);
    QUIRE_TRY(action.prepare({.dirty = 1, .create = first ? 2u : 1u}));
    action.enter();
    WritePage page = action.write(known, version);
    if (!page) continue;
    action.mark_dirty(page);
    // Pages come highest number first; scans like them ascending.
    WritePage behind = action.create(type, tree_);
    if (first) {
      WritePage root = std::exchange(page, action.create(type, tree_));
      Node top(root.bytes());
      top.format({own.node.level() + 1, {}, std::nullopt});
      top.set_child(0, page.id());
    }
    own.node.write(page.bytes(), end.records, end.upper, end.last_child);
    Node(page.bytes()).set_right_sibling(behind.id());
    Node(behind.bytes()).format({own.node.level(), end.upper, std::nullopt});
    own.next = behind.id();
    return page.id();
  }
}

Status BulkLoader::write_last(const Level& own, PageId last_child) {
  const PageId id = own.next == no_page ? root_ : own.next;
  for (;;) {
    QUIRE_ASSIGN(const std::uint64_t version, overflow::version_of(resources_.pool, id));
    Action action(resources_);
    QUIRE_TRY(action.prepare({.dirty = 1}));
    action.enter();
    const WritePage page = action.write(id, version);
    if (!page) continue;
    action.mark_dirty(page);
    own.node.write(page.bytes(), own.node.count(), std::nullopt, last_child);
    return Status();
  }
}

// ---- the end

// The last node of a level has no upper fence, so no prefix, and may not fit any more.
Status BulkLoader::divide_tail(std::uint32_t number) {
  const NodeBuilder& node = levels_[number]->node;
  const std::uint32_t slots_max = Tree::max_slots_for_tests;
  const auto fits = [&](std::uint32_t first, std::size_t lower_bytes) {
    return node.tail_fits(first, lower_bytes) && (slots_max == 0 || node.count() - first <= slots_max);
  };
  if (fits(0, node.lower().size())) return Status();
  // A front of two children at least, and a tail of one record.
  std::uint32_t front = std::max(node.middle(), number == 0 ? 1u : 2u);
  while (front + 1 < node.count() && !fits(front, node.key(front - 1).size())) ++front;
  front = std::min(front, node.count() - 1);
  return cut(number, front, node.key(front));
}

Status BulkLoader::check_root() {
  QUIRE_ASSIGN(const ReadPage page, resources_.pool.read(root_));
  const NodeView root(page.data(), page_bytes_);
  if (page::tree_of(page.data()) == tree_ && root.leaf() && root.count() == 0 && root.right_sibling() == no_page)
    return Status();
  return Status(Code::invalid,
                "a bulk load needs an empty tree, and page " + std::to_string(root_.raw) + " is not the root of one");
}

Status BulkLoader::finish_levels() {
  if (rows_ == 0) QUIRE_TRY(check_root());
  PageId child = no_page;
  for (std::uint32_t number = 0;; ++number) {
    QUIRE_TRY(divide_tail(number));
    Level& own = *levels_[number];
    QUIRE_TRY(write_last(own, child));
    if (own.next == no_page) return Status();
    child = own.next;
  }
}

Result<std::uint64_t> BulkLoader::finish() {
  if (failed_ || done_)
    return Status(Code::invalid, done_ ? "the bulk load is finished" : "the bulk load has failed before");
  Status status = finish_levels();
  failed_ = !status.ok();
  QUIRE_TRY(std::move(status));
  done_ = true;
  return rows_;
}

}  // namespace quire::btree
