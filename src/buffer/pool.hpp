// Pool: the pages that are in memory.
//
// Frames are page-sized pieces of one anonymous mapping; a PageSlot tells which frame holds a page. A page
// comes in by fault(): read, checked against its entry's checksum, its own header and its PageKind. When all
// frames are taken, a clock hand drops clean pages (second chance by the state `cooling`); dirty ones
// are written to fresh blocks first, at any time, also with uncommitted changes (BP-3).
//
// A page's dirty word holds the tag of the epoch that its changes belong to (0: clean) and whether an image
// of it is being written. Two epochs may be under way: `writing`, which a checkpoint captures, and `running`.
// Every change of a page that `writing` still needs sets its image aside first (CK-3).
//
// CK-9: a flip without active transactions keeps back the undo pages of its epoch that have no image in the file. They
// stay dirty, as pages of the next epoch; in the table that is published their numbers are free, and they have no block.
// A page is kept back once per change: what is still there a flip later is captured, so that old snapshots make no flip long.
//
// Capture = copy the bytes, take a block, set the entry, clear the tag, all under a latch and inside the gate
// (the checkpoint needs no gate: nobody else flips). The write follows outside.
//
// Invariants   1. a slot that is not evicted or io has a frame, and frame_owner_ names it
//              2. a page has at most one image in flight (BA-3), and its frame stays until that is written (BP-4)
//              3. the lists of an epoch hold every page tagged with it (and some that no longer are)
//              4. images in flight of an epoch are counted before the tag goes, so the checkpoint that finds no tagged
//                 page and then no image in flight has them all (CK-5)
//              5. an undo page that holds a record of an active transaction has an image in every table whose flip lists
//                 that transaction: such a flip keeps nothing back
// Threads      optimistic, read, write, fault, write_out from any thread, none of them inside an action; the part for
//              Action inside one; flip with the gate closed, the rest of the checkpoint's part by the checkpoint
// Errors       corrupt, io (reading); no_memory (every frame is latched); an image that cannot be written makes
//              failure() the reason why nothing can be published any more
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/seeded_bug.hpp"
#include "buffer/gate.hpp"
#include "buffer/guards.hpp"
#include "buffer/page_kind.hpp"
#include "os/memory.hpp"
#include "os/sync.hpp"
#include "space/block_allocator.hpp"
#include "space/page_table.hpp"

namespace quire::buffer {

struct PoolCounters {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;
  std::uint64_t frames = 0;
  std::uint64_t frames_used = 0;
};

// A captured page on its way to the file.
struct Image {
  PageId id;
  Block block;
  Epoch epoch;
};

class Pool {
 public:
  Pool(space::PageFile& file, space::PageTable& table, space::BlockAllocator& blocks)
      : file_(file), table_(table), blocks_(blocks) {}

  static constexpr std::uint64_t frames_min = 16;

  // Takes its memory. Before anything else.
  Status open(std::uint64_t memory_bytes);
  void register_kind(page::PageType type, const PageKind& kind) noexcept {
    kinds_[static_cast<std::size_t>(type)] = &kind;
  }

  std::uint32_t page_bytes() const noexcept { return page_bytes_; }
  const std::string& path() const noexcept { return file_.path(); }
  Gate& gate() noexcept { return gate_; }
  // Held while several actions belong together, so that no flip comes between them: pages that no row refers to
  // yet, or no longer, must not be published. Taken before the gate; never by a checkpoint that waits.
  os::Mutex& flip_mutex() noexcept { return flip_mutex_; }

  // Without waiting; empty when the page is not in memory or is being changed (see await).
  OptimisticPage optimistic(PageId id) noexcept;
  // For descents: optimistic() without counting, which count_hits does for many; and the slot's cache line fetched ahead.
  void prefetch_slot(PageId id) const noexcept { __builtin_prefetch(table_.find(id)); }
  OptimisticPage peek(PageId id) noexcept;
  // Where the page is, for fetching ahead only: its bytes may be another page's by now. Null when it is not in memory.
  const std::byte* resident(PageId id) const noexcept;
  void count_hits(std::uint64_t hits) noexcept;
  // After an empty optimistic(): faults the page in, or waits a moment for its writer.
  Status await(PageId id);

  Result<ReadPage> read(PageId id);
  // Outside actions: faults the page in and latches it.
  Result<WritePage> write(PageId id);
  // Makes the page resident.
  Status fault(PageId id);

  // Writes dirty pages out and makes them clean; those that are latched or in flight stay as they are.
  Status write_out(const std::vector<PageId>& ids, std::string_view why = "eviction");

  // ---- used by Action, inside the gate unless said otherwise

  Epoch running() const noexcept { return running_; }
  // Latches a resident page whose version is still `version`; else empty.
  WritePage try_write(PageId id, std::uint64_t version) noexcept;
  // CK-3: the image that the epoch being written needs is safe afterwards. False when there is no room to set
  // it aside or an older image is in flight: the caller leaves and calls make_way.
  bool set_aside(const WritePage& page);
  // Outside the gate: until set_aside of this page has nothing more to do.
  Status make_way(PageId id);
  // Outside the gate: a page number and a frame, exclusively latched, content undefined; and back, unused.
  Result<WritePage> create(PageId& id);
  void discard_new(WritePage page, PageId id);
  // The page leaves memory and the table; its number is free. True when it was dirty in the running epoch.
  bool free_page(WritePage page);
  // True on the transition from clean to dirty.
  bool mark_dirty(const WritePage& page);
  // Units promised to the running epoch.
  void promise(std::uint64_t units) noexcept { promised_[parity(running_)].fetch_add(units, relaxed); }
  void take_promise(std::uint64_t units, Epoch epoch) noexcept;
  std::uint64_t promised(Epoch epoch) const noexcept { return promised_[parity(epoch)].load(relaxed); }

