// Walking a whole tree, and dropping it page by page.
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

Status Tree::drop() {
  // All page numbers first: a freed parent no longer leads to its children.
  std::vector<PageId> pages;
  QUIRE_TRY(walk([&](PageId id, PageRole, std::uint32_t) {
    pages.push_back(id);
    return Status();
  }));
  for (auto id = pages.rbegin(); id != pages.rend(); ++id) QUIRE_TRY(buffer::free_page(*resources_, *id));
  return Status();
}

}  // namespace quire::btree
