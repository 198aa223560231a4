// Trees against a std::map.
//
// Goal     a tree holds what the map holds, in order, through splits of every shape; its invariants hold throughout
// Method   random changes on trees of three and four slots per node (height from few keys) and of whole pages,
//          four orders of insertion, keys to the limit, values over many overflow pages; room that runs out
#include "btree/test_store.hpp"

#include <set>

#include "base/random.hpp"

namespace quire::btree {
namespace {

struct Change {
  std::string key;
  std::optional<std::string> value;  // none: erase
};

// A tree and its model, changed together.
class ModelledTree {
 public:
  explicit ModelledTree(TestStoreOptions options = {}) : store_(options), tree_(store_.make_tree()) {}

  Tree& tree() { return tree_; }
  TestStore& store() { return store_; }
  const Model& model() const { return model_; }

  void apply(const Change& change) {
    if (change.value) {
      const Result<bool> fresh = tree_.put(change.key, *change.value);
      ASSERT_TRUE(fresh.ok()) << fresh.status().to_string();
      ASSERT_EQ(*fresh, model_.insert_or_assign(change.key, *change.value).second);
    } else {
      const Result<bool> erased = tree_.erase(change.key);
      ASSERT_TRUE(erased.ok()) << erased.status().to_string();
      ASSERT_EQ(*erased, model_.erase(change.key) == 1);
    }
  }

  std::string difference() const { return btree::difference(tree_, model_); }

