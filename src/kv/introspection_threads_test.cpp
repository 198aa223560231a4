// Introspection: transactions that wait for each other, as transactions(), locks() and statistics() show them.
//
// Each transaction has a thread; the test looks until it sees what it expects, or for longer than any wait lasts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "kv/test_database.hpp"

namespace quire::kv {
namespace {

using testing::HasSubstr;

constexpr std::string_view rows = default_keyspace;
constexpr std::uint64_t patience_us = 20'000'000;

bool soon(const std::function<bool()>& seen) {
  os::Clock& clock = os::system_environment().clock;
  for (const std::uint64_t start = clock.monotonic_us(); clock.monotonic_us() - start < patience_us; os::sleep_us(500)) {
    if (seen()) return true;
  }
  return false;
}

class waiting_transactions : public testing::Test {
 protected:
  Transaction begin() { return db_.begin({.isolation = Isolation::serializable, .lock_timeout_ms = 60'000}).value(); }
  TransactionInfo info(const Transaction& tx) {
    const std::vector<TransactionInfo> all = db_.transactions().value();
    const auto found = std::find_if(all.begin(), all.end(), [&](const TransactionInfo& one) { return one.number == tx.number(); });
    return found == all.end() ? TransactionInfo{} : *found;
  }

  TestMachine machine_;
  Database db_ = machine_.open({.memory_limit = std::uint64_t{16} << 20}).value();
};

TEST_F(waiting_transactions, show_for_whom_and_for_what_they_wait) {
  Transaction holder = begin();
  Transaction waiter = begin();
  ASSERT_TRUE(holder.put(rows, "k", "1").ok());
  EXPECT_TRUE(db_.locks()->empty());
  Status put;
  {
    const os::Thread thread([&] { put = waiter.put(rows, "k", "2"); });
    EXPECT_TRUE(soon([&] { return info(waiter).waited_us > 0; }));
    const TransactionInfo waits = info(waiter);
    EXPECT_TRUE(waits.waiting);
    EXPECT_EQ(waits.doing, "put");
    EXPECT_EQ(waits.waits_for, holder.number());
    EXPECT_EQ(waits.wants, "exclusive lock on key \"k\" of keyspace 'default'");
    EXPECT_FALSE(info(holder).waiting);

    const std::vector<LockInfo> locks = db_.locks().value();
    EXPECT_EQ(locks.size(), 2u);
    if (locks.size() == 2) {
      EXPECT_TRUE(locks[0].held) << "the row is listed while somebody waits for it";
      EXPECT_EQ(locks[0].transaction, holder.number());
      EXPECT_TRUE(locks[0].is_key());
      EXPECT_EQ(locks[0].range.lower, "k");
      EXPECT_FALSE(locks[1].held);
      EXPECT_EQ(locks[1].transaction, waiter.number());
      EXPECT_EQ(locks[1].waits_for, holder.number());
    }
    EXPECT_EQ(db_.statistics()->waiting, 1u);
    EXPECT_TRUE(holder.commit().ok());
  }
  EXPECT_TRUE(put.ok()) << put.to_string();
  EXPECT_FALSE(info(waiter).waiting);
  EXPECT_TRUE(waiter.rollback().ok());
  const Statistics s = db_.statistics().value();
  EXPECT_EQ(s.waiting, 0u);
  EXPECT_EQ(s.lock_waits, 1u);
  EXPECT_EQ(s.lock_timeouts, 0u);
  EXPECT_EQ(s.locks, 0u);
}

TEST_F(waiting_transactions, stand_in_a_queue) {
  Transaction holder = begin();
  Transaction second = begin();
  Transaction third = begin();
  ASSERT_TRUE(holder.lock(rows, "k").ok());
  {
    const os::Thread one([&] {
      EXPECT_TRUE(second.lock(rows, "k").ok());
      EXPECT_TRUE(second.commit().ok());
    });
    EXPECT_TRUE(soon([&] { return info(second).waiting; }));
    const os::Thread two([&] { EXPECT_TRUE(third.lock(rows, Range::between("a", "z"), LockMode::shared).ok()); });
    EXPECT_TRUE(soon([&] { return info(third).waiting; }));
    EXPECT_EQ(info(second).waits_for, holder.number());
    EXPECT_EQ(info(second).doing, "lock");
    EXPECT_EQ(info(third).wants, "shared lock on keys from \"a\" before \"z\" of keyspace 'default'");
    EXPECT_EQ(db_.statistics()->waiting, 2u);
    EXPECT_TRUE(holder.commit().ok());
  }
  EXPECT_EQ(db_.transactions()->size(), 1u);
  EXPECT_EQ(db_.locks()->size(), 1u);
}

TEST_F(waiting_transactions, are_counted_as_deadlocks_when_they_wait_for_each_other) {
  Transaction first = begin();
  Transaction second = begin();
  ASSERT_TRUE(first.put(rows, "a", "1").ok());
  ASSERT_TRUE(first.put(rows, "c", "1").ok());
  ASSERT_TRUE(second.put(rows, "b", "2").ok());
  Status put;
  {
    const os::Thread thread([&] { put = first.put(rows, "b", "1"); });
    EXPECT_TRUE(soon([&] { return info(first).waiting; }));
    const Status victim = second.put(rows, "a", "2");
    EXPECT_EQ(victim, Code::deadlock) << "it has changed less";
    EXPECT_THAT(std::string(victim.message()), HasSubstr("transaction " + std::to_string(first.number()) + " "));
  }
  EXPECT_TRUE(put.ok()) << put.to_string();
  EXPECT_FALSE(second.active());
  EXPECT_EQ(db_.statistics()->deadlocks, 1u);
  EXPECT_EQ(db_.transactions()->size(), 1u);
}

}  // namespace
}  // namespace quire::kv
