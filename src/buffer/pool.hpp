// Pool: the pages that are in memory.
//
// Frames are page-sized pieces of one anonymous mapping; a PageSlot tells which frame holds a page. A page
// comes in by fault(): read, checked against its entry's checksum, its own header and its PageKind. When all
// frames are taken, a clock hand drops clean pages (second chance by the state `cooling`).
//
// In this version a dirty page stays in memory until the checkpoint has written it, so what one transaction
// changes must fit; otherwise taking a frame fails with no_memory before anything is changed.
//
// Invariants   1. a slot that is not evicted or io has a frame, and frame_owner_ names it
//              2. dirty_ holds every page number whose slot is dirty, once (plus pages freed since)
// Threads      optimistic, read, write, fault from any thread; create and free_page inside an Action of the one
//              writer; take_changes, clean and discard by the checkpoint while no action runs
// Errors       corrupt, io (reading); no_memory (every frame is in use or dirty)
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/seeded_bug.hpp"
#include "buffer/gate.hpp"
#include "buffer/guards.hpp"
#include "buffer/page_kind.hpp"
#include "os/memory.hpp"
#include "os/sync.hpp"
#include "space/page_table.hpp"

namespace quire::buffer {

struct PoolCounters {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;
  std::uint64_t frames = 0;
  std::uint64_t frames_used = 0;
};

// What an epoch has changed: the checkpoint's work list.
struct Changes {
  std::vector<PageId> dirty;  // resident; each once, in order of number
  std::vector<PageId> freed;
  bool empty() const noexcept { return dirty.empty() && freed.empty(); }
};

class Pool {
 public:
  Pool(space::PageFile& file, space::PageTable& table) : file_(file), table_(table) {}

  static constexpr std::uint64_t frames_min = 16;

  // Takes its memory. Before anything else.
  Status open(std::uint64_t memory_bytes);
  void register_kind(page::PageType type, const PageKind& kind) noexcept {
    kinds_[static_cast<std::size_t>(type)] = &kind;
  }

  std::uint32_t page_bytes() const noexcept { return page_bytes_; }
  const std::string& path() const noexcept { return file_.path(); }
  Gate& gate() noexcept { return gate_; }

  // Without waiting; empty when the page is not in memory or is being changed (see await).
  OptimisticPage optimistic(PageId id) noexcept;
  // After an empty optimistic(): faults the page in, or waits a moment for its writer.
  Status await(PageId id);

  Result<ReadPage> read(PageId id);
  // Outside actions: faults the page in and latches it.
  Result<WritePage> write(PageId id);
  // Makes the page resident.
  Status fault(PageId id);

  // ---- used by Action

  // Latches a resident page whose version is still `version`; else empty.
  WritePage try_write(PageId id, std::uint64_t version) noexcept;
  // A page number and a frame, exclusively latched, content undefined.
  Result<WritePage> create(PageId& id);
  // The page leaves memory; its number is free after the next publish.
  void free_page(WritePage page);
  // True on the transition from clean to dirty.
  bool mark_dirty(const WritePage& page);

  // ---- used by the checkpoint

  Changes take_changes();
  bool has_changes() const;
  // The bytes of a dirty page, which nobody changes now, after its kind's check.
  Result<Bytes> capture(PageId id);
  // Its image is on disk.
  void clean(PageId id);
  // Drops every change since the last publish from memory.
  void discard();

  PoolCounters counters() const;
  // Most pages one epoch may dirty: all frames but a few for readers.
  std::uint64_t dirty_pages_max() const noexcept { return frame_count_ - frames_min / 2; }

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
  void count_hit() noexcept;
  Status load(PageId id, space::PageSlot& slot);
  Status check_image(PageId id, Bytes image) const;
  Result<std::uint32_t> take_frame();
  bool evict_one() QUIRE_REQUIRES(frames_mutex_);
  void give_frame(std::uint32_t frame);
  void drop(PageId id);
  Status unknown_page(PageId id) const;

  // Constant after open.
  space::PageFile& file_;
  space::PageTable& table_;
  std::array<const PageKind*, page::page_type_count> kinds_{};
  std::uint32_t page_bytes_ = 0;
  std::uint64_t frame_count_ = 0;
  os::Mapping arena_;

  Gate gate_;
  std::array<HitCounter, hit_counters> hits_;
  Atomic<std::uint64_t> misses_{0};
  Atomic<std::uint64_t> evictions_{0};

  mutable os::Mutex frames_mutex_;
  std::vector<PageId> frame_owner_ QUIRE_GUARDED_BY(frames_mutex_);  // no_page: free
  std::vector<std::uint32_t> free_frames_ QUIRE_GUARDED_BY(frames_mutex_);
  std::uint64_t hand_ QUIRE_GUARDED_BY(frames_mutex_) = 0;

  mutable os::Mutex changes_mutex_;
  Changes changes_ QUIRE_GUARDED_BY(changes_mutex_);
};

}  // namespace quire::buffer