 private:
  TestStore store_;
  Tree tree_;
  Model model_;
};

std::string random_value(Random& random) {
  const std::uint64_t kind = random.below(40);
  const std::uint64_t bytes = kind == 0 ? random.below(22000) : kind < 4 ? random.between({800, 1100}) : random.below(40);
  return std::string(bytes, static_cast<char>('a' + random.below(26)));
}

struct RunOptions {
  std::uint64_t seed = 1;
  std::uint32_t slots_max = 0;
  std::uint32_t page_bytes = 4096;
  int steps = 1500;
  std::uint64_t keys = 300;
  std::uint64_t long_key_chance = 12;  // one key in so many
};

void change_at_random(const RunOptions& options) {
  SCOPED_TRACE("seed " + std::to_string(options.seed) + ", " + std::to_string(options.slots_max) + " slots");
  const SlotsScope slots(options.slots_max);
  Random random(options.seed);
  ModelledTree modelled({.page_bytes = options.page_bytes});
  const std::size_t key_bytes = key_bytes_max(options.page_bytes);
  for (int step = 0; step < options.steps; ++step) {
    std::string key = "k" + std::to_string(random.below(options.keys));
    if (random.below(options.keys) % options.long_key_chance == 0) key.insert(1, std::string(key_bytes - key.size() - random.below(3), 'x'));
    const bool growing = step / 400 % 2 == 0;
    Change change{key, std::nullopt};
    if (random.chance(growing ? 3 : 1, 4)) change.value = random_value(random);
    modelled.apply(change);
    if (testing::Test::HasFatalFailure()) return;
    if (step % 50 == 0) {
      ASSERT_EQ(modelled.difference(), "") << "step " << step;
    }
    if (step % 500 == 250) {
      ASSERT_EQ(modelled.store().publish().to_string(), "ok");
    }
  }
  ASSERT_EQ(modelled.difference(), "");
}

TEST(tree, agrees_with_a_map_over_random_changes_of_small_nodes) {
  for (const std::uint32_t slots : {3u, 4u}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) change_at_random({.seed = seed, .slots_max = slots});
  }
}

TEST(tree, agrees_with_a_map_over_random_changes_of_whole_pages) {
  change_at_random({.seed = 21, .steps = 4000, .keys = 2000});
  change_at_random({.seed = 22, .steps = 2500, .keys = 400, .long_key_chance = 2});
  change_at_random({.seed = 23, .page_bytes = 65536, .steps = 1500, .keys = 1000, .long_key_chance = 3});
}

std::string numbered(std::uint64_t i) {
  const std::string digits = std::to_string(i);
  return "row" + std::string(6 - digits.size(), '0') + digits;
}

enum class Order { rising, falling, random, clustered };

std::vector<std::uint64_t> sequence(Order order, std::uint64_t count) {
  std::vector<std::uint64_t> numbers(count);
  for (std::uint64_t i = 0; i < count; ++i) numbers[i] = order == Order::falling ? count - 1 - i : i;
  Random random(9);
  if (order == Order::random) random.shuffle(numbers);
  // Ten interleaved rising runs.
  if (order == Order::clustered) {
    for (std::uint64_t i = 0; i < count; ++i) numbers[i] = i % 10 * (count / 10) + i / 10;
  }
  return numbers;
}

TEST(tree, takes_keys_in_any_order) {
  for (const std::uint32_t slots : {0u, 3u, 4u}) {
    const SlotsScope scope(slots);
    for (const Order order : {Order::rising, Order::falling, Order::random, Order::clustered}) {
      SCOPED_TRACE("order " + std::to_string(static_cast<int>(order)));
      ModelledTree modelled;
      const std::uint64_t count = slots == 0 ? 3000 : 300;
      for (const std::uint64_t i : sequence(order, count)) modelled.apply({numbered(i), "value of " + std::to_string(i)});
      ASSERT_EQ(modelled.difference(), "");
      const Result<Survey> found = survey(modelled.tree());
      EXPECT_GE(found->height, slots == 0 ? 2u : 4u);
      // Erasing everything leaves an empty tree that still verifies and takes keys again.
      for (const std::uint64_t i : sequence(order, count)) modelled.apply({numbered(count - 1 - i), std::nullopt});
      ASSERT_EQ(modelled.difference(), "");
      for (const std::uint64_t i : sequence(Order::random, count)) modelled.apply({numbered(i), "again"});
      ASSERT_EQ(modelled.difference(), "");
    }
  }
}

// A leaf is full when it gets its right neighbour; the prefix its fences then share is cut off afterwards.
TEST(tree, leaves_pages_full_when_keys_are_appended) {
  ModelledTree modelled;
  for (std::uint64_t i = 0; i < 5000; ++i) modelled.apply({numbered(i), "0123456789"});
  const Result<Survey> found = survey(modelled.tree());
  ASSERT_TRUE(found.ok());
  const std::uint64_t record_bytes = 9 + value_length_bytes + 10 + slot_bytes;
  EXPECT_EQ(found->leaf_pages, 5000 / ((4096 - node_header_bytes - 7) / record_bytes) + 1);
}

// An append split keeps every record on the left, which needs room for the new upper fence as well.
TEST(tree, appends_keys_whose_fences_do_not_fit_beside_a_full_page) {
  for (const std::uint32_t page_bytes : {4096u, 8192u, 65536u}) {
    ModelledTree modelled({.page_bytes = page_bytes});
    const std::size_t most = key_bytes_max(page_bytes);
    for (std::uint64_t i = 100; i < 200; ++i) modelled.apply({std::string(most - 3, 's') + std::to_string(i), "v"});
    ASSERT_EQ(modelled.difference(), "");
  }
}

// A leaf splits where its halves are most equal: one large record next to many small ones fits neither side else.
TEST(tree, splits_leaves_of_unequal_records_between_the_longest_fences) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Random random(seed);
    ModelledTree modelled;
    const std::size_t most = key_bytes_max(4096);
    for (int i = 0; i < 250; ++i) {
      std::string key(1 + random.below(3), static_cast<char>('a' + random.below(4)));
      if (random.chance(2, 3)) key += std::string(most - key.size() - 2 - random.below(3), static_cast<char>('p' + random.below(2)));
      key += std::to_string(10 + random.below(90));
      modelled.apply({key, std::string(random.chance(1, 2) ? random.below(8) : random.below(900), 'v')});
      ASSERT_TRUE(survey(modelled.tree()).ok());
    }
    ASSERT_EQ(modelled.difference(), "");
  }
}

