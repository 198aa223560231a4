// Read transactions beside everything that changes the database.
//
// Goal     a read transaction sees what was committed when it began, by every call, however long it lives (I12)
// Method   random transactions, rollbacks, checkpoints and drops against a copy of the model per snapshot; rows with long
//          histories, in little memory
#include "kv/test_database.hpp"

#include <list>

#include "base/random.hpp"
#include "base/seeded_bug.hpp"

namespace quire::kv {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
using Keyspaces = std::map<std::string, Model>;

struct Snapshot {
  Transaction tx;
  Keyspaces state;
};

std::string key_of(std::uint64_t i) { return "key" + std::to_string(1000 + i); }

std::string some_value(Random& random) {
  const std::uint64_t kind = random.below(30);
  const std::uint64_t bytes = kind == 0 ? random.between({3000, 30000}) : kind < 4 ? random.below(900) : random.below(40);
  return std::string(bytes, static_cast<char>('a' + random.below(26)));
}

Model walk(const Transaction& tx, const std::string& keyspace, bool reverse) {
  Model all;
  Result<Cursor> cursor = tx.cursor(keyspace);
  if (!cursor.ok()) return {{"failed", cursor.status().to_string()}};
  Status at = reverse ? cursor->last() : cursor->first();
  for (; at.ok(); at = reverse ? cursor->prev() : cursor->next()) {
    const Result<std::string_view> value = cursor->value();
    all[std::string(cursor->key())] = value.ok() ? std::string(*value) : value.status().to_string();
  }
  if (at != Code::not_found) all["failed"] = at.to_string();
  return all;
}

// What differs between a transaction and what it should see; empty when nothing does.
std::string difference(const Transaction& tx, const Keyspaces& state, Random& random) {
  const Result<std::vector<KeyspaceInfo>> infos = tx.keyspaces();
  if (!infos.ok()) return infos.status().to_string();
  if (infos->size() != state.size()) return "another number of keyspaces";
  for (const auto& [name, rows] : state) {
    const Result<std::uint64_t> count = tx.count(name);
    if (!count.ok() || *count != rows.size()) return name + " counts wrongly";
    const Model seen = walk(tx, name, random.chance(1, 2));
    if (seen != rows) return name + " is another: " + std::to_string(seen.size()) + " rows, " + std::to_string(rows.size()) + " expected";
    for (int i = 0; i < 10; ++i) {
      const std::string key = key_of(random.below(80));
      const auto expected = rows.find(key);
      const Result<std::string> value = tx.get(name, key);
      if (value.ok() != (expected != rows.end())) return "get of " + name + "/" + key + ": " + value.status().to_string();
      if (value.ok() && *value != expected->second) return "get of " + name + "/" + key + " gives another value";
      const Result<bool> there = tx.contains(name, key);
      if (!there.ok() || *there != value.ok()) return "contains of " + name + "/" + key;
    }
  }
  return {};
}

class Scene {
 public:
  Scene(std::uint64_t seed, std::uint32_t page_bytes)
      : random_(seed), db_(machine_.open({.page_size = page_bytes, .memory_limit = mib, .lock_timeout_ms = 0}).value()) {
    committed_["default"];
  }

  std::string run(int transactions) {
    for (int i = 0; i < transactions && wrong_.empty(); ++i) {
      transact();
      if (random_.chance(1, 3)) snapshots_.push_back({db_.begin(Access::read).value(), committed_});
      if (snapshots_.size() > 5 || (!snapshots_.empty() && random_.chance(1, 6))) {
        snapshots_.erase(some_snapshot());
      }
      if (random_.chance(1, 8)) note(db_.checkpoint());
      if (random_.chance(1, 10)) note(db_.verify().status());
      look();
    }
    if (wrong_.empty()) finish();
    return wrong_;
  }

 private:
  void transact() {
    Keyspaces next = committed_;
    Transaction tx = db_.begin().value();
    const std::uint64_t changes = random_.chance(1, 12) ? 400 : random_.below(25);
    for (std::uint64_t i = 0; i < changes && wrong_.empty(); ++i) {
      change(tx, next);
      if (random_.chance(1, 60)) note(db_.checkpoint());
      if (random_.chance(1, 30)) look();
      if (random_.chance(1, 60)) note(difference(tx, next, random_), "the writer");
    }
    if (random_.chance(1, 4)) {
      note(tx.rollback());
    } else {
      note(tx.commit());
      committed_ = std::move(next);
    }
  }

