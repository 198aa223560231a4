// A store for tests of checkpoints: the pages of buffer/ and a real checkpoint over them, and the slow look at a file
// that says which pages a reboot finds.
//
// Threads   one
#pragma once

#include <map>
#include <string>

#include "base/random.hpp"
#include "buffer/test_pages.hpp"
#include "checkpoint/checkpoint.hpp"

namespace quire::checkpoint {

using Texts = std::map<std::uint64_t, std::string>;  // by page number

// Texts of undo pages begin so.
inline constexpr char undo_mark = '<';
inline bool is_undo(const std::string& text) { return !text.empty() && text[0] == undo_mark; }

struct Store {
  buffer::Pages pages;
  Checkpoint checkpoint{pages.space.file, pages.resources, pages.space.bitmap};

  explicit Store(os::FileSystem& files, buffer::PagesOptions options = {}) : pages(files, options) {
    checkpoint.start(pages.space.root);
  }
  Store(os::FileSystem& files, buffer::PagesOptions options, const space::Superblock& root) : pages(files, options, root) {
    checkpoint.start(root);
  }

  // The state names a tree per generation, so that a state published with another's numbers shows.
  Checkpoint::State state() const {
    return {.next_tree = TreeId{static_cast<std::uint32_t>(checkpoint.published().generation.raw) + 1},
            .clean = active.empty(),
            .active = active,
            .counts = counts};
  }
  Status publish(const Checkpoint::Pace& pace = {}) {
    return checkpoint.publish([&] { return state(); }, pace);
  }

  std::vector<ActiveTransaction> active;
  std::vector<RowCount> counts;

  // One random change, made to `texts` as well.
  void change(Random& random, Texts& texts) {
    const std::uint64_t choice = texts.size() < 3 ? 0 : random.below(10);
    const std::string text(random.below(300), static_cast<char>('a' + random.below(26)));
    if (choice < 4) {
      texts[pages.add(text).raw] = text;
      return;
    }
    const auto some = std::next(texts.begin(), static_cast<std::ptrdiff_t>(random.below(texts.size())));
    if (choice < 8) {
      QUIRE_ASSERT(pages.change(PageId{some->first}, text).ok());
      some->second = text;
    } else {
      QUIRE_ASSERT(buffer::free_page(pages.resources, PageId{some->first}).ok());
      texts.erase(some);
    }
  }
};

// What is in the file of a published state, read without a pool: every page, and the account of blocks (PB is what table
// and bitmap refer to). Empty `failure` when all is right.
struct Found {
  std::string failure;
  space::Superblock root;
  Texts texts;
  std::vector<ActiveTransaction> active;
};

inline void look_at_pages(space::Space& space, Found& found) {
  std::vector<std::byte> image(space.file.page_bytes());
  std::uint64_t used = space::superblock_blocks;
  const Status status = space.table.for_each([&](PageId id, const space::Entry& entry) -> Status {
    if (entry.free()) return Status();
    Status read = space.file.read(entry, id.raw, "page " + std::to_string(id.raw), image);
    if (!read.ok()) return read;
    if (page::id_of(image.data()) != id) return Status(Code::corrupt, "another page");
    const std::string text = buffer::TextKind::read(image.data());
    if (is_undo(text) != (entry.kind() == space::EntryKind::undo)) return Status(Code::corrupt, "a page of the wrong kind");
    found.texts[id.raw] = text;
    used += entry.blocks();
    if (!space.blocks.published().contains(entry.block(), entry.blocks())) return Status(Code::corrupt, "a used block marked free");
    return Status();
  });
  if (!status.ok()) found.failure = status.to_string();
  const Result<StoredNotes> notes = load_notes(space.file, found.root.notes, {});
  if (notes.ok()) {
    found.active = notes->notes.active;
    for (const space::Entry& page : notes->pages) used += page.blocks();
  } else if (found.failure.empty()) {
    found.failure = notes.status().to_string();
  }
  for (const space::EntryTree* tree : {&space.table.entries(), &space.bitmap.entries()}) {
    for (std::uint32_t level = 0; level < tree->depth(); ++level) used += tree->level(level).size() * space.file.page_blocks();
  }
  if (found.failure.empty() && space.blocks.published().count() != used) {
    found.failure = std::to_string(used) + " blocks referred to, " + std::to_string(space.blocks.published().count()) + " marked used";
  }
}

inline Found look_at(os::FileSystem& files) {
  Found found;
  const Result<std::unique_ptr<os::File>> file = files.open(space::test_path, os::to_read);
  if (!file.ok()) return {.failure = file.status().to_string(), .root = {}, .texts = {}, .active = {}};
  const Result<space::Superblock> root = space::read_superblock(**file, space::test_path);
  if (!root.ok()) return {.failure = root.status().to_string(), .root = {}, .texts = {}, .active = {}};
  found.root = *root;
  space::Space space(files, *root, Status());
  const Status opened = space.open();
  if (opened.ok()) {
    look_at_pages(space, found);
  } else {
    found.failure = opened.to_string();
  }
  return found;
}

}  // namespace quire::checkpoint
