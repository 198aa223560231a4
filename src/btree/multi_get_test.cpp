// Goal: get_many gives what get gives, once for every key, whatever state the pages are in.
// Method: keys that are there, are not, and repeat, in groups of any size, on trees of any height, with values in the leaf and
//         beyond, pages in memory and not, against a map; beside a writer in tree_threads_test.
#include <map>

#include "base/random.hpp"
#include "btree/bulk_load.hpp"
#include "btree/test_store.hpp"

namespace quire::btree {
namespace {

void expect_as_map(const Tree& tree, const Model& model, const std::vector<std::string>& wanted) {
  const std::vector<std::string_view> keys(wanted.begin(), wanted.end());
  std::vector<int> calls(keys.size());
  const Status status = tree.get_many(keys, txn::newest, [&](std::size_t index, std::optional<std::string_view> value) {
    ASSERT_LT(index, keys.size());
    ++calls[index];
    const auto expected = model.find(wanted[index]);
    ASSERT_EQ(value.has_value(), expected != model.end()) << wanted[index];
    if (value) {
      ASSERT_EQ(*value, expected->second) << wanted[index];
    }
  });
  ASSERT_EQ(status.to_string(), "ok");
  EXPECT_EQ(std::count(calls.begin(), calls.end(), 1), static_cast<std::ptrdiff_t>(calls.size())) << "each key once";
}

std::vector<std::string> some_keys(const Model& model, std::size_t count, Random& random) {
  std::vector<std::string> keys;
  while (keys.size() < count) {
    std::string key = "k" + std::to_string(random.below(model.size() * 5 / 4 + 1));
    if (random.chance(1, 10)) key += '\0';
    if (random.chance(1, 30)) key = std::string(1, static_cast<char>(random.next()));
    keys.push_back(key);
    if (random.chance(1, 10)) keys.push_back(key);
  }
  return keys;
}

Model rows(std::uint64_t count, Random& random) {
  Model model;
  for (std::uint64_t n = 0; n < count; ++n) {
    model["k" + std::to_string(n)] =
        std::string(random.chance(1, 50) ? random.below(9000) : random.below(60), static_cast<char>('a' + n % 26));
  }
  return model;
}

void load(TestStore& store, const Tree& tree, const Model& model) {
  BulkLoader loader(store.resources(), tree.id(), tree.root());
  for (const auto& [key, value] : model) ASSERT_TRUE(loader.add(key, value).ok());
  ASSERT_TRUE(loader.finish().ok());
}

TEST(get_many, gives_what_a_map_gives) {
  for (const std::uint32_t slots : {0u, 3u, 20u}) {
    const SlotsScope scope(slots);
    for (const std::uint64_t count : {0u, 1u, 40u, 3000u}) {
      SCOPED_TRACE(std::to_string(count) + " rows, " + std::to_string(slots) + " slots");
      Random random(count + slots);
      TestStore store;
      const Tree tree = store.make_tree();
      const Model model = rows(count, random);
      load(store, tree, model);
      for (const std::size_t wanted : {0u, 1u, 2u, 15u, 16u, 17u, 100u, 2000u}) {
        expect_as_map(tree, model, some_keys(model, wanted, random));
      }
    }
  }
}

TEST(get_many, faults_pages_in) {
  Random random(3);
  const Model model = rows(4000, random);
  TestStore store({.memory_bytes = std::uint64_t{4} << 20});
  const Tree tree = store.make_tree();
  load(store, tree, model);
  ASSERT_EQ(store.publish().to_string(), "ok");
  // Another tree drives the pages of this one out.
  const Tree other = store.make_tree();
  Model filler;
  for (std::uint64_t n = 0; n < 3600; ++n) filler["f" + std::to_string(n)] = std::string(900, 'f');
  load(store, other, filler);
  const std::uint64_t before = store.pool().counters().misses;
  expect_as_map(tree, model, some_keys(model, 3000, random));
  EXPECT_GT(store.pool().counters().misses, before);
}

TEST(get_many, counts_its_page_visits) {
  Random random(3);
  const Model model = rows(4000, random);
  TestStore store;
  const Tree tree = store.make_tree();
  load(store, tree, model);
  const std::uint32_t height = survey(tree, {.read_large_values = false})->height;
  const std::vector<std::string> wanted(1000, "k7");
  const std::uint64_t before = store.pool().counters().hits;
  expect_as_map(tree, model, wanted);
  EXPECT_EQ(store.pool().counters().hits - before, 1000 * height);
}

TEST(get_many, reports_damage) {
  const SlotsScope scope(3);
  Random random(3);
  const Model model = rows(40, random);
  TestStore store;
  const Tree tree = store.make_tree();
  load(store, tree, model);
  {
    const buffer::WritePage root = store.pool().write(tree.root()).value();
    Node(root.bytes()).set_child(0, PageId{99999});
  }
  const std::vector<std::string_view> keys = {"k0", "k9"};
  const Status status = tree.get_many(keys, txn::newest, [](std::size_t, std::optional<std::string_view>) {});
  EXPECT_EQ(status.code(), Code::corrupt);
}

}  // namespace
}  // namespace quire::btree
