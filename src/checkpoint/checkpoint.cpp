// Checkpoint: flip, capture, assign, write, publish.
//
// Pages are written in order of their numbers to the lowest free blocks, so that consecutive pages mostly become one
// write. Whatever fails after the flip makes the pool fail: nothing is published or evicted dirty from then on (CK-8).
#include "checkpoint/checkpoint.hpp"

#include <algorithm>

#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "checkpoint/layout.hpp"
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
  if (published.active_transactions.free()) published_active_.emplace();
  os::Lock lock(published_mutex_);
  published_ = published;
  resources_.pool.start(Epoch{published.generation.raw + 1});
}

space::Superblock Checkpoint::published() const {
  os::Lock lock(published_mutex_);
  return published_;
}

Status Checkpoint::publish(State state) {
  return publish([&] { return state; });
}

Status Checkpoint::publish(const std::function<State()>& at_flip) {
  os::Lock lock(mutex_);
  return publish_locked(at_flip);
}

Status Checkpoint::publish_locked(const std::function<State()>& at_flip) {
  buffer::Pool& pool = resources_.pool;
  QUIRE_TRY(pool.failure());
  space::Superblock next = published();
  State state;
  Result<Epoch> epoch = Epoch{};
  {
    // Room for undo pages that go on as the next epoch's. On a full disk they are written like all others.
    SpareUnits spare(resources_.blocks, pool.keep_back_units());
    epoch = flip(at_flip, state, next, spare.units);
  }
  QUIRE_TRY(epoch.status());
  if (*epoch == Epoch{}) return Status();
  Status status = write_epoch(*epoch, state, next);
  if (!status.ok()) pool.fail(status);
  return status;
}

Result<Epoch> Checkpoint::flip(const std::function<State()>& at_flip, State& state, space::Superblock& next, std::uint64_t& units) {
  buffer::Pool& pool = resources_.pool;
  os::Lock lock(pool.flip_mutex());
  const ClosedGate closed(pool.gate());
  state = at_flip();
  next.flags = state.clean ? space::superblock_flag::clean : std::uint8_t{0};
  // A transaction may end without changing a page: then its name in the published list is what would undo it.
  const bool same_active = published_active_.has_value() && *published_active_ == state.active;
  const bool same_pages = !pool.has_dirty() && !resources_.table.dirty() && !bitmap_.dirty();
  const bool same = same_pages && same_active && next.flags == published().flags;
  const std::size_t active_max = (file_.page_bytes() - active_page_header_bytes) / active_record_bytes;
  Epoch epoch{};
  if (!same && state.active.size() <= active_max) {
    // CK-2: from here on the epoch is published or the handle is poisoned.
    epoch = pool.flip();
    resources_.table.begin_write(epoch);
    // CK-9: nobody will undo from this state.
    if (state.active.empty() || seeded_bug("keep_back_undo_of_active")) units = pool.keep_undo_back(units);
  }
  if (state.active.size() <= active_max) return epoch;
  return Status(Code::limit, std::to_string(state.active.size()) + " transactions are active at a checkpoint of " +
                                 file_.path() + ", " + std::to_string(active_max) + " at most");
}

Status Checkpoint::write_epoch(Epoch epoch, const State& state, space::Superblock next) {
  QUIRE_TRY(os::hook("checkpoint.after_flip"));
  QUIRE_TRY(write_pages(epoch));
  QUIRE_TRY(os::hook("checkpoint.before_roots"));
  QUIRE_TRY(write_active(epoch, state.active, next));
  QUIRE_TRY(write_roots(epoch, state, next));
  QUIRE_TRY(os::hook("checkpoint.before_data_sync"));
  if (!seeded_bug("skip_data_sync")) QUIRE_TRY(file_.sync({"checkpoint", epoch}));
  QUIRE_TRY(os::hook("checkpoint.before_superblock"));
  Status written = file_.publish(next, {"checkpoint", epoch});
  if (written.ok()) written = os::hook("checkpoint.before_superblock_sync");
  if (written.ok() && !seeded_bug("acknowledge_before_sync")) written = file_.sync({"checkpoint", epoch});
  if (!written.ok()) {
    return Status(Code::unknown_outcome,
                  "whether the commit is durable is known only after reopening " + file_.path() + ": " + written.to_string());
  }
  QUIRE_TRY(os::hook("checkpoint.durable"));
  {
    os::Lock lock(published_mutex_);
    published_ = next;
  }
  published_active_ = state.active;
  // CK-7: the old checkpoint's blocks are free now.
  resources_.blocks.publish(epoch);
  resources_.table.publish();
  resources_.pool.end_epoch(epoch);
  return Status();
}

