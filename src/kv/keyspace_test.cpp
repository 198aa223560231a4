// Keyspaces: creating, dropping, naming, describing.
//
// Goal     catalog changes are transactional like any other, names and schemas keep to their limits and survive
//          reopening, and what is dropped gives its pages back
// Method   one test per sentence of quire/database.hpp
#include "kv/test_database.hpp"

namespace quire::kv {
namespace {

class keyspace : public testing::Test {
 protected:
  keyspace() { open(); }
  void open() { db_.emplace(machine_.open(impatient).value()); }
  void reopen() {
    ASSERT_EQ(db_->close().to_string(), "ok");
    open();
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    const Result<std::vector<KeyspaceInfo>> infos = db_->keyspaces();
    if (!infos.ok()) return {infos.status().to_string()};
    for (const KeyspaceInfo& info : *infos) all.push_back(info.name);
    return all;
  }

  TestMachine machine_;
  std::optional<Database> db_;
};

using Names = std::vector<std::string>;

TEST_F(keyspace, default_is_there_from_the_start_and_cannot_be_dropped) {
  EXPECT_EQ(names(), Names{"default"});
  EXPECT_EQ(db_->keyspace()->name(), "default");
  EXPECT_EQ(db_->drop_keyspace("default"), Code::invalid);
  EXPECT_EQ(db_->create_keyspace("default"), Code::exists);
}

TEST_F(keyspace, is_created_dropped_and_listed_in_order) {
  for (const char* name : {"zebra", "apple", "\xff", "a\tb"}) EXPECT_EQ(db_->create_keyspace(name).to_string(), "ok");
  EXPECT_EQ(db_->create_keyspace("apple"), Code::exists);
  EXPECT_EQ(names(), (Names{"a\tb", "apple", "default", "zebra", "\xff"}));
  EXPECT_TRUE(db_->drop_keyspace("apple").ok());
  EXPECT_EQ(db_->drop_keyspace("apple"), Code::not_found);
  reopen();
  EXPECT_EQ(names(), (Names{"a\tb", "default", "zebra", "\xff"}));
  EXPECT_TRUE(db_->verify().ok());
}

TEST_F(keyspace, takes_names_up_to_the_limit) {
  EXPECT_EQ(db_->create_keyspace(""), Code::invalid);
  EXPECT_TRUE(db_->create_keyspace(std::string(keyspace_name_bytes_max - 1, 'n')).ok());
  EXPECT_TRUE(db_->create_keyspace(std::string(keyspace_name_bytes_max, 'n')).ok());
  EXPECT_EQ(db_->create_keyspace(std::string(keyspace_name_bytes_max + 1, 'n')), Code::limit);
  EXPECT_EQ(names().size(), 3u);
}

TEST_F(keyspace, keeps_its_schema) {
  const Schema cities{{"country", "name", "id"}, {"population", "", "Größe"}};
  const Schema keys_only{{"k"}, {}};
  ASSERT_TRUE(db_->create_keyspace("cities", cities).ok());
  ASSERT_TRUE(db_->create_keyspace("keys", keys_only).ok());
  ASSERT_TRUE(db_->create_keyspace("plain").ok());
  reopen();
  for (const KeyspaceInfo& info : db_->keyspaces().value()) {
    EXPECT_EQ(info.schema, info.name == "cities" ? cities : info.name == "keys" ? keys_only : Schema());
    EXPECT_EQ(info.schema.plain(), info.name == "plain" || info.name == "default");
  }
}

TEST_F(keyspace, takes_schemas_up_to_the_limits) {
  const std::vector<std::string> keys(64, "k");
  const std::vector<std::string> values(2000 - 64, "v");
  const std::string longest(255, 'c');
  EXPECT_TRUE(db_->create_keyspace("most", {keys, values}).ok());
  EXPECT_TRUE(db_->create_keyspace("longest", {{longest}, {longest}}).ok());
  EXPECT_EQ(db_->create_keyspace("keys", {std::vector<std::string>(65, "k"), {}}), Code::limit);
  EXPECT_EQ(db_->create_keyspace("columns", {keys, std::vector<std::string>(2000 - 63, "v")}), Code::limit);
  EXPECT_EQ(db_->create_keyspace("long", {{longest + "c"}, {}}), Code::limit);
  EXPECT_EQ(db_->create_keyspace("no keys", {{}, {"v"}}), Code::invalid);
  reopen();
  EXPECT_EQ(names(), (Names{"default", "longest", "most"}));
  EXPECT_EQ(db_->keyspaces()->at(2).schema.value_columns, values);
}

TEST_F(keyspace, is_usable_in_the_transaction_that_creates_it) {
  ASSERT_TRUE(db_->update([](Transaction& tx) {
    EXPECT_TRUE(tx.create_keyspace("new").ok());
    EXPECT_EQ(tx.get("new", "k"), Code::not_found);
    EXPECT_FALSE(tx.contains("new", "k").value());
    EXPECT_EQ(entries_of(tx, "new"), Model());
    EXPECT_TRUE(tx.put("new", "k", "v").ok());
    EXPECT_EQ(tx.insert("new", "k", "w"), Code::exists);
    EXPECT_EQ(tx.count("new").value(), 1u);
    EXPECT_EQ(entries_of(tx, "new"), (Model{{"k", "v"}}));
    EXPECT_EQ(tx.keyspaces()->size(), 2u);
    return Status();
  }).ok());
  EXPECT_EQ(entries_of(*db_, "new"), (Model{{"k", "v"}}));
}

TEST_F(keyspace, created_and_dropped_in_one_transaction_leaves_nothing) {
  const std::uint64_t pages = db_->statistics()->pages;
  ASSERT_TRUE(db_->update([](Transaction& tx) {
    EXPECT_TRUE(tx.create_keyspace("new").ok());
    EXPECT_TRUE(tx.put("new", "k", "v").ok());
    EXPECT_TRUE(tx.drop_keyspace("new").ok());
    EXPECT_EQ(tx.put("new", "k", "v"), Code::not_found);
    return Status();
  }).ok());
  EXPECT_EQ(names(), Names{"default"});
  EXPECT_EQ(db_->statistics()->pages, pages);
  EXPECT_TRUE(db_->verify().ok());
}

TEST_F(keyspace, dropped_and_created_again_in_one_transaction_is_empty) {
  ASSERT_TRUE(db_->create_keyspace("a").ok());
  ASSERT_TRUE(db_->keyspace("a")->put("old", "v").ok());
  ASSERT_TRUE(db_->update([](Transaction& tx) {
    EXPECT_TRUE(tx.put("a", "older", "v").ok());
    EXPECT_TRUE(tx.drop_keyspace("a").ok());
    EXPECT_TRUE(tx.create_keyspace("a", {{"id"}, {}}).ok());
    EXPECT_EQ(tx.count("a").value(), 0u);
    EXPECT_TRUE(tx.put("a", "new", "v").ok());
    return Status();
  }).ok());
  EXPECT_EQ(entries_of(*db_, "a"), (Model{{"new", "v"}}));
  reopen();
  EXPECT_EQ(entries_of(*db_, "a"), (Model{{"new", "v"}}));
  EXPECT_EQ(db_->keyspaces()->front().schema.key_columns, Names{"id"});
  EXPECT_TRUE(db_->verify().ok());
}

TEST_F(keyspace, changes_are_undone_by_a_rollback) {
  ASSERT_TRUE(db_->create_keyspace("old").ok());
  ASSERT_TRUE(db_->keyspace("old")->put("k", "v").ok());
  EXPECT_EQ(db_->update([](Transaction& tx) {
    EXPECT_TRUE(tx.create_keyspace("new").ok());
    EXPECT_TRUE(tx.drop_keyspace("old").ok());
    EXPECT_EQ(tx.get("old", "k"), Code::not_found);
    EXPECT_EQ(tx.keyspaces()->size(), 2u);
    return Status(Code::interrupted);
  }), Code::interrupted);
  EXPECT_EQ(names(), (Names{"default", "old"}));
  EXPECT_EQ(entries_of(*db_, "old"), (Model{{"k", "v"}}));
  EXPECT_TRUE(db_->create_keyspace("new").ok());
}

TEST_F(keyspace, is_seen_by_others_only_after_commit) {
  Transaction tx = db_->begin().value();
  EXPECT_TRUE(tx.create_keyspace("new").ok());
  EXPECT_EQ(db_->keyspace("new"), Code::not_found);
  EXPECT_EQ(names(), Names{"default"});
  EXPECT_TRUE(tx.commit().ok());
  EXPECT_TRUE(db_->keyspace("new").ok());
}

TEST_F(keyspace, handle_answers_not_found_after_the_keyspace_was_dropped) {
  ASSERT_TRUE(db_->create_keyspace("a").ok());
  Keyspace handle = db_->keyspace("a").value();
  Keyspace copy = handle;
  ASSERT_TRUE(copy.put("k", "v").ok());
  ASSERT_TRUE(db_->drop_keyspace("a").ok());
  EXPECT_EQ(handle.get("k"), Code::not_found);
  EXPECT_EQ(handle.put("k", "v"), Code::not_found);
  EXPECT_EQ(handle.count(), Code::not_found);
  ASSERT_TRUE(db_->create_keyspace("a").ok());
  EXPECT_EQ(handle.count().value(), 0u) << "a handle is a name";
}

TEST_F(keyspace, cursor_stands_on_entries_that_its_own_transaction_drops) {
  ASSERT_TRUE(db_->create_keyspace("a").ok());
  ASSERT_TRUE(db_->keyspace("a")->put("k", "v").ok());
  Transaction tx = db_->begin().value();
  ASSERT_TRUE(tx.put("a", "own", "v").ok());
  Cursor on_tree = tx.cursor("a").value();
  Cursor on_own = tx.cursor("a").value();
  ASSERT_TRUE(on_tree.seek("k").ok());
  ASSERT_TRUE(on_own.seek("own").ok());
  ASSERT_TRUE(tx.drop_keyspace("a").ok());
  EXPECT_EQ(on_own.value(), Code::not_found);
  EXPECT_EQ(on_own.key(), "own");
  EXPECT_EQ(on_own.next(), Code::not_found);
  EXPECT_TRUE(on_tree.value().ok() || on_tree.value() == Code::not_found);
}

TEST_F(keyspace, dropped_gives_its_pages_back) {
  const std::uint64_t pages = db_->statistics()->pages;
  ASSERT_TRUE(db_->update([](Transaction& tx) {
    EXPECT_TRUE(tx.create_keyspace("big").ok());
    Status status;
    for (int i = 0; status.ok() && i < 2000; ++i) status = tx.put("big", "key" + std::to_string(i), std::string(i % 100 == 0 ? 30000 : 50, 'v'));
    return status;
  }).ok());
  ASSERT_TRUE(db_->checkpoint().ok());
  EXPECT_GT(db_->statistics()->pages, pages + 100);
  ASSERT_TRUE(db_->drop_keyspace("big").ok());
  ASSERT_TRUE(db_->checkpoint().ok());
  EXPECT_EQ(db_->statistics()->pages, pages);
  EXPECT_TRUE(db_->verify().ok());
  reopen();
  EXPECT_EQ(db_->statistics()->pages, pages);
  EXPECT_TRUE(db_->verify().ok());
}

TEST_F(keyspace, exists_by_the_hundreds) {
  ASSERT_TRUE(db_->update([](Transaction& tx) {
    Status status;
    for (int i = 0; status.ok() && i < 300; ++i) {
      const std::string name = "keyspace number " + std::to_string(i) + std::string(100, '.');
      status = tx.create_keyspace(name, {{"key"}, {"value"}});
      if (status.ok()) status = tx.put(name, "number", std::to_string(i));
    }
    return status;
  }).ok());
  reopen();
  EXPECT_EQ(names().size(), 301u);
  for (const int i : {0, 123, 299}) {
    const std::string name = "keyspace number " + std::to_string(i) + std::string(100, '.');
    EXPECT_EQ(entries_of(*db_, name), (Model{{"number", std::to_string(i)}}));
  }
  EXPECT_TRUE(db_->verify().ok());
}

}  // namespace
}  // namespace quire::kv
