// Tree: a B+ tree over the pool, from bytes to bytes.
//
// The tree is a B-link tree of slotted nodes with fences (Lehman and Yao; Graefe's survey). Readers descend
// without latches and validate (Leis et al., optimistic lock coupling); the writer changes one or
// two latched nodes per action. The root's PageId never changes. How it differs from the papers: README.md.
//
// Threads      get, contains, cursors and walks from any thread; put, erase, drop by the one writer
// Errors       corrupt with the page; limit for keys and values beyond the bounds is the caller's to check;
//              full and no_memory from changes: the tree is then consistent and keeps what earlier calls did
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "btree/node.hpp"
#include "buffer/action.hpp"
#include "overflow/layout.hpp"

namespace quire::btree {

// What a page of a tree is, for walks.
enum class PageRole { inner, leaf, overflow };

class Tree {
 public:
  Tree(buffer::Resources& resources, TreeId id, PageId root) : resources_(&resources), id_(id), root_(root) {}

  // A new empty tree: an empty leaf as its root.
  static Result<Tree> create(buffer::Resources& resources, TreeId id);

  TreeId id() const noexcept { return id_; }
  PageId root() const noexcept { return root_; }

  // not_found when there is no such key. `value` is replaced.
  Status get(std::string_view key, std::string& value) const;
  Result<bool> contains(std::string_view key) const;

  // Sets the value; true when the key was not there before.
  Result<bool> put(std::string_view key, std::string_view value);
  // False when the key was not there.
  Result<bool> erase(std::string_view key);

  // Frees every page, the root too. The tree must not be used afterwards.
  Status drop();

  // Visits every page once, parents before children, overflow pages behind their leaf.
  Status walk(const std::function<Status(PageId, PageRole, std::uint32_t level)>& visit) const;

  // Copies the leaf that covers `key` into `into` (a page); the leaf with the last keys when key is empty and
  // `rightmost` is set.
  struct LeafOf {
    std::string_view key;
    bool rightmost = false;
  };
  Status copy_leaf(LeafOf which, MutableBytes into) const;
  // Copies the leaf `id` if its lower fence is `lower`; false when it is another one by now.
  Result<bool> copy_sibling(PageId id, std::string_view lower, MutableBytes into) const;

  // Reads the value at `where`, which a copied leaf gave.
  Status read_value(const ValueAt& where, std::string& into) const;

  buffer::Pool& pool() const noexcept { return resources_->pool; }

  // Test builds only: no node takes more slots than this (0: as many as fit), for small trees of some height.
  static std::uint32_t max_slots_for_tests;

 private:
  // A node seen while descending: where it is and what version it had.
  struct Seen {
    PageId id;
    std::uint64_t version = 0;
  };
  struct Path {
    Seen node;
    Seen parent;                    // no_page for the root
    std::uint32_t child_index = 0;  // of the node in the parent
    std::uint32_t level = 0;
  };

  // Descends to the node of `level` that covers `key`, without latches.
  Status find(LeafOf which, std::uint32_t level, Path& path, buffer::OptimisticPage& page) const;
  // One attempt; ok with an empty page means: try again.
  Status descend(LeafOf which, std::uint32_t level, Path& path, buffer::OptimisticPage& page) const;
  Status not_a_node(PageId id) const;

  // Makes room for a record with this key in its node of `level` by one or more splits.
  Status split(std::string_view key, std::uint32_t level);
  Status split_root();
  bool has_room(const Node& node, bool fits) const noexcept;

  // Makes the record's value of `value`, writing overflow pages when it is large.
  struct Prepared {
    LeafRecord record;
    std::byte stub[overflow::stub_bytes];
    bool overflow = false;
  };
  Status prepare_record(std::string_view key, std::string_view value, Prepared& prepared);
  Status walk_node(PageId id, PageId parent, const std::function<Status(PageId, PageRole, std::uint32_t)>& visit) const;

  buffer::Resources* resources_;
  TreeId id_;
  PageId root_;
};

// Checks of inner and leaf pages, for Pool::register_kind.
const buffer::PageKind& node_kind();

}  // namespace quire::btree
