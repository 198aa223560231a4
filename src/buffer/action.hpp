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

#include <vector>

#include "buffer/pool.hpp"
#include "space/block_allocator.hpp"

namespace quire::buffer {

// Where actions take their room from, shared by all trees of a database.
struct Resources {
  Pool& pool;
  space::PageTable& table;
  space::BlockAllocator& blocks;
  // Units promised to pages that are dirty now; the checkpoint gives them back when it has used them.
  std::uint64_t units_promised = 0;
  std::uint64_t dirty_pages = 0;  // in the running epoch
  Epoch running{1};               // the checkpoint that will contain the changes being made
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

  WritePage write(PageId id, std::uint64_t version) noexcept;
  // One of the new pages, formatted, latched and dirty.
  WritePage create(page::PageType type, TreeId tree);
  // Before the first change of a page's bytes.
  void mark_dirty(const WritePage& page);
  // The page is dropped; its number is free from the next epoch on.
  void free_page(WritePage page);

 private:
  // Units of this action become units of the epoch.
  void pass_on(std::uint64_t units);

  Resources& resources_;
  std::uint64_t units_ = 0;  // promised and not yet passed on to a dirty page
  std::vector<WritePage> fresh_;
  std::vector<PageId> fresh_ids_;
  bool inside_ = false;
};

// Frees one page in an action of its own.
Status free_page(Resources& resources, PageId id);

}  // namespace quire::buffer
