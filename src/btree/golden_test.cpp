// Trees drawn and dumped as text, against golden files.
//
// Goal     the shape that named cases have - where a leaf splits, what moves up, what a prefix saves - changes only
//          on purpose
// Method   dump(), draw() and describe_node() against testdata/*.txt; `./dev golden` rewrites them
#include "btree/draw.hpp"
#include "btree/test_store.hpp"
#include "support/golden.hpp"

namespace quire::btree {
namespace {

std::string golden(const std::string& name, const Result<std::string>& text) {
  if (!text.ok()) return text.status().to_string();
  return test::golden_difference("src/btree/testdata/" + name + ".txt", *text);
}

void put(Tree& tree, const std::string& key, const std::string& value) { ASSERT_TRUE(tree.put(key, value).ok()); }

std::string city(std::uint64_t i) {
  const std::vector<std::string> names{"Bergen", "Bodo", "Drammen", "Fredrikstad", "Halden", "Hamar", "Harstad", "Kongsberg",
                                       "Larvik", "Molde", "Moss", "Narvik", "Oslo", "Porsgrunn", "Stavanger", "Tromso"};
  return "cities|NO|" + names[i % names.size()];
}

TEST(tree_dump, of_an_empty_tree) {
  TestStore store;
  const Tree tree = store.make_tree();
  EXPECT_EQ(golden("dump_empty", dump(tree)), "");
}

TEST(tree_dump, of_rising_keys) {
  const SlotsScope slots(4);
  TestStore store;
  Tree tree = store.make_tree();
  for (std::uint64_t i = 0; i < 16; ++i) put(tree, city(i), std::to_string(i));
  EXPECT_EQ(golden("dump_rising", dump(tree)), "");
}

TEST(tree_dump, of_falling_keys) {
  const SlotsScope slots(4);
  TestStore store;
  Tree tree = store.make_tree();
  for (std::uint64_t i = 16; i-- > 0;) put(tree, city(i), std::to_string(i));
  EXPECT_EQ(golden("dump_falling", dump(tree)), "");
}

TEST(tree_dump, of_empty_leaves_large_values_and_bytes_that_do_not_print) {
  const SlotsScope slots(3);
  TestStore store;
  Tree tree = store.make_tree();
  for (std::uint64_t i = 0; i < 12; ++i) put(tree, city(i * 5), "v");
  for (const char* gone : {"cities|NO|Bergen", "cities|NO|Bodo", "cities|NO|Drammen"}) ASSERT_TRUE(tree.erase(gone).ok());
  put(tree, std::string("\0\x1f\xff", 3), "tab\there");
  put(tree, "large", std::string(10000, 'l'));
  EXPECT_EQ(golden("dump_mixed", dump(tree)), "");
}

TEST(tree_drawing, shows_nodes_or_sums_up_levels) {
  TestStore store;
  Tree tree = store.make_tree();
  for (std::uint64_t i = 0; i < 1500; ++i) put(tree, city(i) + "|" + std::to_string(10000 + i), std::string(60, 'v'));
  put(tree, "large", std::string(10000, 'l'));
  EXPECT_EQ(golden("draw_nodes", draw(tree)), "");
  EXPECT_EQ(golden("draw_levels", draw(tree, {.pages_max = 10, .keys_per_node = 2})), "");
}

TEST(node_description, shows_fields_fences_and_slots) {
  std::vector<std::byte> page(4096);
  page::format_page(page, {page::PageType::leaf, TreeId{7}, PageId{9}});
  Node leaf{MutableBytes(page)};
  leaf.format({0, "cities|NO|", "cities|NO|~"});
  for (std::uint64_t i = 0; i < 16; ++i) leaf.insert(leaf.count(), {city(i), std::to_string(i), false});
  EXPECT_EQ(golden("describe_leaf", describe_node(page)), "");
  page::format_page(page, {page::PageType::inner, TreeId{7}, PageId{10}});
  Node inner{MutableBytes(page)};
  inner.format({1, {}, std::nullopt});
  inner.set_child(0, PageId{1});
  inner.insert_separator(0, "g", PageId{2});
  inner.insert_separator(1, "p", PageId{3});
  EXPECT_EQ(golden("describe_inner", describe_node(page)), "");
}

}  // namespace
}  // namespace quire::btree
