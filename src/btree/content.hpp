// Content: the records of one node, or of two neighbours, as one sequence that is put into nodes anew.
//
// Splits, merges and moves between neighbours all do the same: they take copies of nodes, choose where to divide, and
// fill nodes with new fences. The prefix follows from the fences, so a record may get longer or shorter by that.
//
// Two inner neighbours have their parent's separator between them as a record: it leads to the left one's last child.
//
// Threads   one; the copies must outlive it
#pragma once

#include <vector>

#include "btree/node.hpp"

namespace quire::btree {

class Content {
 public:
  explicit Content(const NodeView& only);
  Content(const NodeView& left, std::string_view separator, const NodeView& right);

  std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(bytes_before_.size()) - 1; }
  bool leaf() const noexcept { return left_.leaf(); }
  std::string_view lower() const noexcept { return left_.lower_fence(); }
  std::optional<std::string_view> upper() const noexcept { return right_.upper_fence(); }
  std::string key(std::uint32_t index) const;

  // Records [from, to), for an inner node together with child `to`.
  struct Part {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::string_view lower;
    std::optional<std::string_view> upper;
  };
  Part all() const noexcept { return {0, count(), lower(), upper()}; }
  // Of the page that a node with this part takes; exact.
  std::uint32_t page_bytes_with(const Part& part) const noexcept;
  // Of the records with whole keys and slots, whatever node they are in.
  std::uint32_t record_bytes(std::uint32_t from, std::uint32_t to) const noexcept { return bytes_before_[to] - bytes_before_[from]; }
  // Formats the node and fills it.
  void put(const Part& part, Node& into) const;

 private:
  struct Place {
    const NodeView* node;  // null: the separator between the two
    std::uint32_t index;
  };
  Place place(std::uint32_t index) const noexcept;
  void measure(const NodeView& node);
  PageId child(std::uint32_t index) const noexcept;

  NodeView left_;
  NodeView right_;  // the same as left_ when there is only one
  bool two_ = false;
  std::string_view separator_;
  std::vector<std::uint32_t> bytes_before_{0};  // sum of whole records and slots before each index
};

// Where a sequence is divided onto two nodes.
struct Division {
  std::uint32_t index = 0;  // leaf: the first record on the right; inner: the record that moves up
  std::string separator;
};
Content::Part left_part(const Content& content, const Division& division);
Content::Part right_part(const Content& content, const Division& division);

}  // namespace quire::btree
