// Checkpoint: flip, capture, assign, write, publish.
//
// Pages are written in order of their numbers to the lowest free blocks, so that consecutive pages mostly become one
// write. Whatever fails after the flip makes the pool fail: nothing is published or evicted dirty from then on (CK-8).
#include "checkpoint/checkpoint.hpp"

#include <algorithm>

#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "os/hook.hpp"

namespace quire::checkpoint {

namespace {

// Bytes gathered before a write is issued.
constexpr std::size_t run_bytes_max = std::size_t{1} << 20;

// The gate, closed. It opens however the scope is left, or every writer would stop for good.
class ClosedGate {
 public:
  explicit ClosedGate(buffer::Gate& gate) : gate_(gate) { gate_.close(); }
  ~ClosedGate() { gate_.open(); }
  ClosedGate(const ClosedGate&) = delete;
  ClosedGate& operator=(const ClosedGate&) = delete;

 private:
  buffer::Gate& gate_;
};

// A checkpoint that is left by an exception, because memory has run out, is never published; so nobody may wait for its images.
class Unfinished {
 public:
  explicit Unfinished(buffer::Pool& pool) : pool_(&pool) {}
  ~Unfinished() {
    if (pool_ != nullptr) pool_->fail(Status(Code::no_memory));
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  void done() noexcept { pool_ = nullptr; }

 private:
  buffer::Pool* pool_;
};

// Reserved units; what is left of them at the end goes back. None when there is no room.
struct SpareUnits {
  SpareUnits(space::BlockAllocator& allocator, std::uint64_t wanted) : blocks(allocator) {
    if (wanted > 0 && blocks.reserve(wanted).ok()) units = wanted;
  }
  ~SpareUnits() { blocks.unreserve(units); }
  SpareUnits(const SpareUnits&) = delete;
  SpareUnits& operator=(const SpareUnits&) = delete;

