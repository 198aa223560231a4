// Savepoints of a write transaction.
//
// Goal     going back restores rows, large values, counts and keyspaces exactly, to any depth, and what was made since is gone
// Method   a test per sentence of quire/database.hpp; random changes against a stack of copies of the model
#include "kv/test_database.hpp"

#include "base/random.hpp"

namespace quire::kv {
namespace {

using Keyspaces = std::map<std::string, Model>;

class savepoint : public testing::Test {
 protected:
  savepoint() : db_(machine_.open({.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0}).value()) {}
  TestMachine machine_;
  Database db_;
};

TEST_F(savepoint, takes_back_what_was_done_since_and_stays) {
  Transaction tx = db_.begin().value();
  ASSERT_TRUE(tx.put("default", "a", "1").ok());
  const Savepoint before = tx.savepoint().value();
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(tx.put("default", "a", "2").ok());
    ASSERT_TRUE(tx.put("default", "b", "2").ok());
    EXPECT_EQ(tx.rollback_to(before).to_string(), "ok");
    EXPECT_EQ(entries_of(tx), (Model{{"a", "1"}}));
    EXPECT_EQ(tx.count("default").value(), 1u);
  }
  EXPECT_TRUE(tx.commit().ok());
  EXPECT_EQ(entries_of(db_), (Model{{"a", "1"}}));
}

TEST_F(savepoint, ends_those_made_after_it_when_it_is_gone_back_to_or_released) {
  Transaction tx = db_.begin().value();
  const Savepoint outer = tx.savepoint().value();
  const Savepoint inner = tx.savepoint().value();
  ASSERT_TRUE(tx.put("default", "a", "1").ok());
  EXPECT_TRUE(tx.rollback_to(outer).ok());
  EXPECT_EQ(tx.rollback_to(inner), Code::not_found);
  EXPECT_EQ(tx.release(inner), Code::not_found);
  const Savepoint later = tx.savepoint().value();
  ASSERT_TRUE(tx.put("default", "b", "1").ok());
  EXPECT_TRUE(tx.release(outer).ok());
  EXPECT_EQ(tx.rollback_to(later), Code::not_found);
  EXPECT_EQ(tx.rollback_to(outer), Code::not_found);
  EXPECT_EQ(entries_of(tx), (Model{{"b", "1"}}));
}

TEST_F(savepoint, is_refused_where_it_makes_no_sense) {
  Transaction reader = db_.begin(Access::read).value();
  EXPECT_EQ(reader.savepoint(), Code::read_only);
  Savepoint of_another;
  {
    Transaction tx = db_.begin().value();
    EXPECT_EQ(tx.rollback_to(Savepoint{1}), Code::not_found);
    of_another = tx.savepoint().value();
    EXPECT_TRUE(tx.commit().ok());
    EXPECT_EQ(tx.savepoint(), Code::invalid);
    EXPECT_EQ(tx.rollback_to(of_another), Code::invalid);
    EXPECT_EQ(tx.release(of_another), Code::invalid);
  }
  Transaction tx = db_.begin().value();
  EXPECT_EQ(tx.rollback_to(of_another), Code::not_found);
}

// A tree made after a savepoint is gone with it, and so is where a cursor on it stood; its number is not used again.
TEST_F(savepoint, takes_keyspaces_back_and_leaves_their_cursors_nowhere) {
  Transaction tx = db_.begin().value();
  const Savepoint before = tx.savepoint().value();
  ASSERT_TRUE(tx.create_keyspace("a").ok());
  ASSERT_TRUE(tx.put("a", "k", "in a").ok());
  Cursor cursor = tx.cursor("a").value();
  ASSERT_TRUE(cursor.first().ok());
  ASSERT_TRUE(tx.rollback_to(before).ok());
  EXPECT_EQ(cursor.first(), Code::not_found);
  ASSERT_TRUE(tx.create_keyspace("b").ok());
  ASSERT_TRUE(tx.put("b", "k", "in b").ok());
  EXPECT_EQ(cursor.first(), Code::not_found);
  EXPECT_EQ(tx.get("a", "k"), Code::not_found);
  EXPECT_EQ(tx.get("b", "k").value(), "in b");
  ASSERT_TRUE(tx.commit().ok());
  EXPECT_TRUE(db_.verify().ok());
}

TEST_F(savepoint, nests_ten_thousand_deep) {
  Transaction tx = db_.begin().value();
  std::vector<Savepoint> all;
  for (int i = 0; i < 10000; ++i) {
    all.push_back(tx.savepoint().value());
    ASSERT_TRUE(tx.put("default", "k", std::to_string(i)).ok());
  }
  for (std::size_t i = all.size(); i-- > 1; i -= i > 500 ? 499 : 0) {
    ASSERT_TRUE(tx.rollback_to(all[i]).ok());
    ASSERT_EQ(tx.get("default", "k").value(), std::to_string(i - 1));
  }
  ASSERT_TRUE(tx.rollback_to(all[0]).ok());
  EXPECT_EQ(tx.get("default", "k"), Code::not_found);
}

class Scene {
 public:
  explicit Scene(std::uint64_t seed) : random_(seed), db_(machine_.open({.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0}).value()) {
    committed_["default"];
  }
  std::string run() {
    for (int i = 0; i < 12 && wrong_.empty(); ++i) transact();
    if (!wrong_.empty()) return wrong_;
    note(db_.verify().status());
    note(db_.close());
    Database again = machine_.open({.mode = Mode::open}).value();
    note(again.verify().status());
    compare(again.begin(Access::read).value(), committed_, "reopened");
    return wrong_;
  }

