// UndoStore: an undo log over pages in memory, for the tests of this folder.
//
//   UndoStore store({.frames = 16});
//   const std::uint64_t handle = store.append(Xid{7}, {.type = UndoType::update, ...});
//
// Threads   one writer; try_read_undo from any
#pragma once

#include <string>

#include "buffer/action.hpp"
#include "os/mem/mem_file_system.hpp"
#include "txn/undo_log.hpp"

namespace quire::txn {

struct UndoStoreOptions {
  std::uint32_t page_bytes = 4096;
  std::uint64_t frames = 64;
};

class UndoStore {
 public:
  explicit UndoStore(UndoStoreOptions options = {})
      : file_(files_.open("/undo.qdb", {.write = true, .create = true}).value(), "/undo.qdb"),
        table_(file_),
        blocks_(file_.file()),
        pool_(file_, table_, blocks_),
        resources_{pool_, table_, blocks_},
        log(resources_) {
    file_.configure(options.page_bytes, {});
    pool_.register_kind(page::PageType::undo, undo_kind());
    const Status opened = pool_.open(options.frames * options.page_bytes);
    QUIRE_ASSERT(opened.ok());
    pool_.start(Epoch{2});
    table_.create();
    blocks_.open_empty(file_.page_blocks());
  }

  // One record in an action of its own, as a change of a row would write it.
  template <class Record>
  void in_action(std::uint32_t bytes, const Record& record) {
    for (;;) {
      buffer::Action action(resources_);
      buffer::Action::Needs needs{.dirty = 0};
      QUIRE_ASSERT(log.prepare(bytes, needs).ok());
      QUIRE_ASSERT(action.prepare(needs).ok());
      action.enter();
      const buffer::WritePage page = log.open(action);
      if (!page) continue;
      record(action, page);
      return;
    }
  }
  std::uint64_t append(Xid xid, const UndoRecord& record) {
    std::uint64_t handle = no_undo;
    in_action(undo_record_bytes(record.key.size(), record.value.size()),
              [&](buffer::Action& action, const buffer::WritePage& page) { handle = log.append(action, page, xid, record); });
    return handle;
  }

  // Page numbers in use.
  std::uint64_t pages() {
    std::uint64_t used = 0;
    for (std::uint64_t id = 1; id < table_.next_page().raw; ++id) used += pool_.read(PageId{id}).ok() ? 1 : 0;
    return used;
  }
  buffer::Pool& pool() noexcept { return pool_; }
  buffer::Resources& resources() noexcept { return resources_; }

 private:
  os::MemFileSystem files_;
  space::PageFile file_;
  space::PageTable table_;
  space::BlockAllocator blocks_;
  buffer::Pool pool_;
  buffer::Resources resources_;

 public:
  UndoLog log;
};

}  // namespace quire::txn
