// Action: promises, the gate, and changes of pages.
//
// Units of space travel from the allocator's reserve to the action (prepare), from there to the epoch when a page turns
// dirty (pass_on), and back to the allocator when the action ends or the epoch is published or dropped.
#include "buffer/action.hpp"

#include "base/try.hpp"

namespace quire::buffer {

Status Action::prepare(Needs needs) {
  QUIRE_ASSERT(!inside_ && units_ == 0 && fresh_.empty());
  const std::uint64_t pages = std::uint64_t{needs.dirty} + needs.create;
  if (resources_.dirty_pages + pages > resources_.pool.dirty_pages_max()) {
    return Status(Code::no_memory, "the transaction changes more than the " +
                                       std::to_string(resources_.pool.dirty_pages_max()) + " pages of " +
                                       std::to_string(resources_.pool.page_bytes()) +
                                       " bytes that Options::memory_limit has room for; raise it or commit in smaller "
                                       "transactions");
  }
  // A new page number may add a level to the page table, which every path then has one page more of.
  const std::uint64_t path_units = resources_.table.path_units_max() + (needs.create > 0 ? 1 : 0);
  const std::uint64_t units = pages * (1 + path_units);
  QUIRE_TRY(resources_.blocks.reserve(units));
  units_ = units;
  for (std::uint32_t i = 0; i < needs.create; ++i) {
    PageId id;
    Result<WritePage> page = resources_.pool.create(id);
    if (!page.ok()) return std::move(page).status();
    fresh_.push_back(std::move(page).value());
    fresh_ids_.push_back(id);
  }
  return Status();
}

void Action::enter() {
  QUIRE_ASSERT(!inside_);
  // Latches on new pages, which nobody else can reach, may be held before the gate.
  QUIRE_ASSERT(latches_held == static_cast<int>(fresh_.size()));
  resources_.pool.gate().enter();
  inside_ = true;
}

void Action::leave() {
  if (inside_) resources_.pool.gate().leave();
  inside_ = false;
  while (!fresh_.empty()) {
    // Not used: as if it had been made and freed.
    page::format_page(fresh_.back().bytes(), {page::PageType::none, TreeId{}, fresh_ids_.back()});
    pass_on(resources_.table.path_units(fresh_ids_.back()));
    resources_.pool.free_page(std::move(fresh_.back()));
    fresh_.pop_back();
    fresh_ids_.pop_back();
  }
  resources_.blocks.unreserve(units_);
  units_ = 0;
}

WritePage Action::write(PageId id, std::uint64_t version) noexcept {
  QUIRE_ASSERT(inside_);
  return resources_.pool.try_write(id, version);
}

WritePage Action::create(page::PageType type, TreeId tree) {
  QUIRE_ASSERT(inside_ && !fresh_.empty());
  WritePage page = std::move(fresh_.back());
  page::format_page(page.bytes(), {type, tree, fresh_ids_.back()});
  fresh_.pop_back();
  fresh_ids_.pop_back();
  mark_dirty(page);
  return page;
}

void Action::mark_dirty(const WritePage& page) {
  QUIRE_ASSERT(inside_);
  page::header::generation.set(page.data(), resources_.running.raw);
  if (!resources_.pool.mark_dirty(page)) return;
  pass_on(1 + resources_.table.path_units(page.id()));
  ++resources_.dirty_pages;
}

void Action::pass_on(std::uint64_t units) {
  QUIRE_ASSERT(units <= units_);
  units_ -= units;
  resources_.units_promised += units;
}

void Action::free_page(WritePage page) {
  QUIRE_ASSERT(inside_);
  // The entry of a freed page changes too, so its table path needs room.
  pass_on(resources_.table.path_units(page.id()));
  resources_.pool.free_page(std::move(page));
}

Status free_page(Resources& resources, PageId id) {
  for (;;) {
    QUIRE_TRY(resources.pool.fault(id));
    std::uint64_t version = 0;
    {
      const OptimisticPage seen = resources.pool.optimistic(id);
      if (!seen) continue;
      version = seen.version();
    }
    Action action(resources);
    QUIRE_TRY(action.prepare({.dirty = 1}));
    action.enter();
    WritePage page = action.write(id, version);
    if (!page) continue;
    action.free_page(std::move(page));
    return Status();
  }
}

}  // namespace quire::buffer
