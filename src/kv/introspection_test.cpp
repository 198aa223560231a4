// Introspection: what transactions(), locks(), snapshots() and statistics() tell of transactions that do not wait; those that do are in
// introspection_threads_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/test_database.hpp"

namespace quire::kv {
namespace {

using testing::HasSubstr;

constexpr std::string_view rows = default_keyspace;

class introspection : public testing::Test {
 protected:
  Transaction begin(Isolation isolation) { return db_.begin({.isolation = isolation}).value(); }
  void put(const std::string& key) { ASSERT_TRUE(db_.keyspace()->put(key, "v").ok()); }

  TestMachine machine_;
  Database db_ = machine_.open(impatient).value();
};

TEST_F(introspection, lists_open_write_transactions) {
  EXPECT_TRUE(db_.transactions()->empty());
  Transaction first = begin(Isolation::serializable);
  Transaction second = begin(Isolation::read_committed);
  const Transaction reader = db_.begin(Access::read).value();
  EXPECT_EQ(reader.number(), 0u);
  EXPECT_LT(first.number(), second.number());
  ASSERT_TRUE(second.put(rows, "a", "1").ok());
  ASSERT_TRUE(second.put(rows, "b", "1").ok());

  const std::vector<TransactionInfo> all = db_.transactions().value();
  ASSERT_EQ(all.size(), 2u) << "readers are not listed";
  EXPECT_EQ(all[0].number, first.number());
  EXPECT_EQ(all[0].isolation, Isolation::serializable);
  EXPECT_EQ(all[0].xid, 0u) << "it has changed nothing";
  EXPECT_EQ(all[0].changes, 0u);
  EXPECT_EQ(all[0].doing, "idle");
  EXPECT_FALSE(all[0].waiting);
  EXPECT_EQ(all[0].thread, os::this_thread_number());
  EXPECT_EQ(all[1].number, second.number());
  EXPECT_EQ(all[1].isolation, Isolation::read_committed);
  EXPECT_NE(all[1].xid, 0u);
  EXPECT_EQ(all[1].changes, 2u);

  os::sleep_us(2000);
  EXPECT_GE(db_.transactions()->front().age_us, 2000u);
  const std::uint64_t number = second.number();
  ASSERT_TRUE(second.commit().ok());
  EXPECT_EQ(second.number(), number) << "also after its end";
  EXPECT_EQ(db_.transactions()->size(), 1u);
}

TEST_F(introspection, lists_what_is_locked) {
  ASSERT_TRUE(db_.create_keyspace("other").ok());
  Transaction tx = begin(Isolation::serializable);
  ASSERT_TRUE(tx.lock(rows, "k").ok());
  ASSERT_TRUE(tx.lock(rows, Range::between("p", "q"), LockMode::shared).ok());
  ASSERT_TRUE(tx.lock(rows, Range::from("x"), LockMode::shared).ok());
  EXPECT_EQ(tx.get("other", "none"), Code::not_found);
  ASSERT_TRUE(tx.put(rows, "row", "is not listed").ok());

  const std::vector<LockInfo> all = db_.locks().value();
  ASSERT_EQ(all.size(), 4u);
  for (const LockInfo& lock : all) {
    EXPECT_TRUE(lock.held);
    EXPECT_EQ(lock.transaction, tx.number());
  }
  EXPECT_EQ(all[0].keyspace, "default");
  EXPECT_TRUE(all[0].is_key());
  EXPECT_EQ(all[0].range.lower, "k");
  EXPECT_EQ(all[0].mode, LockMode::exclusive);
  EXPECT_FALSE(all[1].is_key());
  EXPECT_EQ(all[1].range.lower, "p");
  EXPECT_EQ(all[1].range.upper, "q");
  EXPECT_TRUE(all[1].range.lower_inclusive);
  EXPECT_FALSE(all[1].range.upper_inclusive);
  EXPECT_EQ(all[1].mode, LockMode::shared);
  EXPECT_EQ(all[2].range.lower, "x");
  EXPECT_EQ(all[2].range.upper, std::nullopt);
  EXPECT_EQ(all[3].keyspace, "other");
  EXPECT_EQ(all[3].range.lower, "none") << "what is not there is locked by reading it";
  EXPECT_EQ(all[3].mode, LockMode::shared);

  const Statistics s = db_.statistics().value();
  EXPECT_EQ(s.locks, 4u);
  EXPECT_EQ(s.transactions, 1u);
  EXPECT_EQ(s.waiting, 0u);
  ASSERT_TRUE(tx.rollback().ok());
  EXPECT_TRUE(db_.locks()->empty());
}

TEST_F(introspection, names_a_locked_list_of_keyspaces) {
  Transaction tx = begin(Isolation::serializable);
  ASSERT_TRUE(tx.create_keyspace("new").ok());
  const std::vector<LockInfo> all = db_.locks().value();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].keyspace, "");
  EXPECT_EQ(all[0].range.lower, std::nullopt);
  EXPECT_EQ(all[0].range.upper, std::nullopt);
}

TEST_F(introspection, lists_snapshots_from_the_oldest_on) {
  EXPECT_TRUE(db_.snapshots()->empty());
  const Transaction old = db_.begin(Access::read).value();
  put("a");
  put("b");
  const Transaction writer = begin(Isolation::repeatable_read);
  const Transaction locks_instead = begin(Isolation::serializable);
  put("c");
  os::sleep_us(2000);
  const std::vector<SnapshotInfo> all = db_.snapshots().value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].transaction, 0u);
  EXPECT_TRUE(all[0].oldest);
  EXPECT_EQ(all[0].commits_behind, 3u);
  EXPECT_EQ(all[0].thread, os::this_thread_number());
  EXPECT_GE(all[0].age_us, 2000u);
  EXPECT_EQ(all[1].transaction, writer.number());
  EXPECT_FALSE(all[1].oldest);
  EXPECT_EQ(all[1].commits_behind, 1u);
  EXPECT_EQ(db_.statistics()->snapshots, 2u);
}

TEST_F(introspection, counts_calls_that_do_not_wait) {
  Transaction first = begin(Isolation::serializable);
  Transaction second = begin(Isolation::serializable);
  ASSERT_TRUE(first.put(rows, "a", "1").ok());
  const Status refused = second.put(rows, "a", "2");
  EXPECT_EQ(refused, Code::timeout);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("transaction " + std::to_string(first.number()) + " (xid "))
      << "as transactions() names it";
  EXPECT_EQ(db_.statistics()->lock_timeouts, 1u);
  EXPECT_EQ(db_.statistics()->deadlocks, 0u);
}

TEST_F(introspection, tells_the_columns_of_a_keyspace_without_locking) {
  const Schema columns{{"country"}, {"name", "population"}};
  ASSERT_TRUE(db_.create_keyspace("cities", columns).ok());
  Transaction tx = begin(Isolation::serializable);
  EXPECT_EQ(tx.schema("cities").value(), columns);
  EXPECT_EQ(tx.schema("none"), Code::not_found);
  EXPECT_TRUE(db_.locks()->empty());
  EXPECT_EQ(tx.keyspace("cities")->count, 0u);
  EXPECT_EQ(db_.locks()->size(), 1u) << "a count is read";
}

TEST_F(introspection, is_refused_by_a_closed_handle) {
  ASSERT_TRUE(db_.close().ok());
  EXPECT_EQ(db_.transactions(), Code::invalid);
  EXPECT_EQ(db_.locks(), Code::invalid);
  EXPECT_EQ(db_.snapshots(), Code::invalid);
}

}  // namespace
}  // namespace quire::kv
