// PageFile: image input and output.
#include "space/page_file.hpp"

#include "base/assert.hpp"
#include "base/try.hpp"

namespace quire::space {

void PageFile::configure(std::uint32_t page_bytes, const Uuid& uuid) noexcept {
  QUIRE_ASSERT(page::is_page_size(page_bytes));
  page_bytes_ = page_bytes;
  uuid_ = uuid;
}

Status PageFile::read(Entry entry, std::uint64_t number, const std::string& what, MutableBytes into) {
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
  return Status();
}

Status PageFile::write(Block first, Bytes images) {
  QUIRE_ASSERT(first.raw >= superblock_blocks);
  QUIRE_ASSERT(!images.empty() && images.size() % page_bytes_ == 0);
  QUIRE_TRY(file_->write_at(first.raw * block_bytes, images));
  counters_.pages_written.fetch_add(images.size() / page_bytes_, relaxed);
  counters_.bytes_written.fetch_add(images.size(), relaxed);
  return Status();
}

Status PageFile::sync() {
  counters_.syncs.fetch_add(1, relaxed);
  return file_->sync();
}

Status PageFile::publish(const Superblock& superblock) {
  counters_.bytes_written.fetch_add(block_bytes, relaxed);
  return write_superblock(*file_, superblock);
}

}  // namespace quire::space
