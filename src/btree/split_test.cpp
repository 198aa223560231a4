// Splits: where nodes are divided, and that there is always room afterwards.
//
// Goal     a record within the limits finds room after one split of its leaf, whatever is there, on every page size; runs of inserts leave full leaves behind, all else leaves about as much as even divisions can
// Method   leaves filled to the brim with small and largest records between short and longest fences, a record put at every
//          place; shapes counted by survey
#include "btree/test_store.hpp"

#include "base/random.hpp"

namespace quire::btree {
namespace {

// A key of `bytes` bytes that sorts by its number.
std::string sized_key(std::uint32_t number, std::size_t bytes) {
  std::string key{static_cast<char>(number >> 8 & 0xFF), static_cast<char>(number & 0xFF)};
  key.resize(std::max<std::size_t>(bytes, 2), 'k');
  return key;
}

struct Largest {
  std::size_t key;
  std::size_t record;  // key and value
};

Largest largest(std::uint32_t page_bytes) {
  return {key_bytes_max(page_bytes), record_bytes_max(page_bytes) - row_header_bytes - value_length_bytes};
}

// Fills the one leaf of a tree with records of random extremes until nothing fits, then puts the largest at `place`.
void put_the_largest_into_a_full_leaf(std::uint32_t page_bytes, std::uint32_t place, Random& random) {
  TestStore store({.page_bytes = page_bytes, .memory_bytes = std::uint64_t{40} * page_bytes});
  Tree tree = store.make_tree();
  Model model;
  const Largest most = largest(page_bytes);
  const auto put = [&](const std::string& key, std::size_t record) {
    const std::string value(record - std::min(record, key.size()), 'v');
    ASSERT_TRUE(tree.put(key, value).ok());
    model[key] = value;
  };
  for (std::uint32_t number = 2; number < 40; number += 2) {
    const std::size_t key_bytes = random.chance(1, 2) ? most.key : 2 + random.below(6);
    const std::uint64_t kind = random.below(3);
    put(sized_key(number, key_bytes), kind == 0 ? key_bytes : kind == 1 ? most.record : key_bytes + random.below(most.record - key_bytes + 1));
  }
  const std::uint64_t leaves = survey(tree)->leaf_pages;
  put(sized_key(place, most.key), most.record);
  ASSERT_LE(survey(tree)->leaf_pages, leaves + 1);
  ASSERT_EQ(difference(tree, model), "") << "page size " << page_bytes << ", place " << place;
}

TEST(split, makes_room_for_the_largest_record_at_every_place_at_once) {
  Random random(31);
  for (const std::uint32_t page_bytes : {4096u, 8192u, 16384u, 32768u, 65536u}) {
    for (int round = 0; round < (page_bytes == 4096 ? 20 : 2); ++round) {
      for (std::uint32_t place = 1; place < 41; place += 2) put_the_largest_into_a_full_leaf(page_bytes, place, random);
    }
  }
}

enum class Order { rising, falling, random, interleaved, rising_runs, falling_runs };

std::vector<std::uint64_t> numbers(Order order, std::uint64_t count) {
  constexpr std::uint64_t run = 400;
  Random random(8);
  std::vector<std::uint64_t> result;
  if (order == Order::rising_runs || order == Order::falling_runs) {
    std::vector<std::uint64_t> runs(count / run);
    for (std::uint64_t i = 0; i < runs.size(); ++i) runs[i] = i;
    random.shuffle(runs);
    for (const std::uint64_t r : runs) {
      for (std::uint64_t i = 0; i < run; ++i) result.push_back(r * run + (order == Order::rising_runs ? i : run - 1 - i));
    }
    return result;
  }
  for (std::uint64_t i = 0; i < count; ++i) result.push_back(order == Order::interleaved ? i % 10 * (count / 10) + i / 10 : i);
  if (order == Order::falling) std::reverse(result.begin(), result.end());
  if (order == Order::random) random.shuffle(result);
  return result;
}

// docs/decisions/0006-splits.md has these numbers.
TEST(split, leaves_full_leaves_behind_a_run) {
  struct Expected {
    Order order;
    double fill;
  };
  constexpr std::uint64_t count = 20000;
  for (const Expected& expected : {Expected{Order::rising, 0.78}, {Order::falling, 0.78}, {Order::random, 0.66}, {Order::interleaved, 0.75},
                                   {Order::rising_runs, 0.70}, {Order::falling_runs, 0.70}}) {
    TestStore store;
    Tree tree = store.make_tree();
    for (const std::uint64_t i : numbers(expected.order, count)) {
      ASSERT_TRUE(tree.put("row" + std::to_string(1000000 + i), "0123456789012345678901234567890123456789").ok());
    }
    const Result<Survey> found = survey(tree);
    ASSERT_TRUE(found.ok()) << found.status().to_string();
    EXPECT_GE(found->leaf_fill_sum / static_cast<double>(found->leaf_pages), expected.fill) << static_cast<int>(expected.order);
  }
}

}  // namespace
}  // namespace quire::btree
