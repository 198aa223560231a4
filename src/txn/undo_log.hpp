// UndoLog: before images, in pages of their own.
//
// Who writes has a log to himself from his first change to his end; others may have used it before, and what they left in it
// waits for purge.
//
// The log is a queue of records: transactions append at its end, a rollback takes back what it has undone, and
// purge gives up what no snapshot can need any more at its front. Its pages are ordinary pages: they are evicted,
// and written by checkpoints, like any other. Records are logical - by tree and key - so that they stay right when
// rows move.
//
//   Action::Needs needs{.dirty = 1};
//   QUIRE_TRY(log.prepare(bytes, needs));  action.prepare(needs); action.enter(); ... latch and check the leaf
//   WritePage undo = log.open(action);                     // empty: leave and prepare again
//   handle = log.append(action, undo, record);             // cannot fail
//
// Rule BP-1: the undo page is latched last.
//
// Invariants   1. handles of records at or behind begin() and before end() can be read
//              2. a page of the log holds records of one stream in order of time; the first page holds begin()
//              3. released() <= end(); what lies between belongs to transactions that purge has not done with
// Threads      appending, truncating, reuse, clear: who has the log to himself; release: purge, beside that; read: any, of records that
//              stay; try_read: any, with validation
// Errors       prepare: full, no_memory, io, corrupt; read: corrupt
#pragma once

#include <deque>
#include <string>

#include "buffer/action.hpp"
#include "txn/undo_layout.hpp"

namespace quire::txn {

// A record to be written.
struct UndoRecord {
  UndoType type = UndoType::insert;
  std::uint8_t flags = 0;
  TreeId tree;
  std::uint64_t previous = no_undo;  // of this transaction
  std::uint64_t row_xid_word = 0;
  std::uint64_t row_handle = no_undo;
  std::uint32_t operation = 0;
  std::string_view key;
  std::string_view value;
};

// The same with bytes of its own.
struct UndoCopy {
  UndoRecord record;  // its views lead into `bytes`
  std::string bytes;
};

// A place in the log: running number of the page and offset in it.
struct UndoPosition {
  std::uint64_t page = 0;
  std::uint32_t offset = undo_page_header_bytes;
  friend auto operator<=>(const UndoPosition&, const UndoPosition&) = default;
};

class UndoLog {
 public:
  explicit UndoLog(buffer::Resources& resources) : resources_(resources) {}

  // AC-1: makes sure of room for a record and adds what that needs.
  Status prepare(std::uint32_t record_bytes, buffer::Action::Needs& needs);
  buffer::WritePage open(buffer::Action& action);
  std::uint64_t append(buffer::Action& action, const buffer::WritePage& page, Xid xid, const UndoRecord& record);

  UndoPosition end() const noexcept { return {end_page_, offset_}; }
  // Gives up everything from `position` on: it was undone.
  Status truncate(UndoPosition position) QUIRE_EXCLUDES(mutex_);
  // Gives up everything before `position`; the page that holds it stays.
  Status release(UndoPosition position) QUIRE_EXCLUDES(mutex_);
  // When nothing is left but that page, it is filled again from its beginning.
  void reuse() noexcept QUIRE_EXCLUDES(mutex_);
  // The same, but a page that lies in the file goes, since every checkpoint would write it again (CK-9).
  Status rewind() QUIRE_EXCLUDES(mutex_);
  // Gives up everything.
  Status clear() QUIRE_EXCLUDES(mutex_);
  bool empty() const noexcept QUIRE_EXCLUDES(mutex_) { return page_count() == 0; }
  std::uint64_t page_count() const noexcept QUIRE_EXCLUDES(mutex_);

  Status read(std::uint64_t handle, UndoCopy& into) const;

 private:
  bool nothing_left() const noexcept QUIRE_REQUIRES(mutex_) { return pages_.size() == 1 && released_ == end(); }

  buffer::Resources& resources_;
  mutable os::Mutex mutex_;                               // a leaf; of the front, which purge moves, and the back
  std::deque<PageId> pages_ QUIRE_GUARDED_BY(mutex_);     // the last one is appended to
  std::uint64_t first_page_ QUIRE_GUARDED_BY(mutex_) = 1;  // running number of pages_[0]
  UndoPosition released_ QUIRE_GUARDED_BY(mutex_);
  PageId last_ = no_page;                          // of pages_
  std::uint64_t end_page_ = 1;                     // running number one beyond the last page
  std::uint32_t offset_ = undo_page_header_bytes;  // in the last page
  std::uint64_t version_ = 0;                      // of the last page, as prepare saw it
  bool new_page_ = false;                          // prepare asked for one
};

// Copies a record while others may change the page. The caller must then validate how it came by the handle.
enum class UndoRead : std::uint8_t {
  done,
  absent,  // the page is not in memory or was being changed: await it and try again
  wrong,   // there is no record; damage if the handle is valid
};
UndoRead try_read_undo(buffer::Pool& pool, std::uint64_t handle, UndoCopy& into);

// Checks of undo pages, for Pool::register_kind.
const buffer::PageKind& undo_kind();

}  // namespace quire::txn
