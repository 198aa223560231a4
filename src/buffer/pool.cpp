// Pool: guards, faults, frames and the clock.
//
// Who moves a state word from evicted to io loads the page; everyone else waits for it. The clock hand and the list of
// free frames share one mutex, which is never held during input or output. Capturing and writing: write_out.cpp.
#include "buffer/pool.hpp"

#include "base/contain.hpp"
#include "base/try.hpp"
#include "buffer/dirty_word.hpp"
#include "buffer/pause.hpp"

namespace quire::buffer {

namespace {

// Rounds of the clock before memory counts as full: every frame latched all the time.
constexpr int eviction_rounds_max = 20000;

// Rounds that wait for input and output before they wait longer each.
constexpr int busy_rounds_before_sleep = 1000;
constexpr std::uint64_t busy_sleep_us = 50;

// Ahead of the frames in use.
constexpr std::uint64_t prefault_share = 8;
constexpr std::uint64_t prefault_bytes_min = std::uint64_t{4} << 20;
constexpr std::uint64_t prefault_bytes_max = std::uint64_t{32} << 20;

// Dirty pages that one thread in need of a frame writes out together.
constexpr std::size_t write_out_pages = 16;

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

void Pool::count_hits(std::uint64_t hits) noexcept {
  // Not a read-modify-write: two threads of one counter may lose a count, and the reading path stays short.
  Atomic<std::uint64_t>& value = hits_[os::this_thread_number() % hit_counters].value;
  value.store(value.load(relaxed) + hits, relaxed);
}

OptimisticPage Pool::optimistic(PageId id) noexcept {
  OptimisticPage page = peek(id);
  if (!page) return page;
  count_hits(1);
  return page;
}

OptimisticPage Pool::peek(PageId id) noexcept {
  space::PageSlot* slot = table_.find(id);
  if (slot == nullptr) return {};
#if defined(QUIRE_TSAN)
  if (!try_lock_shared(*slot)) return {};
  return {slot, frame_bytes(slot->frame.load(relaxed)), slot->state.load(acquire)};
#else
  std::uint64_t word = slot->state.load(acquire);
  if (state_of(word) == state::cooling) {
    const std::uint64_t heated = with_state(word, state::unlocked);
    if (slot->state.compare_exchange_strong(word, heated, acquire, acquire)) word = heated;
  }
  if (!is_readable(word)) return {};
  return {slot, frame_bytes(slot->frame.load(relaxed)), word};
#endif
}

const std::byte* Pool::resident(PageId id) const noexcept {
  const space::PageSlot* slot = table_.find(id);
  if (slot == nullptr || !is_readable(slot->state.load(relaxed))) return nullptr;
  return frame_bytes(slot->frame.load(relaxed));
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
      count_hits(1);
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
      count_hits(1);
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
      // Also when memory runs out: who waits for the page goes on.
      struct Arrival {
        space::PageSlot& slot;
        std::uint64_t then;
        ~Arrival() { slot.state.store(then, release); }
      } arrival{*slot, with_state(word, state::evicted)};
      Status status = load(id, *slot);
      if (status.ok()) arrival.then = with_state(word, state::unlocked);
      return status;
    }
  }
}

Status Pool::load(PageId id, space::PageSlot& slot) {
  // BP-2: to get a frame it may enter the gate, which a flip keeps closed while an action waits for that latch.
  QUIRE_ASSERT(!inside_gate);
#if !defined(QUIRE_TSAN)
  QUIRE_ASSERT(latches_held == 0);
#endif
  misses_.fetch_add(1, relaxed);
  QUIRE_TRY(table_.load(id));
  QUIRE_ASSIGN(const std::uint32_t frame, take_frame());
  struct Unused {
    Pool* pool;
    std::uint32_t frame;
    ~Unused() {
      if (pool != nullptr) pool->give_frame(frame);
    }
  } unused{this, frame};
  const MutableBytes bytes{frame_bytes(frame), page_bytes_};
  Status status = file_.read(slot.entry, id.raw, "page " + std::to_string(id.raw), bytes, {.word = "fault"});
  if (status.ok()) status = check_image(id, bytes);
  QUIRE_TRY(std::move(status));
  unused.pool = nullptr;
  slot.frame.store(frame, relaxed);
  os::Lock lock(frames_mutex_);
  frame_owner_[frame] = id;
  return Status();
}