 private:
  struct Point {
    Savepoint savepoint;
    Keyspaces state;
  };
  void transact() {
    Transaction tx = db_.begin().value();
    Keyspaces state = committed_;
    std::vector<Point> stack;
    for (int step = 0; step < 150 && wrong_.empty(); ++step) {
      const std::uint64_t choice = random_.below(20);
      if (choice < 3) {
        stack.push_back({tx.savepoint().value(), state});
      } else if (choice < 5 && !stack.empty()) {
        stack.resize(1 + random_.below(stack.size()));
        note(tx.rollback_to(stack.back().savepoint));
        state = stack.back().state;
        if (random_.chance(1, 3)) compare(tx, state, "after going back");
      } else if (choice == 5 && !stack.empty()) {
        const std::size_t which = random_.below(stack.size());
        note(tx.release(stack[which].savepoint));
        stack.resize(which);
      } else if (choice == 6 && random_.chance(1, 3)) {
        note(db_.checkpoint());
      } else {
        change(tx, state);
      }
    }
    compare(tx, state, "before the end");
    if (random_.chance(1, 3)) {
      note(tx.rollback());
    } else {
      note(tx.commit());
      committed_ = state;
    }
    compare(db_.begin(Access::read).value(), committed_, "after the end");
  }
  void change(Transaction& tx, Keyspaces& state) {
    const std::uint64_t choice = random_.below(40);
    const std::string name = "space" + std::to_string(random_.below(2));
    if (choice == 0) {
      if (tx.create_keyspace(name).ok() == state.contains(name)) note("create");
      state[name];
    } else if (choice == 1) {
      if (tx.drop_keyspace(name).ok() != (state.erase(name) != 0)) note("drop");
    } else {
      const auto keyspace = std::next(state.begin(), static_cast<std::ptrdiff_t>(random_.below(state.size())));
      const std::string key = "key" + std::to_string(random_.below(40));
      if (choice < 15) {
        if (tx.erase(keyspace->first, key).ok() != (keyspace->second.erase(key) != 0)) note("erase");
      } else {
        const std::uint64_t bytes = random_.chance(1, 10) ? random_.between({1100, 20000}) : random_.below(300);
        keyspace->second[key] = std::string(bytes, static_cast<char>('a' + random_.below(26)));
        note(tx.put(keyspace->first, key, keyspace->second[key]));
      }
    }
  }
  void compare(const Transaction& tx, const Keyspaces& state, const std::string& when) {
    if (tx.keyspaces()->size() != state.size()) note(when + ": another number of keyspaces");
    for (const auto& [name, rows] : state) {
      if (tx.count(name).value_or(UINT64_MAX) != rows.size()) note(when + ": " + name + " counts wrongly");
      if (entries_of(tx, name) != rows) note(when + ": " + name + " has other rows");
    }
  }
  void note(const Status& status) {
    if (!status.ok()) note(status.to_string());
  }
  void note(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }

  Random random_;
  TestMachine machine_;
  Database db_;
  Keyspaces committed_;
  std::string wrong_;
};

TEST(savepoint_model, agrees_with_a_stack_of_copies) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) ASSERT_EQ(Scene(seed).run(), "") << "seed " << seed;
}

}  // namespace
}  // namespace quire::kv
