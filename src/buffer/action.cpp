// Action: promises, the gate, and changes of pages.
//
// Units of space travel from the allocator's reserve to the writer's spare units, to the action (prepare), from there
// to the running epoch when a page turns dirty (pass_on), and are used up when the page is captured. What is left of an
// epoch's units goes back when it is published.
#include "buffer/action.hpp"

#include <exception>
#include <utility>

#include "base/contain.hpp"
#include "base/try.hpp"

namespace quire::buffer {

namespace {

// Units that a writer reserves beyond what an action needs, and keeps at most.
constexpr std::uint64_t units_ahead = 64;
constexpr std::uint64_t units_ahead_max = 256;

}  // namespace

void Resources::give_spare_units() {
  blocks.unreserve(spare_units);
  spare_units = 0;
}

Status Action::prepare(Needs needs) {
  QUIRE_ASSERT(!inside_ && units_ == 0 && fresh_.empty());
  if (resources_.pool.failed()) return resources_.pool.failure();
  const std::uint64_t pages = std::uint64_t{needs.dirty} + needs.create;
  // A new page number may add a level to the page table, which every path then has one page more of.
  const std::uint64_t path_units = resources_.table.path_units_max() + (needs.create > 0 ? 1 : 0);
  const std::uint64_t units = pages * (1 + path_units);
  if (resources_.spare_units < units) {
    // A few more than needed, but not where every block counts.
    if (resources_.blocks.reserve(units + units_ahead).ok()) {
      resources_.spare_units += units + units_ahead;
    } else {
      const std::uint64_t missing = units - resources_.spare_units;
      QUIRE_TRY(resources_.blocks.reserve(missing, resources_.room));
      resources_.spare_units += missing;
    }
  }
  resources_.spare_units -= units;
  units_ = units;
  fresh_.reserve(needs.create);  // what is created is noted, also when memory runs out
  fresh_ids_.reserve(needs.create);
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
  exceptions_ = std::uncaught_exceptions();
}

void Action::leave() {
  // Left by an exception, because memory has run out, it may have changed one page of two: nothing of that is to be published.
  if (inside_ && std::uncaught_exceptions() > exceptions_) resources_.pool.fail(Status(Code::no_memory));
  if (inside_) resources_.pool.gate().leave();
  inside_ = false;
  while (!fresh_.empty()) {
    resources_.pool.discard_new(std::move(fresh_.back()), fresh_ids_.back());
    fresh_.pop_back();
    fresh_ids_.pop_back();
  }
  resources_.spare_units += std::exchange(units_, 0);
  if (resources_.spare_units > units_ahead_max) {
    resources_.blocks.unreserve(resources_.spare_units - units_ahead);
    resources_.spare_units = units_ahead;
  }
  // A failure to write shows when the change is tried again, or at the checkpoint.
  if (in_the_way_ == no_page) return;
  (void)contain_no_memory([&] { return resources_.pool.make_way(std::exchange(in_the_way_, no_page)); }).ok();
}

WritePage Action::write(PageId id, std::uint64_t version) {
  QUIRE_ASSERT(inside_);
  WritePage page = resources_.pool.try_write(id, version);
  if (page && !resources_.pool.set_aside(page)) {
    in_the_way_ = id;
    page.release();
  }
  return page;
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

bool Action::mark_dirty(const WritePage& page) {
  QUIRE_ASSERT(inside_);
  page::header::generation.set(page.data(), resources_.pool.running().raw);
  if (!resources_.pool.mark_dirty(page)) return false;
  pass_on(1 + resources_.table.path_units(page.id(), resources_.pool.running()));
  return true;
}

void Action::pass_on(std::uint64_t units) {
  QUIRE_ASSERT(units <= units_);
  units_ -= units;
  resources_.pool.promise(units);
}

void Action::free_page(WritePage page) {
  QUIRE_ASSERT(inside_);
  // The entry of a freed page changes too, so its table path needs room.
  pass_on(resources_.table.path_units(page.id(), resources_.pool.running()));
  if (resources_.pool.free_page(std::move(page))) {
    // The block that its image would have taken.
    resources_.pool.take_promise(1, resources_.pool.running());
    ++units_;
  }
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
