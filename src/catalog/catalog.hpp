// Catalog: which keyspaces there are, in memory and in the two system trees.
//
// A Catalog is a value. Every transaction holds the one it began with; a write transaction that creates or drops
// keyspaces works on a copy, which its commit installs. Tree ids are never used twice.
//
// Threads   a const Catalog may be read from any thread; changes to the trees by the one writer
// Errors    corrupt when a row of a system tree cannot be what it should
#pragma once

#include <map>
#include <string>

#include "btree/tree.hpp"
#include "catalog/layout.hpp"
#include "quire/database.hpp"

namespace quire::catalog {

struct KeyspaceRecord {
  TreeId tree;
  PageId root{};  // no_page: created by a transaction that has not committed
  std::uint64_t rows = 0;
  Schema schema;
};

struct Catalog {
  std::map<std::string, KeyspaceRecord, std::less<>> keyspaces;
  TreeId next_tree = first_free_tree;

  // Null when there is no keyspace of that name.
  const KeyspaceRecord* find(std::string_view name) const noexcept;
  KeyspaceRecord* find(std::string_view name) noexcept;
};

// limit or invalid for a name or schema that cannot be stored.
Status check_new_keyspace(std::string_view name, const Schema& schema);

// The two system trees and the default keyspace, in a database without any page.
Result<Catalog> create(buffer::Resources& resources);
Result<Catalog> load(buffer::Resources& resources);

btree::Tree tree_of(buffer::Resources& resources, const KeyspaceRecord& record);

// Rows of the system trees, written by a commit.
Status write_keyspace(buffer::Resources& resources, const std::string& name, const KeyspaceRecord& record);
Status write_tree_row(buffer::Resources& resources, const KeyspaceRecord& record);
Status erase_keyspace(buffer::Resources& resources, const std::string& name, const KeyspaceRecord& record);

}  // namespace quire::catalog