  space::BlockAllocator& blocks;
  std::uint64_t units = 0;
};

}  // namespace

void Checkpoint::start(const space::Superblock& published) {
  os::Lock publishing(mutex_);
  notes_.reset();
  os::Lock lock(published_mutex_);
  published_ = published;
  resources_.pool.start(Epoch{published.generation.raw + 1});
}

space::Superblock Checkpoint::published() const {
  os::Lock lock(published_mutex_);
  return published_;
}

Status Checkpoint::attach(wal::LogWriter& log, const std::function<Status()>& begin) {
  os::Lock lock(mutex_);
  QUIRE_TRY(begin());
  log_ = &log;
  return Status();
}

void Checkpoint::detach() {
  os::Lock lock(mutex_);
  log_ = nullptr;
}

Result<StoredNotes> Checkpoint::notes() {
  os::Lock lock(mutex_);
  return notes_locked();
}

Result<StoredNotes> Checkpoint::notes_locked() {
  if (!notes_) {
    QUIRE_ASSIGN(notes_, load_notes(file_, published().notes, {.word = "open"}));
  }
  return *notes_;
}

Status Checkpoint::publish(State state) {
  return publish([&] { return state; });
}

Status Checkpoint::publish(const std::function<State()>& at_flip, const Pace& pace) {
  os::Lock lock(mutex_);
  pace_ = &pace;
  return publish_locked(at_flip);
}

Status Checkpoint::sync_evicted(std::uint64_t slice_bytes) {
  // Who publishes syncs as well.
  if (!mutex_.try_lock()) return Status();
  Status synced = resources_.pool.failure();
  if (synced.ok() && file_.unsynced_bytes() >= slice_bytes) {
    synced = file_.sync({.word = "eviction"});
    // The system may have dropped what it could not write, and say nothing the next time.
    if (!synced.ok()) resources_.pool.fail(synced);
  }
  mutex_.unlock();
  return synced;
}

Status Checkpoint::end_slice(Epoch epoch) {
  if (file_.unsynced_bytes() < pace_->slice_bytes) return Status();
  QUIRE_TRY(os::hook("checkpoint.end_of_slice"));
  QUIRE_TRY(file_.sync({"checkpoint", epoch}));
  if (pace_->between) pace_->between();
  return Status();
}

Status Checkpoint::publish_locked(const std::function<State()>& at_flip) {
  buffer::Pool& pool = resources_.pool;
  QUIRE_TRY(pool.failure());
  QUIRE_TRY(notes_locked().status());
  space::Superblock next = published();
  Unfinished unfinished(pool);
  State state;
  Result<Epoch> epoch = Epoch{};
  {
    // Room for undo pages that go on as the next epoch's. On a full disk they are written like all others.
    SpareUnits spare(resources_.blocks, pool.keep_back_units());
    epoch = flip(at_flip, state, next, spare.units);
  }
  QUIRE_TRY(epoch.status());
  if (*epoch == Epoch{}) {
    unfinished.done();
    return Status();
  }
  Status status = write_epoch(*epoch, state, next);
  if (!status.ok()) pool.fail(status);
  unfinished.done();
  return status;
}

Result<Epoch> Checkpoint::flip(const std::function<State()>& at_flip, State& state, space::Superblock& next, std::uint64_t& units) {
  buffer::Pool& pool = resources_.pool;
  os::Lock lock(pool.flip_mutex());
  const ClosedGate closed(pool.gate());
  state = at_flip();
  next.flags = static_cast<std::uint8_t>((state.clean ? space::superblock_flag::clean : 0) | (state.logged ? space::superblock_flag::logged : 0));
  next.incarnation = state.incarnation;
  // A transaction may end without changing a page: then its name in the published list is what would undo it.
  const bool same_notes = notes_->notes.active == state.active && notes_->notes.counts == state.counts;
  const bool same_pages = !pool.has_dirty() && !resources_.table.dirty() && !bitmap_.dirty();
  if (same_pages && same_notes && next.flags == published().flags && next.incarnation == published().incarnation) return Epoch{};
  // CK-2: from here on the epoch is published or the handle is poisoned.
  const Epoch epoch = pool.flip();
  resources_.table.begin_write(epoch);
  // CK-9: nobody will undo from this state.
  if (state.active.empty() || seeded_bug("keep_back_undo_of_active")) units = pool.keep_undo_back(units);
  return epoch;
}

Status Checkpoint::write_epoch(Epoch epoch, State& state, space::Superblock next) {
  QUIRE_TRY(os::hook("checkpoint.after_flip"));
  QUIRE_TRY(write_pages(epoch));
  QUIRE_TRY(os::hook("checkpoint.before_roots"));
  Notes notes{std::move(state.active), std::move(state.counts)};
  QUIRE_TRY(write_notes(epoch, notes, next));
  QUIRE_TRY(write_roots(epoch, state, next));
  QUIRE_TRY(os::hook("checkpoint.before_data_sync"));
  if (!seeded_bug("skip_data_sync")) QUIRE_TRY(file_.sync({"checkpoint", epoch}));
  // The log stays whole up to what the state holds, for those who go on from an earlier one (CK-6).
  if (log_ != nullptr) QUIRE_TRY(log_->sync_to(state.log_tail));
  QUIRE_TRY(os::hook("checkpoint.before_superblock"));
  Status written = file_.publish(next, {"checkpoint", epoch});
  if (written.ok()) written = os::hook("checkpoint.before_superblock_sync");
  if (written.ok() && !seeded_bug("acknowledge_before_sync")) written = file_.sync({"checkpoint", epoch});
  if (!written.ok()) return unknown_outcome(written);
  QUIRE_TRY(os::hook("checkpoint.durable"));
  {
    os::Lock lock(published_mutex_);
    published_ = next;
  }
  notes_->notes = std::move(notes);
  Status told = tell_log(next);
  if (!told.ok()) return unknown_outcome(told);
  // CK-7: the old checkpoint's blocks are free now.
  resources_.blocks.publish(epoch);
  resources_.table.publish();
  resources_.pool.end_epoch(epoch);
  // A segment that cannot be removed is a leftover for the next opening; what is published stays published.
  if (log_ != nullptr) (void)log_->release_before(next.checkpoint_lsn).ok();
  return Status();
}

Status Checkpoint::unknown_outcome(const Status& why) {
  doubt_.store(why.code(), release);
  return Status(Code::unknown_outcome, "whether the commit is durable is known only after reopening " + file_.path() + ": " + why.to_string());
}

Status Checkpoint::tell_log(const space::Superblock& now) {
  if (log_ == nullptr) return Status();
  QUIRE_ASSIGN(const wal::Appended told, log_->append_checkpoint({now.generation, now.checkpoint_lsn}));
  QUIRE_TRY(log_->sync_to(told.end));
  return os::hook("checkpoint.told_log");
}

Status Checkpoint::write_pages(Epoch epoch) {
  buffer::Pool& pool = resources_.pool;
  const std::size_t page_bytes = file_.page_bytes();
  const std::vector<PageId> dirty = pool.take_dirty(epoch);
  const std::uint64_t run_bytes = std::clamp<std::uint64_t>(pace_->slice_bytes, 2 * page_bytes, run_bytes_max);
  const std::size_t room = std::min(run_bytes, (dirty.size() + 1) * page_bytes);
  if (run_.size() < room) run_.resize(room);
  run_images_.clear();
  for (const PageId id : dirty) {
    QUIRE_TRY(os::hook("checkpoint.before_page"));
    const std::size_t at = run_images_.size() * page_bytes;
    std::optional<buffer::Image> image = pool.capture_at_flip(id, epoch, MutableBytes(run_).subspan(at, page_bytes));
    if (!image) continue;
    const bool next_in_run = run_images_.empty() || image->block.raw == run_images_.back().block.raw + file_.page_blocks();
    if (!next_in_run) {
      QUIRE_TRY(write_run(epoch));
      std::memmove(run_.data(), run_.data() + at, page_bytes);
    }
    run_images_.push_back(*image);
    if ((run_images_.size() + 1) * page_bytes > room) QUIRE_TRY(write_run(epoch));
  }
  QUIRE_TRY(write_run(epoch));
  return pool.await_images(epoch);
}

Status Checkpoint::write_run(Epoch epoch) {
  if (!run_images_.empty()) {
    const buffer::Image& first = run_images_.front();
    QUIRE_TRY(file_.write(first.block, Bytes(run_).first(run_images_.size() * file_.page_bytes()), {"checkpoint", first.epoch}));
    // BP-4: a page may leave memory only when its image is in the file.
    for (const buffer::Image& image : run_images_) resources_.pool.written(image);
    run_images_.clear();
  }
  QUIRE_TRY(resources_.pool.write_set_aside());
  return end_slice(epoch);
}

Status Checkpoint::write_notes(Epoch epoch, const Notes& notes, space::Superblock& next) {
  if (notes == notes_->notes) return Status();
  space::BlockAllocator& blocks = resources_.blocks;
  for (const space::Entry& old : notes_->pages) blocks.supersede(old.block(), epoch);
  Notes kept = notes;
  if (seeded_bug("forget_active_transactions")) kept.active.clear();
  QUIRE_TRY(blocks.reserve(notes_pages(kept, file_.page_bytes()), space::BlockAllocator::Room::standing));
  QUIRE_ASSIGN(notes_->pages, checkpoint::write_notes(file_, kept, [&] { return blocks.allocate(epoch); }, {"checkpoint", epoch}));
  next.notes = notes_->pages.empty() ? space::Entry{} : notes_->pages.front();
  return Status();
}

Status Checkpoint::write_roots(Epoch epoch, const State& state, space::Superblock& next) {
  space::PageTable& table = resources_.table;
  // Table pages use up what their changes were promised; pages of the table that nobody paid for, as those of numbers
  // given back unused, draw on the standing reserve.
  const std::uint64_t pages = table.unassigned();
  const std::uint64_t paid = std::min(pages, resources_.pool.promised(epoch));
  resources_.pool.take_promise(paid, epoch);
  QUIRE_TRY(resources_.blocks.reserve(pages - paid, space::BlockAllocator::Room::standing));
  QUIRE_TRY(bitmap_.assign(table, resources_.blocks, epoch));
  QUIRE_TRY(table.write());
  QUIRE_TRY(bitmap_.write(resources_.blocks, epoch));
  next.generation = epoch;
  next.next_tree = state.next_tree;
  next.clock = state.clock;
  next.next_xid = state.next_xid;
  next.checkpoint_lsn = std::max(next.checkpoint_lsn, state.log_tail);
  next.next_page = table.next_page_at_flip();
  next.table_root = table.root();
  next.table_depth = static_cast<std::uint8_t>(table.depth());
  next.bitmap_root = bitmap_.root();
  next.bitmap_depth = static_cast<std::uint8_t>(bitmap_.depth());
  next.file_blocks = bitmap_.file_blocks(resources_.blocks, epoch);
  return Status();
}

}  // namespace quire::checkpoint
