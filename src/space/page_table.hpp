// PageTable: from PageId to place on disk and place in memory.
//
// On disk: an EntryTree whose leaf pages are plain arrays of entries. In memory: one PageSlot of 32 bytes per
// PageId, in chunks whose sizes double, so that a lookup is two loads and slots never move. The entries of
// a table page are read into their slots on demand.
//
// Free page numbers are entries of kind free below next_page; has_free in the inner entries finds them. A
// number freed in an epoch is used again in a later one.
//
// Invariants   1. slots of a table page that is not loaded are all zero: state evicted, entry free
//              2. a page number is in exactly one of: in use, free_ids_, freed_ (this epoch), table pages unread
// Threads      find() and load() from any thread; everything else serialised by the caller (one writer)
// Errors       corrupt, io when a table page cannot be read; limit when page numbers run out
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/atomic.hpp"
#include "os/sync.hpp"
#include "space/entry_tree.hpp"

namespace quire::space {

// What memory knows of one page.
struct PageSlot {
  Atomic<std::uint64_t> state{0};   // buffer/: latch state and version; 0 is evicted, version 0
  Atomic<std::uint32_t> frame{0};   // buffer/: index of the frame, while resident
  Atomic<std::uint32_t> dirty{0};   // buffer/: dirty epoch and bits; 0 is clean
  Entry entry;                      // where the newest image lies
};
static_assert(sizeof(PageSlot) == 32, "two slots to a cache line");

class PageTable {
 public:
  explicit PageTable(PageFile& file);

  // An empty table, for creation; page number 0 is never used.
  void create();
  Status load_root(Entry root, std::uint32_t depth, PageId next_page);

  // The slot of a page number below next_page(), or null. The slot's entry is right once load() was ok.
  PageSlot* find(PageId id) const noexcept;
  // Reads the table page that holds the entry of `id`, once.
  Status load(PageId id);

  PageId next_page() const noexcept { return PageId{next_page_.load(acquire)}; }

  // A page number for a new page.
  Result<PageId> allocate_id();
  // The number may be used again from the next epoch on. Its entry turns free at clear_entry.
  void free_id(PageId id);

  // The entry of a page changes in the epoch being published.
  void set_entry(PageId id, Entry entry);
  // Units a page that becomes dirty needs for its table path, the first time in an epoch (BA-7).
  std::uint64_t path_units(PageId id);
  // Most units that path_units can return.
  std::uint64_t path_units_max() const noexcept { return entries_.depth() + 1; }

  // BA-6 and writing; see EntryTree. No table page is read meanwhile.
  bool assign(BlockAllocator& blocks);
  Status write();
  Entry root() const noexcept { return entries_.root(); }
  std::uint32_t depth() const noexcept { return entries_.depth(); }
  const EntryTree& entries() const noexcept { return entries_; }

  // The epoch is published, or never happens: then numbers allocated in it are free again.
  void publish();
  void discard();

  // All entries, page numbers 1 to next_page - 1, table pages loaded as needed. For verify.
  Status for_each(const std::function<Status(PageId, const Entry&)>& visit);

 private:
  static constexpr std::uint64_t first_chunk_slots = 1024;
  static constexpr std::size_t chunk_count = 40;

  std::uint64_t slots_per_leaf() const noexcept { return entries_.fanout(); }
  PageSlot* ensure_slot(PageId id);
  std::uint64_t fill_leaf(std::uint64_t leaf, MutableBytes into);
  Status collect_free_ids();
  Status load_leaf(std::uint64_t leaf) QUIRE_REQUIRES(loading_);

  PageFile& file_;
  EntryTree entries_;
  std::array<Atomic<PageSlot*>, chunk_count> chunks_{};
  std::array<std::unique_ptr<PageSlot[]>, chunk_count> chunk_memory_;
  Atomic<std::uint64_t> next_page_{1};

  os::Mutex loading_;                       // serialises reading of table pages, and reading with writing
  std::vector<bool> loaded_ QUIRE_GUARDED_BY(loading_);  // per table page

  // Serialised by the caller.
  std::uint64_t published_next_page_ = 1;
  std::vector<PageId> free_ids_;            // sorted, lowest last
  std::vector<PageId> taken_ids_;           // taken from free_ids_ in this epoch
  std::vector<PageId> freed_ids_;           // freed in this epoch
  std::uint64_t leaves_searched_ = 0;       // table pages below it have given their free numbers to free_ids_
  std::set<std::uint64_t> paths_reserved_;  // leaves whose path this epoch has reserved
};

}  // namespace quire::space
