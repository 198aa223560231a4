// TreeCursor: walking a tree in key order, both ways.
//
// The cursor copies one whole leaf under one validation and iterates in its copy without latches. At the copy's
// end it goes on by fence: forward along the right link if the sibling still begins where this leaf ended, else,
// and always backward, by descending again. So it never depends on a page staying where it is.
//
// It sees the tree as it was when the leaf was copied; keeping a snapshot is the business of the layer above.
//
// Threads   one thread at a time
// Errors    moves return ok (standing on an entry), not_found (no such entry), or a failure
#pragma once

#include <string>
#include <vector>

#include "btree/tree.hpp"

namespace quire::btree {

class TreeCursor {
 public:
  explicit TreeCursor(const Tree& tree) : tree_(tree), image_(tree.pool().page_bytes()) {}

  Status first() { return seek_ge({}); }
  Status last();
  Status seek_ge(std::string_view key);
  Status seek_le(std::string_view key);
  Status next();
  Status prev();
  void reset() noexcept { valid_ = false; }

  bool valid() const noexcept { return valid_; }
  std::string_view key() const noexcept { return key_; }
  // Where the value lies in the copied leaf; read_value reads a large one.
  ValueAt value() const noexcept { return view().value(index_); }
  Status read_value(std::string& into) const { return tree_.read_value(value(), into); }

 private:
  NodeView view() const noexcept { return NodeView(image_.data(), tree_.pool().page_bytes()); }
  Status stand(std::uint32_t index);
  Status next_leaf();
  Status prev_leaf();

  Tree tree_;
  std::vector<std::byte> image_;
  std::uint32_t index_ = 0;
  std::string key_;
  bool valid_ = false;
};

}  // namespace quire::btree
