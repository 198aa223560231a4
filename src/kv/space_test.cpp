// Room that runs out: memory for one transaction, space on the disk.
//
// Goal     memory_limit bounds no transaction; one that finds no space on the disk fails with full, nothing is lost, and
//          the same handle goes on as soon as there is room
// Method   small memory limits; a file system with a quota that is used up and then raised
#include "kv/test_database.hpp"

namespace quire::kv {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

std::string key_of(std::uint64_t i) { return "key" + std::to_string(100000 + i * 7919 % 100000); }

// Puts keys [first, first + count) in one transaction.
Status put_many(Database& db, Model& model, std::uint64_t first, std::uint64_t count, std::uint64_t value_bytes) {
  Model changed = model;
  const Status status = db.update([&](Transaction& tx) {
    Status put;
    for (std::uint64_t i = first; put.ok() && i < first + count; ++i) {
      const std::string value(value_bytes, static_cast<char>('a' + i % 26));
      changed[key_of(i)] = value;
      put = tx.put("default", key_of(i), value);
    }
    return put;
  });
  if (status.ok()) model = std::move(changed);
  return status;
}

TEST(space, takes_transactions_many_times_larger_than_memory_and_rolls_them_back) {
  TestMachine machine;
  Database db = machine.open({.page_size = 4096, .memory_limit = mib}).value();
  Model model;
  ASSERT_EQ(put_many(db, model, 0, 500, 100).to_string(), "ok");
  ASSERT_EQ(put_many(db, model, 1000, 20000, 300).to_string(), "ok");
  EXPECT_GT(db.statistics()->page_evictions, 500u);
  EXPECT_EQ(entries_of(db), model);
  EXPECT_TRUE(db.verify().ok());
  {
    // Every page is changed, some of them many times.
    Transaction tx = db.begin().value();
    for (std::uint64_t i = 0; i < 21000; ++i) ASSERT_TRUE(tx.put("default", key_of(i), std::string(i % 400, 'r')).ok());
    for (std::uint64_t i = 0; i < 21000; i += 3) ASSERT_TRUE(tx.erase("default", key_of(i)).ok());
    EXPECT_EQ(entries_of(db), model);
    EXPECT_EQ(tx.rollback().to_string(), "ok");
  }
  EXPECT_EQ(entries_of(db), model);
  EXPECT_EQ(db.keyspace()->count().value(), model.size());
  EXPECT_TRUE(db.verify().ok());
  ASSERT_TRUE(db.close().ok());
  Database again = machine.open({.mode = Mode::open, .memory_limit = mib}).value();
  EXPECT_EQ(entries_of(again), model);
  EXPECT_TRUE(again.verify().ok());
  EXPECT_EQ(again.statistics()->undo_pages, 0u);
}

TEST(space, commits_changes_of_more_pages_than_memory_holds) {
  TestMachine machine;
  Database db = machine.open({.page_size = 4096, .memory_limit = mib}).value();
  Model model;
  for (std::uint64_t i = 0; i < 4000; i += 80) ASSERT_EQ(put_many(db, model, i, 80, 900).to_string(), "ok");
  ASSERT_EQ(put_many(db, model, 0, 4000, 1).to_string(), "ok");
  EXPECT_EQ(entries_of(db), model);
  EXPECT_TRUE(db.verify().ok());
}

TEST(space, takes_a_value_larger_than_memory) {
  TestMachine machine;
  Database db = machine.open({.memory_limit = 4 * mib}).value();
  EXPECT_EQ(db.keyspace()->put("k", std::string(5 * mib, 'v')).to_string(), "ok");
  EXPECT_EQ(db.keyspace()->get("k")->size(), 5 * mib);
  EXPECT_EQ(db.keyspace()->put("k", std::string(9 * mib, 'w')).to_string(), "ok");
  EXPECT_TRUE(db.keyspace()->get("k").value() == std::string(9 * mib, 'w'));
  EXPECT_TRUE(db.verify().ok());
}

// At the default page size the page table grows by a level inside this value.
TEST(space, takes_a_value_of_many_pages) {
  TestMachine machine;
  Database db = machine.open().value();
  std::string value(6 * mib, 'v');
  for (std::size_t i = 0; i < value.size(); i += 4093) value[i] = static_cast<char>(i);
  EXPECT_EQ(db.keyspace()->put("k", value).to_string(), "ok");
  EXPECT_TRUE(db.keyspace()->get("k").value() == value);
  EXPECT_EQ(db.keyspace()->put("l", value).to_string(), "ok");
  EXPECT_TRUE(db.verify().ok());
}

TEST(space, refuses_what_the_disk_cannot_hold_and_goes_on_when_it_can) {
  TestMachine machine;
  Database db = machine.open({.page_size = 4096, .lock_timeout_ms = 0}).value();
  Model model;
  ASSERT_TRUE(put_many(db, model, 0, 200, 300).ok());
  machine.files().set_quota(3 * mib);
  Status status;
  std::uint64_t next = 1000;
  for (; status.ok() && next < 50000; next += 200) status = put_many(db, model, next, 200, 300);
  EXPECT_EQ(status, Code::full) << status.to_string();
  EXPECT_EQ(entries_of(db), model);
  EXPECT_TRUE(db.verify().ok());
  machine.files().set_quota(6 * mib);
  EXPECT_EQ(put_many(db, model, next, 200, 300).to_string(), "ok");
  EXPECT_TRUE(db.create_keyspace("a").ok());
  EXPECT_EQ(entries_of(db), model);
  ASSERT_TRUE(db.close().ok());
  Database again = machine.open({.mode = Mode::open}).value();
  EXPECT_EQ(entries_of(again), model);
  EXPECT_TRUE(again.verify().ok());
}

// The standing reserve is a fixed amount, so a disk that holds exactly the file still lets rows be erased.
TEST(space, lets_a_database_shrink_on_a_full_disk) {
  TestMachine machine;
  Database db = machine.open({.page_size = 4096, .lock_timeout_ms = 0}).value();
  Model model;
  ASSERT_TRUE(put_many(db, model, 0, 3000, 300).ok());
  machine.files().set_quota(machine.files().used_bytes());
  std::uint64_t erased = 0;
  Status status;
  for (std::uint64_t i = 0; status.ok() && i < 100; ++i) {
    status = db.keyspace()->erase(key_of(i));
    if (!status.ok()) break;
    model.erase(key_of(i));
    ++erased;
  }
  EXPECT_TRUE(status.ok() || status == Code::full) << status.to_string();
  EXPECT_EQ(entries_of(db), model);
  EXPECT_TRUE(db.verify().ok());
  RecordProperty("erased", static_cast<int>(erased));
}

TEST(space, fails_to_create_a_database_on_a_full_disk_and_creates_it_later) {
  TestMachine machine;
  machine.files().set_quota(10000);
  EXPECT_EQ(machine.open(), Code::full);
  EXPECT_EQ(*machine.files().exists(test_path), false);
  machine.files().set_quota(os::MemFileSystem::no_quota);
  Result<Database> db = machine.open();
  ASSERT_TRUE(db.ok()) << db.status().to_string();
  EXPECT_TRUE(db->verify().ok());
}

// Steady rewriting must not grow the file: what a checkpoint supersedes is used again by the next but one.
TEST(space, is_used_again) {
  TestMachine machine;
  Database db = machine.open({.page_size = 4096}).value();
  Model model;
  ASSERT_TRUE(put_many(db, model, 0, 500, 300).ok());
  std::uint64_t most = 0;
  for (int round = 0; round < 60; ++round) {
    ASSERT_TRUE(put_many(db, model, 0, 500, 300).ok());
    if (round == 5) most = db.statistics()->file_bytes;
  }
  EXPECT_LE(db.statistics()->file_bytes, most);
}

// What comes last in the file moves into what a dropped keyspace has left, which is less than half and so not worth it before.
TEST(space, is_given_back_at_close) {
  TestMachine machine;
  Database db = machine.open({.page_size = 4096}).value();
  const auto fill = [&](const char* name, int rows) {
    ASSERT_TRUE(db.create_keyspace(name).ok());
    ASSERT_TRUE(db.update([&](Transaction& tx) {
                    Status put;
                    for (int i = 0; put.ok() && i < rows; ++i) put = tx.put(name, key_of(static_cast<std::uint64_t>(i)), std::string(900, *name));
                    return put;
                  }).ok());
  };
  ASSERT_NO_FATAL_FAILURE(fill("first", 3000));
  ASSERT_NO_FATAL_FAILURE(fill("second", 5000));
  const std::uint64_t full = db.statistics()->file_bytes;
  const Model before = entries_of(db, "second");
  ASSERT_TRUE(db.drop_keyspace("first").ok());
  ASSERT_TRUE(db.close().ok());
  Database again = machine.open({.mode = Mode::open}).value();
  const Statistics closed = *again.statistics();
  EXPECT_LT(closed.file_bytes, full * 3 / 4);
  EXPECT_LT(closed.free_bytes, (std::uint64_t{256} << 10) + closed.file_bytes / 32);
  EXPECT_EQ(entries_of(again, "second"), before);
  EXPECT_TRUE(again.verify().ok());
}

}  // namespace
}  // namespace quire::kv
