// Space for tests: table, allocator and bitmap over one file, with the part of a checkpoint that concerns them.
//
//   Space space(files);                      // a new file, one epoch under way
//   const PageId id = space.add_page("text");
//   space.publish();                         // the epoch's state is in the file and in space.root
//   Space again(files, space.root);          // as after reopening
//
// Nothing is synced and no superblock is written: crashes are the matter of checkpoint/.
//
// Threads   one
#pragma once

#include <string>
#include <vector>

#include "base/assert.hpp"
#include "os/test_files.hpp"
#include "space/bitmap.hpp"
#include "space/page_table.hpp"

namespace quire::space {

inline constexpr const char* test_path = "/test.qdb";

inline Superblock first_root(std::uint32_t page_bytes) {
  Superblock root;
  root.page_bytes = page_bytes;
  for (std::size_t i = 0; i < root.uuid.size(); ++i) root.uuid[i] = std::byte(0xA0 + i);
  return root;
}

struct Space {
  PageFile file;
  PageTable table;
  BlockAllocator blocks;
  Bitmap bitmap;
  Superblock root;

  explicit Space(os::FileSystem& files, std::uint32_t page_bytes = page::page_bytes_min)
      : Space(files, first_root(page_bytes), Status()) {
    table.create();
    blocks.open_empty(file.page_blocks());
  }

  // Stops the program when the file cannot be opened; see open for tests of damage.
  Space(os::FileSystem& files, const Superblock& published) : Space(files, published, Status()) {
    const Status status = open();
    QUIRE_ASSERT(status.ok());
  }

  // Neither created nor opened yet.
  Space(os::FileSystem& files, const Superblock& published, Status)
      : file(os::open_or_stop(files, test_path), test_path), table(file), blocks(file.file()), bitmap(file), root(published) {
    file.configure(root.page_bytes, root.uuid);
  }

  Status open() {
    Status status = table.load_root(root.table_root, root.table_depth, root.next_page);
    if (!status.ok()) return status;
    Result<BlockSet> published = bitmap.load(root);
    if (!published.ok()) return published.status();
    blocks.open(std::move(published).value(), {file.page_blocks(), file.file().size().value() / block_bytes});
    return Status();
  }

  Epoch running() const { return Epoch{root.generation.raw + 1 + (writing ? 1 : 0)}; }

  // A page with this text in it, written at once and in the table from the next publish on.
  PageId add_page(std::string_view text) {
    const PageId id = table.allocate_id().value();
    write_page(id, text);
    return id;
  }

  void write_page(PageId id, std::string_view text) {
    QUIRE_ASSERT(table.load(id).ok());
    std::vector<std::byte> image(file.page_bytes());
    page::format_page(image, {page::PageType::leaf, TreeId{1}, id});
    copy_bytes(image.data() + page::header_bytes, text);
    const Entry old = table.find(id)->entry;
    if (!old.free()) blocks.supersede(old.block(), running());
    QUIRE_ASSERT(blocks.reserve(1).ok());
    Entry entry = Entry::make(blocks.allocate(running()), file.page_blocks(), EntryKind::page);
    entry.checksum = file.checksum(image, id.raw);
    QUIRE_ASSERT(file.write(entry.block(), image).ok());
    table.set_entry(id, entry, running());
  }

  void free_page(PageId id) {
    QUIRE_ASSERT(table.load(id).ok());
    const Entry old = table.find(id)->entry;
    bool give_id_back = true;
    if (!old.free()) {
      blocks.supersede(old.block(), running());
      give_id_back = table.set_free(id, running());
    }
    if (give_id_back) table.free_id(id);
  }

  // A checkpoint in two steps; what changes in between belongs to the next epoch.
  void begin_publish() {
    table.begin_write(running());
    writing = true;
  }
  void finish_publish() {
    const Epoch epoch{root.generation.raw + 1};
    QUIRE_ASSERT(blocks.reserve(table.unassigned(), BlockAllocator::Room::standing).ok());
    QUIRE_ASSERT(bitmap.assign(table, blocks, epoch).ok());
    QUIRE_ASSERT(table.write().ok());
    QUIRE_ASSERT(bitmap.write(blocks, epoch).ok());
    root.generation = epoch;
    root.next_page = table.next_page_at_flip();
    root.table_root = table.root();
    root.table_depth = static_cast<std::uint8_t>(table.depth());
    root.bitmap_root = bitmap.root();
    root.bitmap_depth = static_cast<std::uint8_t>(bitmap.depth());
    root.file_blocks = bitmap.file_blocks(blocks, epoch);
    blocks.publish(epoch);
    table.publish();
    writing = false;
  }
  void publish() {
    begin_publish();
    finish_publish();
  }

  bool writing = false;  // between begin_publish and finish_publish
};

}  // namespace quire::space
