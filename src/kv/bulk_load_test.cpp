// Bulk loads through the interface.
//
// Goal     a keyspace holds all rows of a load or none; the callback may call checkpoint() and read, and what it must not do
//          is refused; a failed load leaves no page behind and the transaction goes on
// Method   loads with checkpoints between rows, failures at several places, little memory, full disks; verify() and the
//          number of pages afterwards
#include "base/try.hpp"
#include "kv/test_database.hpp"

namespace quire::kv {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
const Options small_pages{.page_size = 4096, .memory_limit = mib, .lock_timeout_ms = 0};

std::string key_of(std::uint64_t i) { return "key" + std::to_string(1000000 + i); }

// Some values are large.
std::string value_of(std::uint64_t i) { return std::string(i % 50 == 7 ? 3000 + i : i % 200, static_cast<char>('a' + i % 26)); }

Model model_of(std::uint64_t count) {
  Model model;
  for (std::uint64_t i = 0; i < count; ++i) model.emplace_hint(model.end(), key_of(i), value_of(i));
  return model;
}

// Gives `count` rows, with a call before each.
class Rows {
 public:
  explicit Rows(std::uint64_t count, std::function<Status(std::uint64_t)> before = {}) : count_(count), before_(std::move(before)) {}

  Result<bool> operator()(Entry& row) {
    if (next_ == count_) return false;
    if (before_) QUIRE_TRY(before_(next_));
    key_ = key_of(next_);
    value_ = value_of(next_);
    row = {key_, value_};
    ++next_;
    return true;
  }

