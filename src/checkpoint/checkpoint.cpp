// Checkpoint: capture, assign, write, publish.
//
// Pages are written in order of their numbers to the lowest free blocks, so that consecutive pages mostly become one
// write. `poisoned_` is set at the flip and cleared by success, so every early return leaves it set (CK-8).
#include "checkpoint/checkpoint.hpp"

#include <algorithm>

#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "os/hook.hpp"

namespace quire::checkpoint {

namespace {

// Bytes gathered before a write is issued.
constexpr std::size_t run_bytes_max = std::size_t{1} << 20;

}  // namespace

void Checkpoint::start(const space::Superblock& published) {
  published_ = published;
  resources_.running = Epoch{published.generation.raw + 1};
}

Status Checkpoint::publish(State state) {
  QUIRE_ASSERT(!poisoned_);
  buffer::Pool& pool = resources_.pool;
  if (!pool.has_changes()) return Status();
  // CK-2: from here on the epoch is published or the handle is poisoned.
  pool.gate().close();
  const buffer::Changes changes = pool.take_changes();
  pool.gate().open();
  poisoned_ = true;
  space::Superblock next = published_;
  QUIRE_TRY(write_pages(changes));
  QUIRE_TRY(write_roots(state, next));
  QUIRE_TRY(os::hook("checkpoint.before_data_sync"));
  if (!seeded_bug("skip_data_sync")) QUIRE_TRY(file_.sync());
  QUIRE_TRY(os::hook("checkpoint.before_superblock"));
  Status written = file_.publish(next);
  if (written.ok()) written = os::hook("checkpoint.before_superblock_sync");
  if (written.ok() && !seeded_bug("acknowledge_before_sync")) written = file_.sync();
  if (!written.ok()) {
    return Status(Code::unknown_outcome,
                  "whether the commit is durable is known only after reopening " + file_.path() + ": " + written.to_string());
  }
  published_ = next;
  poisoned_ = false;
  settle();
  return Status();
}

Status Checkpoint::write_pages(const buffer::Changes& changes) {
  space::PageTable& table = resources_.table;
  space::BlockAllocator& blocks = resources_.blocks;
  for (const PageId id : changes.freed) {
    const space::Entry old = table.find(id)->entry;
    if (!old.free()) blocks.supersede(old.block());
    table.set_entry(id, space::Entry{});
  }
  for (const PageId id : changes.dirty) {
    QUIRE_ASSIGN(const Bytes image, resources_.pool.capture(id));
    const space::Entry old = table.find(id)->entry;
    if (!old.free()) blocks.supersede(old.block());
    space::Entry entry = space::Entry::make(blocks.allocate(), file_.page_blocks(), space::EntryKind::page);
    entry.checksum = file_.checksum(image, id.raw);
    table.set_entry(id, entry);
    const std::uint64_t run_end = run_first_.raw + run_.size() / space::block_bytes;
    if (run_.size() >= run_bytes_max || (!run_.empty() && entry.block().raw != run_end)) QUIRE_TRY(write_run());
    if (run_.empty()) run_first_ = entry.block();
    run_.insert(run_.end(), image.begin(), image.end());
    run_pages_.push_back(id);
  }
  return write_run();
}

Status Checkpoint::write_run() {
  if (run_.empty()) return Status();
  QUIRE_TRY(file_.write(run_first_, run_));
  // BP-4: a page may leave memory only when its image is in the file.
  for (const PageId id : run_pages_) resources_.pool.clean(id);
  run_.clear();
  run_pages_.clear();
  return Status();
}

Status Checkpoint::write_roots(State state, space::Superblock& next) {
  bitmap_.assign(resources_.table, resources_.blocks);
  QUIRE_TRY(resources_.table.write());
  QUIRE_TRY(bitmap_.write(resources_.blocks));
  next.generation = resources_.running;
  next.next_tree = state.next_tree;
  next.clock = state.clock;
  next.next_page = resources_.table.next_page();
  next.table_root = resources_.table.root();
  next.table_depth = static_cast<std::uint8_t>(resources_.table.depth());
  next.bitmap_root = bitmap_.root();
  next.bitmap_depth = static_cast<std::uint8_t>(bitmap_.depth());
  // The number of bitmap pages follows from file_blocks, and it does not shrink.
  const std::uint64_t last_page_begin = (bitmap_.entries().leaves() - 1) * bitmap_.blocks_per_page();
  const std::uint64_t end = std::max(resources_.blocks.next_published_end(), last_page_begin + 1);
  next.file_blocks = (end + file_.page_blocks() - 1) / file_.page_blocks() * file_.page_blocks();
  return Status();
}

// CK-7: the old checkpoint's blocks are free now, and a new epoch begins.
void Checkpoint::settle() {
  resources_.blocks.unreserve(resources_.units_promised);
  resources_.units_promised = 0;
  resources_.dirty_pages = 0;
  resources_.blocks.publish();
  resources_.table.publish();
  resources_.running = Epoch{published_.generation.raw + 1};
}

void Checkpoint::discard() {
  QUIRE_ASSERT(!poisoned_);
  resources_.pool.discard();
  resources_.table.discard();
  resources_.blocks.unreserve(resources_.units_promised);
  resources_.blocks.discard();
  resources_.units_promised = 0;
  resources_.dirty_pages = 0;
}

}  // namespace quire::checkpoint