  void change(Transaction& tx, Keyspaces& state) {
    const std::uint64_t choice = random_.below(200);
    const std::string name = "space" + std::to_string(random_.below(3));
    if (choice < 3) {
      const Status created = tx.create_keyspace(name);
      if (created.ok() == state.contains(name)) note("create of " + name + ": " + created.to_string());
      state[name];
      return;
    }
    if (choice < 5) {
      const Status dropped = tx.drop_keyspace(name);
      if (dropped.ok() != (state.erase(name) != 0)) note("drop of " + name + ": " + dropped.to_string());
      return;
    }
    const auto keyspace = std::next(state.begin(), static_cast<std::ptrdiff_t>(random_.below(state.size())));
    const std::string key = key_of(random_.below(80));
    if (choice < 70) {
      const Status erased = tx.erase(keyspace->first, key);
      if (erased.ok() != (keyspace->second.erase(key) != 0)) note("erase of " + key + ": " + erased.to_string());
      return;
    }
    keyspace->second[key] = some_value(random_);
    note(tx.put(keyspace->first, key, keyspace->second[key]));
  }

  void look() {
    if (!snapshots_.empty()) {
      const Snapshot& some = *some_snapshot();
      note(difference(some.tx, some.state, random_), "a snapshot");
    }
    // Single reads see what is committed.
    const Keyspace keyspace = db_.keyspace().value();
    const std::string key = key_of(random_.below(80));
    const Result<std::string> value = keyspace.get(key);
    const auto expected = committed_["default"].find(key);
    if (value.ok() != (expected != committed_["default"].end()) || (value.ok() && *value != expected->second)) note("a single get of " + key);
  }

  std::list<Snapshot>::iterator some_snapshot() {
    return std::next(snapshots_.begin(), static_cast<std::ptrdiff_t>(random_.below(snapshots_.size())));
  }

  void finish() {
    for (const Snapshot& each : snapshots_) note(difference(each.tx, each.state, random_), "a snapshot at the end");
    note(db_.verify().status());
    snapshots_.clear();
    note(db_.checkpoint());
    if (wrong_.empty() && db_.statistics()->undo_pages > 1) note("undo pages that nobody needs are left");
    note(db_.close());
    Database again = machine_.open({.mode = Mode::open, .memory_limit = mib}).value();
    note(again.verify().status());
    if (wrong_.empty() && again.statistics()->undo_pages != 0) note("undo pages are left in a closed file");
    note(difference(again.begin(Access::read).value(), committed_, random_), "reopened");
  }

  void note(const Status& status) {
    if (!status.ok()) note(status.to_string());
  }
  void note(const std::string& what, const std::string& who = {}) {
    if (!what.empty() && wrong_.empty()) wrong_ = who.empty() ? what : who + ": " + what;
  }

  Random random_;
  TestMachine machine_;
  Database db_;
  Keyspaces committed_;
  std::list<Snapshot> snapshots_;
  std::string wrong_;
};

TEST(snapshot, sees_the_same_whatever_is_committed_rolled_back_and_purged_beside_it) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    ASSERT_EQ(Scene(seed, seed % 5 == 0 ? 65536 : 4096).run(60), "") << "seed " << seed;
  }
}

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS

// True when the model notices the mistake within a few seeds.
bool is_found(const char* bug) {
  const SeededBugScope scope(bug);
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    if (!Scene(seed, 4096).run(60).empty()) return true;
  }
  return false;
}

TEST(snapshot_model, finds_a_purge_ahead_of_a_snapshot) { EXPECT_TRUE(is_found("purge_ahead_of_a_snapshot")); }
TEST(snapshot_model, finds_an_upper_fence_taken_as_exclusive) { EXPECT_TRUE(is_found("take_the_upper_fence_as_exclusive")); }
TEST(snapshot_model, finds_a_row_header_stripped_too_early) { EXPECT_TRUE(is_found("strip_row_headers_early")); }

#endif