// The first page behind a full table page adds a level to the page table; the promise of blocks must cover it.
TEST(tree, writes_a_value_across_the_growth_of_the_page_table) {
  for (const std::uint64_t pages : {250u, 255u, 256u, 257u, 300u}) {
    ModelledTree modelled;
    modelled.apply({"a", std::string(pages * overflow::payload_bytes(4096), 'v')});
    modelled.apply({"b", std::string(100 * overflow::payload_bytes(4096), 'v')});
    ASSERT_EQ(modelled.store().publish().to_string(), "ok");
    ASSERT_EQ(modelled.difference(), "");
  }
}

TEST(tree, takes_keys_at_the_limit_for_every_page_size) {
  for (const std::uint32_t page_bytes : {4096u, 8192u, 16384u, 32768u, 65536u}) {
    ModelledTree modelled({.page_bytes = page_bytes});
    const std::size_t most = key_bytes_max(page_bytes);
    Random random(page_bytes);
    // Keys that differ in their last bytes only, and keys that differ at once.
    for (int i = 0; i < 40; ++i) {
      std::string key(most, i % 2 == 0 ? 's' : static_cast<char>('a' + random.below(26)));
      key.replace(most - 2, 2, std::to_string(10 + i));
      modelled.apply({key, std::string(page_bytes / 8, 'v')});
    }
    ASSERT_EQ(modelled.difference(), "") << page_bytes;
  }
}

TEST(tree, takes_values_around_the_border_of_a_leaf_and_over_many_pages) {
  ModelledTree modelled;
  const std::string key = "key";
  const std::uint64_t inside = record_bytes_max(4096) - key.size() - row_header_bytes - value_length_bytes;
  const std::uint64_t payload = overflow::payload_bytes(4096);
  const std::uint64_t indexed = payload * overflow::ids_per_index(4096);
  for (const std::uint64_t bytes : {std::uint64_t{0}, inside - 1, inside, inside + 1, payload - 1, payload, payload + 1,
                                    5 * payload, indexed, indexed + 1, 2 * indexed + 17}) {
    std::string value(bytes, 'v');
    for (std::size_t i = 0; i < value.size(); i += 97) value[i] = static_cast<char>(i);
    modelled.apply({key, value});
    ASSERT_EQ(modelled.difference(), "") << bytes;
    const Result<Survey> found = survey(modelled.tree());
    EXPECT_EQ(found->overflow_pages == 0, bytes <= inside) << bytes;
    EXPECT_EQ(found->value_bytes, bytes);
  }
  modelled.apply({key, std::nullopt});
  ASSERT_EQ(modelled.store().publish().to_string(), "ok");
  EXPECT_EQ(modelled.store().published_pages(), 1u) << "pages of replaced values are not free";
}

TEST(tree, walks_every_page_once_parents_first) {
  const SlotsScope slots(4);
  ModelledTree modelled;
  for (std::uint64_t i = 0; i < 120; ++i) modelled.apply({numbered(i * 37 % 120), std::string(i % 7 == 0 ? 9000 : 5, 'v')});
  std::set<PageId> seen;
  std::uint64_t overflow_pages = 0;
  std::uint32_t level = UINT32_MAX;
  const Status walked = modelled.tree().walk([&](PageId id, PageRole role, std::uint32_t at) {
    EXPECT_TRUE(seen.insert(id).second) << id.raw;
    if (seen.size() == 1) level = at;
    EXPECT_EQ(role == PageRole::inner, at > 0 && role != PageRole::overflow);
    EXPECT_LE(at, level);
    overflow_pages += role == PageRole::overflow ? 1 : 0;
    return Status();
  });
  EXPECT_EQ(walked.to_string(), "ok");
  const Result<Survey> found = survey(modelled.tree());
  EXPECT_EQ(seen.size(), found->inner_pages + found->leaf_pages + found->overflow_pages);
  EXPECT_EQ(overflow_pages, found->overflow_pages);
  const Status stopped = modelled.tree().walk([](PageId, PageRole, std::uint32_t) { return Status(Code::interrupted); });
  EXPECT_EQ(stopped, Code::interrupted);
}

