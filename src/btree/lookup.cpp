// Descending and reading: find, get, copies of leaves.
//
// A descent holds no latch. It takes the child's version and then asks whether the parent is still what it was;
// if so, the child was the right one at that moment. Whatever is read from a page counts only after its valid().
#include "base/try.hpp"
#include "btree/tree.hpp"
#include "overflow/overflow.hpp"

namespace quire::btree {

using buffer::OptimisticPage;
using buffer::Pool;

namespace {

// A descent that restarts more often than this under one writer follows pointers that do not settle: damage.
constexpr int restarts_max = 1 << 20;

class NodeKind final : public buffer::PageKind {
 public:
  Status check(Bytes page) const override {
    return NodeView(page.data(), static_cast<std::uint32_t>(page.size())).check();
  }
};

}  // namespace

const buffer::PageKind& node_kind() {
  static const NodeKind kind;
  return kind;
}

Status Tree::not_a_node(PageId id) const {
  return Status(Code::corrupt, "page " + std::to_string(id.raw) + " of " + pool().path() + " is referred to by tree " +
                                   std::to_string(id_.raw) + ", but is not a node of it");
}

Status Tree::descend(LeafOf which, std::uint32_t level, Path& path, OptimisticPage& page) const {
  path = Path{};
  PageId id = root_;
  page = pool().optimistic(id);
  if (!page) return pool().await(id);
  for (std::uint32_t above = UINT32_MAX;;) {
    const NodeView node(page.data(), pool().page_bytes());
    const bool ours = node.is_node() && page::tree_of(page.data()) == id_ && node.level() < above && node.level() >= level;
    if (!ours) {
      const bool damage = page.valid();
      page.release();
      return damage ? not_a_node(id) : Status();
    }
    above = node.level();
    path.node = {id, page.version()};
    path.level = above;
    if (above == level) return Status();
    const std::uint32_t index = which.rightmost ? node.count() : node.search(which.key).index;
    const PageId child = node.child(index);
    if (!page.valid()) {
      page.release();
      return Status();
    }
    OptimisticPage next = pool().optimistic(child);
    if (!next) {
      page.release();
      return pool().await(child);
    }
    // The child may have been split between the two looks; the parent would have changed too.
    if (!page.valid()) {
      next.release();
      page.release();
      return Status();
    }
    path.parent = path.node;
    path.child_index = index;
    id = child;
    page = std::move(next);
  }
}

Status Tree::find(LeafOf which, std::uint32_t level, Path& path, OptimisticPage& page) const {
  for (int attempt = 0; attempt < restarts_max; ++attempt) {
    QUIRE_TRY(descend(which, level, path, page));
    if (page) return Status();
  }
  return not_a_node(path.node.id);
}

Status Tree::get(std::string_view key, std::string& value) const {
  for (;;) {
    Path path;
    OptimisticPage page;
    QUIRE_TRY(find({key}, 0, path, page));
    const NodeView leaf(page.data(), pool().page_bytes());
    const SearchResult at = leaf.search(key);
    if (!at.found) {
      if (page.valid()) return Status(Code::not_found);
      continue;
    }
    const ValueAt where = leaf.value(at.index);
    value.assign(where.bytes);
    if (!page.valid()) continue;
    if (!where.overflow) return Status();
    const std::string stub = value;
    Status status = read_value({stub, true}, value);
    // The large value may have been replaced, and its pages freed, while it was read.
    if (page.valid()) return status;
  }
}

Result<bool> Tree::contains(std::string_view key) const {
  for (;;) {
    Path path;
    OptimisticPage page;
    QUIRE_TRY(find({key}, 0, path, page));
    const bool found = NodeView(page.data(), pool().page_bytes()).search(key).found;
    if (page.valid()) return found;
  }
}

Status Tree::read_value(const ValueAt& where, std::string& into) const {
  if (!where.overflow) {
    into.assign(where.bytes);
    return Status();
  }
  if (where.bytes.size() != overflow::stub_bytes) {
    return Status(Code::corrupt, "an overflow stub of " + std::to_string(where.bytes.size()) + " bytes in tree " + std::to_string(id_.raw));
  }
  return overflow::read(pool(), overflow::load_stub(where.bytes), into);
}

Status Tree::copy_leaf(LeafOf which, MutableBytes into) const {
  for (;;) {
    Path path;
    OptimisticPage page;
    QUIRE_TRY(find(which, 0, path, page));
    std::memcpy(into.data(), page.data(), into.size());
    if (page.valid()) return Status();
  }
}

Result<bool> Tree::copy_sibling(PageId id, std::string_view lower, MutableBytes into) const {
  for (int attempt = 0; attempt < restarts_max; ++attempt) {
    OptimisticPage page = pool().optimistic(id);
    if (!page) {
      QUIRE_TRY(pool().await(id));
      continue;
    }
    std::memcpy(into.data(), page.data(), into.size());
    if (!page.valid()) continue;
    const NodeView leaf(into.data(), pool().page_bytes());
    return leaf.leaf() && page::tree_of(into.data()) == id_ && leaf.lower_fence() == lower;
  }
  return false;
}

}  // namespace quire::btree
