// NodeView::search against std::lower_bound.
//
// Goal     every key, present or not, gets its place, whatever the number of slots, the hints and the equality of heads;
//          on torn pages the place is inside the node
// Method   nodes of 0 to 300 slots over kinds of keys that differ in where their heads differ; random heads and hints
#include "btree/node.hpp"

#include "base/random.hpp"

namespace quire::btree {
namespace {

constexpr std::uint32_t page_bytes = 65536;

enum class Kind { all_bytes, same_head, few_heads, short_keys };

std::string random_key(Random& random, Kind kind) {
  std::string key;
  const auto add = [&](std::uint64_t bytes, std::uint64_t letters) {
    for (std::uint64_t i = 0; i < bytes; ++i) key += static_cast<char>(random.below(letters) * (256 / letters));
  };
  if (kind == Kind::all_bytes) add(1 + random.below(8), 256);
  if (kind == Kind::same_head) key = "same", add(random.below(6), 4);
  if (kind == Kind::few_heads) add(4, 2), add(random.below(6), 4);
  if (kind == Kind::short_keys) add(1 + random.below(4), 4);
  return key;
}

void search_everything(Kind kind, std::uint32_t slots, Random& random) {
  std::vector<std::string> keys;
  for (std::uint32_t i = 0; i < slots; ++i) keys.push_back(random_key(random, kind));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<std::byte> page(page_bytes);
  page::format_page(page, {page::PageType::leaf, TreeId{7}, PageId{9}});
  Node node{MutableBytes(page)};
  node.format({});
  for (const std::string& key : keys) node.insert(node.count(), {key, "v"});
  std::vector<std::string> searched = keys;
  for (int i = 0; i < 50; ++i) searched.push_back(random_key(random, kind));
  searched.push_back(std::string(9, '\xFF'));
  searched.push_back(std::string(1, '\0'));
  for (const std::string& key : searched) {
    const auto expected = std::lower_bound(keys.begin(), keys.end(), key);
    const SearchResult at = node.search(key);
    ASSERT_EQ(at.index, expected - keys.begin());
    ASSERT_EQ(at.found, expected != keys.end() && *expected == key);
  }
}

TEST(node_search, gives_every_key_its_place) {
  Random random(3);
  for (const Kind kind : {Kind::all_bytes, Kind::same_head, Kind::few_heads, Kind::short_keys}) {
    for (std::uint32_t slots = 0; slots <= 300; slots += slots < 70 ? 1 : 23) search_everything(kind, slots, random);
    search_everything(kind, 2500, random);
  }
}

TEST(node_search, stays_inside_a_node_whose_heads_and_hints_are_torn) {
  Random random(4);
  std::vector<std::byte> page(page_bytes);
  for (int round = 0; round < 3000; ++round) {
    page[0] = std::byte{2};
    for (std::size_t i = 32; i < 4096; ++i) page[i] = random.chance(1, 2) ? std::byte{0} : static_cast<std::byte>(random.next());
    const std::uint32_t count = static_cast<std::uint32_t>(random.below(random.chance(1, 4) ? 65536 : 400));
    node_field::count.set(page.data(), static_cast<std::uint16_t>(count));
    node_field::hint_distance.set(page.data(), static_cast<std::uint16_t>(random.below(random.chance(1, 4) ? 65536 : 40)));
    const NodeView node(page.data(), page_bytes);
    ASSERT_LE(node.search(random_key(random, Kind::all_bytes)).index, node.count());
  }
}

}  // namespace
}  // namespace quire::btree
