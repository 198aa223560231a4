// Freeing: one step is one action on the end of one index page's list.
//
// The step takes the last few data pages that the second index page lists (or the first, when there is no other). When
// they are all that it lists, the index page goes with them, and the first one's link moves on. Each step frees a
// page, and a freed page is no page of a value any more, so a damaged chain cannot make it endless.
#include "overflow/free.hpp"

#include <algorithm>
#include <vector>

#include "base/try.hpp"
#include "overflow/chain.hpp"

namespace quire::overflow {

using buffer::Action;
using buffer::OptimisticPage;
using buffer::Pool;
using buffer::Resources;
using buffer::WritePage;
using page::PageType;

namespace {

struct Seen {
  PageId id = no_page;
  std::uint64_t version = 0;
};

// What the step needs to know of an index page.
struct Index {
  Seen page;
  TreeId tree;
  std::uint32_t count = 0;
  PageId next;
  std::vector<PageId> last;  // the last data pages that it lists
};

// A page that was looked at whole.
template <class Look>
Status look_at(Pool& pool, PageId id, PageType type, Seen& seen, const Look& look) {
  for (;;) {
    const OptimisticPage page = pool.optimistic(id);
    if (!page) {
      QUIRE_TRY(pool.await(id));
      continue;
    }
    seen = {id, page.version()};
    const bool right_type = page::type_of(page.data()) == type;
    look(page.data());
    if (!page.valid()) continue;
    if (right_type) return Status();
    return wrong_page(id, type == PageType::overflow_index ? "index page" : "data page");
  }
}

Status look_at_index(Pool& pool, PageId id, Index& index) {
  const std::uint32_t most = ids_per_index(pool.page_bytes());
  return look_at(pool, id, PageType::overflow_index, index.page, [&](const std::byte* p) {
    index.tree = page::tree_of(p);
    index.count = std::min(index_field::count.get(p), most);
    index.next = PageId{index_field::next.get(p)};
    index.last.clear();
    for (std::uint32_t i = index.count - std::min(index.count, pages_per_action); i < index.count; ++i) {
      index.last.push_back(index_entry(p, i));
    }
  });
}

// The data pages, which must be distinct: an action latches each of them.
Status look_at_data(Pool& pool, const Index& index, std::vector<Seen>& data) {
  for (const PageId id : index.last) {
    Seen seen;
    TreeId tree;
    QUIRE_TRY(look_at(pool, id, PageType::overflow_data, seen, [&](const std::byte* p) { tree = page::tree_of(p); }));
    const bool twice = std::any_of(data.begin(), data.end(), [&](const Seen& other) { return other.id == id; });
    if (twice || tree != index.tree) return wrong_page(id, "data page");
    data.push_back(seen);
  }
  return Status();
}

struct Step {
  Index first;
  Index second;  // no_page when there is only one
  std::vector<Seen> data;
};

Status look(Pool& pool, PageId first, Step& step) {
  QUIRE_TRY(look_at_index(pool, first, step.first));
  if (step.first.next != no_page) {
    if (step.first.next == first) return wrong_page(first, "next index page");
    QUIRE_TRY(look_at_index(pool, step.first.next, step.second));
    const bool circle = step.second.next == first || step.second.next == step.second.page.id;
    if (circle || step.second.tree != step.first.tree) return wrong_page(step.second.page.id, "index page");
  }
  return look_at_data(pool, step.first.next != no_page ? step.second : step.first, step.data);
}

// True when the pages were what they had been when they were looked at; else nothing has changed.
Result<bool> apply(Resources& resources, const Step& step) {
  const bool two = step.second.page.id != no_page;
  const Index& index = two ? step.second : step.first;
  const bool whole = index.last.size() == index.count;
  Action action(resources);
  QUIRE_TRY(action.prepare({.dirty = static_cast<std::uint32_t>(step.data.size()) + 2}));
  action.enter();
  WritePage above;
  if (two && whole) {
    above = action.write(step.first.page.id, step.first.page.version);
    if (!above) return false;
  }
  WritePage page = action.write(index.page.id, index.page.version);
  if (!page) return false;
  std::vector<WritePage> data;
  for (const Seen& seen : step.data) {
    data.push_back(action.write(seen.id, seen.version));
    if (!data.back()) return false;
  }
  for (WritePage& each : data) action.free_page(std::move(each));
  if (!whole) {
    action.mark_dirty(page);
    index_field::count.set(page.data(), index.count - static_cast<std::uint32_t>(step.data.size()));
    return true;
  }
  if (above) {
    action.mark_dirty(above);
    index_field::next.set(above.data(), index.next.raw);
  }
  action.free_page(std::move(page));
  return true;
}

}  // namespace

Result<std::uint64_t> version_of(Pool& pool, PageId id) {
  for (;;) {
    {
      const OptimisticPage seen = pool.optimistic(id);
      if (seen) return seen.version();
    }
    QUIRE_TRY(pool.await(id));
  }
}

Result<bool> free_some(Resources& resources, PageId first, std::uint64_t pages_max) {
  if (first == no_page) return true;
  for (std::uint64_t freed = 0; freed < pages_max;) {
    Step step;
    QUIRE_TRY(look(resources.pool, first, step));
    QUIRE_ASSIGN(const bool applied, apply(resources, step));
    if (!applied) continue;
    freed += step.data.size();
    const Index& index = step.second.page.id != no_page ? step.second : step.first;
    if (index.last.size() != index.count) continue;
    ++freed;
    if (index.page.id == first) return true;
  }
  return false;
}

Status free(Resources& resources, PageId first) {
  QUIRE_ASSIGN(const bool all, free_some(resources, first, UINT64_MAX));
  QUIRE_ASSERT(all);
  return Status();
}

}  // namespace quire::overflow
