// BulkLoader: builds a tree from rows that come in key order, from the leaves up.
//
//   BulkLoader loader(resources, tree.id(), tree.root());    // of an empty tree
//   for (...) QUIRE_TRY(loader.add(key, value));             // strictly ascending
//   QUIRE_ASSIGN(const std::uint64_t rows, loader.finish());
//
// Each level has one open node, collected in memory. When it is full the page is written in one go, in an action of
// its own, together with an empty page behind it: the next node of the level will take that one, so the right link
// is known and no page is visited again. At the end the single node of the top level becomes the root page's content.
//
// A parent names its nodes when it is written itself, which may be long after; until then they hang on the right links of
// their level, as in a B-link tree. When the first page of a level is written, the root becomes the parent of that one. So
// between any two actions the root leads to every page, along first children and right links; a flip may come at any time,
// also with a callback of the user under way. A large value and its row's leaf are written between two flips.
//
// A loader that ends unfinished, by a failure or by being dropped, leaves a tree that is good for nothing but Tree::drop(),
// which frees all of it: whoever created the tree takes that back. Memory: three pages per level, whatever the number of rows.
//
// Invariants   1. leaves hold fill_percent at least when they are cut, but for long records and for leaves with large
//                 values and long prefixes; no finished node is empty, and an inner node has at least two children
//              2. fences are the parent's separators; the prefix is what they share (BT-52)
//              3. the large values of the open leaf are in its page
// Threads      one; nobody else knows the tree yet
// Errors       invalid (a key not above the one before; the tree is not empty; add or finish after a failure), and as
//              Action::prepare; limits of keys and values are the caller's to check
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "btree/bulk_node.hpp"
#include "buffer/action.hpp"

namespace quire::btree {

class BulkLoader {
 public:
  // How full nodes are made; the rest is for rows to come.
  static constexpr std::uint32_t fill_percent = 95;

  BulkLoader(buffer::Resources& resources, TreeId tree, PageId root);
  BulkLoader(const BulkLoader&) = delete;
  BulkLoader& operator=(const BulkLoader&) = delete;

  Status add(std::string_view key, std::string_view value);
  // The number of rows. The tree is complete then.
  Result<std::uint64_t> finish();

  std::uint64_t rows() const noexcept { return rows_; }

 private:
  struct Level {
    NodeBuilder node;
    PageId next = no_page;  // the page that the open node will take; none before the first one is cut
  };

  Status add_row(std::string_view key, std::string_view value);
  Status add_large(std::string_view key, std::string_view value, NodeBuilder::Place place);
  Status append(const LeafRecord& record, NodeBuilder::Place place);
  Status out_of_order(std::string_view key) const;
  Level& level(std::uint32_t number);
  bool has_room(const NodeBuilder& node, std::string_view key, NodeBuilder::Place place,
                std::uint32_t payload_bytes) const;
  Status add_child(std::uint32_t number, std::string_view upper, PageId child);
  // Ends the open node of a level behind `records`; `next_key` is the one that follows.
  Status cut(std::uint32_t number, std::uint32_t records, std::string_view next_key);
  Status divide_tail(std::uint32_t number);
  // Writes a node into the level's next page, and makes the one behind it.
  struct NodeEnd {
    std::uint32_t records = 0;
    std::string_view upper;
    PageId last_child = no_page;
  };
  Result<PageId> write_node(Level& level, const NodeEnd& end);
  // Writes the open node as the last one of its level, which it stays if no more records come.
  Status write_last(const Level& level, PageId last_child);
  Status finish_levels();
  Status check_root();

  buffer::Resources& resources_;
  const TreeId tree_;
  const PageId root_;
  const std::uint32_t page_bytes_;
  const std::uint32_t bytes_max_;
  std::vector<std::unique_ptr<Level>> levels_;
  std::uint64_t rows_ = 0;
  bool failed_ = false;
  bool done_ = false;
};

}  // namespace quire::btree
