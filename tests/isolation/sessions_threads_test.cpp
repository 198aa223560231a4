// Waiting, as those who wait see it: queues, timeouts, deadlocks, and many who have nothing to do with each other.
//
// Goal     who comes first is served first; a timeout comes when it was promised, a deadlock is told at once; different rows do not meet
// Method   sessions (sessions.hpp), where every call waits for real; threads for those who must not wait
#include "isolation/sessions.hpp"

#include <gmock/gmock.h>

#include "kv/state.hpp"

namespace quire::test {
namespace {

using ::testing::HasSubstr;

Database open(std::uint32_t lock_timeout_ms = 60'000) { return Database::open_in_memory({.lock_timeout_ms = lock_timeout_ms}).value(); }
lock::LockCounts counts(Database& db) { return db.impl()->state->engine->locks().counts(); }
std::uint64_t now_us() { return os::system_environment().clock.monotonic_us(); }

constexpr const char* levels[] = {"read_uncommitted", "read_committed", "repeatable_read", "serializable"};

TEST(sessions, tell_what_waits_and_how_it_ends) {
  Database db = open();
  Sessions sessions(db);
  EXPECT_EQ(sessions.step("a", "get x"), "invalid");
  EXPECT_EQ(sessions.step("a", "begin serializable"), "ok");
  EXPECT_EQ(sessions.step("b", "begin serializable"), "ok");
  EXPECT_EQ(sessions.step("a", "put x 1"), "ok");
  EXPECT_EQ(sessions.step("b", "get x"), "waits");
  EXPECT_EQ(sessions.step("a", "commit"), "ok");
  EXPECT_EQ(sessions.result("b"), "1");
  EXPECT_EQ(sessions.step("b", "rollback"), "ok");
}

TEST(sessions, of_one_row_are_served_in_the_order_in_which_they_came) {
  for (const char* level : levels) {
    const bool wins_first = std::string(level) == "repeatable_read";
    Database db = open();
    Sessions sessions(db);
    const std::vector<std::string> names{"a", "b", "c", "d", "e", "f"};
    sessions.step("a", std::string("begin ") + level);
    ASSERT_EQ(sessions.step("a", "put x a"), "ok");
    for (std::size_t i = 1; i < names.size(); ++i) {
      sessions.step(names[i], std::string("begin ") + level);
      ASSERT_EQ(sessions.step(names[i], "put x " + names[i]), "waits") << level;
    }
    ASSERT_EQ(sessions.waiting(), names.size() - 1);
    for (std::size_t i = 0; i + 1 < names.size(); ++i) {
      ASSERT_EQ(sessions.result(names[i]), "ok") << level;
      ASSERT_EQ(sessions.step(names[i], i % 2 == 0 || wins_first ? "rollback" : "commit"), "ok");
      EXPECT_EQ(sessions.waiting(), names.size() - 2 - i) << level << ": one at a time";
    }
    EXPECT_EQ(sessions.step("f", "get x"), "f");
    EXPECT_EQ(sessions.step("f", "commit"), "ok");
    EXPECT_EQ(counts(db).deadlocks + counts(db).timeouts, 0u);
    EXPECT_EQ(counts(db).entries, 0u);
  }
}

// In repeatable_read one commits and the others, who were waiting, have lost.
TEST(sessions, of_repeatable_read_lose_to_the_first_who_commits) {
  Database db = open();
  Sessions sessions(db);
  for (const char* name : {"a", "b", "c"}) {
    sessions.step(name, "begin repeatable_read");
    EXPECT_EQ(sessions.step(name, std::string("put x ") + name), std::string(name) == "a" ? "ok" : "waits");
  }
  EXPECT_EQ(sessions.step("a", "commit"), "ok");
  EXPECT_EQ(sessions.result("b"), "conflict");
  EXPECT_EQ(sessions.result("c"), "conflict");
  EXPECT_THAT(sessions.message("c"), HasSubstr("first updater wins"));
  EXPECT_EQ(sessions.step("b", "put y b"), "ok") << "it goes on without the change";
  EXPECT_EQ(sessions.step("b", "commit"), "ok");
}

TEST(sessions, that_read_pass_by_writers_but_do_not_overtake_those_who_wait) {
  Database db = open();
  Sessions sessions(db);
  for (const char* name : {"a", "b", "c"}) sessions.step(name, "begin serializable");
  EXPECT_EQ(sessions.step("a", "get x"), "not_found");
  EXPECT_EQ(sessions.step("b", "put x b"), "waits");
  EXPECT_EQ(sessions.step("c", "get x"), "waits") << "b came before";
  sessions.step("d", "begin repeatable_read");
  EXPECT_EQ(sessions.step("d", "get x"), "not_found") << "a snapshot asks nobody";
  EXPECT_EQ(sessions.step("a", "commit"), "ok");
  EXPECT_EQ(sessions.result("b"), "ok");
  EXPECT_EQ(sessions.result("c"), "waits");
  EXPECT_EQ(sessions.step("b", "commit"), "ok");
  EXPECT_EQ(sessions.result("c"), "b");
}

// Rows given back by a savepoint, to somebody who sleeps.
TEST(sessions, go_on_when_a_savepoint_gives_the_row_back) {
  Database db = open();
  Sessions sessions(db);
  for (const char* name : {"a", "b"}) sessions.step(name, "begin read_committed");
  EXPECT_EQ(sessions.step("a", "savepoint"), "ok");
  EXPECT_EQ(sessions.step("a", "put x a"), "ok");
  EXPECT_EQ(sessions.step("b", "put x b"), "waits");
  EXPECT_EQ(sessions.step("a", "rollback_to"), "ok");
  EXPECT_EQ(sessions.result("b"), "ok");
  EXPECT_EQ(sessions.step("a", "put x again"), "waits");
  EXPECT_EQ(sessions.step("b", "commit"), "ok");
  EXPECT_EQ(sessions.result("a"), "ok");
}

// Of three measurements the best one counts: others use the machine too. Never early.
TEST(sessions, time_out_when_promised) {
  Database db = open();
  Sessions sessions(db);
  sessions.step("a", "begin read_committed");
  ASSERT_EQ(sessions.step("a", "put x a"), "ok");
  constexpr std::uint64_t timeout_us = 200'000;
  std::uint64_t best = UINT64_MAX;
  sessions.step("b", "begin read_committed 200");
  for (int attempt = 0; attempt < 3 && best > timeout_us * 11 / 10; ++attempt) {
    const std::uint64_t since = now_us();
    ASSERT_EQ(sessions.step("b", "put x b"), "waits");
    ASSERT_TRUE(sessions.finish(10'000'000));
    const std::uint64_t waited = now_us() - since;
    ASSERT_EQ(sessions.result("b"), "timeout");
    EXPECT_GE(waited, timeout_us);
    best = std::min(best, waited);
  }
  EXPECT_LE(best, timeout_us * 11 / 10);
  EXPECT_THAT(sessions.message("b"), HasSubstr("\"x\""));
  EXPECT_EQ(sessions.step("b", "put y b"), "ok");
  EXPECT_EQ(sessions.step("b", "commit"), "ok");
}

TEST(sessions, learn_of_a_deadlock_at_once) {
  std::uint64_t best = UINT64_MAX;
  for (int attempt = 0; attempt < 3; ++attempt) {
    Database db = open();
    Sessions sessions(db);
    constexpr int around = 8;
    for (int i = 0; i < around; ++i) {
      sessions.step(std::to_string(i), "begin serializable");
      ASSERT_EQ(sessions.step(std::to_string(i), "put key" + std::to_string(i) + " mine"), "ok");
    }
    for (int i = 0; i + 1 < around; ++i) ASSERT_EQ(sessions.step(std::to_string(i), "put key" + std::to_string(i + 1) + " theirs"), "waits");
    const std::uint64_t since = now_us();
    EXPECT_EQ(sessions.step(std::to_string(around - 1), "put key0 theirs"), "deadlock") << "the youngest of equals";
    best = std::min(best, now_us() - since);
    EXPECT_EQ(counts(db).deadlocks, 1u);
    EXPECT_EQ(sessions.waiting(), static_cast<std::size_t>(around - 2)) << "who waited for the victim goes on";
    for (int i = around - 2; i >= 0; --i) {
      EXPECT_EQ(sessions.result(std::to_string(i)), "ok");
      EXPECT_EQ(sessions.step(std::to_string(i), "commit"), "ok");
    }
    EXPECT_EQ(counts(db).entries, 0u);
  }
  EXPECT_LT(best, 100'000u);
}

TEST(many_writers, of_rows_of_their_own_never_meet) {
  constexpr int writers = 16;
  constexpr int transactions = 40;
  Database db = open();
  for (const Isolation level : {Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable}) {
    Atomic<std::uint64_t> committed{0};
    {
      std::vector<os::Thread> threads;
      for (int writer = 0; writer < writers; ++writer) {
        threads.emplace_back([&, writer] {
          for (int i = 0; i < transactions; ++i) {
            Transaction tx = db.begin(TransactionOptions{.isolation = level}).value();
            bool ok = true;
            for (int row = 0; row < 4; ++row) {
              const std::string key = "row " + std::to_string(row) + " of " + std::to_string(writer);
              const Result<std::string> before = tx.get(default_keyspace, key);
              ok &= before.ok() || before.status() == Code::not_found;
              ok &= tx.put(default_keyspace, key, std::to_string(i)).ok();
            }
            if (ok && tx.commit().ok()) committed.fetch_add(1, relaxed);
          }
        });
      }
    }
    EXPECT_EQ(committed.load(relaxed), static_cast<std::uint64_t>(writers * transactions));
    const lock::LockCounts found = counts(db);
    EXPECT_EQ(found.deadlocks + found.timeouts + found.waits, 0u);
    EXPECT_EQ(found.entries, 0u);
  }
  EXPECT_EQ(db.keyspace()->count().value(), static_cast<std::uint64_t>(writers * 4));
}

TEST(many_writers, of_one_row_lose_no_update) {
  constexpr int writers = 16;
  constexpr int transactions = 20;
  Database db = open();
  for (const Isolation level : {Isolation::read_uncommitted, Isolation::read_committed, Isolation::serializable}) {
    ASSERT_TRUE(db.keyspace()->put("count", "0").ok());
    const std::uint64_t deadlocks = counts(db).deadlocks;
    {
      std::vector<os::Thread> threads;
      for (int writer = 0; writer < writers; ++writer) {
        threads.emplace_back([&] {
          for (int i = 0; i < transactions; ++i) {
            Transaction tx = db.begin(TransactionOptions{.isolation = level}).value();
            const Result<std::string> before = tx.get_for_update(default_keyspace, "count");
            if (before.ok() && tx.put(default_keyspace, "count", std::to_string(std::stoi(*before) + 1)).ok()) (void)tx.commit().ok();
          }
        });
      }
    }
    EXPECT_EQ(db.keyspace()->get("count").value(), std::to_string(writers * transactions));
    EXPECT_EQ(counts(db).deadlocks, deadlocks) << "who locks at once cannot be in a circle";
  }
}

}  // namespace
}  // namespace quire::test
