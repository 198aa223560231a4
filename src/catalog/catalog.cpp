// Catalog: rows of the system trees.
//
// A keyspace is two rows: its name with tree id and columns in tree 2, and the tree's root in tree 1.
// Both are written when it is created; dropping it erases the name at once and the tree's row when its pages are gone.
#include "catalog/catalog.hpp"

#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "btree/cursor.hpp"
#include "overflow/free.hpp"
#include "quire/key.hpp"

namespace quire::catalog {

namespace {

using btree::Tree;

constexpr std::size_t key_columns_max = 64;
constexpr std::size_t columns_max = 2000;
constexpr std::size_t column_name_bytes_max = 255;

// Pages of a replaced value that are freed without a flip in between.
constexpr std::uint64_t pages_per_slice = 256;

std::string tree_key(TreeId tree) {
  std::string key(sizeof tree.raw, '\0');
  const std::uint32_t big_endian = swap_bytes(tree.raw);
  std::memcpy(key.data(), &big_endian, sizeof big_endian);
  return key;
}

TreeId tree_of_key(std::string_view key) {
  std::uint32_t big_endian = 0;
  std::memcpy(&big_endian, key.data(), std::min(key.size(), sizeof big_endian));
  return TreeId{swap_bytes(big_endian)};
}

// The key of a replaced value's row: longer than that of a tree.
std::string replaced_key(const ReplacedValue& value) {
  std::string key = tree_key(value.tree);
  const std::uint64_t big_endian = swap_bytes(value.first.raw);
  key.append(as_text(std::as_bytes(std::span(&big_endian, 1))));
  return key;
}

bool is_tree_key(std::string_view key) { return key.size() == sizeof TreeId{}.raw; }

std::string encode_tree_row(const KeyspaceRecord& record, TreeState state) {
  std::byte row[tree_row_bytes] = {};
  tree_row::kind.set(row, static_cast<std::uint8_t>(TreeKind::btree));
  tree_row::state.set(row, static_cast<std::uint8_t>(state));
  tree_row::root.set(row, record.root.raw);
  return std::string(as_text(row, sizeof row));
}

Status bad_row(TreeId tree, const std::string& what) {
  return Status(Code::corrupt, "the system row of tree " + std::to_string(tree.raw) + " " + what);
}

Status decode_tree_row(std::string_view row, KeyspaceRecord& record, TreeState& state) {
  if (row.size() != tree_row_bytes) {
    return bad_row(record.tree, "has " + std::to_string(row.size()) + " bytes, " + std::to_string(tree_row_bytes) + " expected");
  }
  const std::byte* p = as_bytes(row).data();
  state = static_cast<TreeState>(tree_row::state.get(p));
  if (tree_row::kind.get(p) != static_cast<std::uint8_t>(TreeKind::btree) || (state != TreeState::live && state != TreeState::dropping)) {
    return bad_row(record.tree, "has a kind or state that this version does not know");
  }
  record.root = PageId{tree_row::root.get(p)};
  return Status();
}

Result<KeyspaceRecord> decode_name_row(std::string_view name, std::string_view row) {
  QUIRE_ASSIGN(const std::vector<Value> values, decode_row(row));
  const auto bad = [&] { return Status(Code::corrupt, "the row of keyspace " + std::string(name) + " is malformed"); };
  if (values.size() < 2 || values[0].type() != Type::int64 || values[1].type() != Type::int64) return bad();
  const std::int64_t tree = values[0].int64();
  const std::int64_t keys = values[1].int64();
  if (tree < default_tree.raw || tree > UINT32_MAX || keys < 0 || static_cast<std::size_t>(keys) > values.size() - 2) return bad();
  KeyspaceRecord record{.tree = TreeId{static_cast<std::uint32_t>(tree)}, .schema = {}};
  for (std::size_t i = 2; i < values.size(); ++i) {
    if (values[i].type() != Type::text) return bad();
    auto& columns = i - 2 < static_cast<std::size_t>(keys) ? record.schema.key_columns : record.schema.value_columns;
    columns.push_back(values[i].text());
  }
  return record;
}

Tree system(buffer::Resources& resources) { return Tree(resources, system_tree, system_root); }
Tree names(buffer::Resources& resources) { return Tree(resources, names_tree, names_root); }

}  // namespace

std::string encode_name_row(const KeyspaceRecord& record) {
  std::vector<Value> row{record.tree.raw, record.schema.key_columns.size()};
  row.insert(row.end(), record.schema.key_columns.begin(), record.schema.key_columns.end());
  row.insert(row.end(), record.schema.value_columns.begin(), record.schema.value_columns.end());
  return encode_row(row);
}

const KeyspaceRecord* Catalog::find(std::string_view name) const noexcept {
  const auto found = keyspaces.find(name);
  return found == keyspaces.end() ? nullptr : &found->second;
}

KeyspaceRecord* Catalog::find(std::string_view name) noexcept {
  const auto found = keyspaces.find(name);
  return found == keyspaces.end() ? nullptr : &found->second;
}

Status check_new_keyspace(std::string_view name, const Schema& schema) {
  if (name.empty()) return Status(Code::invalid, "a keyspace needs a name");
  if (name.size() > keyspace_name_bytes_max) {
    return Status(Code::limit, "a keyspace name of " + std::to_string(name.size()) + " bytes exceeds the limit of " +
                                   std::to_string(keyspace_name_bytes_max));
  }
  if (schema.key_columns.empty() && !schema.value_columns.empty()) {
    return Status(Code::invalid, "keyspace " + std::string(name) + ": a schema with value columns needs key columns");
  }
  if (schema.key_columns.size() > key_columns_max || schema.key_columns.size() + schema.value_columns.size() > columns_max) {
    return Status(Code::limit, "keyspace " + std::string(name) + ": at most " + std::to_string(key_columns_max) +
                                   " key columns and " + std::to_string(columns_max) + " columns in all");
  }
  for (const auto* columns : {&schema.key_columns, &schema.value_columns}) {
    for (const std::string& column : *columns) {
      if (column.size() > column_name_bytes_max) {
        return Status(Code::limit, "keyspace " + std::string(name) + ": a column name of " + std::to_string(column.size()) +
                                       " bytes exceeds the limit of " + std::to_string(column_name_bytes_max));
      }
    }
  }
  return Status();
}

Tree tree_of(buffer::Resources& resources, const KeyspaceRecord& record) {
  return Tree(resources, record.tree, record.root);
}

Status write_tree_row(buffer::Resources& resources, const KeyspaceRecord& record, txn::WriteTransaction* transaction) {
  return system(resources).put(tree_key(record.tree), encode_tree_row(record, TreeState::live), transaction).status();
}

Status write_keyspace(buffer::Resources& resources, const std::string& name, const KeyspaceRecord& record, txn::WriteTransaction* transaction) {
  QUIRE_TRY(write_tree_row(resources, record, transaction));
  Tree tree = names(resources);
  // A schema may be large, and the name of a dropped keyspace may still be there with one.
  if (transaction != nullptr) return put(resources, tree, name, encode_name_row(record), *transaction).status();
  return tree.put(name, encode_name_row(record)).status();
}

Status mark_dropping(buffer::Resources& resources, const KeyspaceRecord& record, txn::WriteTransaction* transaction) {
  return system(resources).put(tree_key(record.tree), encode_tree_row(record, TreeState::dropping), transaction).status();
}

Status erase_keyspace(buffer::Resources& resources, const std::string& name, const KeyspaceRecord& record, txn::WriteTransaction* transaction) {
  QUIRE_TRY(mark_dropping(resources, record, transaction));
  return names(resources).erase(name, transaction).status();
}

Status erase_tree_row(buffer::Resources& resources, TreeId tree) { return system(resources).erase(tree_key(tree)).status(); }

Result<std::vector<TreeRow>> load_tree_rows(buffer::Resources& resources) {
  std::vector<TreeRow> trees;
  btree::TreeCursor cursor(system(resources));
  std::string row;
  Status at = cursor.first();
  for (; at.ok(); at = cursor.next()) {
    if (!is_tree_key(cursor.key())) continue;
    KeyspaceRecord record{.tree = tree_of_key(cursor.key()), .schema = {}};
    TreeState state{};
    QUIRE_TRY(cursor.read_value(row));
    QUIRE_TRY(decode_tree_row(row, record, state));
    trees.push_back({record.tree, record.root, state == TreeState::dropping});
  }
  if (at != Code::not_found) return at;
  return trees;
}

Result<bool> put(buffer::Resources& resources, Tree& tree, std::string_view key, std::string_view value, txn::WriteTransaction& transaction) {
  PageId replaced = no_page;
  QUIRE_ASSIGN(const bool fresh, tree.put(key, value, &transaction, &replaced));
  if (replaced != no_page && !seeded_bug("forget_replaced_values")) QUIRE_TRY(system(resources).put(replaced_key({tree.id(), replaced}), {}, &transaction).status());
  return fresh;
}

Result<bool> free_replaced(buffer::Resources& resources, const ReplacedValue& value) {
  // Room for erasing the row comes first: without its first page the row must go as well.
  buffer::Action for_row(resources);
  QUIRE_TRY(for_row.prepare({.dirty = 1}));
  QUIRE_ASSIGN(const bool gone, overflow::free_some(resources, value.first, pages_per_slice));
  if (!gone) return false;
  for_row.leave();
  Result<bool> erased = system(resources).erase(replaced_key(value));
  if (!erased.ok()) resources.pool.fail(erased.status());
  QUIRE_TRY(erased.status());
  if (!*erased) return bad_row(value.tree, "about its replaced value at page " + std::to_string(value.first.raw) + " is missing");
  return true;
}

Result<std::vector<ReplacedValue>> load_replaced(buffer::Resources& resources) {
  std::vector<ReplacedValue> values;
  btree::TreeCursor cursor(system(resources));
  Status at = cursor.first();
  for (; at.ok(); at = cursor.next()) {
    if (is_tree_key(cursor.key())) continue;
    const TreeId tree = tree_of_key(cursor.key());
    std::uint64_t big_endian = 0;
    if (cursor.key().size() != sizeof tree.raw + sizeof big_endian) return bad_row(tree, "about a replaced value has a malformed key");
    std::memcpy(&big_endian, cursor.key().data() + sizeof tree.raw, sizeof big_endian);
    values.push_back({tree, PageId{swap_bytes(big_endian)}});
  }
  if (at != Code::not_found) return at;
  return values;
}

Result<PageId> find_root(buffer::Resources& resources, TreeId tree) {
  if (tree == system_tree) return system_root;
  if (tree == names_tree) return names_root;
  std::string row;
  QUIRE_TRY(system(resources).get(tree_key(tree), row));
  KeyspaceRecord record{.tree = tree, .schema = {}};
  TreeState state{};
  QUIRE_TRY(decode_tree_row(row, record, state));
  return record.root;
}

Result<Catalog> create(buffer::Resources& resources) {
  QUIRE_ASSIGN(const Tree first, Tree::create(resources, system_tree));
  QUIRE_ASSIGN(const Tree second, Tree::create(resources, names_tree));
  QUIRE_ASSIGN(const Tree third, Tree::create(resources, default_tree));
  QUIRE_ASSERT(first.root() == system_root && second.root() == names_root);
  KeyspaceRecord record{.tree = default_tree, .root = third.root(), .schema = {}};
  QUIRE_TRY(write_keyspace(resources, std::string(default_keyspace), record, nullptr));
  Catalog catalog;
  catalog.keyspaces.emplace(default_keyspace, record);
  return catalog;
}

Result<Catalog> load(buffer::Resources& resources, const txn::View& view) {
  Catalog catalog;
  btree::TreeCursor cursor(names(resources), view);
  std::string row;
  Status at = cursor.first();
  for (; at.ok(); at = cursor.next()) {
    QUIRE_TRY(cursor.read_value(row));
    QUIRE_ASSIGN(KeyspaceRecord record, decode_name_row(cursor.key(), row));
    Status found = system(resources).get(tree_key(record.tree), row, view);
    if (found == Code::not_found) return bad_row(record.tree, "is missing, but keyspace " + std::string(cursor.key()) + " names it");
    QUIRE_TRY(std::move(found));
    TreeState state{};
    QUIRE_TRY(decode_tree_row(row, record, state));
    if (state != TreeState::live) return bad_row(record.tree, "says that it is being dropped, but keyspace " + std::string(cursor.key()) + " names it");
    catalog.keyspaces.emplace(cursor.key(), std::move(record));
  }
  if (at != Code::not_found) return at;
  if (catalog.find(default_keyspace) == nullptr) return Status(Code::corrupt, "the keyspace 'default' is missing");
  return catalog;
}

}  // namespace quire::catalog
