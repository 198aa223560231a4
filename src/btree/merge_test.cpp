// Merges against a std::map, and their shapes.
//
// Goal     merging and compacting change no content, leave a tree that verifies, and free what they empty; whole trees
//          shrink back to a root leaf
// Method   explicit small trees for every kind of join; random changes with a merge after every erasure, verified
//          after each step, on small nodes and on every page size; ghosts and row headers compared before and after
#include "btree/test_store.hpp"

#include "base/random.hpp"

namespace quire::btree {
namespace {

std::string numbered(std::uint64_t i) {
  const std::string digits = std::to_string(i);
  return "row" + std::string(6 - digits.size(), '0') + digits;
}

class Merged {
 public:
  explicit Merged(TestStoreOptions options = {}) : store_(options), tree_(store_.make_tree()) {}

  Tree& tree() { return tree_; }
  TestStore& store() { return store_; }
  const Model& model() const { return model_; }
  std::string difference() const { return btree::difference(tree_, model_); }

  void put(const std::string& key, const std::string& value = "v") {
    ASSERT_TRUE(tree_.put(key, value).ok());
    model_[key] = value;
  }
  void erase(const std::string& key) {
    ASSERT_TRUE(tree_.erase(key).ok());
    model_.erase(key);
  }
  // The row is a ghost.
  void forget(const std::string& key) { model_.erase(key); }
  void erase_and_merge(const std::string& key) {
    erase(key);
    const Status merged = tree_.merge_underfull(key);
    ASSERT_TRUE(merged.ok()) << merged.to_string();
  }

  // Rows per leaf, from left to right.
  std::vector<std::uint32_t> leaves() {
    std::vector<std::uint32_t> counts;
    EXPECT_TRUE(tree_.walk([&](PageId id, PageRole role, std::uint32_t) {
      if (role == PageRole::leaf) counts.push_back(NodeView(store_.pool().read(id)->data(), store_.pool().page_bytes()).count());
      return Status();
    }).ok());
    return counts;
  }
  std::uint32_t height() { return survey(tree_)->height; }

