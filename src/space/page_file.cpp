// PageFile: image input and output.
//
// Counters and the I/O observer are told of what has happened, each page for itself, so that the lines of a trace add
// up to the statistics.
#include "space/page_file.hpp"

#include "base/assert.hpp"
#include "base/try.hpp"
#include "os/io_trace.hpp"

namespace quire::space {

namespace {

// The part of an event that names a page. The two highest bits of a number tell those that have no PageId.
os::IoEvent event_of(std::string_view operation, Bytes image, std::uint64_t number) {
  constexpr std::string_view kinds[] = {"", "notes", "table", "bitmap"};
  os::IoEvent event{.operation = operation, .kind = kinds[number >> 62], .name = {}, .bytes = image.size()};
  if (number >> 63 != 0) {
    const std::uint64_t index = number & ((std::uint64_t{1} << 56) - 1);
    event.name = "page " + std::to_string(index) + " level " + std::to_string(number >> 56 & 63);
  } else if (number >> 62 != 0) {
    event.name = "page " + std::to_string(number & ((std::uint64_t{1} << 62) - 1));
  } else {
    event.kind = page::page_type_name(page::type_of(image.data()));
    event.name = "page " + std::to_string(page::id_of(image.data()).raw);
    const TreeId tree = page::tree_of(image.data());
    if (tree != TreeId{}) event.name += " tree " + std::to_string(tree.raw);
  }
  return event;
}

os::IoEvent placed(os::IoEvent event, std::uint64_t offset, IoReason why) {
  event.offset = offset;
  event.reason = why.word;
  event.epoch = why.epoch.raw;
  return event;
}

}  // namespace

void PageFile::configure(std::uint32_t page_bytes, const Uuid& uuid) noexcept {
  QUIRE_ASSERT(page::is_page_size(page_bytes));
  page_bytes_ = page_bytes;
  uuid_ = uuid;
}

Status PageFile::read(Entry entry, std::uint64_t number, const std::string& what, MutableBytes into, IoReason why) {
  QUIRE_ASSERT(into.size() == page_bytes_);
  const std::string place = what + " at block " + std::to_string(entry.block().raw) + " of " + path_;
  if (entry.free()) return Status(Code::corrupt, what + " of " + path_ + " is referred to, but marked free");
  if (entry.blocks() != page_blocks() || entry.compression() != 0 || entry.block().raw < superblock_blocks ||
      entry.reserved() != 0) {
    return Status(Code::corrupt, place + ": its page-table entry is impossible");
  }
  QUIRE_ASSIGN(const std::size_t got, file_->read_at(entry.block().raw * block_bytes, into));
  counters_.pages_read.fetch_add(1, relaxed);
  if (got != into.size()) return Status(Code::corrupt, place + " lies beyond the end of the file");
  if (checksum(into, number) != entry.checksum) return Status(Code::corrupt, place + " fails its checksum");
  os::tell_io([&] { return placed(event_of("read", into, number), entry.block().raw * block_bytes, why); });
  return Status();
}

Status PageFile::write(Block first, Bytes images, IoReason why, std::uint64_t number) {
  QUIRE_ASSERT(first.raw >= superblock_blocks);
  QUIRE_ASSERT(!images.empty() && images.size() % page_bytes_ == 0);
  QUIRE_TRY(file_->write_at(first.raw * block_bytes, images));
  counters_.pages_written.fetch_add(images.size() / page_bytes_, relaxed);
  counters_.bytes_written.fetch_add(images.size(), relaxed);
  for (std::size_t at = 0; at < images.size(); at += page_bytes_) {
    os::tell_io([&] { return placed(event_of("write", images.subspan(at, page_bytes_), number), first.raw * block_bytes + at, why); });
  }
  return Status();
}

Status PageFile::sync(IoReason why) {
  counters_.syncs.fetch_add(1, relaxed);
  const std::uint64_t covered = counters_.bytes_written.load(relaxed);
  QUIRE_TRY(file_->sync());
  synced_bytes_.store(covered, relaxed);
  os::tell_io([&] { return placed({.operation = "sync", .kind = "file", .name = {}}, 0, why); });
  return Status();
}

Status PageFile::truncate(std::uint64_t bytes, IoReason why) {
  QUIRE_TRY(file_->truncate(bytes));
  os::tell_io([&] { return placed({.operation = "truncate", .kind = "file", .name = "to " + std::to_string(bytes) + " bytes"}, 0, why); });
  return Status();
}

Status PageFile::publish(const Superblock& superblock, IoReason why) {
  counters_.bytes_written.fetch_add(block_bytes, relaxed);
  return write_superblock(*file_, superblock, why.word);
}

Status PageFile::settle(const Superblock& superblock) {
  counters_.bytes_written.fetch_add(superblock_copies * superblock_bytes, relaxed);
  counters_.syncs.fetch_add(superblock_copies, relaxed);
  return settle_superblock(*file_, superblock);
}

void PageFile::tell_drop(Entry entry, Bytes image) const {
  os::tell_io([&] { return placed(event_of("drop", image, 0), entry.block().raw * block_bytes, {.word = "eviction"}); });
}

}  // namespace quire::space