Status Pool::check_image(PageId id, Bytes image) const {
  const auto where = [&] { return "page " + std::to_string(id.raw) + " of " + file_.path(); };
  const auto type = static_cast<std::size_t>(page::type_of(image.data()));
  if (page::id_of(image.data()) != id) {
    return Status(Code::corrupt, where() + " says that it is page " + std::to_string(page::id_of(image.data()).raw));
  }
  if (type >= kinds_.size() || kinds_[type] == nullptr) {
    return Status(Code::corrupt, where() + " has the unknown type " + std::to_string(type));
  }
  Status status = kinds_[type]->check(image);
  if (!status.ok()) return Status(status.code(), where() + ": " + std::string(status.message()));
  return Status();
}

Result<std::uint32_t> Pool::take_frame() {
  std::vector<PageId> dirty;
  int busy_rounds = 0;
  for (int round = 0; round < eviction_rounds_max; ++round) {
    dirty.clear();
    bool busy = false;
    {
      os::Lock lock(frames_mutex_);
      for (std::uint64_t step = 0; step <= 2 * frame_count_ && dirty.size() < write_out_pages; ++step) {
        if (!free_frames_.empty()) {
          const std::uint32_t frame = free_frames_.back();
          free_frames_.pop_back();
          return frame;
        }
        if (frame_owner_.size() < frame_count_) {
          // Giving a frame back takes no memory.
          if (free_frames_.capacity() <= frame_owner_.size()) free_frames_.reserve(2 * frame_owner_.size() + 64);
          frame_owner_.push_back(no_page);
          return static_cast<std::uint32_t>(frame_owner_.size() - 1);
        }
        PageId met;
        const Step found = turn_clock(met);
        busy = busy || found == Step::busy;
        // Once nothing can be written any more, changed pages stay and clean ones serve the readers.
        if (found == Step::dirty && !failed()) dirty.push_back(met);
      }
    }
    if (!dirty.empty()) {
      (void)write_out(dirty).ok();  // shows in failed()
    } else if (failed() && round > 2) {
      return failure();
    } else if (busy && !failed()) {
      // Frames that others are reading, loading or writing out right now are free again, however slow the disk is.
      --round;
      ++busy_rounds < busy_rounds_before_sleep ? os::yield_thread() : os::sleep_us(busy_sleep_us);
    } else {
      os::yield_thread();
    }
  }
  return Status(Code::no_memory, "all " + std::to_string(frame_count_) + " pages of memory_limit (" +
                                     std::to_string(frame_count_ * page_bytes_) +
                                     " bytes) are in use at once; raise Options::memory_limit");
}

// Moves the clock hand over one frame.
Pool::Step Pool::turn_clock(PageId& met) {
  const std::uint64_t frame = hand_++ % frame_owner_.size();
  const PageId id = frame_owner_[frame];
  if (id == no_page) return Step::busy;  // not free, so a page is on its way into it
  space::PageSlot* slot = table_.find(id);
  std::uint64_t word = slot->state.load(acquire);
  if (state_of(word) == state::unlocked) {
    slot->state.compare_exchange_strong(word, with_state(word, state::cooling), acq_rel, relaxed);
    return Step::nothing;
  }
  if (state_of(word) != state::cooling) return Step::nothing;
  if (slot->dirty.load(acquire) != 0) {
    met = id;
    return (slot->dirty.load(relaxed) & dirty::in_flight) != 0 ? Step::busy : Step::dirty;
  }
  if (!slot->state.compare_exchange_strong(word, with_state(word, state::exclusive), acq_rel, relaxed)) return Step::nothing;
  if (slot->dirty.load(acquire) != 0) {
    slot->state.store(with_state(word, state::unlocked), release);
    return Step::nothing;
  }
  file_.tell_drop(slot->entry, bytes_of(*slot));
  slot->state.store(next_version(word, state::evicted), release);
  frame_owner_[frame] = no_page;
  free_frames_.push_back(static_cast<std::uint32_t>(frame));
  evictions_.fetch_add(1, relaxed);
  return Step::nothing;
}

