// Pool: guards, faults, eviction, and the list of changes.
//
// Who moves a state word from evicted to io loads the page; everyone else waits for it. The clock hand and the list of
// free frames share one mutex, which is never held during input or output.
#include "buffer/pool.hpp"

#include <algorithm>

#include "base/try.hpp"

namespace quire::buffer {

namespace {

// PageSlot::dirty. One epoch is in the making at a time, so its number need not be kept.
constexpr std::uint32_t dirty_bit = 1;

// How often a page that another thread changes is looked at before the processor is given away.
constexpr int spins_before_yield = 64;

// The front of a page that is fetched ahead of a search. 1 KiB made random gets 17 to 26 % faster at 8 KiB pages.
[[maybe_unused]] constexpr std::size_t prefetched_bytes = 1024;

// Rounds of the clock hand before memory counts as full although not every frame holds changes.
constexpr int eviction_rounds_max = 20000;

void pause_for(int attempt) {
  if (attempt < spins_before_yield) {
    cpu_pause();
  } else {
    os::yield_thread();
  }
}

}  // namespace

Status Pool::open(std::uint64_t memory_bytes) {
  page_bytes_ = file_.page_bytes();
  frame_count_ = std::max<std::uint64_t>(memory_bytes / page_bytes_, frames_min);
  if (frame_count_ > UINT32_MAX) return Status(Code::limit, "memory_limit has room for more than 2^32 pages");
  QUIRE_ASSIGN(arena_, os::Mapping::reserve(frame_count_ * page_bytes_));
  return Status();
}

Status Pool::unknown_page(PageId id) const {
  return Status(Code::corrupt, "page " + std::to_string(id.raw) + " of " + file_.path() +
                                   " is referred to, but was never allocated (page numbers end at " +
                                   std::to_string(table_.next_page().raw) + ")");
}

void Pool::count_hit() noexcept {
  // Not a read-modify-write: two threads of one counter may lose a count, and the reading path stays short.
  Atomic<std::uint64_t>& value = hits_[os::this_thread_number() % hit_counters].value;
  value.store(value.load(relaxed) + 1, relaxed);
}

OptimisticPage Pool::optimistic(PageId id) noexcept {
  space::PageSlot* slot = table_.find(id);
  if (slot == nullptr) return {};
#if defined(QUIRE_TSAN)
  if (!try_lock_shared(*slot)) return {};
  count_hit();
  return {slot, frame_bytes(slot->frame.load(relaxed)), slot->state.load(acquire)};
#else
  std::uint64_t word = slot->state.load(acquire);
  if (state_of(word) == state::cooling) {
    const std::uint64_t heated = with_state(word, state::unlocked);
    if (slot->state.compare_exchange_strong(word, heated, acquire, relaxed)) word = heated;
  }
  if (!is_readable(word)) return {};
  count_hit();
  const std::byte* data = frame_bytes(slot->frame.load(relaxed));
  // A search touches the header, the hints and then slots: their cache lines come together, not one after the other.
  for (std::size_t line = 0; line < prefetched_bytes; line += 64) __builtin_prefetch(data + line);
  return {slot, data, word};
#endif
}

Status Pool::await(PageId id) {
  QUIRE_TRY(fault(id));
  space::PageSlot* slot = table_.find(id);
  for (int attempt = 0; state_of(slot->state.load(acquire)) == state::exclusive; ++attempt) pause_for(attempt);
  return Status();
}

Result<ReadPage> Pool::read(PageId id) {
  for (int attempt = 0;; ++attempt) {
    QUIRE_TRY(fault(id));
    space::PageSlot* slot = table_.find(id);
    if (try_lock_shared(*slot)) {
      count_hit();
      return ReadPage(*slot, bytes_of(*slot));
    }
    pause_for(attempt);
  }
}

Result<WritePage> Pool::write(PageId id) {
  for (int attempt = 0;; ++attempt) {
    QUIRE_TRY(fault(id));
    space::PageSlot* slot = table_.find(id);
    if (try_lock_exclusive(*slot)) {
      count_hit();
      return WritePage(*slot, bytes_of(*slot));
    }
    pause_for(attempt);
  }
}

WritePage Pool::try_write(PageId id, std::uint64_t version) noexcept {
  space::PageSlot* slot = table_.find(id);
  if (slot == nullptr) return {};
  for (int attempt = 0;; ++attempt) {
    const std::uint64_t word = slot->state.load(relaxed);
    if (version_of(word) != version || state_of(word) == state::evicted || state_of(word) == state::io) return {};
    if (try_lock_exclusive(*slot)) break;
    pause_for(attempt);
  }
  WritePage page(*slot, bytes_of(*slot));
  if (version_of(slot->state.load(relaxed)) == version) return page;
  // Another thread changed it in between; give the latch back without a change of content.
  page.slot_ = nullptr;
  slot->state.store(with_state(slot->state.load(relaxed), state::unlocked), release);
  --latches_held;
  return {};
}

Status Pool::fault(PageId id) {
  space::PageSlot* slot = table_.find(id);
  if (slot == nullptr) return unknown_page(id);
  for (int attempt = 0;; ++attempt) {
    std::uint64_t word = slot->state.load(acquire);
    if (state_of(word) == state::io) {
      pause_for(attempt);
    } else if (state_of(word) != state::evicted) {
      return Status();
    } else if (slot->state.compare_exchange_weak(word, with_state(word, state::io), acquire, relaxed)) {
      Status status = load(id, *slot);
      slot->state.store(with_state(word, status.ok() ? state::unlocked : state::evicted), release);
      return status;
    }
  }
}

Status Pool::load(PageId id, space::PageSlot& slot) {
  misses_.fetch_add(1, relaxed);
  QUIRE_TRY(table_.load(id));
  QUIRE_ASSIGN(const std::uint32_t frame, take_frame());
  const MutableBytes bytes{frame_bytes(frame), page_bytes_};
  Status status = file_.read(slot.entry, id.raw, "page " + std::to_string(id.raw), bytes);
  if (status.ok()) status = check_image(id, bytes);
  if (!status.ok()) {
    give_frame(frame);
    return status;
  }
  slot.frame.store(frame, relaxed);
  os::Lock lock(frames_mutex_);
  frame_owner_[frame] = id;
  return Status();
}

Status Pool::check_image(PageId id, Bytes image) const {
  const std::string where = "page " + std::to_string(id.raw) + " of " + file_.path();
  const auto type = static_cast<std::size_t>(page::type_of(image.data()));
  if (page::id_of(image.data()) != id) {
    return Status(Code::corrupt, where + " says that it is page " + std::to_string(page::id_of(image.data()).raw));
  }
  if (type >= kinds_.size() || kinds_[type] == nullptr) {
    return Status(Code::corrupt, where + " has the unknown type " + std::to_string(type));
  }
  Status status = kinds_[type]->check(image);
  if (!status.ok()) return Status(status.code(), where + ": " + std::string(status.message()));
  return Status();
}

Result<std::uint32_t> Pool::take_frame() {
  // Frames that others are reading or loading right now are free again in a moment; only changes hold theirs for long.
  for (int round = 0; round < eviction_rounds_max; ++round) {
    std::uint64_t changed = 0;
    {
      os::Lock lock(frames_mutex_);
      for (std::uint64_t step = 0; step <= 2 * frame_count_; ++step) {
        if (!free_frames_.empty()) {
          const std::uint32_t frame = free_frames_.back();
          free_frames_.pop_back();
          return frame;
        }
        if (frame_owner_.size() < frame_count_) {
          frame_owner_.push_back(no_page);
          return static_cast<std::uint32_t>(frame_owner_.size() - 1);
        }
        evict_one();
      }
      for (const PageId id : frame_owner_) {
        const space::PageSlot* slot = id == no_page ? nullptr : table_.find(id);
        if (slot != nullptr && slot->dirty.load(relaxed) != 0) ++changed;
      }
    }
    if (changed == frame_count_) break;
    os::yield_thread();
  }
  return Status(Code::no_memory, "all " + std::to_string(frame_count_) + " pages of memory_limit (" +
                                     std::to_string(frame_count_ * page_bytes_) +
                                     " bytes) are in use by changes not yet committed; raise Options::memory_limit or "
                                     "commit in smaller transactions");
}

// Moves the clock hand over one frame; true when that freed it.
bool Pool::evict_one() {
  const std::uint64_t frame = hand_++ % frame_owner_.size();
  const PageId id = frame_owner_[frame];
  if (id == no_page) return false;
  space::PageSlot* slot = table_.find(id);
  if (slot == nullptr || slot->dirty.load(acquire) != 0) return false;
  std::uint64_t word = slot->state.load(acquire);
  if (state_of(word) == state::unlocked) {
    slot->state.compare_exchange_strong(word, with_state(word, state::cooling), acq_rel, relaxed);
    return false;
  }
  if (state_of(word) != state::cooling ||
      !slot->state.compare_exchange_strong(word, with_state(word, state::exclusive), acq_rel, relaxed)) {
    return false;
  }
  if (slot->dirty.load(acquire) != 0) {
    slot->state.store(with_state(word, state::unlocked), release);
    return false;
  }
  slot->state.store(next_version(word, state::evicted), release);
  frame_owner_[frame] = no_page;
  free_frames_.push_back(static_cast<std::uint32_t>(frame));
  evictions_.fetch_add(1, relaxed);
  return true;
}

void Pool::give_frame(std::uint32_t frame) {
  os::Lock lock(frames_mutex_);
  QUIRE_ASSERT(frame < frame_owner_.size());
  frame_owner_[frame] = no_page;
  free_frames_.push_back(frame);
}

Result<WritePage> Pool::create(PageId& id) {
  QUIRE_ASSIGN(const std::uint32_t frame, take_frame());
  Result<PageId> number = table_.allocate_id();
  if (!number.ok()) {
    give_frame(frame);
    return std::move(number).status();
  }
  id = *number;
  space::PageSlot* slot = table_.find(id);
  QUIRE_ASSERT(slot != nullptr && slot->dirty.load(relaxed) == 0);
  // A free page may have been faulted in by a reader that followed a stale pointer.
  drop(id);
  const std::uint64_t word = slot->state.load(relaxed);
  QUIRE_ASSERT(state_of(word) == state::evicted);
  slot->frame.store(frame, relaxed);
  slot->state.store(with_state(word, state::exclusive), release);
  ++latches_held;
  os::Lock lock(frames_mutex_);
  frame_owner_[frame] = id;
  return WritePage(*slot, bytes_of(*slot));
}

void Pool::free_page(WritePage page) {
  const PageId id = page.id();
  space::PageSlot* slot = std::exchange(page.slot_, nullptr);
  slot->dirty.store(0, release);
  // While the latch is held: once the slot is evicted a reader may fault the page into another frame, and the
  // clock hand would take it for the owner of both.
  give_frame(slot->frame.load(relaxed));
  slot->state.store(next_version(slot->state.load(relaxed), state::evicted), release);
  --latches_held;
  table_.free_id(id);
  os::Lock lock(changes_mutex_);
  changes_.freed.push_back(id);
}

bool Pool::mark_dirty(const WritePage& page) {
  space::PageSlot& slot = *page.slot_;
  if (slot.dirty.load(relaxed) != 0) return false;
  slot.dirty.store(dirty_bit, release);
  os::Lock lock(changes_mutex_);
  changes_.dirty.push_back(page.id());
  return true;
}

bool Pool::has_changes() const {
  os::Lock lock(changes_mutex_);
  return !changes_.empty();
}

Changes Pool::take_changes() {
  os::Lock lock(changes_mutex_);
  Changes taken = std::exchange(changes_, Changes{});
  // A page that was freed after it became dirty is only freed.
  std::erase_if(taken.dirty, [this](PageId id) { return table_.find(id)->dirty.load(relaxed) == 0; });
  std::sort(taken.dirty.begin(), taken.dirty.end());
  taken.dirty.erase(std::unique(taken.dirty.begin(), taken.dirty.end()), taken.dirty.end());
  return taken;
}

Result<Bytes> Pool::capture(PageId id) {
  space::PageSlot* slot = table_.find(id);
  QUIRE_ASSERT(slot != nullptr && slot->dirty.load(relaxed) != 0);
  const Bytes bytes = bytes_of(*slot);
  QUIRE_TRY(check_image(id, bytes));
  return bytes;
}

void Pool::clean(PageId id) {
  space::PageSlot* slot = table_.find(id);
  QUIRE_ASSERT(slot->dirty.load(relaxed) != 0);
  slot->dirty.store(0, release);
}

// Out of memory, whatever is in it.
void Pool::drop(PageId id) {
  space::PageSlot* slot = table_.find(id);
  for (int attempt = 0;; ++attempt) {
    const std::uint64_t word = slot->state.load(acquire);
    if (state_of(word) == state::evicted) return;
    if (try_lock_exclusive(*slot)) break;
    pause_for(attempt);
  }
  slot->dirty.store(0, release);
  give_frame(slot->frame.load(relaxed));  // before the latch goes, as in free_page
  slot->state.store(next_version(slot->state.load(relaxed), state::evicted), release);
  --latches_held;
}

void Pool::discard() {
  Changes dropped;
  {
    os::Lock lock(changes_mutex_);
    dropped = std::exchange(changes_, Changes{});
  }
  for (const PageId id : dropped.dirty) drop(id);
}

PoolCounters Pool::counters() const {
  PoolCounters counters;
  for (const HitCounter& hits : hits_) counters.hits += hits.value.load(relaxed);
  counters.misses = misses_.load(relaxed);
  counters.evictions = evictions_.load(relaxed);
  counters.frames = frame_count_;
  os::Lock lock(frames_mutex_);
  counters.frames_used = frame_owner_.size() - free_frames_.size();
  return counters;
}

}  // namespace quire::buffer
