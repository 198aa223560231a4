// Pages for tests: a pool over space/, texts in pages, and a checkpoint without crashes.
//
//   Pages pages(files, {.frames = 16});
//   const PageId id = pages.add("text");     // an action of its own
//   pages.change(id, "other text");
//   pages.publish();                         // or pages.discard()
//   Pages again(files, {}, pages.space.root);
//
// Threads   one changes, publishes and discards; texts may be read from any
#pragma once

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
  Pool pool{space.file, space.table};
  Resources resources{pool, space.table, space.blocks};
  TextKind kind;

  explicit Pages(os::FileSystem& files, PagesOptions options = {}) : space(files, options.page_bytes) { start(options); }
  Pages(os::FileSystem& files, PagesOptions options, const space::Superblock& root) : space(files, root) { start(options); }

  void start(PagesOptions options) {
    pool.register_kind(page::PageType::leaf, kind);
    const Status status = pool.open(options.frames * space.file.page_bytes());
    QUIRE_ASSERT(status.ok());
    resources.running = Epoch{space.root.generation.raw + 1};
  }

  Result<PageId> try_add(std::string_view text) {
    Action action(resources);
    Status status = action.prepare({.dirty = 0, .create = 1});
    if (!status.ok()) return status;
    action.enter();
    const WritePage page = action.create(page::PageType::leaf, TreeId{1});
    TextKind::write(page.bytes(), text);
    return page.id();
  }
  PageId add(std::string_view text) { return try_add(text).value(); }

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

  void publish() {
    pool.gate().close();
    const Changes changes = pool.take_changes();
    pool.gate().open();
    for (const PageId id : changes.freed) {
      const space::Entry old = space.table.find(id)->entry;
      if (!old.free()) space.blocks.supersede(old.block());
      space.table.set_entry(id, space::Entry{});
    }
    for (const PageId id : changes.dirty) write_image(id);
    space.blocks.unreserve(resources.units_promised);
    space.publish();
    forget_epoch();
  }

  void discard() {
    pool.discard();
    space.table.discard();
    space.blocks.unreserve(resources.units_promised);
    space.blocks.discard();
    forget_epoch();
  }

  std::uint64_t block_offset(PageId id) { return space.table.find(id)->entry.block().raw * page::block_bytes; }

 private:
  void write_image(PageId id) {
    const Bytes image = pool.capture(id).value();
    const space::Entry old = space.table.find(id)->entry;
    if (!old.free()) space.blocks.supersede(old.block());
    space::Entry entry = space::Entry::make(space.blocks.allocate(), space.file.page_blocks(), space::EntryKind::page);
    entry.checksum = space.file.checksum(image, id.raw);
    space.table.set_entry(id, entry);
    QUIRE_ASSERT(space.file.write(entry.block(), image).ok());
    pool.clean(id);
  }

  void forget_epoch() {
    resources.units_promised = 0;
    resources.dirty_pages = 0;
    resources.running = Epoch{space.root.generation.raw + 1};
  }
};

}  // namespace quire::buffer
