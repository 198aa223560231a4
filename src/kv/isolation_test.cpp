// What transactions that write at the same time see of each other, level by level, and whom they wait for.
//
// Several transactions of one thread: with a lock timeout of zero a call that would wait is `timeout`.
#include <gmock/gmock.h>

#include "kv/state.hpp"
#include "kv/test_database.hpp"

namespace quire {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view rows = default_keyspace;

class isolation : public ::testing::Test {
 protected:
  isolation() : db_(Database::open_in_memory({.lock_timeout_ms = 0}).value()) {
    EXPECT_TRUE(db_.update([](Transaction& tx) {
      for (const char* key : {"a", "c", "e"}) EXPECT_TRUE(tx.put(rows, key, "0").ok());
      return Status();
    }).ok());
  }
  Transaction begin(Isolation level) { return db_.begin(TransactionOptions{.isolation = level}).value(); }
  static std::string get(Transaction& tx, std::string_view key) {
    const Result<std::string> value = tx.get(rows, key);
    return value.ok() ? *value : std::string(code_name(value.status().code()));
  }
  static std::string keys(Transaction& tx, const Range& range = Range::all()) {
    std::string all;
    Scan scan = tx.scan(rows, range);
    for (const Entry& entry : scan) all += entry.key;
    return scan.status().ok() ? all : all + " " + std::string(code_name(scan.status().code()));
  }
  Database db_;
};

constexpr Isolation levels[] = {Isolation::read_uncommitted, Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable};

TEST_F(isolation, transactions_that_change_different_rows_all_commit) {
  for (const Isolation level : levels) {
    std::vector<Transaction> all;
    for (int i = 0; i < 16; ++i) {
      all.push_back(begin(level));
      ASSERT_TRUE(all.back().put(rows, "k" + std::to_string(i), std::to_string(static_cast<int>(level))).ok());
    }
    for (Transaction& tx : all) ASSERT_TRUE(tx.commit().ok());
    for (int i = 0; i < 16; ++i) EXPECT_EQ(db_.keyspace()->get("k" + std::to_string(i)).value(), std::to_string(static_cast<int>(level)));
  }
  EXPECT_EQ(db_.keyspace()->count().value(), 19u);
  EXPECT_TRUE(db_.verify().ok());
}

TEST_F(isolation, commits_in_another_order_than_they_began) {
  Transaction first = begin(Isolation::read_committed);
  ASSERT_TRUE(first.put(rows, "a", "first").ok());
  Transaction second = begin(Isolation::read_committed);
  ASSERT_TRUE(second.put(rows, "c", "second").ok());
  const Transaction before = db_.begin(Access::read).value();
  ASSERT_TRUE(second.commit().ok());
  const Transaction between = db_.begin(Access::read).value();
  ASSERT_TRUE(first.commit().ok());
  const Transaction after = db_.begin(Access::read).value();
  const auto see = [](const Transaction& tx) { return tx.get(rows, "a").value() + tx.get(rows, "c").value(); };
  EXPECT_EQ(see(before), "00");
  EXPECT_EQ(see(between), "0second");
  EXPECT_EQ(see(after), "firstsecond");
}

TEST_F(isolation, a_row_is_locked_until_whoever_changed_it_ends) {
  for (const Isolation level : levels) {
    Transaction first = begin(level);
    ASSERT_TRUE(first.put(rows, "a", "1").ok());
    ASSERT_TRUE(first.erase(rows, "c").ok());
    ASSERT_TRUE(first.put(rows, "d", "new").ok());
    Transaction second = begin(level);
    for (const char* key : {"a", "c", "d"}) {
      const Status waits = second.put(rows, key, "2");
      EXPECT_EQ(waits, Code::timeout) << key;
      EXPECT_THAT(std::string(waits.message()), HasSubstr("keyspace 'default'"));
      EXPECT_THAT(std::string(waits.message()), HasSubstr(key));
      EXPECT_EQ(second.erase(rows, key), Code::timeout) << key;
      // In a snapshot the first two are there.
      const bool there = level == Isolation::repeatable_read && std::string_view(key) != "d";
      EXPECT_EQ(second.insert(rows, key, "2"), there ? Code::exists : Code::timeout) << key;
    }
    ASSERT_TRUE(second.put(rows, "e", "2").ok());
    ASSERT_TRUE(first.rollback().ok());
    EXPECT_TRUE(second.put(rows, "a", "0").ok());
    EXPECT_TRUE(second.put(rows, "d", "2").ok());
    EXPECT_TRUE(second.erase(rows, "d").ok());
    EXPECT_TRUE(second.commit().ok());
  }
}

TEST_F(isolation, read_uncommitted_sees_what_is_not_committed) {
  Transaction writer = begin(Isolation::read_committed);
  ASSERT_TRUE(writer.put(rows, "a", "dirty").ok());
  ASSERT_TRUE(writer.erase(rows, "c").ok());
  ASSERT_TRUE(writer.put(rows, "b", std::string(100'000, 'b')).ok());
  Transaction reader = begin(Isolation::read_uncommitted);
  EXPECT_EQ(get(reader, "a"), "dirty");
  EXPECT_EQ(get(reader, "c"), "not_found");
  EXPECT_EQ(get(reader, "b").size(), 100'000u);
  EXPECT_EQ(keys(reader), "abe");
  ASSERT_TRUE(writer.rollback().ok());
  EXPECT_EQ(get(reader, "a"), "0");
  EXPECT_EQ(get(reader, "b"), "not_found");
  EXPECT_EQ(keys(reader), "ace");
}

// A large value is read when the scan comes to it, which may be after the leaf was copied.
TEST_F(isolation, a_scan_of_read_uncommitted_passes_over_what_was_rolled_back_meanwhile) {
  Transaction writer = begin(Isolation::read_committed);
  ASSERT_TRUE(writer.put(rows, "b", std::string(100'000, 'b')).ok());
  Transaction reader = begin(Isolation::read_uncommitted);
  std::string all;
  Scan scan = reader.scan(rows);
  for (const Entry& entry : scan) {
    all += entry.key;
    if (writer.active()) {
      EXPECT_TRUE(writer.rollback().ok());
    }
  }
  EXPECT_EQ(scan.status().to_string(), "ok");
  EXPECT_EQ(all, "ace");
}

TEST_F(isolation, read_committed_sees_what_is_committed_when_a_call_begins) {
  Transaction writer = begin(Isolation::read_committed);
  Transaction reader = begin(Isolation::read_committed);
  ASSERT_TRUE(writer.put(rows, "a", "1").ok());
  ASSERT_TRUE(writer.put(rows, "b", "1").ok());
  EXPECT_EQ(get(reader, "a"), "0");
  Cursor cursor = reader.cursor(rows).value();
  ASSERT_TRUE(cursor.first().ok());
  ASSERT_TRUE(writer.commit().ok());
  EXPECT_EQ(get(reader, "a"), "1");
  // A cursor is one call: it goes on with what it began with.
  ASSERT_TRUE(cursor.next().ok());
  EXPECT_EQ(cursor.key(), "c");
  EXPECT_EQ(keys(reader), "abce");
}

TEST_F(isolation, repeatable_read_sees_its_beginning_and_its_own_changes) {
  Transaction reader = begin(Isolation::repeatable_read);
  ASSERT_TRUE(db_.keyspace()->put("a", "1").ok());
  ASSERT_TRUE(db_.keyspace()->put("b", "1").ok());
  ASSERT_TRUE(db_.keyspace()->erase("c").ok());
  ASSERT_TRUE(db_.checkpoint().ok());
  ASSERT_TRUE(reader.put(rows, "d", "own").ok());
  EXPECT_EQ(get(reader, "a"), "0");
  EXPECT_EQ(keys(reader), "acde");
  EXPECT_EQ(reader.count(rows).value(), 4u);
  EXPECT_TRUE(reader.commit().ok());
}

TEST_F(isolation, repeatable_read_lets_the_first_updater_win) {
  Transaction late = begin(Isolation::repeatable_read);
  Transaction winner = begin(Isolation::repeatable_read);
  ASSERT_TRUE(winner.put(rows, "a", "1").ok());
  ASSERT_TRUE(winner.put(rows, "b", "1").ok());
  ASSERT_TRUE(winner.erase(rows, "c").ok());
  ASSERT_TRUE(winner.commit().ok());
  ASSERT_TRUE(db_.checkpoint().ok());  // nothing that the snapshot needs goes
  const Status lost = late.put(rows, "a", "2");
  EXPECT_EQ(lost, Code::conflict);
  EXPECT_THAT(std::string(lost.message()), HasSubstr("first updater wins"));
  EXPECT_EQ(late.insert(rows, "b", "2"), Code::conflict);
  EXPECT_EQ(late.put(rows, "c", "2"), Code::conflict);
  EXPECT_EQ(late.erase(rows, "c"), Code::conflict);
  EXPECT_EQ(late.get_for_update(rows, "a"), Code::conflict);
  EXPECT_TRUE(late.put(rows, "e", "2").ok());
  EXPECT_TRUE(late.commit().ok());
}

TEST_F(isolation, read_committed_changes_what_others_have_committed_since) {
  Transaction late = begin(Isolation::read_committed);
  ASSERT_TRUE(db_.keyspace()->put("a", "1").ok());
  EXPECT_TRUE(late.put(rows, "a", "2").ok());
  EXPECT_TRUE(late.commit().ok());
  EXPECT_EQ(db_.keyspace()->get("a").value(), "2");
}

TEST_F(isolation, serializable_locks_what_it_reads) {
  Transaction reader = begin(Isolation::serializable);
  EXPECT_EQ(get(reader, "a"), "0");
  EXPECT_EQ(get(reader, "b"), "not_found");
  Transaction writer = begin(Isolation::serializable);
  EXPECT_EQ(writer.put(rows, "a", "1"), Code::timeout);
  EXPECT_EQ(writer.put(rows, "b", "1"), Code::timeout);
  EXPECT_TRUE(writer.put(rows, "c", "1").ok());
  // Others may read it as well, and snapshots do not ask.
  EXPECT_EQ(get(writer, "a"), "0");
  EXPECT_EQ(get(reader, "c"), "timeout");
  EXPECT_EQ(db_.keyspace()->get("c").value(), "0");
  ASSERT_TRUE(writer.commit().ok());
  EXPECT_EQ(get(reader, "c"), "1");
  ASSERT_TRUE(reader.put(rows, "a", "its own").ok());
  EXPECT_TRUE(reader.commit().ok());
}

TEST_F(isolation, serializable_locks_the_gaps_that_it_walks_over) {
  Transaction reader = begin(Isolation::serializable);
  EXPECT_EQ(keys(reader, Range::closed("b", "d")), "c");
  Transaction writer = begin(Isolation::serializable);
  for (const char* key : {"b", "bb", "c", "cc", "d"}) EXPECT_EQ(writer.put(rows, key, "1"), Code::timeout) << key;
  EXPECT_EQ(writer.erase(rows, "c"), Code::timeout);
  for (const char* key : {"a", "aa", "dd", "e", "f"}) EXPECT_TRUE(writer.put(rows, key, "1").ok()) << key;
  EXPECT_EQ(keys(reader, Range::closed("b", "d")), "c");
  ASSERT_TRUE(reader.commit().ok());
  EXPECT_TRUE(writer.put(rows, "bb", "1").ok());
}

TEST_F(isolation, serializable_locks_backwards_and_to_the_ends) {
  Transaction reader = begin(Isolation::serializable);
  {
    Cursor cursor = reader.cursor(rows).value();
    ASSERT_TRUE(cursor.last().ok());
    EXPECT_EQ(cursor.key(), "e");
  }
  Transaction writer = begin(Isolation::serializable);
  EXPECT_EQ(writer.put(rows, "e", "1"), Code::timeout);
  EXPECT_EQ(writer.put(rows, "f", "1"), Code::timeout);
  EXPECT_TRUE(writer.put(rows, "d", "1").ok());
  ASSERT_TRUE(writer.rollback().ok());
  {
    Cursor cursor = reader.cursor(rows).value();
    ASSERT_TRUE(cursor.seek_le("d").ok());
    ASSERT_TRUE(cursor.prev().ok());
    EXPECT_EQ(cursor.key(), "a");
    EXPECT_EQ(cursor.prev(), Code::not_found);
  }
  Transaction second = begin(Isolation::serializable);
  for (const char* key : {"0", "a", "b", "c", "d"}) EXPECT_EQ(second.put(rows, key, "1"), Code::timeout) << key;
  EXPECT_TRUE(second.put(rows, "dd", "1").ok());
}

TEST_F(isolation, a_serializable_walk_waits_at_a_row_that_is_being_changed_and_locks_nothing_beyond) {
  Transaction writer = begin(Isolation::serializable);
  ASSERT_TRUE(writer.put(rows, "c", "1").ok());
  Transaction reader = begin(Isolation::serializable);
  EXPECT_EQ(keys(reader), "a timeout");
  EXPECT_TRUE(writer.put(rows, "d", "1").ok());
  EXPECT_EQ(writer.put(rows, "b", "1"), Code::timeout);
  EXPECT_EQ(keys(reader, Range::closed("a", "b")), "a");
}

TEST_F(isolation, a_count_of_a_serializable_transaction_stays_true) {
  Transaction reader = begin(Isolation::serializable);
  EXPECT_EQ(reader.count(rows).value(), 3u);
  Transaction writer = begin(Isolation::serializable);
  EXPECT_EQ(writer.put(rows, "z", "1"), Code::timeout);
  ASSERT_TRUE(reader.rollback().ok());
  ASSERT_TRUE(writer.put(rows, "z", "1").ok());
  Transaction second = begin(Isolation::serializable);
  EXPECT_EQ(second.count(rows), Code::timeout);
}

TEST_F(isolation, what_a_savepoint_gives_back_others_may_change) {
  Transaction first = begin(Isolation::read_committed);
  const Savepoint savepoint = first.savepoint().value();
  ASSERT_TRUE(first.put(rows, "a", "1").ok());
  Transaction second = begin(Isolation::read_committed);
  EXPECT_EQ(second.put(rows, "a", "2"), Code::timeout);
  ASSERT_TRUE(first.rollback_to(savepoint).ok());
  EXPECT_TRUE(second.put(rows, "a", "2").ok());
  ASSERT_TRUE(first.put(rows, "c", "1").ok());
  ASSERT_TRUE(first.commit().ok());
  ASSERT_TRUE(second.commit().ok());
  EXPECT_EQ(db_.keyspace()->get("a").value() + db_.keyspace()->get("c").value(), "21");
}

TEST_F(isolation, what_a_serializable_transaction_has_seen_stays_true_after_a_savepoint) {
  Transaction first = begin(Isolation::serializable);
  const Savepoint savepoint = first.savepoint().value();
  ASSERT_TRUE(first.erase(rows, "a").ok());  // so it was there
  ASSERT_TRUE(first.rollback_to(savepoint).ok());
  Transaction second = begin(Isolation::serializable);
  EXPECT_EQ(second.put(rows, "a", "2"), Code::timeout);
  EXPECT_EQ(get(second, "a"), "0");
}

TEST_F(isolation, get_for_update_locks_against_others_that_want_the_same) {
  for (const Isolation level : levels) {
    Transaction first = begin(level);
    EXPECT_EQ(first.get_for_update(rows, "a").value(), "0");
    EXPECT_EQ(first.get_for_update(rows, "b"), Code::not_found);
    Transaction second = begin(level);
    for (const char* key : {"a", "b"}) {
      EXPECT_EQ(second.get_for_update(rows, key), Code::timeout);
      EXPECT_EQ(second.put(rows, key, "2"), Code::timeout);
      EXPECT_EQ(second.lock(rows, key, LockMode::shared), Code::timeout);
    }
    ASSERT_TRUE(first.put(rows, "a", "0").ok());
    ASSERT_TRUE(first.commit().ok());
    EXPECT_TRUE(second.lock(rows, "b").ok());
  }
}

TEST_F(isolation, explicit_locks_cover_ranges_and_wait_for_changes_in_them) {
  Transaction writer = begin(Isolation::read_committed);
  ASSERT_TRUE(writer.put(rows, "c", "1").ok());
  Transaction locker = begin(Isolation::read_committed);
  EXPECT_EQ(locker.lock(rows, Range::closed("b", "d")), Code::timeout);
  EXPECT_EQ(locker.lock(rows, Range::all()), Code::timeout);
  EXPECT_TRUE(locker.lock(rows, Range::closed("d", "f"), LockMode::shared).ok());
  EXPECT_EQ(writer.put(rows, "e", "1"), Code::timeout);
  EXPECT_TRUE(writer.lock(rows, Range::closed("d", "f"), LockMode::shared).ok());
  EXPECT_EQ(locker.lock(rows, "e", LockMode::exclusive), Code::timeout);
  ASSERT_TRUE(writer.commit().ok());
  EXPECT_TRUE(locker.lock(rows, "e", LockMode::exclusive).ok());
  EXPECT_TRUE(locker.lock(rows, Range::closed("b", "d")).ok());
  EXPECT_TRUE(locker.lock(rows, Range::all()).ok());
}

TEST_F(isolation, a_lock_on_a_range_without_its_lower_bound_waits_for_changes_behind_it) {
  Transaction writer = begin(Isolation::read_committed);
  ASSERT_TRUE(writer.put(rows, "b", "1").ok());
  Transaction locker = begin(Isolation::read_committed);
  Range behind = Range::closed("a", "c");
  behind.lower_inclusive = false;
  EXPECT_EQ(locker.lock(rows, behind), Code::timeout);
  EXPECT_TRUE(locker.lock(rows, Range::closed("c", "d")).ok());
  ASSERT_TRUE(writer.commit().ok());
  EXPECT_TRUE(locker.lock(rows, behind).ok());
}

TEST_F(isolation, a_cursor_whose_row_is_gone_stands_before_what_others_change) {
  Transaction tx = begin(Isolation::serializable);
  Cursor cursor = tx.cursor(rows).value();
  ASSERT_TRUE(cursor.first().ok());
  ASSERT_TRUE(tx.erase(rows, "a").ok());
  Transaction other = begin(Isolation::serializable);
  ASSERT_TRUE(other.put(rows, "b", "1").ok());
  EXPECT_EQ(cursor.value(), Code::not_found);
  EXPECT_EQ(cursor.next(), Code::timeout);
  ASSERT_TRUE(other.commit().ok());
  ASSERT_TRUE(cursor.first().ok());
  EXPECT_EQ(cursor.key(), "b");
}

TEST_F(isolation, a_cursor_that_outlives_its_transaction_and_its_database_holds_nothing) {
  for (const Isolation level : levels) {
    std::optional<Cursor> cursor;
    {
      Database db = Database::open_in_memory().value();
      ASSERT_TRUE(db.keyspace()->put("a", "1").ok());
      {
        Transaction tx = db.begin(TransactionOptions{.isolation = level}).value();
        cursor.emplace(tx.cursor(rows).value());
        ASSERT_TRUE(cursor->first().ok());
        ASSERT_TRUE(tx.commit().ok());
      }
      EXPECT_EQ(db.snapshots()->size(), 0u);
      ASSERT_TRUE(db.close().ok());
    }
    EXPECT_EQ(cursor->next(), Code::invalid);
  }
}

TEST_F(isolation, a_ghost_that_a_rollback_brings_back_is_cleared_away_in_the_end) {
  std::optional<Transaction> reader(db_.begin(Access::read).value());
  ASSERT_TRUE(db_.keyspace()->erase("c").ok());
  Transaction tx = begin(Isolation::read_committed);
  ASSERT_TRUE(tx.put(rows, "c", "again").ok());
  reader.reset();
  ASSERT_TRUE(db_.checkpoint().ok());  // finds no ghost
  ASSERT_TRUE(tx.rollback().ok());
  ASSERT_TRUE(db_.checkpoint().ok());
  engine::Engine& engine = *db_.impl()->state->engine;
  const engine::CatalogPointer now = engine.catalog();
  std::vector<std::byte> leaf(engine.page_bytes());
  ASSERT_TRUE(engine.tree(*now->find(rows)).copy_leaf({"c"}, leaf).ok());
  EXPECT_EQ(btree::NodeView(leaf.data(), engine.page_bytes()).ghosts(), 0u);
  EXPECT_EQ(db_.keyspace()->get("c"), Code::not_found);
  EXPECT_TRUE(db_.verify().ok());
}

TEST_F(isolation, a_keyspace_in_use_is_not_dropped) {
  ASSERT_TRUE(db_.create_keyspace("users").ok());
  Transaction writer = begin(Isolation::read_committed);
  ASSERT_TRUE(writer.put("users", "u", "1").ok());
  EXPECT_EQ(db_.drop_keyspace("users"), Code::timeout);
  ASSERT_TRUE(writer.commit().ok());
  Transaction reader = begin(Isolation::serializable);
  EXPECT_EQ(reader.get("users", "u").value(), "1");
  EXPECT_EQ(db_.drop_keyspace("users"), Code::timeout);
  ASSERT_TRUE(reader.commit().ok());
  Transaction snapshot = begin(Isolation::repeatable_read);
  EXPECT_TRUE(db_.drop_keyspace("users").ok());
  EXPECT_EQ(snapshot.get("users", "u").value(), "1");
  EXPECT_EQ(snapshot.put("users", "u", "2"), Code::not_found);
  EXPECT_EQ(snapshot.put("users", "u", "2"), Code::not_found) << "nor when it is tried again";
  EXPECT_EQ(snapshot.insert("users", "v", "2"), Code::not_found);
}

// The first change was refused while the keyspace was being dropped; the next one went into the tree that was gone, and a log that
// tells of it cannot be replayed.
TEST_F(isolation, a_keyspace_that_was_dropped_after_a_refused_change_is_not_changed) {
  ASSERT_TRUE(db_.create_keyspace("users").ok());
  Transaction snapshot = begin(Isolation::repeatable_read);
  Transaction dropper = begin(Isolation::serializable);
  ASSERT_TRUE(dropper.drop_keyspace("users").ok());
  EXPECT_EQ(snapshot.put("users", "u", "1"), Code::timeout);
  ASSERT_TRUE(dropper.commit().ok());
  EXPECT_EQ(snapshot.put("users", "u", "1"), Code::not_found);
  EXPECT_EQ(snapshot.put("users", "u", "1"), Code::not_found);
}

TEST_F(isolation, keyspaces_are_made_and_dropped_by_one_at_a_time) {
  Transaction first = begin(Isolation::serializable);
  ASSERT_TRUE(first.create_keyspace("one").ok());
  Transaction second = begin(Isolation::serializable);
  EXPECT_EQ(second.create_keyspace("two"), Code::timeout);
  ASSERT_TRUE(second.put(rows, "a", "meanwhile").ok());
  EXPECT_EQ(second.put("one", "k", "v"), Code::not_found);
  ASSERT_TRUE(first.commit().ok());
  EXPECT_EQ(second.create_keyspace("one"), Code::exists);
  EXPECT_TRUE(second.create_keyspace("two").ok());
  EXPECT_TRUE(second.put("one", "k", "v").ok());
  ASSERT_TRUE(second.commit().ok());
  EXPECT_EQ(db_.keyspaces()->size(), 3u);
  EXPECT_TRUE(db_.verify().ok());
}

TEST_F(isolation, a_cursor_goes_on_around_changes_of_its_own_transaction) {
  for (const Isolation level : levels) {
    Transaction tx = begin(level);
    Cursor cursor = tx.cursor(rows).value();
    ASSERT_TRUE(cursor.first().ok());
    ASSERT_TRUE(tx.put(rows, "b", "own").ok());
    ASSERT_TRUE(cursor.next().ok());
    EXPECT_EQ(cursor.key(), "b");
    EXPECT_EQ(cursor.value().value(), "own");
    ASSERT_TRUE(tx.erase(rows, "c").ok());
    ASSERT_TRUE(cursor.next().ok());
    EXPECT_EQ(cursor.key(), "e");
    ASSERT_TRUE(cursor.prev().ok());
    EXPECT_EQ(cursor.key(), "b");
  }
}

}  // namespace
}  // namespace quire
