// Tree: a B+ tree over the pool, from bytes to bytes.
//
// The tree is a B-link tree of slotted nodes with fences (Lehman and Yao; Graefe's survey). Readers descend
// without latches and validate (Leis et al., optimistic lock coupling); writers change one to three
// latched nodes per action, each if it is still what was seen, and begin again if not. The root's PageId never changes. How it differs from the papers: README.md.
//
// Changes made for a transaction leave the before image in its undo log and a header in the row; readers take the
// version that their view sees (TX-3, TX-4). Changes without one are final at once: creation and recovery. With the leaf latched a
// transaction asks whether the row is held by somebody else (WriteTransaction::may_change).
//
// Threads      any; drop: with nobody else in the tree
// Errors       corrupt with the page; limit for keys and values beyond the bounds is the caller's to check;
//              full and no_memory from changes: the tree is then consistent and keeps what earlier calls did
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "btree/node.hpp"
#include "buffer/action.hpp"
#include "overflow/layout.hpp"
#include "txn/view.hpp"
#include "txn/write_transaction.hpp"

namespace quire::btree {

class Content;
struct Division;

// What a page of a tree is, for walks.
enum class PageRole { inner, leaf, overflow };

class Tree {
 public:
  Tree(buffer::Resources& resources, TreeId id, PageId root) : resources_(&resources), id_(id), root_(root) {}

  // A new empty tree: an empty leaf as its root.
  static Result<Tree> create(buffer::Resources& resources, TreeId id, txn::WriteTransaction* transaction = nullptr);

  TreeId id() const noexcept { return id_; }
  PageId root() const noexcept { return root_; }

  // not_found when there is no such key. `value` is replaced. The view must be registered.
  Status get(std::string_view key, std::string& value, const txn::View& view = txn::newest) const;
  Result<bool> contains(std::string_view key, const txn::View& view = txn::newest) const;

  // The same for any view; an unregistered one may not be enough to tell. Then `unseen` says whose version it does not see, or zero when
  // the value was replaced while it was read.
  enum class Found : std::uint8_t { yes, no, needs_snapshot };
  Result<Found> read(std::string_view key, std::string* value, const txn::View& view, Xid* unseen = nullptr) const;

  // get() of many keys under one registered view, which then wait for memory together: calls `found` once for each, in any order, with its place
  // in `keys` and its value, or none. The value is there until the call returns; the call must not change the tree.
  Status get_many(std::span<const std::string_view> keys, const txn::View& view,
                  const std::function<void(std::size_t, std::optional<std::string_view>)>& found) const;

  // Sets the value; true when the key was not there before. conflict when the transaction may not change the row now, and says why
  // itself (obstacle()); nothing has changed then. `replaced`: the first page of the large value that only older
  // snapshots need from now on, if there was one.
  Result<bool> put(std::string_view key, std::string_view value, txn::WriteTransaction* transaction = nullptr, PageId* replaced = nullptr);
  // False when the key was not there. conflict as for put.
  Result<bool> erase(std::string_view key, txn::WriteTransaction* transaction = nullptr);

  // Puts the before image of a record of this tree back (TX-5).
  Status undo(txn::WriteTransaction& transaction, const txn::UndoRecord& record, std::uint64_t handle);
  // The transaction is finished for every snapshot (TX-7): the ghost that this record left goes, if it is still that.
  Status purge_ghost(Xid xid, std::string_view key, std::uint64_t handle);
  // Removes ghosts of transactions below `limit` from some leaves, beginning at `position`, which moves on; empty at the
  // end. For ghosts whose purge a crash has lost.
  Status sweep_ghosts(std::string& position, Xid limit);

  // Notes that the tree is dropped when the transaction is finished for every snapshot.
  Status mark_dropped(txn::WriteTransaction& transaction);
  // When the leaf that covers `key` is less than a quarter full, joins it with a neighbour of the same parent, or takes
  // rows over from one; the same upwards. Content does not change; rows keep headers, ghosts stay ghosts.
  Status merge_underfull(std::string_view key);
  // Compaction from left to right: takes the headers of rows that only transactions below the horizon wrote (TX-3), merges nodes
  // and moves records so that nodes get about 90 % full. Begins where `position` is (empty: at the start) and moves it on;
  // at most `steps` leaves or joins. True at the end.
  Result<bool> compact_step(std::string& position, std::uint32_t steps, Xid horizon = Xid{});

  // Frees every page, the root too, also of a tree that a BulkLoader has left unfinished. The tree must not be used
  // afterwards.
  Status drop();

  // Visits every page once, parents before children, overflow pages behind their leaf.
  Status walk(const std::function<Status(PageId, PageRole, std::uint32_t level)>& visit) const;

  // The leaf that covers `key`, or the one with the last keys; to be validated after reading.
  struct LeafOf {
    std::string_view key;
    bool rightmost = false;
  };
  Status open_leaf(LeafOf which, buffer::OptimisticPage& page) const;
  // The leaf `id` if its lower fence is `lower`; an empty page when it is another one by now.
  Status open_sibling(PageId id, std::string_view lower, buffer::OptimisticPage& page) const;
  // Copies the leaf that covers `key` into `into` (a page).
  Status copy_leaf(LeafOf which, MutableBytes into) const;