TEST(tree, frees_every_page_when_it_is_dropped) {
  const SlotsScope slots(3);
  ModelledTree modelled;
  const Tree other = modelled.store().make_tree();
  for (std::uint64_t i = 0; i < 60; ++i) modelled.apply({numbered(i), std::string(i % 5 == 0 ? 9000 : 5, 'v')});
  ASSERT_TRUE(modelled.store().publish().ok());
  ASSERT_GT(modelled.store().published_pages(), 60u);
  EXPECT_EQ(modelled.tree().drop().to_string(), "ok");
  ASSERT_TRUE(modelled.store().publish().ok());
  EXPECT_EQ(modelled.store().published_pages(), 1u);
  EXPECT_TRUE(survey(other).ok());
}

TEST(tree, keeps_its_root_page) {
  const SlotsScope slots(3);
  ModelledTree modelled;
  const PageId root = modelled.tree().root();
  for (std::uint64_t i = 0; i < 200; ++i) modelled.apply({numbered(i), "v"});
  EXPECT_EQ(modelled.tree().root(), root);
  Tree again(modelled.store().resources(), modelled.tree().id(), root);
  EXPECT_EQ(difference(again, modelled.model()), "");
}

// What earlier calls did is there, what the refused call would have done is not, and the tree verifies.
TEST(tree, may_be_larger_than_memory) {
  ModelledTree modelled({.page_bytes = 4096, .memory_bytes = 40 * 4096});
  Random random(8);
  for (int i = 0; i < 3000; ++i) modelled.apply({numbered(random.below(100000)), std::string(300, static_cast<char>('a' + i % 26))});
  for (int i = 0; i < 300; ++i) modelled.apply({std::next(modelled.model().begin(), i * 5)->first, std::nullopt});
  EXPECT_GT(modelled.store().pool().counters().evictions, 100u);
  EXPECT_EQ(modelled.difference(), "");
  EXPECT_EQ(modelled.store().publish().to_string(), "ok");
  EXPECT_EQ(modelled.difference(), "");
}

TEST(tree, stays_whole_when_the_disk_is_full_and_goes_on_when_it_is_not) {
  ModelledTree modelled;
  modelled.store().files().set_quota(4 << 20);
  Model model;
  Status status;
  std::uint64_t i = 0;
  const auto put_until_refused = [&] {
    for (status = Status(); status.ok() && i < 100000; ++i) {
      const Result<bool> put = modelled.tree().put(numbered(i), std::string(500, 'v'));
      status = put.status();
      if (put.ok()) model[numbered(i)] = std::string(500, 'v');
    }
  };
  put_until_refused();
  EXPECT_EQ(status, Code::full) << status.to_string();
  EXPECT_EQ(difference(modelled.tree(), model), "");
  // Everything that was accepted has room: the checkpoint cannot fail for want of space (BA-7).
  EXPECT_EQ(modelled.store().publish().to_string(), "ok");
  EXPECT_EQ(difference(modelled.tree(), model), "");
  modelled.store().files().set_quota(6 << 20);
  const std::size_t before = model.size();
  put_until_refused();
  EXPECT_EQ(status, Code::full);
  EXPECT_GT(model.size(), before);
  EXPECT_EQ(difference(modelled.tree(), model), "");
}

TEST(tree_model, notices_a_change_that_it_was_not_told_of) {
  ModelledTree modelled;
  for (std::uint64_t i = 0; i < 100; ++i) modelled.apply({numbered(i), "v"});
  Model wrong = modelled.model();
  wrong.erase(numbered(50));
  EXPECT_NE(difference(modelled.tree(), wrong), "");
  wrong = modelled.model();
  wrong[numbered(50)] = "w";
  EXPECT_NE(difference(modelled.tree(), wrong), "");
  wrong.erase(numbered(50));
  wrong[numbered(50) + "x"] = "v";
  EXPECT_NE(difference(modelled.tree(), wrong), "");
}

}  // namespace
}  // namespace quire::btree
