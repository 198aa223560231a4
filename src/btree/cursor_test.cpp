// TreeCursor against a std::map's iterators.
//
// Goal     from wherever it stands a cursor goes where an iterator of the model goes, both ways, over leaves of
//          any size and over leaves that erasures left empty
// Method   random seeks and walks over random trees; the copied leaf against changes around it
#include "btree/test_store.hpp"

#include "base/random.hpp"

namespace quire::btree {
namespace {

std::string key_of(std::uint64_t i) {
  const std::string digits = std::to_string(i);
  return "k" + std::string(4 - digits.size(), '0') + digits;
}

// Where the cursor must stand: an iterator, end() for nowhere.
class Follower {
 public:
  Follower(const Tree& tree, const Model& model) : cursor_(tree), model_(model), at_(model.end()) {}

  void seek_ge(const std::string& key) { moved(cursor_.seek_ge(key), model_.lower_bound(key)); }
  void seek_le(const std::string& key) { moved(cursor_.seek_le(key), before(model_.upper_bound(key))); }
  void first() { moved(cursor_.first(), model_.begin()); }
  void last() { moved(cursor_.last(), before(model_.end())); }
  void next() {
    if (at_ != model_.end()) moved(cursor_.next(), std::next(at_));
  }
  void prev() {
    if (at_ != model_.end()) moved(cursor_.prev(), before(at_));
  }

 private:
  Model::const_iterator before(Model::const_iterator it) const { return it == model_.begin() ? model_.end() : std::prev(it); }
  void moved(const Status& status, Model::const_iterator expected) {
    at_ = expected;
    ASSERT_EQ(status.code(), expected == model_.end() ? Code::not_found : Code::ok) << status.to_string();
    ASSERT_EQ(cursor_.valid(), expected != model_.end());
    if (expected == model_.end()) return;
    ASSERT_EQ(cursor_.key(), expected->first);
    std::string value;
    ASSERT_TRUE(cursor_.read_value(value).ok());
    ASSERT_EQ(value, expected->second);
  }

  TreeCursor cursor_;
  const Model& model_;
  Model::const_iterator at_;
};

void walk_at_random(Follower& follower, Random& random, int moves) {
  for (int move = 0; move < moves && !testing::Test::HasFatalFailure(); ++move) {
    const std::string key = key_of(random.below(1000)) + (random.chance(1, 4) ? "x" : "");
    switch (random.below(12)) {
      case 0: follower.seek_ge(key); break;
      case 1: follower.seek_le(key); break;
      case 2: random.chance(1, 2) ? follower.first() : follower.last(); break;
      default: move / 40 % 2 == 0 ? follower.next() : follower.prev(); break;
    }
  }
}

TEST(tree_cursor, goes_where_an_iterator_goes) {
  for (const std::uint32_t slots : {3u, 4u, 0u}) {
    const SlotsScope scope(slots);
    Random random(slots + 1);
    TestStore store;
    Tree tree = store.make_tree();
    Model model;
    for (int i = 0; i < 500; ++i) {
      const std::string key = key_of(random.below(1000));
      const std::string value(random.chance(1, 50) ? 6000 : random.below(60), static_cast<char>('a' + i % 26));
      ASSERT_TRUE(tree.put(key, value).ok());
      model[key] = value;
    }
    // Whole leaves run empty.
    for (std::uint64_t i = 300; i < 600; ++i) {
      ASSERT_TRUE(tree.erase(key_of(i)).ok());
      model.erase(key_of(i));
    }
    Follower follower(tree, model);
    walk_at_random(follower, random, 4000);
    if (HasFatalFailure()) return;
  }
}

TEST(tree_cursor, finds_nothing_in_an_empty_tree) {
  TestStore store;
  const Tree tree = store.make_tree();
  TreeCursor cursor(tree);
  EXPECT_EQ(cursor.first(), Code::not_found);
  EXPECT_EQ(cursor.last(), Code::not_found);
  EXPECT_EQ(cursor.seek_ge("a"), Code::not_found);
  EXPECT_EQ(cursor.seek_le("a"), Code::not_found);
  EXPECT_FALSE(cursor.valid());
}

TEST(tree_cursor, seeks_before_the_first_and_behind_the_last_key) {
  TestStore store;
  Tree tree = store.make_tree();
  ASSERT_TRUE(tree.put("b", "1").ok());
  TreeCursor cursor(tree);
  EXPECT_EQ(cursor.seek_le("a"), Code::not_found);
  EXPECT_EQ(cursor.seek_ge("c"), Code::not_found);
  EXPECT_TRUE(cursor.seek_ge("").ok());
  EXPECT_TRUE(cursor.seek_le("\xff").ok());
  EXPECT_EQ(cursor.key(), "b");
}

// The cursor goes on by fence, so splits of the leaf it copied neither repeat nor lose a key.
TEST(tree_cursor, meets_every_old_key_once_while_the_tree_splits_under_it) {
  const SlotsScope slots(4);
  TestStore store;
  Tree tree = store.make_tree();
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(tree.put(key_of(i * 10), "old").ok());
  for (const bool forward : {true, false}) {
    TreeCursor cursor(tree);
    std::vector<std::string> seen;
    std::string value;
    Random random(forward ? 1 : 2);
    Status at = forward ? cursor.first() : cursor.last();
    for (; at.ok(); at = forward ? cursor.next() : cursor.prev()) {
      ASSERT_TRUE(cursor.read_value(value).ok());
      if (value == "old") seen.emplace_back(cursor.key());
      for (int i = 0; i < 3; ++i) {
        const std::uint64_t number = random.below(1000);
        if (number % 10 != 0) {
          ASSERT_TRUE(tree.put(key_of(number), "new").ok());
        }
      }
    }
    EXPECT_EQ(at, Code::not_found);
    ASSERT_EQ(seen.size(), 100u);
    EXPECT_TRUE(forward ? std::is_sorted(seen.begin(), seen.end()) : std::is_sorted(seen.rbegin(), seen.rend()));
  }
}

}  // namespace
}  // namespace quire::btree