// The way back through all versions leads over more pages than memory holds.
TEST(snapshot, reads_a_row_that_was_updated_thousands_of_times_since) {
  TestMachine machine;
  Database db = machine.open({.page_size = 4096, .memory_limit = mib, .lock_timeout_ms = 0, .journal = Journal::copy_on_write}).value();
  ASSERT_TRUE(db.keyspace()->put("hot", "the first").ok());
  Transaction old = db.begin(Access::read).value();
  for (int i = 0; i < 1500; ++i) ASSERT_TRUE(db.keyspace()->put("hot", std::string(1000, static_cast<char>('a' + i % 26))).ok());
  EXPECT_GT(db.statistics()->undo_pages, 300u);
  EXPECT_EQ(old.get("default", "hot").value(), "the first");
  EXPECT_EQ(entries_of(old), (Model{{"hot", "the first"}}));
  {
    Transaction tx = db.begin().value();
    for (int i = 0; i < 2500; ++i) ASSERT_TRUE(tx.put("default", "hot", std::string(1000, 'w')).ok());
    EXPECT_EQ(old.get("default", "hot").value(), "the first");
    EXPECT_EQ(entries_of(old), (Model{{"hot", "the first"}}));
    EXPECT_TRUE(tx.rollback().ok());
  }
  EXPECT_EQ(old.get("default", "hot").value(), "the first");
  EXPECT_TRUE(old.rollback().ok());
  ASSERT_TRUE(db.checkpoint().ok());
  EXPECT_LE(db.statistics()->undo_pages, 1u);
}

// One leaf, whose rows have their before images on more pages than there are frames.
TEST(snapshot, scans_a_leaf_whose_versions_lie_on_more_pages_than_memory_holds) {
  TestMachine machine;
  Database db = machine.open({.page_size = 65536, .memory_limit = mib, .lock_timeout_ms = 0}).value();
  Model model;
  ASSERT_TRUE(db.create_keyspace("filler").ok());
  ASSERT_TRUE(db.update([&](Transaction& tx) {
    Status status;
    for (std::uint64_t i = 0; status.ok() && i < 60; ++i) {
      model[key_of(i)] = "before " + std::to_string(i);
      status = tx.put("default", key_of(i), model[key_of(i)]);
      if (status.ok()) status = tx.put("filler", "k", std::string(15000, 'f'));
    }
    return status;
  }).ok());
  Transaction old = db.begin(Access::read).value();
  Transaction tx = db.begin().value();
  for (std::uint64_t i = 0; i < 60; ++i) {
    ASSERT_TRUE(tx.put("default", key_of(i), "after").ok());
    for (int filler = 0; filler < 6; ++filler) ASSERT_TRUE(tx.put("filler", "k", std::string(15000, 'g')).ok());
  }
  EXPECT_EQ(entries_of(old), model);
  EXPECT_EQ(walk(old, "default", true), model);
  ASSERT_TRUE(tx.commit().ok());
  EXPECT_EQ(entries_of(old), model);
}

// A large value in use by a snapshot, in a tree that is dropped by the transaction that replaced it.
TEST(snapshot, keeps_replaced_values_of_a_dropped_keyspace_and_gives_their_pages_back) {
  TestMachine machine;
  Database db = machine.open({.page_size = 4096, .lock_timeout_ms = 0}).value();
  const std::uint64_t pages = db.statistics()->pages;
  ASSERT_TRUE(db.create_keyspace("a").ok());
  ASSERT_TRUE(db.keyspace("a")->put("large", std::string(50000, '1')).ok());
  {
    Transaction old = db.begin(Access::read).value();
    ASSERT_TRUE(db.update([](Transaction& tx) {
      Status status = tx.put("a", "large", std::string(60000, '2'));
      return status.ok() ? tx.drop_keyspace("a") : status;
    }).ok());
    EXPECT_TRUE(db.verify().ok()) << db.verify().status().to_string();
    EXPECT_EQ(old.get("a", "large").value(), std::string(50000, '1'));
  }
  ASSERT_TRUE(db.checkpoint().ok());
  EXPECT_EQ(db.statistics()->pages, pages);
  EXPECT_EQ(db.verify().status().to_string(), "ok");
}

}  // namespace
}  // namespace quire::kv
