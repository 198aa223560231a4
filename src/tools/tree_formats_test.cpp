// Pictures of trees and pages in their formats, against golden files.
//
// Goal     a picture changes only on purpose; keys of any bytes and any length make a well-formed file
// Method   small trees over a pool in memory; testdata/*; `./dev golden` rewrites them
#include "tools/tree_formats.hpp"

#include <numeric>

#include "btree/draw.hpp"
#include "btree/picture_page.hpp"
#include "btree/test_store.hpp"
#include "support/golden.hpp"
#include "tools/page_formats.hpp"
#include "tools/svg.hpp"
#include "tools/text_width.hpp"

namespace quire::tools {
namespace {

using btree::SlotsScope;
using btree::TestStore;
using btree::Tree;

std::string golden(const std::string& name, const std::string& text) {
  return test::golden_difference("src/tools/testdata/" + name, text);
}

// Two levels, a large value, keys that need escaping.
btree::TreePicture small_tree(const btree::PictureOptions& options = {}) {
  const SlotsScope slots(4);
  TestStore store;
  Tree tree = store.make_tree();
  for (const char* key : {"Bergen", "Bodo", "Drammen", "Halden", "Hamar", "Larvik", "Molde", "Oslo", "<&\"'>", "东京"}) {
    EXPECT_TRUE(tree.put(key, "v").ok());
  }
  EXPECT_TRUE(tree.put(std::string("\0\xff\x1b", 3), std::string(10000, 'l')).ok());
  btree::TreePicture picture = btree::picture(tree, options).value();
  picture.name = "cities & towns";
  return picture;
}

btree::TreePicture large_tree() {
  const SlotsScope slots(4);
  TestStore store;
  Tree tree = store.make_tree();
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(tree.put("key" + std::to_string(1000 + i * 7 % 500), "value").ok());
  return btree::picture(tree, {.pages_max = 60}).value();
}

TEST(tree_picture, is_the_same_in_every_format) {
  const btree::TreePicture picture = small_tree();
  EXPECT_EQ(golden("tree_small.svg", tree_svg(picture)), "");
  EXPECT_EQ(golden("tree_small.dot", tree_dot(picture)), "");
  EXPECT_EQ(golden("tree_small.json", tree_document(picture).dump(1) + "\n"), "");
  EXPECT_EQ(golden("tree_small.txt", btree::draw_text(picture)), "");
}

TEST(tree_picture, sums_up_large_trees) {
  const btree::TreePicture picture = large_tree();
  ASSERT_TRUE(picture.summed_up());
  std::uint64_t keys = 0;
  for (const btree::PictureLevel& level : picture.levels) {
    EXPECT_EQ(level.nodes.size() + level.hidden, level.pages);
    EXPECT_EQ(std::accumulate(level.fill_histogram.begin(), level.fill_histogram.end(), std::uint64_t{0}), level.pages);
    keys = level.keys;
  }
  EXPECT_EQ(keys, 500u);
  EXPECT_EQ(picture.rows, 500u);
  EXPECT_EQ(golden("tree_large.svg", tree_svg(picture)), "");
  EXPECT_EQ(golden("tree_large.dot", tree_dot(picture)), "");
  EXPECT_EQ(golden("tree_large.txt", btree::draw_text(picture)), "");
}

TEST(tree_picture, counts_the_keys_that_it_does_not_show) {
  for (const std::uint32_t shown : {0u, 1u, 2u, 3u, 100u}) {
    const btree::TreePicture picture = small_tree({.keys_per_node = shown});
    for (const btree::PictureLevel& level : picture.levels) {
      for (const btree::PictureNode& node : level.nodes) {
        EXPECT_EQ(node.first.size() + node.last.size(), std::min(shown, node.keys));
        EXPECT_EQ(node.hidden_keys(), node.keys - std::min(shown, node.keys));
      }
    }
  }
}

TEST(tree_picture, of_an_empty_tree_is_one_leaf) {
  TestStore store;
  const Tree tree = store.make_tree();
  const btree::TreePicture picture = btree::picture(tree).value();
  EXPECT_EQ(picture.height(), 1u);
  EXPECT_EQ(golden("tree_empty.svg", tree_svg(picture)), "");
}

TEST(page_picture, covers_every_byte_once) {
  TestStore store;
  Tree tree = store.make_tree();
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(tree.put("key" + std::to_string(10 + i), std::string(20, 'v')).ok());
  for (int i = 0; i < 30; i += 4) ASSERT_TRUE(tree.erase("key" + std::to_string(10 + i)).ok());
  const buffer::ReadPage page = store.pool().read(tree.root()).value();
  const btree::PagePicture picture = btree::picture_page(page.bytes());
  std::uint32_t at = 0;
  for (const btree::PageRegion& region : picture.regions) {
    EXPECT_EQ(region.offset, at);
    EXPECT_GT(region.bytes, 0u);
    at += region.bytes;
  }
  EXPECT_EQ(at, picture.page_bytes);
  const btree::NodeView node(page.bytes().data(), picture.page_bytes);
  EXPECT_EQ(picture.slots.size(), node.count());
  EXPECT_EQ(picture.bytes_of(btree::RegionKind::free) + picture.bytes_of(btree::RegionKind::dead), node.free_bytes());
  EXPECT_EQ(golden("page_leaf.svg", page_svg(picture)), "");
  EXPECT_EQ(golden("page_leaf.txt", btree::map_text(picture)), "");
}

TEST(page_picture, of_damaged_bytes_stays_inside_the_page) {
  TestStore store;
  Tree tree = store.make_tree();
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(tree.put("key" + std::to_string(10 + i), std::string(20, 'v')).ok());
  std::vector<std::byte> image;
  {
    const buffer::ReadPage page = store.pool().read(tree.root()).value();
    image.assign(page.bytes().begin(), page.bytes().end());
  }
  for (std::size_t offset = 32; offset < 400; ++offset) {
    std::vector<std::byte> damaged = image;
    damaged[offset] ^= std::byte{0xff};
    std::uint32_t bytes = 0;
    const btree::PagePicture picture = btree::picture_page(damaged);
    for (const btree::PageRegion& region : picture.regions) bytes += region.bytes;
    ASSERT_EQ(bytes, damaged.size()) << "byte " << offset;
  }
}

TEST(hex_dump, leaves_out_lines_that_repeat) {
  std::string bytes(100, 'a');
  bytes += '\0';
  EXPECT_EQ(btree::hex_dump(as_bytes(bytes)),
            "  00000  61 61 61 61 61 61 61 61  61 61 61 61 61 61 61 61  aaaaaaaaaaaaaaaa\n"
            "  *\n"
            "  00060  61 61 61 61 00                                    aaaa.\n");
}

TEST(fit_middle, keeps_both_ends) {
  EXPECT_EQ(fit_middle("short", 10), "short");
  EXPECT_EQ(fit_middle("abcdefghijklmnop", 9), "abcd\u2026mnop");
  for (std::size_t width = 0; width < 30; ++width) EXPECT_LE(text_width(fit_middle("東京都千代田区丸の内一丁目", width)), width);
}

}  // namespace
}  // namespace quire::tools
