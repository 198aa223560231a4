// Ranges of keys.
//
// Goal: prefix() holds exactly the keys with the prefix, contains() respects each bound's kind. Method:
// examples, and all strings of up to three letters over an alphabet that includes 00 and FF.
#include "quire/range.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace quire {
namespace {

// All strings of up to `length_max` letters.
std::vector<std::string> all_strings(std::string_view letters, std::size_t length_max) {
  std::vector<std::string> strings = {""};
  std::size_t first = 0;
  for (std::size_t length = 1; length <= length_max; ++length) {
    const std::size_t last = strings.size();
    for (; first < last; ++first) {
      for (const char letter : letters) strings.push_back(strings[first] + letter);
    }
  }
  return strings;
}

TEST(range, ends_a_prefix_at_the_smallest_string_above_it) {
  EXPECT_EQ(Range::prefix("NO").lower, "NO");
  EXPECT_EQ(Range::prefix("NO").upper, "NP");
  EXPECT_EQ(Range::prefix("a\xff\xff").upper, "b");
  EXPECT_EQ(Range::prefix("\x7f").upper, "\x80");
  EXPECT_EQ(Range::prefix("\xfe\xff").upper, "\xff");
  EXPECT_EQ(Range::prefix("\xff\xff").upper, std::nullopt);
  EXPECT_EQ(Range::prefix("").upper, std::nullopt);
  EXPECT_TRUE(Range::prefix("").contains(""));
}

TEST(range, holds_exactly_the_keys_with_the_prefix) {
  using namespace std::string_literals;
  const std::vector<std::string> strings = all_strings("\0a\xfe\xff"s, 4);
  for (const std::string& prefix : all_strings("\0a\xfe\xff"s, 3)) {
    const Range range = Range::prefix(prefix);
    for (const std::string& key : strings) ASSERT_EQ(range.contains(key), key.starts_with(prefix));
  }
}

TEST(range, includes_or_excludes_each_bound_as_told) {
  EXPECT_TRUE(Range::all().contains(""));
  EXPECT_TRUE(Range::between("b", "d").contains("b"));
  EXPECT_FALSE(Range::between("b", "d").contains("d"));
  EXPECT_FALSE(Range::between("b", "d").contains("a\xff"));
  EXPECT_TRUE(Range::closed("b", "d").contains("d"));
  EXPECT_FALSE(Range::closed("b", "d").contains(std::string_view("d\0", 2)));
  EXPECT_TRUE(Range::from("b").contains("\xff"));
  EXPECT_FALSE(Range::from("b").contains("a"));
  EXPECT_TRUE(Range::until("b").contains("a"));
  EXPECT_FALSE(Range::until("b").contains("b"));
  Range range = Range::from("b");
  range.lower_inclusive = false;
  EXPECT_FALSE(range.contains("b"));
  EXPECT_TRUE(range.contains("ba"));
}

}  // namespace
}  // namespace quire
