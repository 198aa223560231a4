// Writer: a large value that comes in pieces.
//
//   Writer writer(resources, tree);
//   while (...) QUIRE_TRY(writer.append(piece));
//   QUIRE_ASSIGN(const Stub stub, writer.finish());   // then into the leaf
//
// Each action writes a few data pages and enters them into the index page, the first index page being made with the first
// data pages. So between any two actions all that is written can be reached from first(): an unfinished value can
// be freed like a finished one, by the writer or by whoever was told of first(). A writer that fails or is dropped
// before finish() frees its pages; the room that this takes is promised before the first one is written, so that it works
// on a full disk. It must end before the epoch is discarded.
//
// Invariants   1. every data page but the last is full; every index page but the last lists as many as fit
//              2. memory: one page, however long the value
// Threads      one at a time for one value
// Errors       as Action::prepare; invalid (append or finish after a failure or the end)
#pragma once

#include <string>

#include "base/hash.hpp"
#include "buffer/action.hpp"
#include "overflow/layout.hpp"

namespace quire::overflow {

class Writer {
 public:
  Writer(buffer::Resources& resources, TreeId of_tree)
      : resources_(resources), tree_(of_tree), for_freeing_(resources) {}
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Status append(std::string_view piece);
  Result<Stub> finish();
  // Frees what was written. When that fails, first() still names the pages that are left.
  Status abandon();

  std::uint64_t length() const noexcept { return length_; }
  // The first index page; no_page before there is one.
  PageId first() const noexcept { return first_; }

 private:
  Status append_piece(std::string_view piece);
  // Whole pages, but for the value's end; no more than an action and the index page take.
  Status write_pages(std::string_view bytes);
  std::uint32_t pages_at_once() const noexcept;

  buffer::Resources& resources_;
  const TreeId tree_;
  buffer::Action for_freeing_;  // never entered: it holds the room that abandon() needs
  PageId first_ = no_page;
  PageId index_ = no_page;         // the last index page
  std::uint32_t index_count_ = 0;  // of its data pages
  std::string part_;               // less than a page
  std::uint64_t length_ = 0;
  StreamedHash hash_;
  enum class State { open, failed, done } state_ = State::open;
};

}  // namespace quire::overflow
