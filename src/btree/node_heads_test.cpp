// Heads that leave out what all suffixes share.
//
// Goal     whatever keys come and go, in any order, heads tell them apart where they can, and every key and every gap
//          between keys is found
// Method   nodes with open fences, whose prefix is empty, filled with keys that begin alike, and then with others;
//          after each change the node checks and all searches are compared with those in a sorted list
#include <algorithm>
#include <set>

#include "base/random.hpp"
#include "btree/node.hpp"

namespace quire::btree {
namespace {

class OpenNode {
 public:
  explicit OpenNode(std::uint32_t level) : page_(8192), node_(MutableBytes(page_)) {
    const page::PageType type = level == 0 ? page::PageType::leaf : page::PageType::inner;
    page::format_page(page_, {type, TreeId{7}, PageId{9}});
    node_.format({level, "", std::nullopt});
    if (level > 0) node_.set_child(0, PageId{1});
  }

  Node& node() { return node_; }

  void insert(const std::string& key) {
    const SearchResult at = node_.search(key);
    ASSERT_FALSE(at.found);
    if (node_.leaf()) {
      node_.insert(at.index, {key, "value"});
    } else {
      node_.insert_separator(at.index, key, PageId{2});
    }
    keys_.insert(key);
    expect_right();
  }
  void erase(const std::string& key) {
    const SearchResult at = node_.search(key);
    ASSERT_TRUE(at.found);
    node_.erase(at.index);
    keys_.erase(key);
    expect_right();
  }
  const std::set<std::string>& keys() const { return keys_; }

 private:
  void expect_right() {
    ASSERT_EQ(node_.check().to_string(), "ok");
    std::uint32_t index = 0;
    for (const std::string& key : keys_) {
      expect_found(key, {index, true});
      expect_found(key + '\0', {index + 1, false});
      if (std::string shorter = key.substr(0, key.size() - 1); !shorter.empty() && !keys_.contains(shorter)) {
        expect_found(shorter, {static_cast<std::uint32_t>(std::distance(keys_.begin(), keys_.lower_bound(shorter))), false});
      }
      ++index;
    }
    for (const char* other : {"\x01", "key", "key/with/a/long", "kez", "\xff"}) {
      const auto at = keys_.lower_bound(other);
      expect_found(other, {static_cast<std::uint32_t>(std::distance(keys_.begin(), at)), at != keys_.end() && *at == other});
    }
  }
  void expect_found(const std::string& key, SearchResult expected) {
    const SearchResult at = node_.search(key);
    ASSERT_EQ(at.found, expected.found) << key;
    ASSERT_EQ(at.index, expected.index) << key;
  }

  std::vector<std::byte> page_;
  Node node_;
  std::set<std::string> keys_;
};

class NodeHeads : public testing::TestWithParam<std::uint32_t> {};

std::string alike(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return "key/with/a/long/beginning/" + std::string(6 - digits.size(), '0') + digits;
}

TEST_P(NodeHeads, leave_out_what_the_first_keys_of_an_open_node_share) {
  OpenNode open(GetParam());
  open.insert(alike(1));
  EXPECT_EQ(open.node().head_skip(), 0u);
  open.insert(alike(2));
  EXPECT_EQ(open.node().head_skip(), alike(1).size() - 1);
  open.insert(alike(20));  // shares less than the heads leave out
  EXPECT_EQ(open.node().head_skip(), alike(1).size() - 2);
  for (std::uint64_t i = 100; i < 150; ++i) open.insert(alike(i));
  EXPECT_EQ(open.node().head_skip(), alike(1).size() - 3);
}

TEST_P(NodeHeads, leave_out_nothing_when_a_key_begins_otherwise) {
  for (const char* other : {"a", "kez", "key", "key/with/a/lonh"}) {
    OpenNode open(GetParam());
    for (std::uint64_t i = 0; i < 20; ++i) open.insert(alike(i * 7));
    EXPECT_GE(open.node().head_skip(), head_skip_min);
    open.insert(other);
    EXPECT_LE(open.node().head_skip(), std::string(other).size());
    open.erase(other);
    for (std::uint64_t i = 20; i < 40; ++i) open.insert(alike(i * 7));  // past a power of two: looked at again
    EXPECT_GE(open.node().head_skip(), head_skip_min);
  }
}

TEST_P(NodeHeads, leave_out_no_more_than_a_byte_can_say) {
  OpenNode open(GetParam());
  for (const char c : {'a', 'b', 'c', 'd'}) open.insert(std::string(300, 'x') + c);
  EXPECT_EQ(open.node().head_skip(), head_skip_max);
}

TEST_P(NodeHeads, find_every_key_after_random_changes) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    OpenNode open(GetParam());
    for (int step = 0; step < 120; ++step) {
      const bool odd = random.chance(1, 40);
      const std::string key = odd ? std::string(1 + random.below(3), static_cast<char>('a' + random.below(26))) : alike(random.below(400));
      if (!open.keys().contains(key)) {
        open.insert(key);
      } else if (open.node().leaf()) {
        open.erase(key);
      }
      if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << " step " << step;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(levels, NodeHeads, testing::Values(0u, 1u));

}  // namespace
}  // namespace quire::btree
