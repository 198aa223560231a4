// The catalog: rows of the system trees there and back, limits, damage.
//
// Goal     what is written is what is loaded; a name or schema beyond the limits is refused; a row that is not
//          understood is reported, never taken for an empty keyspace (CA-54)
// Method   the system trees over a pool in memory, with rows as they should be and as they should not
#include "catalog/catalog.hpp"

#include "btree/test_store.hpp"
#include "quire/key.hpp"

namespace quire::catalog {
namespace {

using testing::HasSubstr;

class catalog_rows : public testing::Test {
 protected:
  catalog_rows() : created_(create(store_.resources()).value()) {}

  btree::Tree system() { return {store_.resources(), system_tree, system_root}; }
  btree::Tree names() { return {store_.resources(), names_tree, names_root}; }
  static std::string tree_key(std::uint32_t id) {
    std::string key(4, '\0');
    key[3] = static_cast<char>(id);
    return key;
  }
  KeyspaceRecord make(std::uint32_t id, const Schema& schema = {}) {
    const btree::Tree tree = btree::Tree::create(store_.resources(), TreeId{id}).value();
    return {.tree = TreeId{id}, .root = tree.root(), .schema = schema};
  }
  std::string loading() {
    const Result<Catalog> loaded = load(store_.resources(), txn::newest);
    return loaded.ok() ? "ok" : loaded.status().to_string();
  }

