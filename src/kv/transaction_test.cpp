// Transaction and Keyspace: every call, every error, isolation.
//
// Goal     each sentence of quire/database.hpp about Transaction and Keyspace holds, each error it names is given
// Method   one test per sentence
#include "kv/test_database.hpp"

#include "os/sync.hpp"

namespace quire::kv {
namespace {

using testing::HasSubstr;

class transaction : public testing::Test {
 protected:
  transaction() : db_(machine_.open(impatient).value()) {}
  TestMachine machine_;
  Database db_;
};

TEST_F(transaction, reads_its_own_changes_and_makes_them_visible_at_commit) {
  Transaction tx = db_.begin().value();
  EXPECT_TRUE(tx.put("default", "a", "1").ok());
  EXPECT_TRUE(tx.insert("default", "b", "2").ok());
  EXPECT_EQ(tx.get("default", "a").value(), "1");
  std::string reused = "old content";
  EXPECT_TRUE(tx.get("default", "b", reused).ok());
  EXPECT_EQ(reused, "2");
  EXPECT_TRUE(tx.contains("default", "a").value());
  EXPECT_EQ(db_.keyspace()->get("a"), Code::not_found) << "seen before commit";
  EXPECT_EQ(entries_of(db_), Model());
  EXPECT_EQ(tx.commit().to_string(), "ok");
  EXPECT_EQ(entries_of(db_), (Model{{"a", "1"}, {"b", "2"}}));
}

TEST_F(transaction, erases_and_replaces) {
  Keyspace keyspace = db_.keyspace().value();
  ASSERT_TRUE(keyspace.put("a", "1").ok());
  ASSERT_TRUE(keyspace.put("b", "2").ok());
  Transaction tx = db_.begin().value();
  EXPECT_TRUE(tx.erase("default", "a").ok());
  EXPECT_EQ(tx.erase("default", "a"), Code::not_found);
  EXPECT_EQ(tx.get("default", "a"), Code::not_found);
  EXPECT_FALSE(tx.contains("default", "a").value());
  EXPECT_TRUE(tx.insert("default", "a", "again").ok());
  EXPECT_TRUE(tx.put("default", "b", "").ok());
  EXPECT_EQ(tx.erase("default", "c"), Code::not_found);
  EXPECT_EQ(tx.commit().to_string(), "ok");
  EXPECT_EQ(entries_of(db_), (Model{{"a", "again"}, {"b", ""}}));
}

TEST_F(transaction, does_not_insert_over_a_key_that_is_present) {
  ASSERT_TRUE(db_.keyspace()->put("a", "1").ok());
  EXPECT_EQ(db_.keyspace()->insert("a", "2"), Code::exists);
  Transaction tx = db_.begin().value();
  EXPECT_EQ(tx.insert("default", "a", "2"), Code::exists);
  EXPECT_TRUE(tx.insert("default", "b", "2").ok());
  EXPECT_EQ(tx.insert("default", "b", "3"), Code::exists);
  EXPECT_TRUE(tx.commit().ok());
  EXPECT_EQ(entries_of(db_), (Model{{"a", "1"}, {"b", "2"}}));
}

TEST_F(transaction, refuses_an_empty_key_in_every_call) {
  Keyspace keyspace = db_.keyspace().value();
  EXPECT_EQ(keyspace.get(""), Code::invalid);
  EXPECT_EQ(keyspace.contains(""), Code::invalid);
  EXPECT_EQ(keyspace.put("", "v"), Code::invalid);
  EXPECT_EQ(keyspace.insert("", "v"), Code::invalid);
  EXPECT_EQ(keyspace.erase(""), Code::invalid);
  Transaction tx = db_.begin().value();
  EXPECT_EQ(tx.get("default", ""), Code::invalid);
  EXPECT_EQ(tx.contains("default", ""), Code::invalid);
  EXPECT_EQ(tx.put("default", "", "v"), Code::invalid);
  EXPECT_EQ(tx.insert("default", "", "v"), Code::invalid);
  EXPECT_EQ(tx.erase("default", ""), Code::invalid);
}

TEST_F(transaction, takes_keys_up_to_the_limit_of_every_page_size) {
  for (const std::uint32_t page_size : {4096u, 8192u, 16384u, 32768u, 65536u}) {
    TestMachine machine;
    Options options = impatient;
    options.page_size = page_size;
    Database db = machine.open(options).value();
    Keyspace keyspace = db.keyspace().value();
    const std::size_t most = db.key_bytes_max();
    for (const std::size_t bytes : {std::size_t{1}, most - 1, most}) {
      const std::string key(bytes, 'k');
      EXPECT_EQ(keyspace.put(key, "v").to_string(), "ok");
      EXPECT_EQ(keyspace.get(key).value(), "v");
    }
    const std::string long_key(most + 1, 'k');
    const Status refused = keyspace.put(long_key, "v");
    EXPECT_EQ(refused, Code::limit);
    EXPECT_THAT(std::string(refused.message()), HasSubstr(std::to_string(most)));
    EXPECT_EQ(keyspace.insert(long_key, "v"), Code::limit);
    EXPECT_EQ(keyspace.count().value(), 3u);
    EXPECT_TRUE(db.verify().ok());
  }
}

TEST_F(transaction, takes_values_of_any_length_up_to_the_limit) {
  Keyspace keyspace = db_.keyspace().value();
  for (const std::size_t bytes : {0, 1, 2000, 2048, 8192, 100000, 3000000}) {
    std::string value(bytes, 'v');
    if (bytes > 0) value.back() = '\0';
    EXPECT_EQ(keyspace.put("k", value).to_string(), "ok");
    EXPECT_EQ(keyspace.get("k").value(), value);
  }
  const std::string short_value = "only its length is looked at";
  const std::string_view too_long(short_value.data(), value_bytes_max + 1);
  EXPECT_EQ(keyspace.put("k", too_long), Code::limit);
  EXPECT_TRUE(db_.verify().ok());
}

TEST_F(transaction, knows_no_keyspace_that_was_not_created) {
  Transaction tx = db_.begin().value();
  std::string value;
  EXPECT_EQ(tx.get("nowhere", "k"), Code::not_found);
  EXPECT_EQ(tx.get("nowhere", "k", value), Code::not_found);
  EXPECT_EQ(tx.contains("nowhere", "k"), Code::not_found);
  EXPECT_EQ(tx.count("nowhere"), Code::not_found);
  EXPECT_EQ(tx.count("nowhere", Range::all()), Code::not_found);
  EXPECT_EQ(tx.put("nowhere", "k", "v"), Code::not_found);
  EXPECT_EQ(tx.insert("nowhere", "k", "v"), Code::not_found);
  EXPECT_EQ(tx.erase("nowhere", "k"), Code::not_found);
  EXPECT_EQ(tx.cursor("nowhere"), Code::not_found);
  EXPECT_EQ(tx.drop_keyspace("nowhere"), Code::not_found);
  EXPECT_EQ(tx.keyspace("nowhere"), Code::not_found);
  Scan scan = tx.scan("nowhere");
  EXPECT_EQ(scan.begin(), scan.end());
  EXPECT_EQ(scan.status(), Code::not_found);
  EXPECT_EQ(db_.keyspace("nowhere"), Code::not_found);
}

TEST_F(transaction, changes_nothing_when_it_only_reads) {
  Transaction tx = db_.begin(Access::read).value();
  EXPECT_EQ(tx.access(), Access::read);
  EXPECT_EQ(tx.put("default", "k", "v"), Code::read_only);
  EXPECT_EQ(tx.insert("default", "k", "v"), Code::read_only);
  EXPECT_EQ(tx.erase("default", "k"), Code::read_only);
  EXPECT_EQ(tx.create_keyspace("a"), Code::read_only);
  EXPECT_EQ(tx.drop_keyspace("default"), Code::read_only);
  EXPECT_TRUE(tx.active());
  EXPECT_EQ(tx.commit().to_string(), "ok");
}

void expect_ended(Transaction& tx) {
  std::string value;
  EXPECT_FALSE(tx.active());
  EXPECT_EQ(tx.get("default", "k"), Code::invalid);
  EXPECT_EQ(tx.get("default", "k", value), Code::invalid);
  EXPECT_EQ(tx.contains("default", "k"), Code::invalid);
  EXPECT_EQ(tx.count("default"), Code::invalid);
  EXPECT_EQ(tx.count("default", Range::all()), Code::invalid);
  EXPECT_EQ(tx.put("default", "k", "v"), Code::invalid);
  EXPECT_EQ(tx.insert("default", "k", "v"), Code::invalid);
  EXPECT_EQ(tx.erase("default", "k"), Code::invalid);
  EXPECT_EQ(tx.cursor("default"), Code::invalid);
  EXPECT_EQ(tx.create_keyspace("a"), Code::invalid);
  EXPECT_EQ(tx.drop_keyspace("a"), Code::invalid);
  EXPECT_EQ(tx.keyspaces(), Code::invalid);
  EXPECT_EQ(tx.keyspace("default"), Code::invalid);
  EXPECT_EQ(tx.commit(), Code::invalid);
  EXPECT_EQ(tx.rollback(), Code::invalid);
}

TEST_F(transaction, is_over_after_commit_and_after_rollback) {
  for (const Access access : {Access::read, Access::write}) {
    for (const bool commits : {true, false}) {
      Transaction tx = db_.begin(access).value();
      Result<Cursor> cursor = tx.cursor("default");
      EXPECT_TRUE((commits ? tx.commit() : tx.rollback()).ok());
      expect_ended(tx);
      EXPECT_EQ(cursor->first(), Code::invalid);
      EXPECT_EQ(cursor->value(), Code::invalid);
    }
  }
}

TEST_F(transaction, leaves_nothing_behind_when_it_is_rolled_back_or_destroyed) {
  ASSERT_TRUE(db_.keyspace()->put("a", "1").ok());
  {
    Transaction tx = db_.begin().value();
    EXPECT_TRUE(tx.put("default", "a", "2").ok());
    EXPECT_TRUE(tx.put("default", "b", "2").ok());
    EXPECT_TRUE(tx.rollback().ok());
  }
  {
    Transaction tx = db_.begin().value();
    EXPECT_TRUE(tx.erase("default", "a").ok());
  }
  EXPECT_EQ(entries_of(db_), (Model{{"a", "1"}}));
}

TEST_F(transaction, may_be_one_of_several_of_a_thread) {
  Transaction tx = db_.begin().value();
  ASSERT_TRUE(tx.put("default", "k", "v").ok());
  EXPECT_TRUE(db_.keyspace()->put("other", "v").ok());
  EXPECT_TRUE(db_.create_keyspace("a").ok());
  EXPECT_TRUE(db_.begin(Access::read).ok());
  EXPECT_EQ(db_.keyspace()->put("k", "w"), Code::timeout) << "nobody can end the other one meanwhile";
  EXPECT_TRUE(tx.commit().ok());
  EXPECT_EQ(entries_of(db_), (Model{{"k", "v"}, {"other", "v"}}));
}

TEST_F(transaction, keeps_others_from_changing_its_rows) {
  Transaction tx = db_.begin().value();
  ASSERT_TRUE(tx.put("default", "k", "mine").ok());
  Status other;
  os::Thread([&] { other = db_.keyspace()->put("k", "v"); }).join();
  EXPECT_EQ(other, Code::timeout);
  EXPECT_THAT(std::string(other.message()), HasSubstr("transaction "));
  EXPECT_TRUE(tx.rollback().ok());
  os::Thread([&] { other = db_.keyspace()->put("k", "v"); }).join();
  EXPECT_EQ(other.to_string(), "ok");
}

TEST_F(transaction, commits_beside_readers_that_go_on_seeing_what_they_saw) {
  ASSERT_TRUE(db_.keyspace()->put("a", "1").ok());
  Transaction reader = db_.begin(Access::read).value();
  Transaction writer = db_.begin().value();
  EXPECT_TRUE(writer.put("default", "a", "2").ok());
  EXPECT_TRUE(writer.put("default", "b", "2").ok());
  EXPECT_EQ(reader.get("default", "a").value(), "1");
  EXPECT_EQ(writer.commit().to_string(), "ok");
  EXPECT_EQ(reader.get("default", "a").value(), "1");
  EXPECT_EQ(entries_of(reader), (Model{{"a", "1"}}));
  EXPECT_EQ(reader.count("default").value(), 1u);
  EXPECT_EQ(entries_of(db_), (Model{{"a", "2"}, {"b", "2"}}));
  EXPECT_TRUE(reader.commit().ok());
}

TEST_F(transaction, spans_keyspaces) {
  ASSERT_TRUE(db_.create_keyspace("a").ok());
  ASSERT_TRUE(db_.create_keyspace("b").ok());
  ASSERT_TRUE(db_.update([](Transaction& tx) {
    Status status = tx.put("a", "k", "in a");
    if (status.ok()) status = tx.put("b", "k", "in b");
    return status.ok() ? tx.put("default", "k", "in default") : status;
  }).ok());
  EXPECT_EQ(entries_of(db_, "a"), (Model{{"k", "in a"}}));
  EXPECT_EQ(entries_of(db_, "b"), (Model{{"k", "in b"}}));
  EXPECT_EQ(entries_of(db_), (Model{{"k", "in default"}}));
}

TEST_F(transaction, of_update_commits_or_rolls_back_by_what_the_function_returns) {
  EXPECT_TRUE(db_.update([](Transaction& tx) { return tx.put("default", "a", "1"); }).ok());
  const Status refused = db_.update([](Transaction& tx) {
    EXPECT_TRUE(tx.put("default", "a", "2").ok());
    return Status(Code::constraint, "not today");
  });
  EXPECT_EQ(refused, Code::constraint);
  EXPECT_EQ(refused.message(), "not today");
  EXPECT_EQ(entries_of(db_), (Model{{"a", "1"}}));
  // A function that ends the transaction itself is taken at its word.
  EXPECT_TRUE(db_.update([](Transaction& tx) {
    EXPECT_TRUE(tx.put("default", "b", "2").ok());
    return tx.rollback();
  }).ok());
  EXPECT_TRUE(db_.update([](Transaction& tx) {
    EXPECT_TRUE(tx.put("default", "c", "3").ok());
    return tx.commit();
  }).ok());
  EXPECT_EQ(db_.view([](Transaction& tx) { return tx.put("default", "d", "4"); }), Code::read_only);
  EXPECT_EQ(entries_of(db_), (Model{{"a", "1"}, {"c", "3"}}));
}

TEST_F(transaction, counts_with_its_own_changes_and_without) {
  for (const char* key : {"a", "b", "c", "d"}) ASSERT_TRUE(db_.keyspace()->put(key, "v").ok());
  Transaction tx = db_.begin().value();
  EXPECT_EQ(tx.count("default").value(), 4u);
  EXPECT_TRUE(tx.erase("default", "a").ok());
  EXPECT_TRUE(tx.put("default", "b", "replaced").ok());
  EXPECT_TRUE(tx.put("default", "e", "new").ok());
  EXPECT_TRUE(tx.insert("default", "f", "new").ok());
  EXPECT_TRUE(tx.put("default", "g", "new").ok());
  EXPECT_TRUE(tx.erase("default", "g").ok());
  EXPECT_EQ(tx.count("default").value(), 5u);
  EXPECT_EQ(tx.count("default", Range::all()).value(), 5u);
  EXPECT_EQ(tx.count("default", Range::between("b", "e")).value(), 3u);
  EXPECT_EQ(tx.count("default", Range::closed("b", "e")).value(), 4u);
  EXPECT_EQ(tx.keyspace("default")->count, 5u);
  EXPECT_TRUE(tx.put("default", "a", "back").ok());
  EXPECT_EQ(tx.count("default").value(), 6u);
  EXPECT_EQ(db_.keyspace()->count().value(), 4u);
  EXPECT_TRUE(tx.commit().ok());
  EXPECT_EQ(db_.keyspace()->count().value(), 6u);
  EXPECT_TRUE(db_.verify().ok());
}

TEST_F(transaction, can_be_moved_and_handed_to_another_thread) {
  Transaction tx = db_.begin().value();
  EXPECT_TRUE(tx.put("default", "a", "1").ok());
  Status committed(Code::invalid);
  os::Thread([moved = std::move(tx), &committed]() mutable {
    EXPECT_TRUE(moved.put("default", "b", "2").ok());
    committed = moved.commit();
  }).join();
  EXPECT_EQ(committed.to_string(), "ok");
  EXPECT_EQ(entries_of(db_), (Model{{"a", "1"}, {"b", "2"}}));
}

TEST_F(transaction, that_changed_nothing_publishes_nothing) {
  const std::uint64_t generation = db_.statistics()->generation;
  EXPECT_TRUE(db_.update([](Transaction&) { return Status(); }).ok());
  EXPECT_TRUE(db_.view([](Transaction&) { return Status(); }).ok());
  EXPECT_EQ(db_.statistics()->generation, generation);
}

}  // namespace
}  // namespace quire::kv
