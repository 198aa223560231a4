// Cursor and Scan: positions, ranges, and a transaction's own changes laid over the tree.
//
// Goal     a cursor stands where an iterator of the model would, whatever its transaction changes in between
// Method   a test per sentence of quire/cursor.hpp; random moves and changes against a std::map
#include "kv/test_database.hpp"

#include "base/random.hpp"

namespace quire::kv {
namespace {

using Keys = std::vector<std::string>;

class cursor : public testing::Test {
 protected:
  cursor() : db_(machine_.open(impatient).value()) {}

  void fill(const Keys& keys) {
    ASSERT_TRUE(db_.update([&](Transaction& tx) {
      Status status;
      for (const std::string& key : keys) {
        if (status.ok()) status = tx.put("default", key, "value of " + key);
      }
      return status;
    }).ok());
  }

  Keys keys_in(const Range& range, ScanOptions options = {}) {
    Keys keys;
    const Status viewed = db_.view([&](Transaction& tx) {
      Scan scan = tx.scan("default", range, options);
      for (const Entry& entry : scan) keys.emplace_back(entry.key);
      return scan.status();
    });
    if (!viewed.ok()) keys.push_back(viewed.to_string());
    return keys;
  }

  TestMachine machine_;
  Database db_;
};

TEST_F(cursor, stands_nowhere_until_it_is_moved) {
  fill({"b", "d"});
  Transaction tx = db_.begin(Access::read).value();
  Cursor at = tx.cursor("default").value();
  EXPECT_FALSE(at.valid());
  EXPECT_EQ(at.next(), Code::invalid);
  EXPECT_EQ(at.prev(), Code::invalid);
  EXPECT_EQ(at.value(), Code::invalid);
  EXPECT_TRUE(at.first().ok());
  EXPECT_EQ(at.key(), "b");
  EXPECT_EQ(at.value().value(), "value of b");
  EXPECT_TRUE(at.next().ok());
  EXPECT_EQ(at.next(), Code::not_found);
  EXPECT_FALSE(at.valid());
  EXPECT_EQ(at.next(), Code::invalid);
}

TEST_F(cursor, seeks_exactly_at_or_after_and_at_or_before) {
  fill({"b", "d"});
  Transaction tx = db_.begin(Access::read).value();
  Cursor at = tx.cursor("default").value();
  EXPECT_EQ(at.seek("c"), Code::not_found);
  EXPECT_FALSE(at.valid());
  EXPECT_TRUE(at.seek("d").ok());
  EXPECT_TRUE(at.seek_ge("c").ok());
  EXPECT_EQ(at.key(), "d");
  EXPECT_TRUE(at.seek_le("c").ok());
  EXPECT_EQ(at.key(), "b");
  EXPECT_EQ(at.seek_ge("e"), Code::not_found);
  EXPECT_EQ(at.seek_le("a"), Code::not_found);
  EXPECT_TRUE(at.last().ok());
  EXPECT_EQ(at.key(), "d");
  EXPECT_TRUE(at.seek_ge("").ok());
  EXPECT_EQ(at.key(), "b");
}

TEST_F(cursor, can_be_moved_to_another_object) {
  fill({"a", "b"});
  Transaction tx = db_.begin(Access::read).value();
  Cursor one = tx.cursor("default").value();
  ASSERT_TRUE(one.first().ok());
  Cursor two = std::move(one);
  EXPECT_TRUE(two.next().ok());
  EXPECT_EQ(two.key(), "b");
}

TEST_F(cursor, reads_large_values_where_it_stands) {
  ASSERT_TRUE(db_.keyspace()->put("large", std::string(50000, 'l')).ok());
  fill({"a", "z"});
  Transaction tx = db_.begin(Access::read).value();
  Cursor at = tx.cursor("default").value();
  ASSERT_TRUE(at.seek("large").ok());
  EXPECT_EQ(at.value().value(), std::string(50000, 'l'));
  ASSERT_TRUE(at.prev().ok());
  EXPECT_EQ(at.value().value(), "value of a");
}

TEST_F(cursor, sees_what_becomes_of_the_entry_it_stands_on) {
  fill({"a", "b", "c"});
  Transaction tx = db_.begin().value();
  Cursor at = tx.cursor("default").value();
  ASSERT_TRUE(at.seek("b").ok());
  ASSERT_TRUE(tx.put("default", "b", "replaced").ok());
  EXPECT_EQ(at.value().value(), "replaced");
  ASSERT_TRUE(tx.erase("default", "b").ok());
  EXPECT_TRUE(at.valid());
  EXPECT_EQ(at.key(), "b");
  EXPECT_EQ(at.value(), Code::not_found);
  EXPECT_TRUE(at.next().ok());
  EXPECT_EQ(at.key(), "c");
  EXPECT_TRUE(at.prev().ok());
  EXPECT_EQ(at.key(), "a");
}

TEST_F(cursor, takes_its_own_key_as_the_key_to_seek) {
  Database memory = Database::open_in_memory().value();
  Transaction tx = memory.begin().value();
  ASSERT_TRUE(tx.put(default_keyspace, "b", "1").ok());
  ASSERT_TRUE(tx.put(default_keyspace, "d", "2").ok());
  Cursor at = tx.cursor(default_keyspace).value();
  ASSERT_TRUE(at.seek("b").ok());
  ASSERT_TRUE(tx.erase(default_keyspace, "b").ok());
  EXPECT_EQ(at.seek(at.key()).code(), Code::not_found);
}

TEST_F(cursor, scans_ranges_both_ways) {
  fill({"a", "b", "c", "d", "e"});
  EXPECT_EQ(keys_in(Range::all()), (Keys{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(keys_in(Range::between("b", "d")), (Keys{"b", "c"}));
  EXPECT_EQ(keys_in(Range::closed("b", "d")), (Keys{"b", "c", "d"}));
  EXPECT_EQ(keys_in(Range::from("d")), (Keys{"d", "e"}));
  EXPECT_EQ(keys_in(Range::until("b")), (Keys{"a"}));
  EXPECT_EQ(keys_in({"b", "d", false, true}), (Keys{"c", "d"}));
  EXPECT_EQ(keys_in(Range::between("d", "b")), Keys());
  EXPECT_EQ(keys_in(Range::between("bb", "bbb")), Keys());
  EXPECT_EQ(keys_in(Range::all(), {.reverse = true}), (Keys{"e", "d", "c", "b", "a"}));
  EXPECT_EQ(keys_in(Range::between("b", "d"), {.reverse = true}), (Keys{"c", "b"}));
  EXPECT_EQ(keys_in(Range::closed("b", "d"), {.reverse = true}), (Keys{"d", "c", "b"}));
  EXPECT_EQ(keys_in({"b", "d", false, true}, {.reverse = true}), (Keys{"d", "c"}));
  EXPECT_EQ(keys_in(Range::between("d", "b"), {.reverse = true}), Keys());
  EXPECT_EQ(keys_in(Range::from("d"), {.reverse = true}), (Keys{"e", "d"}));
}

TEST_F(cursor, stops_a_scan_at_its_limit) {
  fill({"a", "b", "c"});
  EXPECT_EQ(keys_in(Range::all(), {.limit = 0}), Keys());
  EXPECT_EQ(keys_in(Range::all(), {.limit = 2}), (Keys{"a", "b"}));
  EXPECT_EQ(keys_in(Range::all(), {.reverse = true, .limit = 1}), (Keys{"c"}));
  EXPECT_EQ(keys_in(Range::all(), {.limit = 9}), (Keys{"a", "b", "c"}));
}

TEST_F(cursor, scans_keys_without_values) {
  fill({"a"});
  Transaction tx = db_.begin(Access::read).value();
  Scan scan = tx.scan("default", Range::all(), {.keys_only = true});
  const auto first = scan.begin();
  EXPECT_EQ(first->key, "a");
  EXPECT_EQ(first->value, "");
}

TEST_F(cursor, begins_a_scan_anew_with_every_loop) {
  fill({"a", "b"});
  Transaction tx = db_.begin(Access::read).value();
  Scan scan = tx.scan("default", Range::all(), {.limit = 1});
  for (int round = 0; round < 2; ++round) {
    Keys keys;
    for (const Entry& entry : scan) keys.emplace_back(entry.key);
    EXPECT_EQ(keys, Keys{"a"});
  }
}

TEST_F(cursor, finds_prefixes_that_end_in_the_highest_byte) {
  fill({"a", "a\xff", "a\xff\xff", "a\xff\xffz", "b", "\xfe", "\xff", "\xff\x01", "\xff\xff", "\xff\xff\xff"});
  EXPECT_EQ(keys_in(Range::prefix("a\xff")), (Keys{"a\xff", "a\xff\xff", "a\xff\xffz"}));
  EXPECT_EQ(keys_in(Range::prefix("a\xff\xff"), {.reverse = true}), (Keys{"a\xff\xffz", "a\xff\xff"}));
  EXPECT_EQ(keys_in(Range::prefix("\xff")), (Keys{"\xff", "\xff\x01", "\xff\xff", "\xff\xff\xff"}));
  EXPECT_EQ(keys_in(Range::prefix("\xff\xff"), {.reverse = true}), (Keys{"\xff\xff\xff", "\xff\xff"}));
  EXPECT_EQ(keys_in(Range::prefix("")).size(), 10u);
  EXPECT_EQ(keys_in(Range::prefix("c")), Keys());
}

// ---- a cursor over a tree and its transaction's changes, against a map

std::string key_of(std::uint64_t i) { return "k" + std::to_string(100 + i); }

class Follower {
 public:
  Follower(Cursor cursor, const Model& model) : cursor_(std::move(cursor)), model_(model) {}

  // The cursor stands on a key, which may be gone from the model since.
  void move(Random& random) {
    const std::string key = key_of(random.below(100)) + (random.chance(1, 5) ? "+" : "");
    const std::uint64_t choice = random.below(10);
    if (choice == 0) return stand(cursor_.seek_ge(key), model_.lower_bound(key));
    if (choice == 1) return stand(cursor_.seek_le(key), before(model_.upper_bound(key)));
    if (choice == 2) return stand(cursor_.seek(key), model_.find(key));
    if (choice == 3) return random.chance(1, 2) ? stand(cursor_.first(), model_.begin()) : stand(cursor_.last(), before(model_.end()));
    if (!at_) return;
    if (choice % 2 == 0) return stand(cursor_.next(), model_.upper_bound(*at_));
    stand(cursor_.prev(), before(model_.lower_bound(*at_)));
  }

  void check_value() {
    if (!at_) return;
    ASSERT_TRUE(cursor_.valid());
    ASSERT_EQ(cursor_.key(), *at_);
    const auto expected = model_.find(*at_);
    const Result<std::string_view> value = cursor_.value();
    ASSERT_EQ(value.ok(), expected != model_.end());
    if (value.ok()) {
      ASSERT_EQ(*value, expected->second);
    }
  }

 private:
  Model::const_iterator before(Model::const_iterator it) const { return it == model_.begin() ? model_.end() : std::prev(it); }
  void stand(const Status& moved, Model::const_iterator expected) {
    ASSERT_EQ(moved.code(), expected == model_.end() ? Code::not_found : Code::ok) << moved.to_string();
    ASSERT_EQ(cursor_.valid(), moved.ok());
    at_ = moved.ok() ? std::optional<std::string>(expected->first) : std::nullopt;
    check_value();
  }

  Cursor cursor_;
  const Model& model_;
  std::optional<std::string> at_;
};

Status change(Transaction& tx, Model& model, Random& random) {
  const std::string key = key_of(random.below(100));
  if (random.chance(1, 2)) {
    const Status erased = tx.erase("default", key);
    EXPECT_EQ(erased.ok(), model.erase(key) == 1);
    return Status();
  }
  const std::string value(random.chance(1, 30) ? 9000 : random.below(30), static_cast<char>('a' + random.below(26)));
  model[key] = value;
  return tx.put("default", key, value);
}

TEST_F(cursor, goes_where_an_iterator_goes_while_its_transaction_changes_entries) {
  Model model;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const Model committed = model;
    Transaction tx = db_.begin().value();
    Follower follower(tx.cursor("default").value(), model);
    Follower second(tx.cursor("default").value(), model);
    for (int step = 0; step < 1500 && !HasFatalFailure(); ++step) {
      if (random.chance(1, seed % 3 == 0 ? 40 : 4)) {
        ASSERT_TRUE(change(tx, model, random).ok());
      }
      follower.move(random);
      second.move(random);
      if (random.chance(1, 4)) follower.check_value();
      if (step % 100 == 0) {
        ASSERT_EQ(entries_of(tx), model);
        ASSERT_EQ(tx.count("default").value(), model.size());
      }
    }
    if (HasFatalFailure()) return;
    if (seed % 4 == 0) {
      ASSERT_TRUE(tx.rollback().ok());
      model = committed;
    } else {
      ASSERT_TRUE(tx.commit().ok());
    }
    ASSERT_EQ(entries_of(db_), model);
    ASSERT_TRUE(db_.verify().ok());
  }
}

}  // namespace
}  // namespace quire::kv
