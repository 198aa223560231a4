// separator_between and common_prefix over all short strings.
//
// Goal     a separator divides its two keys and is as short as a prefix of either makes it
// Method   exhaustive: every pair of strings up to five letters, of plain letters and of the extreme bytes
#include "btree/node.hpp"

namespace quire::btree {
namespace {

std::vector<std::string> strings_over(const std::string& alphabet, std::size_t length_max) {
  std::vector<std::string> all{""};
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].size() == length_max) continue;
    for (const char letter : alphabet) all.push_back(all[i] + letter);
  }
  std::sort(all.begin(), all.end());
  return all;
}

// The shortest of what may be used: `left` itself and the prefixes of `right`.
std::size_t shortest_bytes(const std::string& left, const std::string& right) {
  for (std::size_t bytes = 1; bytes < std::min(left.size(), right.size()); ++bytes) {
    if (right.substr(0, bytes) >= left) return bytes;
  }
  return left.size();
}

void check_all_pairs(const std::string& alphabet, std::size_t length_max) {
  const std::vector<std::string> all = strings_over(alphabet, length_max);
  std::uint64_t wrong = 0;
  for (std::size_t i = 1; i < all.size(); ++i) {  // keys are not empty
    for (std::size_t k = i + 1; k < all.size(); ++k) {
      const std::string separator = separator_between(all[i], all[k]);
      const bool divides = all[i] <= separator && separator < all[k];
      const bool short_enough = separator.size() <= shortest_bytes(all[i], all[k]);
      if (!divides || !short_enough) ++wrong;
    }
  }
  EXPECT_EQ(wrong, 0u) << all.size() << " strings";
}

TEST(separator, divides_every_pair_of_short_strings) {
  check_all_pairs("ab", 6);
  check_all_pairs("abc", 4);
}

TEST(separator, orders_extreme_bytes_unsigned) {
  check_all_pairs(std::string("\0\xff", 2), 5);
  check_all_pairs(std::string("\0\x7f\x80", 3), 4);
}

TEST(separator, is_the_left_key_when_the_right_one_is_its_successor) {
  EXPECT_EQ(separator_between("ab", std::string("ab\0", 3)), "ab");
  EXPECT_EQ(separator_between("a", "b"), "a");
  EXPECT_EQ(separator_between("apple", "bread"), "b");
  EXPECT_EQ(separator_between("cities|NO|Bergen", "cities|NO|Oslo"), "cities|NO|O");
}

TEST(common_prefix, counts_equal_bytes_at_the_front) {
  EXPECT_EQ(common_prefix("", "abc"), 0u);
  EXPECT_EQ(common_prefix("abc", "abd"), 2u);
  EXPECT_EQ(common_prefix("abc", "abc"), 3u);
  EXPECT_EQ(common_prefix("abc", "abcd"), 3u);
}

}  // namespace
}  // namespace quire::btree
