// Goal: a write set answers with the last change of each key, remembers what was there before the first, and never
//       holds more than it may.
// Method: examples of the bound; random changes against a map.
#include "txn/write_set.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace quire::txn {
namespace {

constexpr TreeId tree_a{10};
constexpr TreeId tree_b{11};

TEST(write_set, answers_with_the_last_change_of_a_key) {
  WriteSet changes(10000);
  EXPECT_TRUE(changes.empty());
  ASSERT_TRUE(changes.record(tree_a, {.key = "k", .value = "one", .was_there = {}}).ok());
  EXPECT_EQ(changes.find(tree_a, "k")->value, "one");
  ASSERT_TRUE(changes.record(tree_a, {.key = "k", .value = std::nullopt, .was_there = {}}).ok());
  EXPECT_EQ(changes.find(tree_a, "k")->value, std::nullopt);
  EXPECT_NE(changes.find(tree_a, "k"), nullptr) << "an erased key is a change";
  EXPECT_EQ(changes.find(tree_a, "other"), nullptr);
  EXPECT_EQ(changes.find(tree_b, "k"), nullptr);
  EXPECT_EQ(changes.find(tree_b), nullptr);
  EXPECT_EQ(changes.find(tree_a)->size(), 1u);
}

TEST(write_set, remembers_what_was_there_before_the_first_change) {
  WriteSet changes(10000);
  ASSERT_TRUE(changes.record(tree_a, {.key = "k", .value = "one", .was_there = false}).ok());
  ASSERT_TRUE(changes.record(tree_a, {.key = "k", .value = std::nullopt, .was_there = true}).ok());
  EXPECT_EQ(changes.find(tree_a, "k")->was_there, false);
}

TEST(write_set, keeps_keys_and_values_of_any_bytes) {
  WriteSet changes(10000);
  const std::string key("\0\xff\0", 3);
  ASSERT_TRUE(changes.record(tree_a, {.key = key, .value = std::string_view("\0", 1), .was_there = {}}).ok());
  ASSERT_TRUE(changes.record(tree_a, {.key = "", .value = "", .was_there = {}}).ok());
  EXPECT_EQ(changes.find(tree_a, key)->value, std::string("\0", 1));
  EXPECT_EQ(changes.find(tree_a, "")->value, "");
}

TEST(write_set, refuses_the_change_that_would_outgrow_the_bound_and_keeps_the_rest) {
  WriteSet changes(1000);
  ASSERT_TRUE(changes.record(tree_a, {.key = "k", .value = std::string(800, 'x'), .was_there = {}}).ok());
  const std::uint64_t before = changes.bytes();
  const Status status = changes.record(tree_a, {.key = "l", .value = std::string(800, 'y'), .was_there = {}});
  EXPECT_EQ(status.code(), Code::no_memory);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("exceed Options::memory_limit (1000 bytes)"));
  EXPECT_EQ(changes.bytes(), before);
  EXPECT_EQ(changes.find(tree_a, "l"), nullptr);
  EXPECT_EQ(changes.find(tree_a, "k")->value, std::string(800, 'x'));
}

TEST(write_set, replaces_a_value_without_room_for_both) {
  WriteSet changes(1000);
  ASSERT_TRUE(changes.record(tree_a, {.key = "k", .value = std::string(800, 'x'), .was_there = {}}).ok());
  EXPECT_TRUE(changes.record(tree_a, {.key = "k", .value = std::string(801, 'y'), .was_there = {}}).ok());
  EXPECT_EQ(changes.find(tree_a, "k")->value, std::string(801, 'y'));
  EXPECT_EQ(changes.record(tree_a, {.key = "k", .value = std::string(1000, 'z'), .was_there = {}}).code(), Code::no_memory);
  EXPECT_EQ(changes.find(tree_a, "k")->value, std::string(801, 'y'));
  EXPECT_TRUE(changes.record(tree_a, {.key = "k", .value = std::nullopt, .was_there = {}}).ok());
}

TEST(write_set, gives_the_memory_of_a_dropped_tree_back) {
  WriteSet changes(2000);
  ASSERT_TRUE(changes.record(tree_a, {.key = "k", .value = "v", .was_there = {}}).ok());
  const std::uint64_t of_a = changes.bytes();
  ASSERT_TRUE(changes.record(tree_b, {.key = "k", .value = std::nullopt, .was_there = {}}).ok());
  changes.forget(tree_b);
  EXPECT_EQ(changes.bytes(), of_a);
  changes.forget(tree_b);
  changes.forget(tree_a);
  EXPECT_EQ(changes.bytes(), 0u);
  EXPECT_TRUE(changes.empty());
}

TEST(write_set, agrees_with_a_map_over_random_changes) {
  using Value = std::optional<std::string>;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    WriteSet changes(20000);
    std::map<TreeId, std::map<std::string, Value>> model;
    for (int step = 0; step < 400; ++step) {
      const TreeId tree{static_cast<std::uint32_t>(1 + random.below(3))};
      if (random.chance(1, 40)) {
        changes.forget(tree);
        model.erase(tree);
        continue;
      }
      const std::string key = "k" + std::to_string(random.below(30));
      const Value value = random.chance(1, 3) ? Value() : Value(std::string(random.below(400), 'v'));
      const std::uint64_t before = changes.bytes();
      if (changes.record(tree, {.key = key, .value = value ? std::optional<std::string_view>(*value) : std::nullopt, .was_there = {}}).ok()) {
        model[tree][key] = value;
      } else {
        ASSERT_EQ(changes.bytes(), before);
      }
      ASSERT_LE(changes.bytes(), 20000u);
    }
    ASSERT_EQ(changes.trees().size(), model.size());
    for (const auto& [tree, keys] : model) {
      ASSERT_EQ(changes.find(tree)->size(), keys.size());
      for (const auto& [key, value] : keys) ASSERT_EQ(changes.find(tree, key)->value, value);
    }
  }
}

}  // namespace
}  // namespace quire::txn