  // ---- used by the checkpoint

  // Before the first action.
  void start(Epoch running) noexcept { running_ = running; }
  // The gate is closed: the running epoch is the one being written from here on. It is returned.
  Epoch flip();
  // CK-9, for a flip without active transactions: how many units keep_undo_back may need, to be reserved before the gate
  // closes, and then, right behind flip, the pages change hands. Takes as many pages as `units` allow; what is left of the
  // units comes back.
  std::uint64_t keep_back_units() const;
  std::uint64_t keep_undo_back(std::uint64_t units);
  // Pages that may be tagged with the epoch being written, each once, in order of number.
  std::vector<PageId> take_dirty(Epoch epoch);
  // The content of a page as of the flip, if nobody has captured it yet; waits for its latch and its image in
  // flight.
  std::optional<Image> capture_at_flip(PageId id, Epoch epoch, MutableBytes into);
  // The image is in the file.
  void written(const Image& image) noexcept;
  // Writes what actions have set aside.
  Status write_set_aside();
  // Until every image of the epoch is in the file.
  Status await_images(Epoch epoch);
  // The epoch is published; gives back what it was promised and has not used.
  void end_epoch(Epoch epoch);

  // Whether the running epoch has changed any page.
  bool has_dirty() const;

  // Not ok after an image could not be written, a checkpoint not published (CK-8), or pages that nothing leads to not freed.
  Status failure() const;
  // From here on nothing can be published or evicted dirty; reading goes on. The first reason stays.
  void fail(const Status& status);
  bool failed() const noexcept { return failed_.load(acquire); }

  // Takes memory for frames that are likely to be used soon: whoever touches a huge page first clears it,
  // which was an eighth of the time of a random fill. By one thread at a time, the one in the background.
  void prefault() noexcept;

  PoolCounters counters() const;
  std::uint64_t frame_count() const noexcept { return frame_count_; }

 private:
  struct alignas(64) HitCounter {
    Atomic<std::uint64_t> value{0};
  };
  static constexpr std::size_t hit_counters = 16;

  std::byte* frame_bytes(std::uint32_t frame) const noexcept {
    return arena_.data() + std::uint64_t{frame} * page_bytes_;
  }
  MutableBytes bytes_of(const space::PageSlot& slot) const noexcept {
    return {frame_bytes(slot.frame.load(relaxed)), page_bytes_};
  }
  static constexpr std::size_t parity(Epoch epoch) noexcept { return epoch.raw % 2; }
  Status load(PageId id, space::PageSlot& slot);
  Status check_image(PageId id, Bytes image) const;
  Status unknown_page(PageId id) const;
  // The page is latched, shared or exclusively. Empty when it is clean or in flight.
  std::optional<Image> capture(PageId id, space::PageSlot& slot, MutableBytes into);
  Status write_images(std::vector<std::pair<Image, Bytes>>& images, std::string_view why);
  void add_dirty(PageId id, bool undo);

  Result<std::uint32_t> take_frame();
  enum class Step { nothing, busy, dirty };  // busy: the frame is being read into or written out
  Step turn_clock(PageId& met) QUIRE_REQUIRES(frames_mutex_);
  void give_frame(std::uint32_t frame);

  // Constant after open.
  space::PageFile& file_;
  space::PageTable& table_;
  space::BlockAllocator& blocks_;
  std::array<const PageKind*, page::page_type_count> kinds_{};
  std::uint32_t page_bytes_ = 0;
  std::uint64_t frame_count_ = 0;
  os::Mapping arena_;
  std::uint64_t prefaulted_bytes_ = 0;  // of the arena, by prefault()

  Gate gate_;
  os::Mutex flip_mutex_;
  std::array<HitCounter, hit_counters> hits_;
  Atomic<std::uint64_t> misses_{0};
  Atomic<std::uint64_t> evictions_{0};

  mutable os::Mutex frames_mutex_;
  std::vector<PageId> frame_owner_ QUIRE_GUARDED_BY(frames_mutex_);  // no_page: free
  std::vector<std::uint32_t> free_frames_ QUIRE_GUARDED_BY(frames_mutex_);
  std::uint64_t hand_ QUIRE_GUARDED_BY(frames_mutex_) = 0;

  // Changed with the gate closed.
  Epoch running_{1};
  Atomic<std::uint64_t> writing_{0};  // 0: no checkpoint is being written
  std::array<Atomic<std::uint64_t>, 2> promised_{};
  std::array<Atomic<std::uint64_t>, 2> in_flight_{};

  Atomic<bool> failed_{false};
  struct DirtyList {
    std::vector<PageId> ids;  // may repeat
    std::size_t tidied = 0;   // length after the last look through it
  };
  struct DirtyPages {
    DirtyList pages;  // undo pages that were kept back, too
    DirtyList undo;   // undo pages that may stay behind
  };
  mutable os::Mutex changes_mutex_;
  std::array<DirtyPages, 2> dirty_ QUIRE_GUARDED_BY(changes_mutex_);  // by parity of the epoch
  bool kept_undo_back_ = false;  // the flip of the epoch being written did, all there was; changed with the gate closed
  Status failure_ QUIRE_GUARDED_BY(changes_mutex_);

  struct SideImage {
    Image image;
    std::vector<std::byte> bytes;
  };
  os::Mutex side_mutex_;
  std::vector<SideImage> side_ QUIRE_GUARDED_BY(side_mutex_);
  std::vector<std::vector<std::byte>> side_spare_ QUIRE_GUARDED_BY(side_mutex_);
  std::size_t side_count_ QUIRE_GUARDED_BY(side_mutex_) = 0;  // buffers that exist
};

}  // namespace quire::buffer
