// Catalog: which keyspaces there are, in memory and in the two system trees.
//
// A Catalog is a value. Every transaction holds the one it began with; a write transaction that creates or drops
// keyspaces works on a copy, which its commit installs. The rows of the system trees are changed by transactions like any
// others, so a rollback takes them back. Tree ids are never used twice.
//
// How many rows the trees have is not here: that changes with every commit (checkpoint/notes.hpp).
//
// Threads   a const Catalog may be read from any thread; changes to the trees by whoever holds the lock on the catalog
// Errors    corrupt when a row of a system tree cannot be what it should
#pragma once

#include <map>
#include <string>
#include <vector>

#include "btree/tree.hpp"
#include "catalog/layout.hpp"
#include "quire/database.hpp"

namespace quire::catalog {

struct KeyspaceRecord {
  TreeId tree;
  PageId root{};
  Schema schema;
};

struct Catalog {
  std::map<std::string, KeyspaceRecord, std::less<>> keyspaces;
  // Null when there is no keyspace of that name.
  const KeyspaceRecord* find(std::string_view name) const noexcept;
  KeyspaceRecord* find(std::string_view name) noexcept;
};

// limit or invalid for a name or schema that cannot be stored.
Status check_new_keyspace(std::string_view name, const Schema& schema);

// The two system trees and the default keyspace, in a database without any page.
Result<Catalog> create(buffer::Resources& resources);
// As the view sees it.
Result<Catalog> load(buffer::Resources& resources, const txn::View& view);

btree::Tree tree_of(buffer::Resources& resources, const KeyspaceRecord& record);

// Every tree that has a row, committed or not.
struct TreeRow {
  TreeId tree;
  PageId root;
  bool dropping = false;
};
Result<std::vector<TreeRow>> load_tree_rows(buffer::Resources& resources);
// The root of one tree, committed or not; not_found.
Result<PageId> find_root(buffer::Resources& resources, TreeId tree);

// Rows of the system trees, changed for a transaction or, without one, at once.
Status write_keyspace(buffer::Resources& resources, const std::string& name, const KeyspaceRecord& record, txn::WriteTransaction* transaction);
Status write_tree_row(buffer::Resources& resources, const KeyspaceRecord& record, txn::WriteTransaction* transaction);
// Removes the name; the tree's row says that it is being dropped.
Status erase_keyspace(buffer::Resources& resources, const std::string& name, const KeyspaceRecord& record, txn::WriteTransaction* transaction);
// The value of a keyspace's row in the tree of names; it names no page.
std::string encode_name_row(const KeyspaceRecord& record);
// Only the tree's row changes: the name leads to another tree.
Status mark_dropping(buffer::Resources& resources, const KeyspaceRecord& record, txn::WriteTransaction* transaction);
// The tree's pages are gone.
Status erase_tree_row(buffer::Resources& resources, TreeId tree);

// Large values that no row leads to any more, but older snapshots may: a row of the system tree each, so that a crash
// does not lose them. It is written by the transaction that replaces the value, and erased when its pages are freed.
struct ReplacedValue {
  TreeId tree;
  PageId first;  // page of the value
};
// Tree::put for a transaction, with that row. After a failure the caller takes back what the transaction did since.
Result<bool> put(buffer::Resources& resources, btree::Tree& tree, std::string_view key, std::string_view value, txn::WriteTransaction& transaction);
// Some pages of the value, or the last ones and its row; true when it is gone. No flip may come in between.
Result<bool> free_replaced(buffer::Resources& resources, const ReplacedValue& value);
Result<std::vector<ReplacedValue>> load_replaced(buffer::Resources& resources);

}  // namespace quire::catalog