Status Checkpoint::write_pages(Epoch epoch) {
  buffer::Pool& pool = resources_.pool;
  const std::size_t page_bytes = file_.page_bytes();
  const std::vector<PageId> dirty = pool.take_dirty(epoch);
  const std::size_t room = std::min(run_bytes_max, (dirty.size() + 1) * page_bytes);
  if (run_.size() < room) run_.resize(room);
  run_images_.clear();
  for (const PageId id : dirty) {
    QUIRE_TRY(os::hook("checkpoint.before_page"));
    const std::size_t at = run_images_.size() * page_bytes;
    std::optional<buffer::Image> image = pool.capture_at_flip(id, epoch, MutableBytes(run_).subspan(at, page_bytes));
    if (!image) continue;
    const bool next_in_run = run_images_.empty() || image->block.raw == run_images_.back().block.raw + file_.page_blocks();
    if (!next_in_run) {
      QUIRE_TRY(write_run());
      std::memmove(run_.data(), run_.data() + at, page_bytes);
    }
    run_images_.push_back(*image);
    if ((run_images_.size() + 1) * page_bytes > run_.size()) QUIRE_TRY(write_run());
  }
  QUIRE_TRY(write_run());
  return pool.await_images(epoch);
}

Status Checkpoint::write_run() {
  if (!run_images_.empty()) {
    const buffer::Image& first = run_images_.front();
    QUIRE_TRY(file_.write(first.block, Bytes(run_).first(run_images_.size() * file_.page_bytes()), {"checkpoint", first.epoch}));
    // BP-4: a page may leave memory only when its image is in the file.
    for (const buffer::Image& image : run_images_) resources_.pool.written(image);
    run_images_.clear();
  }
  return resources_.pool.write_set_aside();
}

Status Checkpoint::write_active(Epoch epoch, const std::vector<ActiveTransaction>& active, space::Superblock& next) {
  space::BlockAllocator& blocks = resources_.blocks;
  if (!next.active_transactions.free()) blocks.supersede(next.active_transactions.block(), epoch);
  next.active_transactions = space::Entry{};
  if (active.empty() || seeded_bug("forget_active_transactions")) return Status();
  std::vector<std::byte> image(file_.page_bytes());
  active_field::count.set(image.data(), static_cast<std::uint32_t>(active.size()));
  std::byte* record = image.data() + active_page_header_bytes;
  for (const ActiveTransaction& transaction : active) {
    active_field::xid.set(record, transaction.xid.raw);
    active_field::undo_head.set(record, transaction.undo_head);
    active_field::last_operation.set(record, transaction.last_operation);
    active_field::state.set(record, 1);
    record += active_record_bytes;
  }
  QUIRE_TRY(blocks.reserve(1, space::BlockAllocator::Room::standing));
  next.active_transactions = space::Entry::make(blocks.allocate(epoch), file_.page_blocks(), space::EntryKind::page);
  next.active_transactions.checksum = file_.checksum(image, active_page_number);
  return file_.write(next.active_transactions.block(), image, {"checkpoint", epoch}, active_page_number);
}

Result<std::vector<ActiveTransaction>> Checkpoint::active_transactions() const {
  std::vector<ActiveTransaction> active;
  const space::Entry entry = published().active_transactions;
  if (entry.free()) return active;
  std::vector<std::byte> image(file_.page_bytes());
  QUIRE_TRY(file_.read(entry, active_page_number, "the page of active transactions", image, {.word = "open"}));
  const std::uint32_t count = active_field::count.get(image.data());
  if (active_page_header_bytes + std::uint64_t{count} * active_record_bytes > image.size()) {
    return Status(Code::corrupt, "the page of active transactions of " + file_.path() + " lists " + std::to_string(count));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::byte* record = image.data() + active_page_header_bytes + i * active_record_bytes;
    active.push_back({Xid{active_field::xid.get(record)}, active_field::undo_head.get(record),
                      active_field::last_operation.get(record)});
  }
  return active;
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
  next.next_page = table.next_page_at_flip();
  next.table_root = table.root();
  next.table_depth = static_cast<std::uint8_t>(table.depth());
  next.bitmap_root = bitmap_.root();
  next.bitmap_depth = static_cast<std::uint8_t>(bitmap_.depth());
  next.file_blocks = bitmap_.file_blocks(resources_.blocks, epoch);
  return Status();
}

}  // namespace quire::checkpoint
