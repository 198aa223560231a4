// Action: promises, the gate, and changes of pages.
//
// Units of space travel from the allocator's reserve to the thread's spare units, to the action (prepare), from there
// to the running epoch when a page turns dirty (pass_on), and are used up when the page is captured. What is left of an
// epoch's units goes back when it is published.
#include "buffer/action.hpp"

#include <exception>
#include <utility>

#include "base/contain.hpp"
#include "base/try.hpp"

namespace quire::buffer {

namespace {

// Units that a thread reserves beyond what an action needs, and keeps at most.
constexpr std::uint64_t units_ahead = 64;
constexpr std::uint64_t units_ahead_max = 256;

thread_local int standing_rooms = 0;

}  // namespace

std::uint64_t Resources::spare_units() const noexcept {
  std::uint64_t units = 0;
  for (const Spare& spare : spares) units += spare.units.load(relaxed);
  return units;
}

void Resources::give_spare_units() {
  std::uint64_t units = 0;
  for (Spare& spare : spares) {
    if (spare.units.load(relaxed) != 0) units += spare.units.exchange(0, relaxed);
  }
  if (units != 0) blocks.unreserve(units);
}

bool Resources::take_spare(std::uint64_t units) noexcept {
  Atomic<std::uint64_t>& spare = own_spare().units;
  for (std::uint64_t there = spare.load(relaxed); there >= units;) {
    if (spare.compare_exchange_weak(there, there - units, relaxed, relaxed)) return true;
  }
  return false;
}

void Resources::add_spare(std::uint64_t units, std::uint64_t most, std::uint64_t kept) {
  Atomic<std::uint64_t>& spare = own_spare().units;
  for (std::uint64_t there = spare.load(relaxed);;) {
    const std::uint64_t left = there + units > most ? kept : there + units;
    if (!spare.compare_exchange_weak(there, left, relaxed, relaxed)) continue;
    if (there + units > left) blocks.unreserve(there + units - left);
    return;
  }
}

StandingRoom::StandingRoom(Resources& resources) noexcept : resources_(resources) { ++standing_rooms; }

StandingRoom::~StandingRoom() {
  --standing_rooms;
  resources_.add_spare(0, 0, 0);
}

bool StandingRoom::entered() noexcept { return standing_rooms > 0; }

Status Action::prepare(Needs needs) {
  QUIRE_ASSERT(!inside_ && units_ == 0 && fresh_.empty());
  if (resources_.pool.failed()) return resources_.pool.failure();
  const std::uint64_t pages = std::uint64_t{needs.dirty} + needs.create;
  // A new page number, also one that somebody else takes meanwhile, may add a level to the page table, which every path then has
  // one page more of.
  const std::uint64_t path_units = resources_.table.path_units_max() + 1;
  const std::uint64_t units = pages * (1 + path_units);
  if (!resources_.take_spare(units)) {
    // A few more than needed, but not where every block counts: there everybody gives back what he has not used.
    if (resources_.blocks.reserve(units + units_ahead).ok()) {
      resources_.add_spare(units_ahead, units_ahead_max, units_ahead);
    } else {
      resources_.give_spare_units();
      using Room = space::BlockAllocator::Room;
      QUIRE_TRY(resources_.blocks.reserve(units, StandingRoom::entered() ? Room::standing : Room::ordinary));
    }
  }
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
  if (units_ != 0) resources_.add_spare(std::exchange(units_, 0), units_ahead_max, units_ahead);
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