 private:
  const std::uint64_t count_;
  const std::function<Status(std::uint64_t)> before_;
  std::uint64_t next_ = 0;
  std::string key_;
  std::string value_;
};

Result<std::uint64_t> load(Transaction& tx, Rows rows, std::string_view keyspace = default_keyspace) {
  return tx.bulk_load(keyspace, std::ref(rows));
}

std::uint64_t pages(Database& db) {
  EXPECT_TRUE(db.checkpoint().ok());
  return db.statistics()->pages;
}

TEST(bulk_load, lets_its_callback_call_checkpoint_and_read) {
  TestMachine machine;
  Database db = machine.open(small_pages).value();
  ASSERT_TRUE(db.create_keyspace("other").ok());
  ASSERT_TRUE(db.keyspace("other")->put("key", "value").ok());
  const Transaction before = db.begin(Access::read).value();
  std::uint64_t checkpoints = 0;
  {
    Transaction tx = db.begin().value();
    const auto call = [&](std::uint64_t i) -> Status {
      if (i % 37 != 0) return Status();
      ++checkpoints;
      EXPECT_EQ(tx.get("other", "key").value_or("none"), "value");
      EXPECT_EQ(tx.get(default_keyspace, key_of(0)), Code::not_found) << "the rows are there when all of them are";
      return db.checkpoint();
    };
    const Result<std::uint64_t> loaded = load(tx, Rows(2000, call));
    ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
    EXPECT_EQ(*loaded, 2000u);
    EXPECT_EQ(entries_of(tx), model_of(2000));
    EXPECT_EQ(tx.commit().to_string(), "ok");
  }
  EXPECT_GT(checkpoints, 50u);
  EXPECT_EQ(entries_of(db), model_of(2000));
  EXPECT_EQ(entries_of(before), Model()) << "an older transaction keeps the old tree";
  EXPECT_EQ(db.verify().status().to_string(), "ok");
}

TEST(bulk_load, refuses_changes_by_its_callback) {
  for (const bool empty : {true, false}) {
    TestMachine machine;
    Database db = machine.open(small_pages).value();
    ASSERT_TRUE(db.create_keyspace("other").ok());
    if (!empty) {
      ASSERT_TRUE(db.keyspace()->put("a", "1").ok());
    }
    Transaction tx = db.begin().value();
    const Savepoint savepoint = tx.savepoint().value();
    const auto call = [&](std::uint64_t i) -> Status {
      if (i != 300) return Status();
      Rows more(3);
      EXPECT_EQ(tx.put("other", "k", "v"), Code::invalid);
      EXPECT_EQ(tx.erase("other", "k"), Code::invalid);
      EXPECT_EQ(tx.create_keyspace("third"), Code::invalid);
      EXPECT_EQ(tx.drop_keyspace("other"), Code::invalid);
      EXPECT_EQ(tx.savepoint(), Code::invalid);
      EXPECT_EQ(tx.rollback_to(savepoint), Code::invalid);
      EXPECT_EQ(tx.bulk_load("other", std::ref(more)), Code::invalid);
      EXPECT_EQ(tx.commit(), Code::invalid);
      EXPECT_THAT(std::string(tx.rollback().message()), HasSubstr("neither change nor end it"));
      return Status();
    };
    ASSERT_EQ(load(tx, Rows(600, call)).value_or(0), 600u);
    EXPECT_EQ(tx.commit().to_string(), "ok");
    Model expected = model_of(600);
    if (!empty) expected["a"] = "1";
    EXPECT_EQ(entries_of(db), expected);
    EXPECT_EQ(entries_of(db, "other"), Model());
    EXPECT_EQ(db.verify().status().to_string(), "ok");
  }
}

// The keyspace's new tree takes a number that no other tree gets.
TEST(bulk_load, fills_a_tree_of_its_own) {
  TestMachine machine;
  Database db = machine.open(small_pages).value();
  {
    Transaction tx = db.begin().value();
    ASSERT_TRUE(tx.create_keyspace("first").ok());
    ASSERT_TRUE(load(tx, Rows(100)).ok());
    ASSERT_TRUE(tx.create_keyspace("second").ok());
    ASSERT_TRUE(tx.put("first", "key", "first").ok());
    ASSERT_TRUE(tx.put("second", "key", "second").ok());
    ASSERT_TRUE(tx.commit().ok());
  }
  ASSERT_TRUE(db.create_keyspace("third").ok());
  ASSERT_TRUE(db.keyspace("third")->put("key", "third").ok());
  EXPECT_EQ(entries_of(db), model_of(100));
  for (const char* name : {"first", "second", "third"}) EXPECT_EQ(entries_of(db, name), (Model{{"key", name}}));
  EXPECT_EQ(db.verify().status().to_string(), "ok");
  ASSERT_TRUE(db.close().ok());
  db = machine.open(small_pages).value();
  EXPECT_EQ(entries_of(db), model_of(100));
  EXPECT_EQ(db.verify().status().to_string(), "ok");
}

// Everything that came before the failure is taken back, whatever a checkpoint has made durable of it.
TEST(bulk_load, that_fails_leaves_nothing_behind) {
  for (const bool out_of_order : {true, false}) {
    for (const std::uint64_t at : {1, 2, 100, 1999}) {
      SCOPED_TRACE(at);
      TestMachine machine;
      Database db = machine.open(small_pages).value();
      ASSERT_TRUE(db.keyspace()->put("old", "row").ok());
      const std::uint64_t pages_before = pages(db);
      {
        Transaction tx = db.begin().value();
        ASSERT_TRUE(tx.erase(default_keyspace, "old").ok());
        std::uint64_t given = 0;
        Rows rows(2000);
        const Result<std::uint64_t> loaded = tx.bulk_load(default_keyspace, [&](Entry& row) -> Result<bool> {
          if (given % 300 == 50) QUIRE_TRY(db.checkpoint());
          if (given++ < at) return rows(row);
          if (!out_of_order) return Status(Code::interrupted, "enough");
          row = {"a key below", "value"};
          return true;
        });
        EXPECT_EQ(loaded, out_of_order ? Code::invalid : Code::interrupted) << loaded.status().to_string();
        EXPECT_EQ(entries_of(tx), Model());
        ASSERT_TRUE(tx.put(default_keyspace, "new", "row").ok()) << "the transaction goes on";
        ASSERT_TRUE(tx.commit().ok());
      }
      EXPECT_EQ(entries_of(db), (Model{{"new", "row"}}));
      EXPECT_EQ(pages(db), pages_before);
      EXPECT_EQ(db.verify().status().to_string(), "ok");
    }
  }
}

// The program's own exceptions pass through; the transaction then has nothing of the load.
TEST(bulk_load, whose_callback_throws_leaves_nothing_behind) {
  for (const bool empty : {true, false}) {
    TestMachine machine;
    Database db = machine.open(small_pages).value();
    if (!empty) {
      ASSERT_TRUE(db.keyspace()->put("old", "row").ok());
    }
    const std::uint64_t pages_before = pages(db);
    Transaction tx = db.begin().value();
    const auto call = [&](std::uint64_t i) -> Status {
      if (i == 500) throw std::bad_alloc();
      return i == 300 ? db.checkpoint() : Status();
    };
    EXPECT_THROW((void)load(tx, Rows(600, call)), std::bad_alloc);
    ASSERT_EQ(tx.put(default_keyspace, "old", "row").to_string(), "ok");
    ASSERT_EQ(tx.commit().to_string(), "ok");
    EXPECT_EQ(entries_of(db), (Model{{"old", "row"}}));
    // Rows that were put one by one leave leaves behind that are nearly empty.
    if (empty) {
      EXPECT_EQ(pages(db), pages_before);
    }
    EXPECT_EQ(db.verify().status().to_string(), "ok");
  }
}

TEST(bulk_load, goes_back_with_its_transaction_or_savepoint) {
  TestMachine machine;
  Database db = machine.open(small_pages).value();
  const std::uint64_t pages_before = pages(db);
  Transaction tx = db.begin().value();
  const Savepoint savepoint = tx.savepoint().value();
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(load(tx, Rows(1500)).ok());
    ASSERT_TRUE(tx.put(default_keyspace, "one", "more").ok());
    ASSERT_TRUE(db.checkpoint().ok());
    ASSERT_EQ(tx.rollback_to(savepoint).to_string(), "ok");
    EXPECT_EQ(entries_of(tx), Model());
  }
  ASSERT_TRUE(load(tx, Rows(1500)).ok());
  EXPECT_EQ(tx.rollback().to_string(), "ok");
  EXPECT_EQ(entries_of(db), Model());
  EXPECT_EQ(pages(db), pages_before);
  EXPECT_EQ(db.verify().status().to_string(), "ok");
}

