// Pages for tests: a pool over space/, texts in pages, and a small checkpoint without superblock and sync.
//
//   Pages pages(files, {.frames = 16});
//   const PageId id = pages.add("text");     // an action of its own
//   pages.change(id, "other text");
//   pages.publish();
//   Pages again(files, {}, pages.space.root);
//
// What happens between begin_publish, write_pages and finish_publish belongs to the next epoch (CK-3).
//
// Threads   one changes, one publishes; texts may be read from any
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "buffer/action.hpp"
#include "space/test_space.hpp"

namespace quire::buffer {

// A leaf that holds a text: u32 length, then its bytes.
class TextKind final : public PageKind {
 public:
  static constexpr std::size_t begin = page::header_bytes + sizeof(std::uint32_t);
  static std::uint32_t length(const std::byte* page) { return load_le<std::uint32_t>(page + page::header_bytes); }
  static void write(MutableBytes page, std::string_view text) {
    QUIRE_ASSERT(text.size() <= page.size() - begin);
    store_le(page.data() + page::header_bytes, static_cast<std::uint32_t>(text.size()));
    copy_bytes(page.data() + begin, text);
  }
  static std::string read(const std::byte* page) { return std::string(as_text(page + begin, length(page))); }
  Status check(Bytes page) const override {
    if (length(page.data()) > page.size() - begin) return Status(Code::corrupt, "a text longer than its page");
    return Status();
  }
};

struct PagesOptions {
  std::uint32_t page_bytes = page::page_bytes_min;
  std::uint64_t frames = 64;
};

struct Pages {
  space::Space space;
  Pool pool{space.file, space.table, space.blocks};
  Resources resources{pool, space.table, space.blocks};
  TextKind kind;

  explicit Pages(os::FileSystem& files, PagesOptions options = {}) : space(files, options.page_bytes) { start(options); }
  Pages(os::FileSystem& files, PagesOptions options, const space::Superblock& root) : space(files, root) { start(options); }

  void start(PagesOptions options) {
    for (const page::PageType type : {page::PageType::leaf, page::PageType::undo}) pool.register_kind(type, kind);
    const Status status = pool.open(options.frames * space.file.page_bytes());
    QUIRE_ASSERT(status.ok());
    pool.start(Epoch{space.root.generation.raw + 1});
  }

  Result<PageId> try_add(std::string_view text, page::PageType type = page::PageType::leaf) {
    Action action(resources);
    Status status = action.prepare({.dirty = 0, .create = 1});
    if (!status.ok()) return status;
    action.enter();
    const WritePage page = action.create(type, TreeId{1});
    TextKind::write(page.bytes(), text);
    return page.id();
  }
  PageId add(std::string_view text) { return try_add(text).value(); }
  PageId add_undo(std::string_view text) { return try_add(text, page::PageType::undo).value(); }

  Status change(PageId id, std::string_view text) {
    for (;;) {
      Status status = pool.fault(id);
      if (!status.ok()) return status;
      std::uint64_t version = 0;
      {
        const OptimisticPage seen = pool.optimistic(id);
        if (!seen) continue;
        version = seen.version();
      }
      Action action(resources);
      status = action.prepare({.dirty = 1});
      if (!status.ok()) return status;
      action.enter();
      const WritePage page = action.write(id, version);
      if (!page) continue;
      action.mark_dirty(page);
      TextKind::write(page.bytes(), text);
      return Status();
    }
  }

  // The text, or the failure in words.
  std::string text(PageId id) {
    const Result<ReadPage> page = pool.read(id);
    return page.ok() ? TextKind::read(page->data()) : page.status().to_string();
  }

  // CK-2.
  enum class Undo { store, keep_back };
  void begin_publish(Undo undo = Undo::store) {
    std::uint64_t units = undo == Undo::keep_back ? pool.keep_back_units() : 0;
    if (!space.blocks.reserve(units).ok()) units = 0;
    pool.gate().close();
    (void)pool.flip();
    space.begin_publish();
    if (undo == Undo::keep_back) units = pool.keep_undo_back(units);
    pool.gate().open();
    space.blocks.unreserve(units);
  }
  Epoch writing() const { return Epoch{space.root.generation.raw + 1}; }
  // One page at a time, so that a test may do something between any two. Captured, not written yet.
  std::optional<Image> capture(PageId id, MutableBytes into) { return pool.capture_at_flip(id, writing(), into); }
  Status write_pages() {
    std::vector<std::byte> bytes(space.file.page_bytes());
    for (const PageId id : pool.take_dirty(writing())) {
      const std::optional<Image> image = capture(id, bytes);
      if (!image) continue;
      Status status = space.file.write(image->block, bytes);
      if (!status.ok()) return status;
      pool.written(*image);
    }
    return pool.await_images(writing());
  }
  void finish_publish() {
    const Epoch epoch = writing();
    const std::uint64_t pages = space.table.unassigned();
    paid_pages = std::min(pages, pool.promised(epoch));
    pool.take_promise(paid_pages, epoch);
    space.blocks.unreserve(paid_pages);
    space.finish_publish();
    pool.end_epoch(epoch);
  }
  void publish() {
    begin_publish();
    const Status status = write_pages();
    QUIRE_ASSERT(status.ok());
    finish_publish();
  }

  // Room that nobody will use: has to be zero after every publish.
  std::uint64_t leaked_units() const { return space.blocks.reserved_units() - resources.spare_units(); }

  std::uint64_t block_offset(PageId id) { return space.table.find(id)->entry.block().raw * page::block_bytes; }

  std::uint64_t paid_pages = 0;  // table pages of the last publish that were paid for when pages turned dirty
};

}  // namespace quire::buffer