  // The way from a row of a leaf to the version that a registered view sees.
  struct Version {
    bool exists = false;
    bool older = false;  // the value lies in `undo`, not in the leaf
    ValueAt value;
    std::optional<RowHeader> next;  // of the version looked at; none: everybody sees it
    bool settled = true;            // what was met on the way stays, whatever becomes of the leaf
    txn::UndoCopy undo[2];
    std::uint32_t copy = 0;  // the one of `undo` to be used next
    Timestamp last_time;     // of the record read last: its commit, its transaction and its operation
    Xid last_xid;
    std::uint32_t last_operation = 0;
  };
  // Begins at row `index` of a leaf whose bytes were validated, or will be before find_version.
  static void begin_version(const NodeView& leaf, std::uint32_t index, Version& version);
  // Where a version is looked for.
  struct Looking {
    txn::View view;  // registered
    Timestamp settled;  // view.settled() as of before the leaf was read
    PageId leaf;
  };
  // TX-4: after each hop the leaf must still be what it was, but for records that nobody takes back any more. False when it
  // has changed and that matters: begin again. `page` may come back empty all the same.
  Result<bool> find_version(const Looking& at, buffer::OptimisticPage& page, Version& version) const;

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

  // Descends to the node of `level` that covers `key`, without latches; to the root if the tree is lower than that.
  Status find(LeafOf which, std::uint32_t level, Path& path, buffer::OptimisticPage& page) const;
  // One attempt; ok with an empty page means: try again.
  Status descend(LeafOf which, std::uint32_t level, Path& path, buffer::OptimisticPage& page) const;
  Status not_a_node(PageId id) const;
  Status await_child(PageId child, const Seen& parent) const;

  // Splits the node of `level` that covers `key`, which lacks so many bytes (slot included) for the record to come, or
  // for growing the record that is there. Look again afterwards: in rare cases another split is needed.
  Status split(std::string_view key, std::uint32_t level, std::uint32_t bytes);
  Status split_root(const Seen& seen, std::uint32_t level);

  // Merging; see merge.cpp.
  struct Family;
  enum class JoinBy { merge, balance, compact };
  enum class Joined { nothing, changed, again };
  bool unchanged(const Seen& seen) const;
  Result<bool> copy_child(const Seen& parent, PageId id, Seen& seen, std::vector<std::byte>& image) const;
  struct LookFor;
  Result<bool> look(const LookFor& what, Family& family) const;
  Result<bool> look_aside(Family& family, bool left) const;
  Result<bool> join(const Family& family, const Content& content, const Division* division);
  Result<Joined> try_join(Family& family, bool left, JoinBy by);
  Result<bool> relieve(std::string_view key, std::uint32_t level);
  Result<bool> collapse_root();
  Result<bool> compact_at(std::string& position, Xid horizon);
  Result<std::optional<std::string>> strip_leaf(std::string_view key, Xid horizon);
  bool has_room(const Node& node, bool fits) const noexcept;
  // Instead of splitting the full leaf at the end of `path`: an emptier neighbour under the same parent takes rows over, so
  // that `bytes` more find room at `key`. False when none can.
  Result<bool> shift(const Path& path, std::string_view key, std::uint32_t bytes);
  bool find_emptier(const Path& path, bool& left) const;

  // Makes the record's value of `value`, writing overflow pages when it is large.
  struct Prepared {
    LeafRecord record;
    std::byte stub[overflow::stub_bytes];
    bool overflow = false;
  };
  Status prepare_record(std::string_view key, std::string_view value, Prepared& prepared);

  // One attempt at a change of one leaf.
  enum class Attempt : std::uint8_t { again, split, held, added, replaced, absent, done };
  struct Room {
    Path path;
    std::uint32_t value_bytes = 0;  // of the row as it is
    bool overflow = false;          // it has a large value
  };
  // What an attempt leaves to be done outside its action.
  struct Leftover {
    std::string freed_stub;         // the large value that no row leads to any more
    std::uint32_t split_bytes = 0;  // of the record that found no room
    PageId replaced = no_page;      // first page of a large value that is in the undo log now
  };
  Status look(std::string_view key, Room& room) const;
  static txn::UndoRecord before_image(txn::UndoType type, TreeId tree, const NodeView& leaf, std::uint32_t index, std::string_view key);
  Result<Attempt> try_put(const LeafRecord& record, txn::WriteTransaction* transaction, Leftover& leftover);
  Result<Attempt> try_erase(std::string_view key, txn::WriteTransaction* transaction, Leftover& leftover);
  Result<Attempt> try_undo(txn::WriteTransaction& transaction, const txn::UndoRecord& record, std::uint64_t handle,
                           Leftover& leftover);
  static bool may_change(txn::WriteTransaction* transaction, TreeId tree, std::string_view key, const NodeView& leaf, const SearchResult& at);
  Status remove_ghost(std::string_view key, Xid below, std::uint64_t handle);
  Status free_value(std::string_view stub);
  // One row of a leaf; no answer: the leaf has changed.
  Result<std::optional<Found>> read_version(buffer::OptimisticPage& page, std::uint32_t index, const Looking& at, std::string* value) const;
  Result<std::optional<Found>> read_newest(buffer::OptimisticPage& page, std::uint32_t index, const txn::View& view, std::string* value, Xid* unseen) const;
  Result<bool> follow(const Looking& at, Version& version) const;
  Status level_pages(PageId& first, std::uint32_t& above, std::vector<PageId>& pages) const;
  Status walk_node(PageId id, PageId parent, const std::function<Status(PageId, PageRole, std::uint32_t)>& visit) const;

  buffer::Resources* resources_;
  TreeId id_;
  PageId root_;
};

// Checks of inner and leaf pages, for Pool::register_kind.
const buffer::PageKind& node_kind();

}  // namespace quire::btree