void Pool::prefault() noexcept {
  std::uint64_t used = 0;
  {
    os::Lock lock(frames_mutex_);
    used = frame_owner_.size() * page_bytes_;
  }
  const std::uint64_t ahead = std::clamp(used / prefault_share, prefault_bytes_min, prefault_bytes_max);
  const std::uint64_t from = std::max(prefaulted_bytes_, used);
  const std::uint64_t to = std::min<std::uint64_t>(used + ahead, frame_count_ * page_bytes_);
  // In steps, not page by page.
  if (to < from + std::min(ahead / 2, frame_count_ * page_bytes_ - from)) return;
  if (to > from) arena_.populate(from, to - from);
  prefaulted_bytes_ = std::max(from, to);
}

void Pool::give_frame(std::uint32_t frame) {
  os::Lock lock(frames_mutex_);
  QUIRE_ASSERT(frame < frame_owner_.size());
  frame_owner_[frame] = no_page;
  free_frames_.push_back(frame);
}

Result<WritePage> Pool::create(PageId& id) {
  QUIRE_ASSIGN(const std::uint32_t frame, take_frame());
  Result<PageId> number = contain_no_memory([&] { return table_.allocate_id(); });
  if (!number.ok()) {
    give_frame(frame);
    return std::move(number).status();
  }
  id = *number;
  space::PageSlot* slot = table_.find(id);
  // A reader that followed a stale pointer may be finding out right now that the page is free.
  for (int attempt = 0;; ++attempt) {
    std::uint64_t word = slot->state.load(relaxed);
    // Or its last owner is just about to let go of it.
    QUIRE_ASSERT(state_of(word) == state::evicted || state_of(word) == state::io || state_of(word) == state::exclusive);
    if (state_of(word) == state::evicted &&
        slot->state.compare_exchange_weak(word, with_state(word, state::exclusive), acq_rel, relaxed)) {
      break;
    }
    pause_for(attempt);
  }
  release_fence();
  QUIRE_ASSERT((slot->dirty.load(relaxed) & dirty::tag_mask) == 0);
  slot->frame.store(frame, relaxed);
  ++latches_held;
  os::Lock lock(frames_mutex_);
  frame_owner_[frame] = id;
  return WritePage(*slot, bytes_of(*slot));
}

void Pool::discard_new(WritePage page, PageId id) {
  space::PageSlot* slot = std::exchange(page.slot_, nullptr);
  give_frame(slot->frame.load(relaxed));
  slot->state.store(next_version(slot->state.load(relaxed), state::evicted), release);
  --latches_held;
  table_.free_id(id);
}

bool Pool::free_page(WritePage page) {
  const PageId id = page.id();
  space::PageSlot* slot = page.slot_;
  const std::uint32_t was = slot->dirty.fetch_and(dirty::in_flight, acq_rel);
  QUIRE_ASSERT((was & dirty::tag_mask) == 0 || (was & dirty::tag_mask) == dirty::tag(running_) || seeded_bug("skip_copy_on_update"));
  const space::Entry old = slot->entry;
  bool give_id_back = true;
  if (!old.free()) {
    const bool in_flight = (was & dirty::in_flight) != 0;
    blocks_.supersede(old.block(), running_, in_flight ? space::BlockAllocator::Image::in_flight : space::BlockAllocator::Image::written);
    give_id_back = table_.set_free(id, running_);
  }
  // While the latch is held: once the slot is evicted a reader may fault the page into another frame, and the
  // clock hand would take it for the owner of both.
  give_frame(slot->frame.load(relaxed));
  page.slot_ = nullptr;
  slot->state.store(next_version(slot->state.load(relaxed), state::evicted), release);
  --latches_held;
  if (give_id_back) table_.free_id(id);
  return (was & dirty::tag_mask) != 0;
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
