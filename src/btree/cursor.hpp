// TreeCursor: walking a tree in key order, both ways, under a view.
//
// The cursor copies one whole leaf under one validation, decides which of its rows the view sees, reads the older versions
// it needs from undo, and then iterates in its copy without latches. At the copy's end it goes on
// by fence: forward along the right link if the sibling still begins where this leaf ended, else, and always
// backward, by descending again. So it never depends on a page staying where it is.
//
// It sees the tree as it was when the leaf was copied; a registered view makes that the same at every leaf.
//
// A view that only sees what is committed, without a snapshot, cannot pass a row that an active transaction has changed: a move that
// comes to one returns conflict, and held() says which. Whoever holds locks on what it passes can look whether its copy is current.
//
// Threads   one thread at a time
// Errors    moves return ok (standing on an entry), not_found (no such entry), conflict (held), or a failure
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "btree/tree.hpp"
#include "quire/cursor.hpp"

namespace quire::btree {

class TreeCursor {
 public:
  explicit TreeCursor(const Tree& tree, const txn::View& view = txn::newest)
      : tree_(tree), view_(view), image_(std::make_unique_for_overwrite<std::byte[]>(tree.pool().page_bytes())) {
    QUIRE_ASSERT(view.registered || view.stable);
  }
  // For what is copied from now on; the cursor stands nowhere until it is moved to a key.
  void set_view(const txn::View& view) noexcept {
    view_ = view;
    valid_ = false;
  }

  Status first() { return seek_ge({}); }
  Status last();
  Status seek_ge(std::string_view key);
  Status seek_le(std::string_view key);
  Status next() {
    QUIRE_ASSERT(valid_);
    return index_ + 1 < rows() ? stand(index_ + 1) : next_leaf();
  }
  Status prev() {
    QUIRE_ASSERT(valid_);
    return index_ > 0 ? stand(index_ - 1) : prev_leaf();
  }
  // Moves on inside the copied leaf by at most so many entries, but not onto a large value when values are wanted, and
  // gives what it passed. It stays as it is until the next leaf is copied or gathered from.
  struct Gather {
    bool back = false;
    bool with_values = true;
  };
  void gather(Gather how, std::uint64_t most, std::vector<Entry>& into);
  void reset() noexcept { valid_ = false; }

  // The row that the last move came to and could not pass.
  struct Held {
    std::string key;
    Xid xid;
  };
  const std::optional<Held>& held() const noexcept { return held_; }
  // How many leaves it has copied.
  std::uint64_t copies() const noexcept { return copies_; }
  // Whether the copied leaf is still as it was.
  bool current() const noexcept;

  bool valid() const noexcept { return valid_; }
  std::string_view key() const noexcept { return key_; }
  // Where the value lies in the copied leaf; read_value reads a large one.
  ValueAt value() const noexcept { return value_of(index_); }
  Status read_value(std::string& into) const { return tree_.read_value(value(), into); }

 private:
  // A row that is not simply what the slot of the copied leaf says.
  struct Row {
    std::uint32_t slot;
    std::uint32_t older;  // index into older_ + 1; 0: the value is in the leaf
    Xid held{};           // by whom; then it is not known what the row is
  };
  struct Older {
    std::string bytes;
    bool overflow;
  };

  NodeView view() const noexcept { return NodeView(image_.get(), tree_.pool().page_bytes()); }
  std::uint32_t rows() const noexcept { return plain_ ? count_ : static_cast<std::uint32_t>(rows_.size()); }
  std::uint32_t slot_of(std::uint32_t row) const noexcept { return plain_ ? row : rows_[row].slot; }
  // First row whose slot is not below `slot`.
  std::uint32_t row_at(std::uint32_t slot) const noexcept;
  ValueAt value_of(std::uint32_t row) const noexcept;
  void place(std::uint32_t row) {
    index_ = row;
    const NodeView leaf = view();
    if (new_prefix_) key_.assign(leaf.prefix());
    new_prefix_ = false;
    key_.resize(prefix_bytes_);
    key_.append(leaf.suffix(slot_of(row)));
  }
  Status stand(std::uint32_t row) {
    place(row);
    if (!plain_ && rows_[row].held != Xid{}) return stop();
    valid_ = true;
    return Status();
  }
  Status stop();
  // Takes the leaf over; false when it has changed: open it again. `settled` is the view's as of before it was opened.
  void copy(const buffer::OptimisticPage& page);
  Result<bool> take(buffer::OptimisticPage page, Timestamp settled);
  Status load(Tree::LeafOf which);
  Status next_leaf();
  Status prev_leaf();

  Tree tree_;
  txn::View view_;
  std::unique_ptr<std::byte[]> image_;
  std::unique_ptr<char[]> gathered_keys_;
  std::size_t gathered_keys_bytes_ = 0;
  bool plain_ = true;        // row i is slot i
  std::uint32_t count_ = 0;  // of the leaf's slots
  std::vector<Row> rows_;
  std::vector<Older> older_;
  std::uint32_t index_ = 0;  // of the row stood on
  std::string key_;
  std::size_t prefix_bytes_ = 0;  // of the copied leaf
  bool new_prefix_ = false;       // key_ does not begin with it yet
  bool valid_ = false;
  std::optional<Held> held_;
  PageId leaf_ = no_page;  // that was copied, and its version then
  std::uint64_t version_ = 0;
  std::uint64_t copies_ = 0;
};

}  // namespace quire::btree
