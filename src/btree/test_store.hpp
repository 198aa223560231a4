// TestStore: everything below a tree, over a file in memory, for the tests of this folder.
//
//   TestStore store({.page_bytes = 4096});
//   Tree tree = store.make_tree();
//   store.publish();                          // a checkpoint: pages are clean from here on
//
// Threads   as its parts: one writer, any readers
#pragma once

#include <map>
#include <string>

#include "btree/cursor.hpp"
#include "btree/tree.hpp"
#include "btree/verify.hpp"
#include "checkpoint/checkpoint.hpp"
#include "os/mem/mem_file_system.hpp"
#include "overflow/overflow.hpp"

namespace quire::btree {

struct TestStoreOptions {
  std::uint32_t page_bytes = 4096;
  std::uint64_t memory_bytes = std::uint64_t{64} << 20;
};

class TestStore {
 public:
  explicit TestStore(TestStoreOptions options = {})
      : file_(files_.open("/test.qdb", {.write = true, .create = true}).value(), "/test.qdb"),
        table_(file_),
        blocks_(file_.file()),
        bitmap_(file_),
        pool_(file_, table_, blocks_),
        resources_{pool_, table_, blocks_},
        checkpoint_(file_, resources_, bitmap_) {
    space::Superblock superblock;
    superblock.page_bytes = options.page_bytes;
    superblock.generation = Epoch{1};
    superblock.next_tree = TreeId{1};
    superblock.file_blocks = space::superblock_blocks;
    file_.configure(superblock.page_bytes, superblock.uuid);
    pool_.register_kind(page::PageType::inner, node_kind());
    pool_.register_kind(page::PageType::leaf, node_kind());
    pool_.register_kind(page::PageType::overflow_index, overflow::index_kind());
    pool_.register_kind(page::PageType::overflow_data, overflow::data_kind());
    pool_.register_kind(page::PageType::undo, txn::undo_kind());
    QUIRE_ASSERT(pool_.open(options.memory_bytes).ok());
    checkpoint_.start(superblock);
    table_.create();
    blocks_.open_empty(file_.page_blocks());
  }

  Tree make_tree() { return Tree::create(resources_, TreeId{++trees_}).value(); }
  Status publish() {
    return checkpoint_.publish(checkpoint::Checkpoint::State{.next_tree = TreeId{trees_ + 1}, .active = {}, .counts = {}});
  }

  buffer::Pool& pool() noexcept { return pool_; }
  buffer::Resources& resources() noexcept { return resources_; }
  os::MemFileSystem& files() noexcept { return files_; }

  // Pages in use in the published state.
  std::uint64_t published_pages() {
    std::uint64_t pages = 0;
    const Status counted = table_.for_each([&](PageId, const space::Entry& entry) {
      if (!entry.free()) ++pages;
      return Status();
    });
    return counted.ok() ? pages : UINT64_MAX;
  }

 private:
  os::MemFileSystem files_;
  space::PageFile file_;
  space::PageTable table_;
  space::BlockAllocator blocks_;
  space::Bitmap bitmap_;
  buffer::Pool pool_;
  buffer::Resources resources_;
  checkpoint::Checkpoint checkpoint_;
  std::uint32_t trees_ = 0;
};

// Small nodes for a scope, so that few keys make a tree of some height.
class SlotsScope {
 public:
  explicit SlotsScope(std::uint32_t slots_max) { Tree::max_slots_for_tests = slots_max; }
  ~SlotsScope() { Tree::max_slots_for_tests = 0; }
  SlotsScope(const SlotsScope&) = delete;
  SlotsScope& operator=(const SlotsScope&) = delete;
};

using Model = std::map<std::string, std::string>;

// What differs between the tree and the model, seen by survey, cursor both ways and get; empty when nothing does.
inline std::string difference(const Tree& tree, const Model& model) {
  const Result<Survey> found = survey(tree);
  if (!found.ok()) return "survey: " + found.status().to_string();
  if (found->rows != model.size()) {
    return std::to_string(found->rows) + " rows, " + std::to_string(model.size()) + " expected";
  }
  TreeCursor cursor(tree);
  std::string value;
  Status at = cursor.first();
  for (const auto& [key, expected] : model) {
    if (!at.ok()) return "forward: " + at.to_string() + " before " + key;
    if (cursor.key() != key) return "forward: " + std::string(cursor.key()) + " instead of " + key;
    if (!cursor.read_value(value).ok() || value != expected) return "forward: another value at " + key;
    if (!tree.get(key, value).ok() || value != expected) return "get: another value at " + key;
    at = cursor.next();
  }
  if (at != Code::not_found) return "forward: no end behind the last key";
  at = cursor.last();
  for (auto entry = model.rbegin(); entry != model.rend(); ++entry) {
    if (!at.ok() || cursor.key() != entry->first) return "backward: not at " + entry->first;
    at = cursor.prev();
  }
  return at == Code::not_found ? "" : "backward: no end before the first key";
}

}  // namespace quire::btree
