// BulkLoader: builds a tree from rows that come in key order, from the leaves up.
//
//   BulkLoader loader(resources, tree.id(), tree.root());    // of an empty tree
//   for (...) QUIRE_TRY(loader.add(key, value));             // strictly ascending
//   QUIRE_ASSIGN(const std::uint64_t rows, loader.finish());
//
// Each level has one open node, collected in memory. When it is full the page is written in one go, in an action of
// its own, together with an empty page behind it: the next node of the level will take that one, so the right link
// is known and no page is visited again. At the end the single node of the top level becomes the root page's
// content; until then the root stays an empty leaf.
//
// A loader that ends unfinished, by a failure or by being dropped, frees the pages that it has written, so that the tree
// is empty again; the room that this takes is promised before the first page is written. It must end before the epoch is discarded. Memory: three pages per level, whatever the number of rows.
//
// Invariants   1. leaves hold fill_percent at least when they are cut, but for long records; no node is empty, and an
//                 inner node has at least two children
//              2. fences are the parent's separators; the prefix is what they share (BT-52)
// Threads      the one writer; nobody else knows the tree yet
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
  ~BulkLoader();
  BulkLoader(const BulkLoader&) = delete;
  BulkLoader& operator=(const BulkLoader&) = delete;

  Status add(std::string_view key, std::string_view value);
  // The number of rows. The tree is complete then.
  Result<std::uint64_t> finish();
  // Frees what was written. What cannot be freed, by the failure returned, is reachable from nothing.
  Status abandon();

  std::uint64_t rows() const noexcept { return rows_; }

 private:
  struct Level {
    NodeBuilder node;
    PageId first = no_page;  // its first page
    PageId next = no_page;   // the empty page that the open node will take
  };

  Status add_row(std::string_view key, std::string_view value);
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
  Status write_last(Level& level, PageId id, PageId last_child);
  Result<std::uint64_t> version_of(PageId id);
  Status finish_levels();
  Status check_root();
  Status free_level(Level& level);
  Status free_values(Bytes leaf);

  buffer::Resources& resources_;
  const TreeId tree_;
  const PageId root_;
  const std::uint32_t page_bytes_;
  const std::uint32_t bytes_max_;
  buffer::Action for_freeing_;  // never entered: it holds the room that abandon() needs
  std::vector<std::unique_ptr<Level>> levels_;
  std::uint64_t rows_ = 0;
  bool failed_ = false;
  bool done_ = false;
};

}  // namespace quire::btree
