// PageTable: from PageId to place on disk and place in memory.
//
// On disk: an EntryTree whose leaf pages are plain arrays of entries. In memory: one PageSlot of 32 bytes per
// PageId, in chunks whose sizes double, so that a lookup is two loads and slots never move; and the images of
// the table pages read so far. The entry in a slot is where the page's newest image lies; the image of a table
// page is what the epoch under way will publish. While a checkpoint of E is being written, what E+1 changes goes
// to the slots only and reaches the images when E is published, so that what is published is the table of the
// flip, never the current one (CK-4).
//
// Free page numbers are entries of kind free below next_page; has_free in the inner entries finds them.
//
// Invariants   1. slots of a table page that is not loaded are all zero: state evicted, entry free
//              2. a page number is in exactly one of: in use, free_ids_, a table page not searched yet
//              3. outside a checkpoint, image = slot for every entry
// Protocol     begin_write(E) set_entry* assign* write publish(E)
// Threads      find, load, set_entry, set_free, path_units and numbers: any; an entry in a slot is changed by the holder of the page's
//              latch; the rest by the checkpoint
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

  // The entry of a page number below next_page(), as for_each() shows it.
  Result<Entry> entry(PageId id);

  PageId next_page() const noexcept { return PageId{next_page_.load(acquire)}; }

  // A page number for a new page. May read table pages.
  Result<PageId> allocate_id() QUIRE_EXCLUDES(ids_mutex_);
  // The number of a page whose entry is free may be used again. Waits for nothing.
  void free_id(PageId id) QUIRE_EXCLUDES(returned_mutex_);

  // The entry of a page changes in `epoch`.
  void set_entry(PageId id, Entry entry, Epoch epoch);
  // It becomes free. True when free_id() must follow; else the search of its table page finds the number, or has just found it.
  bool set_free(PageId id, Epoch epoch);
  // Units a page that becomes dirty needs for its table path, the first time in an epoch (BA-7). In the gate, or with it
  // closed.
  std::uint64_t path_units(PageId id, Epoch epoch);
  // Whether it will return none.
  bool has_path(PageId id, Epoch epoch) const noexcept QUIRE_EXCLUDES(path_mutex_);
  // Most units that path_units can return.
  std::uint64_t path_units_max() const noexcept { return depth_.load(relaxed) + 1; }

  // The table page that holds the entry of `id`.
  std::uint64_t leaf_of(PageId id) const noexcept { return id.raw / slots_per_leaf(); }
  // Whether the newest image of a page lies in the file.
  bool has_image(PageId id) const;

  // The flip: from here on `epoch` is being written. The gate is closed.
  void begin_write(Epoch epoch);
  // BA-6 and writing; see EntryTree. All pages of the epoch have been captured.
  std::uint64_t unassigned() const;
  bool assign(BlockAllocator& blocks);
  Status write(std::string_view why = "checkpoint");
  // The epoch is published: later changes reach the images.
  void publish();
  // The next page number of the epoch being written.
  PageId next_page_at_flip() const noexcept { return next_page_at_flip_; }

  Entry root() const noexcept { return entries_.root(); }
  std::uint32_t depth() const noexcept { return entries_.depth(); }
  const EntryTree& entries() const noexcept { return entries_; }
  // Whether the epoch under way has changed any entry.
  bool dirty() const;
  // A table page or inner page moves to another block in the epoch under way (BA-9). Not while one is being written.
  // All table pages whose place is at or behind a block are written anew. No checkpoint is being written.
  Status mark_behind(Block block) QUIRE_EXCLUDES(entries_mutex_);
  Status mark_dirty(std::uint32_t level, std::uint64_t index);

  // All entries, page numbers 1 to next_page - 1, table pages loaded as needed: what the epoch under way will
  // publish.
  Status for_each(const std::function<Status(PageId, const Entry&)>& visit);
  // The same for the entries of table pages that say that they hold pages of kind undo.
  Result<std::vector<PageId>> undo_pages();

 private:
  static constexpr std::uint64_t first_chunk_slots = 1024;
  static constexpr std::size_t chunk_count = 40;
  using Image = std::vector<Entry>;  // empty: not loaded

  std::uint64_t slots_per_leaf() const noexcept { return entries_.fanout(); }
  PageSlot* ensure_slot(PageId id);
  std::uint64_t fill_leaf(std::uint64_t leaf, MutableBytes into);
  Status collect_free_ids() QUIRE_REQUIRES(ids_mutex_);
  void change_entry(PageId id, Entry entry, Epoch epoch) QUIRE_REQUIRES(entries_mutex_);
  Status load_leaf(std::uint64_t leaf) QUIRE_EXCLUDES(entries_mutex_);
  void change_image(PageId id, Entry entry) QUIRE_REQUIRES(entries_mutex_);

  PageFile& file_;
  std::array<Atomic<PageSlot*>, chunk_count> chunks_{};
  std::array<std::unique_ptr<PageSlot[]>, chunk_count> chunk_memory_;
  Atomic<std::uint64_t> next_page_{1};
  Atomic<std::uint32_t> depth_{0};

  os::Mutex loading_;                  // serialises reading of table pages; taken before entries_mutex_
  mutable os::Mutex entries_mutex_;    // never held during input or output
  EntryTree entries_;                  // changed under entries_mutex_; by the checkpoint while it writes
  std::vector<Image> images_ QUIRE_GUARDED_BY(entries_mutex_);  // per table page
  std::vector<PageId> later_ QUIRE_GUARDED_BY(entries_mutex_);  // changed by E+1 while E is being written
  Epoch writing_ QUIRE_GUARDED_BY(entries_mutex_){};             // 0: no checkpoint is being written
  PageId published_next_page_ QUIRE_GUARDED_BY(entries_mutex_){1};

  // Of the checkpoint.
  PageId next_page_at_flip_{};
  os::Mutex ids_mutex_;  // before loading_; may be held while a table page is read
  std::vector<PageId> free_ids_ QUIRE_GUARDED_BY(ids_mutex_);  // a heap, lowest on top
  std::uint64_t leaves_searched_ QUIRE_GUARDED_BY(entries_mutex_) = 0;  // table pages below it have given their free numbers to free_ids_
  PageId search_end_{};                    // numbers from here on were never in use when the file was opened; constant after loading
  os::Mutex returned_mutex_;  // a leaf
  std::vector<PageId> returned_ QUIRE_GUARDED_BY(returned_mutex_);  // on their way to free_ids_
  mutable os::Mutex path_mutex_;  // a leaf
  std::vector<std::uint64_t> path_epoch_ QUIRE_GUARDED_BY(path_mutex_);  // per table page: the last epoch that reserved its path
};

}  // namespace quire::space
