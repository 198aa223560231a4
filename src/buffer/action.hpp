// Action: one change of pages that leaves a consistent state (rules AC-1 to AC-4).
//
//   Action action(pool, blocks, table);
//   QUIRE_TRY(action.prepare({.dirty = 3, .create = 1}));   // may fail, may wait, changes nothing
//   action.enter();                                         // in the gate: cannot fail, cannot wait
//   WritePage leaf = action.write(id, version);             // empty: leave() and prepare again
//   action.mark_dirty(leaf); ...
//   action.leave();                                         // or the destructor
//
// prepare promises blocks for every page that may turn dirty and for its table path (BA-7), and takes pages
// and frames for the new ones, so that nothing inside the gate can run out.
//
// Threads   one thread; one action at a time in a thread
// Errors    prepare: full, no_memory, io, corrupt, limit
#pragma once

#include <array>
#include <vector>

#include "buffer/pool.hpp"
#include "space/block_allocator.hpp"

namespace quire::buffer {

// Where actions take their room from, shared by all trees of a database.
struct Resources {
  Pool& pool;
  space::PageTable& table;
  space::BlockAllocator& blocks;

  // Units reserved ahead, so that not every action asks the allocator; threads have them in places of their own.
  struct alignas(64) Spare {
    Atomic<std::uint64_t> units{0};
  };
  static constexpr std::size_t spare_places = 64;
  std::array<Spare, spare_places> spares{};

  std::uint64_t spare_units() const noexcept;
  // Gives those of all threads back.
  void give_spare_units();
  // Takes so many of this thread's; false when it has fewer.
  bool take_spare(std::uint64_t units) noexcept;
  // Adds some; what is more than `most` goes back, but for `kept`.
  void add_spare(std::uint64_t units, std::uint64_t most, std::uint64_t kept);
  Spare& own_spare() noexcept { return spares[os::this_thread_number() % spare_places]; }
};

// Rollback, purge and what else must proceed on a full disk draw on the standing reserve (BA-8): actions of this thread for
// as long as it lives. What they have not used goes back at its end.
class StandingRoom {
 public:
  explicit StandingRoom(Resources& resources) noexcept;
  ~StandingRoom();
  StandingRoom(const StandingRoom&) = delete;
  StandingRoom& operator=(const StandingRoom&) = delete;
  static bool entered() noexcept;

 private:
  Resources& resources_;
};

class Action {
 public:
  struct Needs {
    std::uint32_t dirty = 1;   // pages that may turn dirty, new ones not counted
    std::uint32_t create = 0;  // new pages
  };

  explicit Action(Resources& resources) : resources_(resources) {}
  ~Action() { leave(); }
  Action(const Action&) = delete;
  Action& operator=(const Action&) = delete;

  Status prepare(Needs needs);
  void enter();
  void leave();

  // Also empty when the page cannot be changed yet because a checkpoint needs it as it is (CK-3); leave() then
  // waits until it can.
  WritePage write(PageId id, std::uint64_t version);
  // One of the new pages, formatted, latched and dirty.
  WritePage create(page::PageType type, TreeId tree);
  // Before the first change of a page's bytes. True when it was clean.
  bool mark_dirty(const WritePage& page);
  // The page is dropped and its number is free.
  void free_page(WritePage page);

 private:
  // Units of this action become units of the running epoch.
  void pass_on(std::uint64_t units);

  Resources& resources_;
  std::uint64_t units_ = 0;  // promised and not yet passed on to a dirty page
  std::vector<WritePage> fresh_;
  std::vector<PageId> fresh_ids_;
  int exceptions_ = 0;  // under way when the gate was entered
  PageId in_the_way_ = no_page;  // must be written before it can be changed
  bool inside_ = false;
};

// Frees one page in an action of its own.
Status free_page(Resources& resources, PageId id);

}  // namespace quire::buffer
