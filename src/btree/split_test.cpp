// Splits: where nodes are divided, and that there is always room afterwards.
//
// Goal     a record within the limits finds room after one split of its leaf, whatever is there, on every page size; runs of inserts leave full leaves behind, all else leaves about as much as even divisions can
// Method   leaves filled to the brim with small and largest records between short and longest fences, a record put at every
//          place; every small combination of sizes for the arithmetic behind it; shapes counted by survey
#include "btree/test_store.hpp"

#include <numeric>

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

// ---- the argument of docs/decisions/0006-splits.md, in numbers

// A node of `room` bytes for fences, records and their slots.
struct Small {
  int room;
  int fence_max;
  int record_max;
};

// Whether some division of the records gives both halves room between fences of these sizes.
bool leaf_divides(const Small& node, const std::vector<int>& records, int lower, int upper) {
  int left = 0;
  int right = std::accumulate(records.begin(), records.end(), 0);
  for (std::size_t i = 0; i + 1 < records.size(); ++i) {
    left += records[i];
    right -= records[i];
    if (lower + node.fence_max + left <= node.room && node.fence_max + upper + right <= node.room) return true;
  }
  return false;
}

// The same where a record moves up, which must be one that is there already.
bool inner_divides(const Small& node, const std::vector<int>& records, std::size_t arrival, int lower, int upper) {
  int left = 0;
  int right = std::accumulate(records.begin(), records.end(), 0);
  for (std::size_t i = 0; i < records.size(); ++i) {
    right -= records[i];
    if (i != arrival && lower + node.fence_max + left <= node.room && node.fence_max + upper + right <= node.room) return true;
    left += records[i];
  }
  return false;
}

// Every full node of the parameters, with a new record of every size at every place; those that no division helps.
class Splits {
 public:
  explicit Splits(const Small& node) : node_(node) {}

  int tried = 0;
  int failed = 0;
  int inner_failed = 0;

  void run() {
    for (int lower = 0; lower <= node_.fence_max; ++lower) {
      for (int upper = 0; upper <= node_.fence_max; ++upper) extend(lower, upper, node_.room - lower - upper);
    }
  }

 private:
  void extend(int lower, int upper, int free) {
    if (!records_.empty()) arrive(lower, upper, free);
    for (int record = 1; record <= std::min(node_.record_max, free); ++record) {
      records_.push_back(record);
      extend(lower, upper, free - record);
      records_.pop_back();
    }
  }

  void arrive(int lower, int upper, int free) {
    for (int arrival = free + 1; arrival <= node_.record_max; ++arrival) {
      for (std::size_t place = 0; place <= records_.size(); ++place) {
        std::vector<int> all = records_;
        all.insert(all.begin() + static_cast<std::ptrdiff_t>(place), arrival);
        ++tried;
        failed += leaf_divides(node_, all, lower, upper) ? 0 : 1;
        inner_failed += inner_divides(node_, all, place, lower, upper) ? 0 : 1;
      }
    }
  }

  const Small node_;
  std::vector<int> records_;
};

TEST(split, needs_no_third_page_where_a_node_holds_two_fences_and_two_largest_records) {
  for (const Small& node : {Small{4, 1, 1}, {6, 1, 2}, {8, 2, 2}, {10, 2, 3}, {12, 2, 4}, {12, 3, 3}, {14, 3, 4}, {11, 2, 3}, {13, 2, 4}}) {
    ASSERT_GE(node.room, 2 * node.fence_max + 2 * node.record_max);
    Splits splits(node);
    splits.run();
    EXPECT_GT(splits.tried, 0);
    EXPECT_EQ(splits.inner_failed, 0);
    EXPECT_EQ(splits.failed, 0) << "room " << node.room << ", fences " << node.fence_max << ", records " << node.record_max;
  }
}

// What is left over is less than a whole record, so a single byte may still be missing; and the test above can fail.
TEST(split, would_need_a_third_page_with_two_bytes_less) {
  for (const Small& node : {Small{8, 2, 3}, {10, 2, 4}, {12, 3, 4}}) {
    Splits splits(node);
    splits.run();
    EXPECT_GT(splits.failed, 0) << "room " << node.room << ", fences " << node.fence_max << ", records " << node.record_max;
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

// docs/decisions/0006-splits.md and 0007-shift-before-split.md have these numbers.
TEST(split, leaves_full_leaves_behind_a_run) {
  struct Expected {
    Order order;
    double fill;
  };
  constexpr std::uint64_t count = 20000;
  for (const Expected& expected : {Expected{Order::rising, 0.78}, {Order::falling, 0.78}, {Order::random, 0.77}, {Order::interleaved, 0.75},
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