  btree::TestStore store_;
  Catalog created_;
};

TEST_F(catalog_rows, of_a_new_database_name_the_default_keyspace) {
  const Catalog loaded = load(store_.resources(), txn::newest).value();
  ASSERT_EQ(loaded.keyspaces.size(), 1u);
  const KeyspaceRecord* record = loaded.find("default");
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->tree, default_tree);
  EXPECT_EQ(record->root, created_.find("default")->root);
  EXPECT_TRUE(record->schema.plain());
  EXPECT_EQ(loaded.find("other"), nullptr);
}

TEST_F(catalog_rows, come_back_as_they_were_written) {
  const Schema schema{{"country", "", "Größe"}, {"population", std::string(255, 'c')}};
  const KeyspaceRecord cities = make(4, schema);
  ASSERT_TRUE(write_keyspace(store_.resources(), "cities", cities, nullptr).ok());
  ASSERT_TRUE(write_keyspace(store_.resources(), "\xff", make(5), nullptr).ok());
  ASSERT_TRUE(store_.publish().ok());
  const Catalog loaded = load(store_.resources(), txn::newest).value();
  ASSERT_EQ(loaded.keyspaces.size(), 3u);
  EXPECT_EQ(loaded.find("cities")->schema, schema);
  EXPECT_EQ(loaded.find("cities")->tree, TreeId{4});
  EXPECT_EQ(tree_of(store_.resources(), *loaded.find("cities")).root(), cities.root);
  EXPECT_EQ(loaded.find("\xff")->tree, TreeId{5});
}

TEST_F(catalog_rows, of_the_largest_schema_come_back) {
  const Schema schema{std::vector<std::string>(64, std::string(255, 'k')), std::vector<std::string>(1936, std::string(255, 'v'))};
  ASSERT_TRUE(check_new_keyspace("largest", schema).ok());
  ASSERT_TRUE(write_keyspace(store_.resources(), "largest", make(4, schema), nullptr).ok());
  EXPECT_EQ(load(store_.resources(), txn::newest)->find("largest")->schema, schema);
}

TEST_F(catalog_rows, are_gone_when_the_keyspace_is_erased) {
  const KeyspaceRecord record = make(4);
  ASSERT_TRUE(write_keyspace(store_.resources(), "a", record, nullptr).ok());
  ASSERT_TRUE(erase_keyspace(store_.resources(), "a", record, nullptr).ok());
  EXPECT_EQ(load(store_.resources(), txn::newest)->keyspaces.size(), 1u);
  EXPECT_TRUE(load_tree_rows(store_.resources())->back().dropping) << "its pages are there until nobody can see them";
  ASSERT_TRUE(erase_tree_row(store_.resources(), record.tree).ok());
  EXPECT_FALSE(system().contains(tree_key(4)).value());
}

TEST_F(catalog_rows, of_a_wrong_kind_are_damage) {
  std::string row;
  ASSERT_TRUE(system().get(tree_key(3), row).ok());
  ASSERT_EQ(row.size(), tree_row_bytes);
  const std::string unknown = "corrupt: the system row of tree 3 has a kind or state that this version does not know";
  const std::map<std::string, std::string> wrong{
      {"\x02" + row.substr(1), unknown},
      {row.substr(0, 1) + "\x03" + row.substr(2), unknown},
      {row.substr(0, 1) + "\x02" + row.substr(2),
       "corrupt: the system row of tree 3 says that it is being dropped, but keyspace default names it"},
      {"short", "corrupt: the system row of tree 3 has 5 bytes, 16 expected"},
      {row + "x", "corrupt: the system row of tree 3 has 17 bytes, 16 expected"},
  };
  for (const auto& [bytes, message] : wrong) {
    ASSERT_TRUE(system().put(tree_key(3), bytes).ok());
    EXPECT_EQ(loading(), message);
  }
  ASSERT_TRUE(system().erase(tree_key(3)).ok());
  EXPECT_EQ(loading(), "corrupt: the system row of tree 3 is missing, but keyspace default names it");
}

TEST_F(catalog_rows, without_the_default_keyspace_are_damage) {
  ASSERT_TRUE(names().erase("default").ok());
  EXPECT_EQ(loading(), "corrupt: the keyspace 'default' is missing");
}

TEST_F(catalog_rows, of_names_that_make_no_sense_are_damage) {
  const std::vector<std::vector<Value>> wrong{
      {},
      {3},
      {"3", 0},
      {3, "0"},
      {2, 0},                             // a system tree
      {0, 0},
      {-1, 0},
      {std::int64_t{1} << 32, 0},
      {3, -1},
      {3, 1},                             // more key columns than columns
      {3, std::int64_t{1} << 40, "name"},
      {3, 1, 5},                          // a column that is no text
      {3, 0, nullptr},
  };
  for (const std::vector<Value>& row : wrong) {
    ASSERT_TRUE(names().put("bad", encode_row(row)).ok());
    EXPECT_EQ(loading(), "corrupt: the row of keyspace bad is malformed") << row.size() << " columns";
  }
  ASSERT_TRUE(names().put("bad", "\xff\xff").ok());
  EXPECT_THAT(loading(), HasSubstr("corrupt"));
  ASSERT_TRUE(names().put("bad", "").ok());
  EXPECT_THAT(loading(), HasSubstr("corrupt"));
}

TEST_F(catalog_rows, with_any_byte_changed_are_loaded_or_refused) {
  ASSERT_TRUE(write_keyspace(store_.resources(), "a", make(4, {{"id", "name"}, {"value"}}), nullptr).ok());
  std::string good;
  ASSERT_TRUE(names().get("a", good).ok());
  std::uint64_t refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string row = good;
      row[at] = static_cast<char>(row[at] ^ 1 << bit);
      ASSERT_TRUE(names().put("a", row).ok());
      const Result<Catalog> loaded = load(store_.resources(), txn::newest);
      EXPECT_TRUE(loaded.ok() || loaded == Code::corrupt || loaded == Code::limit) << loaded.status().to_string();
      refused += loaded.ok() ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 20u);
}

TEST(new_keyspace, keeps_to_the_limits) {
  const auto columns = [](std::size_t count) { return std::vector<std::string>(count, "c"); };
  EXPECT_TRUE(check_new_keyspace(std::string(255, 'n'), {}).ok());
  EXPECT_EQ(check_new_keyspace(std::string(256, 'n'), {}), Code::limit);
  EXPECT_EQ(check_new_keyspace("", {}), Code::invalid);
  EXPECT_TRUE(check_new_keyspace("n", {columns(64), columns(1936)}).ok());
  EXPECT_EQ(check_new_keyspace("n", {columns(65), {}}), Code::limit);
  EXPECT_EQ(check_new_keyspace("n", {columns(64), columns(1937)}), Code::limit);
  EXPECT_EQ(check_new_keyspace("n", {{}, columns(1)}), Code::invalid);
  EXPECT_TRUE(check_new_keyspace("n", {{std::string(255, 'c')}, {}}).ok());
  EXPECT_EQ(check_new_keyspace("n", {{std::string(256, 'c')}, {}}), Code::limit);
  EXPECT_EQ(check_new_keyspace("n", {{"k"}, {std::string(256, 'c')}}), Code::limit);
}

}  // namespace
}  // namespace quire::catalog