TEST(bulk_load, takes_more_than_memory_holds) {
  TestMachine machine;
  Database db = machine.open(small_pages).value();
  constexpr std::uint64_t rows = 30000;
  {
    Transaction tx = db.begin().value();
    std::uint64_t checkpoints = 0;
    const auto call = [&](std::uint64_t i) { return i % 7000 == 3000 && ++checkpoints > 0 ? db.checkpoint() : Status(); };
    ASSERT_EQ(load(tx, Rows(rows, call)).status().to_string(), "ok");
    EXPECT_EQ(checkpoints, 4u);
    EXPECT_EQ(tx.commit().to_string(), "ok");
  }
  EXPECT_GT(db.statistics()->page_evictions, 1000u);
  const Model expected = model_of(rows);
  EXPECT_TRUE(entries_of(db) == expected);
  EXPECT_EQ(db.verify().status().to_string(), "ok");
  const std::uint64_t pages_before = pages(db);
  ASSERT_TRUE(db.create_keyspace("other").ok());
  {
    Transaction tx = db.begin().value();
    ASSERT_TRUE(load(tx, Rows(rows), "other").ok());
    EXPECT_EQ(tx.rollback().to_string(), "ok");
  }
  EXPECT_EQ(pages(db), pages_before + 1) << "the root of the new keyspace";
  EXPECT_TRUE(entries_of(db) == expected);
  EXPECT_EQ(db.verify().status().to_string(), "ok");
}

// Wherever the disk is full, also when parts of the tree are published already.
TEST(bulk_load, that_fills_the_disk_can_be_tried_again) {
  int failures = 0;
  for (const bool with_checkpoints : {false, true}) {
    for (std::uint64_t room = 0;; room += 40000) {
      SCOPED_TRACE(std::to_string(room) + " bytes of room" + (with_checkpoints ? ", checkpoints" : ""));
      TestMachine machine;
      Database db = machine.open(small_pages).value();
      ASSERT_TRUE(db.create_keyspace("other").ok());
      const auto call = [&](std::uint64_t i) { return with_checkpoints && i % 100 == 99 ? db.checkpoint() : Status(); };
      const std::uint64_t pages_before = pages(db);
      machine.files().set_quota(machine.files().used_bytes() + room);
      Status status;
      {
        Transaction tx = db.begin().value();
        status = load(tx, Rows(3000, call)).status();
        if (status.ok()) status = tx.commit();
      }
      if (status.ok()) break;
      ++failures;
      ASSERT_EQ(status, Code::full) << status.to_string();
      EXPECT_EQ(entries_of(db), Model());
      ASSERT_EQ(pages(db), pages_before);
      ASSERT_EQ(db.verify().status().to_string(), "ok");
      machine.files().set_quota(os::MemFileSystem::no_quota);
      Transaction again = db.begin().value();
      ASSERT_EQ(load(again, Rows(3000, call)).status().to_string(), "ok");
      ASSERT_EQ(again.commit().to_string(), "ok");
      EXPECT_TRUE(entries_of(db) == model_of(3000));
      ASSERT_EQ(db.verify().status().to_string(), "ok");
    }
  }
  EXPECT_GT(failures, 20);
}

}  // namespace
}  // namespace quire::kv
