// Walking a whole tree, and dropping it page by page.
//
// Dropping goes level by level along the right links, which also leads to what a bulk load has not linked to parents yet.
#include "base/try.hpp"
#include "btree/tree.hpp"
#include "overflow/overflow.hpp"

namespace quire::btree {

using buffer::ReadPage;

Status Tree::walk(const std::function<Status(PageId, PageRole, std::uint32_t)>& visit) const {
  return walk_node(root_, no_page, visit);
}

Status Tree::walk_node(PageId id, PageId parent, const std::function<Status(PageId, PageRole, std::uint32_t)>& visit) const {
  std::vector<std::byte> copy(pool().page_bytes());
  {
    QUIRE_ASSIGN(ReadPage page, pool().read(id));
    std::memcpy(copy.data(), page.data(), copy.size());
  }
  const NodeView node(copy.data(), pool().page_bytes());
  if (!node.is_node() || page::tree_of(copy.data()) != id_) return not_a_node(id);
  if (parent != no_page) {
    // A page that leads to one of its own level or above would make the walk endless.
    QUIRE_ASSIGN(ReadPage above, pool().read(parent));
    if (NodeView(above.data(), pool().page_bytes()).level() != node.level() + 1) return not_a_node(id);
  }
  QUIRE_TRY(visit(id, node.leaf() ? PageRole::leaf : PageRole::inner, node.level()));
  for (std::uint32_t i = 0; node.leaf() && i < node.count(); ++i) {
    const ValueAt value = node.value(i);
    if (!value.overflow) continue;
    QUIRE_TRY(overflow::visit(pool(), overflow::load_stub(value.bytes),
                              [&](PageId page) { return visit(page, PageRole::overflow, 0); }));
  }
  for (std::uint32_t i = 0; !node.leaf() && i <= node.count(); ++i) {
    QUIRE_TRY(walk_node(node.child(i), id, visit));
  }
  return Status();
}

// The level below `above` from its first node on: its pages are added, and `first` becomes the first node of the next one.
Status Tree::level_pages(PageId& first, std::uint32_t& above, std::vector<PageId>& pages) const {
  std::vector<std::byte> copy(pool().page_bytes());
  const NodeView node(copy.data(), pool().page_bytes());
  PageId next_first = no_page;
  std::uint32_t level = above;
  std::string lower;
  for (PageId id = first; id != no_page; id = node.right_sibling()) {
    {
      QUIRE_ASSIGN(const ReadPage page, pool().read(id));
      std::memcpy(copy.data(), page.data(), copy.size());
    }
    // Levels descend and fences ascend, so the way ends.
    const bool leftmost = id == first;
    const bool right_level = leftmost ? node.level() < above : node.level() == level;
    const bool ends = node.upper_fence() ? *node.upper_fence() > lower : node.right_sibling() == no_page;
    const bool ours = node.is_node() && page::tree_of(copy.data()) == id_;
    if (!ours || !right_level || !ends || node.lower_fence() != lower) return not_a_node(id);
    level = node.level();
    if (leftmost && !node.leaf()) next_first = node.child(0);
    lower = node.upper_fence().value_or(std::string_view());
    pages.push_back(id);
    for (std::uint32_t i = 0; node.leaf() && i < node.count(); ++i) {
      const ValueAt value = node.value(i);
      if (!value.overflow) continue;
      QUIRE_TRY(overflow::visit(pool(), overflow::load_stub(value.bytes), [&](PageId page) {
        pages.push_back(page);
        return Status();
      }));
    }
  }
  first = next_first;
  above = level;
  return Status();
}

Status Tree::drop() {
  // All page numbers first: a freed node no longer leads to others.
  std::vector<PageId> pages;
  std::uint32_t above = UINT32_MAX;
  for (PageId first = root_; first != no_page;) QUIRE_TRY(level_pages(first, above, pages));
  for (auto id = pages.rbegin(); id != pages.rend(); ++id) QUIRE_TRY(buffer::free_page(*resources_, *id));
  return Status();
}

}  // namespace quire::btree