 private:
  TestStore store_;
  Tree tree_;
  Model model_;
};

using Counts = std::vector<std::uint32_t>;

// Leaves of eight rows, made by appending; `first` rows are erased from leaf 0, and so on.
void make_leaves(Merged& merged, const Counts& rows) {
  for (std::uint64_t i = 0; i < rows.size() * 8; ++i) merged.put(numbered(i));
  for (std::uint64_t leaf = 0; leaf < rows.size(); ++leaf) {
    for (std::uint64_t i = rows[leaf]; i < 8; ++i) merged.erase(numbered(leaf * 8 + i));
  }
  ASSERT_EQ(merged.leaves(), rows);
}

void expect_shape(const Counts& before, std::uint64_t leaf, const Counts& after) {
  const SlotsScope slots(8);
  Merged merged;
  make_leaves(merged, before);
  ASSERT_TRUE(merged.tree().merge_underfull(numbered(leaf * 8)).ok());
  EXPECT_EQ(merged.leaves(), after);
  EXPECT_EQ(merged.difference(), "");
}

TEST(merge, joins_an_underfull_leaf_with_its_left_neighbour) { expect_shape({8, 4, 1, 8}, 2, {8, 5, 8}); }
TEST(merge, joins_an_underfull_leaf_with_its_right_neighbour) { expect_shape({1, 3, 8}, 0, {4, 8}); }
TEST(merge, joins_with_the_right_where_the_left_is_full) { expect_shape({8, 1, 4, 8}, 1, {8, 5, 8}); }
TEST(merge, takes_rows_from_the_left) { expect_shape({8, 8, 1}, 2, {8, 5, 4}); }
TEST(merge, takes_rows_from_the_right) { expect_shape({1, 8, 8}, 0, {5, 4, 8}); }
TEST(merge, joins_empty_leaves) { expect_shape({8, 0, 8}, 1, {8, 8}); }
TEST(merge, leaves_alone_what_is_not_underfull) { expect_shape({8, 2, 2, 8}, 1, {8, 2, 2, 8}); }
TEST(merge, makes_the_last_leaf_the_root) { expect_shape({1, 4}, 0, {5}); }

TEST(merge, shrinks_a_tree_of_several_levels_to_its_root) {
  const SlotsScope slots(8);
  Merged merged;
  const PageId root = merged.tree().root();
  for (std::uint64_t i = 0; i < 2000; ++i) merged.put(numbered(i * 7919 % 2000));
  ASSERT_GE(merged.height(), 4u);
  ASSERT_TRUE(merged.store().publish().ok());
  for (std::uint64_t i = 0; i < 2000; ++i) {
    merged.erase_and_merge(numbered(i * 6007 % 2000));
    if (i % 100 == 0) {
      ASSERT_EQ(merged.difference(), "") << i;
    }
  }
  EXPECT_EQ(merged.height(), 1u);
  EXPECT_EQ(merged.leaves(), Counts{0});
  EXPECT_EQ(merged.tree().root(), root);
  ASSERT_TRUE(merged.store().publish().ok());
  EXPECT_EQ(merged.store().published_pages(), 1u);
}

struct RunOptions {
  std::uint64_t seed = 1;
  std::uint32_t slots_max = 0;
  std::uint32_t page_bytes = 4096;
  int steps = 1500;
  std::uint64_t keys = 300;
};

void change_at_random(const RunOptions& options) {
  SCOPED_TRACE("seed " + std::to_string(options.seed) + ", page size " + std::to_string(options.page_bytes));
  const SlotsScope slots(options.slots_max);
  Random random(options.seed);
  Merged merged({.page_bytes = options.page_bytes});
  const std::size_t most = key_bytes_max(options.page_bytes);
  std::string position;
  for (int step = 0; step < options.steps; ++step) {
    std::string key = "k" + std::to_string(random.below(options.keys));
    if (key.back() % 3 == 0) key.insert(1, std::string(most - key.size() - static_cast<std::size_t>(key.back() % 2), 'x'));
    if (random.chance(step / 250 % 2 == 0 ? 3 : 1, 4)) {
      merged.put(key, std::string(random.chance(1, 3) ? random.below(options.page_bytes / 4) : random.below(40), 'v'));
    } else {
      merged.erase_and_merge(key);
    }
    if (random.chance(1, 10)) {
      const Result<bool> done = merged.tree().compact_step(position, 3);
      ASSERT_TRUE(done.ok()) << done.status().to_string();
      if (*done) position.clear();
    }
    const Result<Survey> found = survey(merged.tree());
    ASSERT_TRUE(found.ok()) << found.status().to_string() << " at step " << step;
    ASSERT_EQ(found->rows, merged.model().size());
    if (step % 100 == 0) {
      ASSERT_EQ(merged.difference(), "") << "step " << step;
    }
    if (step % 400 == 250) {
      ASSERT_TRUE(merged.store().publish().ok());
    }
  }
  ASSERT_EQ(merged.difference(), "");
}

TEST(merge, agrees_with_a_map_over_random_changes_of_small_nodes) {
  for (const std::uint32_t slots : {5u, 8u}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) change_at_random({.seed = seed, .slots_max = slots});
  }
}

TEST(merge, agrees_with_a_map_over_random_changes_on_every_page_size) {
  for (const std::uint32_t page_bytes : {4096u, 8192u, 16384u, 32768u, 65536u}) {
    change_at_random({.seed = page_bytes, .page_bytes = page_bytes, .steps = 900});
  }
}

TEST(merge, carries_ghosts_and_row_headers_along) {
  Merged merged;
  for (std::uint64_t i = 0; i < 600; ++i) merged.put(numbered(i), std::string(40, 'v'));
  std::map<std::string, RowHeader> expected;
  const auto each_leaf = [&](const std::function<void(Node)>& visit) {
    ASSERT_TRUE(merged.tree().walk([&](PageId id, PageRole role, std::uint32_t) {
      if (role == PageRole::leaf) visit(Node(merged.store().pool().write(id)->bytes()));
      return Status();
    }).ok());
  };
  each_leaf([&](Node leaf) {
    for (std::uint32_t i = 0; i < leaf.count(); i += 3) {
      if (!leaf.fits_header(i)) continue;
      const RowHeader header{Xid{100 + i}, i, 1};
      leaf.set_row(i, header, i % 2 == 0);
      expected[leaf.key(i)] = header;
      if (i % 2 == 0) merged.forget(leaf.key(i));
    }
  });
  ASSERT_GT(expected.size(), 20u);
  for (std::uint64_t i = 0; i < 600; ++i) {
    if (i % 8 != 0 && !expected.contains(numbered(i))) merged.erase_and_merge(numbered(i));
  }
  std::string position;
  while (!merged.tree().compact_step(position, 1).value()) {
  }
  EXPECT_TRUE(survey(merged.tree()).ok());
  std::size_t seen = 0;
  each_leaf([&](Node leaf) {
    for (std::uint32_t i = 0; i < leaf.count(); ++i) {
      const std::optional<RowHeader> header = leaf.row_header(i);
      ASSERT_EQ(header.has_value(), expected.contains(leaf.key(i)));
      if (!header) continue;
      ++seen;
      EXPECT_EQ(*header, expected[leaf.key(i)]);
      EXPECT_EQ(leaf.ghost(i), header->xid.raw % 2 == 0);
    }
  });
  EXPECT_EQ(seen, expected.size());
}

// What one large import leaves: a header on every row, which only the next change of the page would take away.
TEST(compact, strips_headers_below_the_horizon) {
  Merged merged;
  for (std::uint64_t i = 0; i < 600; ++i) merged.put(numbered(i), std::string(40, 'v'));
  const auto each_leaf = [&](const std::function<void(Node)>& visit) {
    ASSERT_TRUE(merged.tree().walk([&](PageId id, PageRole role, std::uint32_t) {
      if (role == PageRole::leaf) visit(Node(merged.store().pool().write(id)->bytes()));
      return Status();
    }).ok());
  };
  constexpr std::uint64_t horizon = 100;
  std::set<std::string> keeps;
  std::size_t given = 0;
  each_leaf([&](Node leaf) {
    for (std::uint32_t i = 0; i < leaf.count(); ++i) {
      if (!leaf.fits_header(i)) continue;
      ++given;
      const bool ghost = i % 11 == 3;
      const RowHeader header{Xid{i % 5 == 0 ? horizon : horizon - 1}, i, 1};
      leaf.set_row(i, header, ghost);
      if (ghost || i % 5 == 0) keeps.insert(leaf.key(i));
      if (ghost) merged.forget(leaf.key(i));
    }
  });
  ASSERT_GT(given, 100u);
  std::string position;
  while (!merged.tree().compact_step(position, 1, Xid{horizon}).value()) {
  }
  EXPECT_TRUE(survey(merged.tree()).ok());
  EXPECT_EQ(merged.difference(), "");
  std::set<std::string> kept;
  each_leaf([&](Node leaf) {
    for (std::uint32_t i = 0; i < leaf.count(); ++i) {
      if (leaf.row_header(i)) kept.insert(leaf.key(i));
    }
  });
  EXPECT_EQ(kept, keeps) << "those that a snapshot may ask for, and ghosts";
}

TEST(compact, fills_leaves_in_steps) {
  for (const std::uint32_t page_bytes : {4096u, 16384u}) {
    Merged merged({.page_bytes = page_bytes});
    Random random(6);
    for (std::uint64_t i = 0; i < 8000; ++i) merged.put(numbered(i * 7919 % 8000), std::string(random.below(60), 'v'));
    for (std::uint64_t i = 0; i < 8000; ++i) {
      if (random.chance(1, 2)) merged.erase(numbered(i));
    }
    const Result<Survey> before = survey(merged.tree());
    std::string position;
    std::uint64_t steps = 0;
    for (bool done = false; !done; ++steps) {
      const Result<bool> step = merged.tree().compact_step(position, 5);
      ASSERT_TRUE(step.ok()) << step.status().to_string();
      done = *step;
      ASSERT_LT(steps, 8000u);
    }
    const Result<Survey> after = survey(merged.tree());
    EXPECT_EQ(merged.difference(), "");
    EXPECT_GT(steps, 3u);
    EXPECT_LT(after->leaf_pages, before->leaf_pages);
    EXPECT_GE(after->leaf_fill_sum / static_cast<double>(after->leaf_pages), 0.82) << page_bytes;
  }
}

}  // namespace
}  // namespace quire::btree
