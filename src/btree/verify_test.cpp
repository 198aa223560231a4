// survey() against damage that each page by itself does not show.
//
// Goal     every way in which pages that are right by themselves can be wrong together is named
// Method   a tree of height three; one page changed in memory; the error's text
#include "btree/test_store.hpp"

namespace quire::btree {
namespace {

using testing::HasSubstr;

class verify : public testing::Test {
 protected:
  verify() : tree_(store_.make_tree()) {
    for (char c = 'a'; c <= 'z'; ++c) {
      EXPECT_TRUE(tree_.put(std::string(3, c), c == 'k' || c == 'p' ? std::string(9000, c) : "value").ok());
    }
    EXPECT_TRUE(tree_.put("mmmm", "a value").ok());
  }

  // Pages of a level from left to right.
  std::vector<PageId> level(std::uint32_t wanted) const {
    std::vector<PageId> pages;
    EXPECT_TRUE(tree_.walk([&](PageId id, PageRole role, std::uint32_t at) {
      if (at == wanted && role != PageRole::overflow) pages.push_back(id);
      return Status();
    }).ok());
    return pages;
  }

  std::vector<PageId> overflow_pages() const {
    std::vector<PageId> pages;
    EXPECT_TRUE(tree_.walk([&](PageId id, PageRole role, std::uint32_t) {
      if (role == PageRole::overflow) pages.push_back(id);
      return Status();
    }).ok());
    return pages;
  }

  buffer::WritePage page(PageId id) { return store_.pool().write(id).value(); }

  std::string found() const {
    const Result<Survey> result = survey(tree_);
    return result.ok() ? "nothing" : result.status().to_string();
  }

  // The leaf and slot of a key.
  struct Place {
    PageId leaf;
    std::uint32_t index = 0;
  };
  Place place_of(const std::string& key) const {
    for (const PageId id : level(0)) {
      const buffer::ReadPage leaf = store_.pool().read(id).value();
      const NodeView view(leaf.data(), 4096);
      for (std::uint32_t i = 0; i < view.count(); ++i) {
        if (view.key(i) == key) return {id, i};
      }
    }
    return {};
  }

  const SlotsScope slots_{4};
  mutable TestStore store_;
  Tree tree_;
};

TEST_F(verify, counts_what_is_there) {
  const Result<Survey> result = survey(tree_);
  ASSERT_TRUE(result.ok()) << result.status().to_string();
  EXPECT_EQ(result->rows, 27u);
  EXPECT_GE(result->height, 3u);
  EXPECT_EQ(result->pages_per_level.size(), result->height);
  EXPECT_EQ(result->pages_per_level[0], result->leaf_pages);
  EXPECT_EQ(result->leaf_pages, level(0).size());
  EXPECT_EQ(result->overflow_pages, 2u * 4);
  EXPECT_EQ(result->key_bytes, 26u * 3 + 4);
  EXPECT_EQ(result->value_bytes, 24u * 5 + 2 * 9000 + 7);
}

TEST_F(verify, finds_swapped_children) {
  buffer::WritePage inner = page(level(1).front());
  Node node(inner.bytes());
  const PageId first = node.child(0);
  node.set_child(0, node.child(1));
  node.set_child(1, first);
  inner.release();
  EXPECT_THAT(found(), HasSubstr("its fences are not the separators of its parent"));
}

TEST_F(verify, finds_a_child_that_is_referred_to_twice) {
  buffer::WritePage inner = page(level(1).front());
  Node(inner.bytes()).set_child(1, Node(inner.bytes()).child(0));
  inner.release();
  EXPECT_THAT(found(), HasSubstr("its fences are not the separators of its parent"));
}

TEST_F(verify, finds_a_missing_child) {
  buffer::WritePage inner = page(level(1).front());
  Node(inner.bytes()).set_child(0, no_page);
  inner.release();
  EXPECT_THAT(found(), HasSubstr("child 0 is missing"));
}

TEST_F(verify, finds_a_child_that_was_never_allocated) {
  buffer::WritePage inner = page(level(1).front());
  Node(inner.bytes()).set_child(0, PageId{123456});
  inner.release();
  EXPECT_THAT(found(), HasSubstr("page 123456 of /test.qdb is referred to, but was never allocated"));
}

TEST_F(verify, finds_a_wrong_fence) {
  // A byte lower than the separator, so that the page by itself is right.
  const PageId second = level(0).at(1);
  buffer::WritePage leaf = page(second);
  std::byte* first = leaf.data() + page::end_offset(node_field::lower_offset.get(leaf.data()));
  *first = static_cast<std::byte>(std::to_integer<int>(*first) - 1);
  leaf.release();
  EXPECT_THAT(found(), HasSubstr("page " + std::to_string(second.raw) + " of tree 1: its fences are not the separators"));
}

TEST_F(verify, finds_a_missing_right_link) {
  const PageId second = level(0).at(1);
  buffer::WritePage leaf = page(level(0).front());
  Node(leaf.bytes()).set_right_sibling(no_page);
  leaf.release();
  EXPECT_THAT(found(), HasSubstr("page " + std::to_string(second.raw) + " of tree 1: its left neighbour links to page 0"));
}

TEST_F(verify, finds_a_right_link_that_skips_a_leaf) {
  const PageId third = level(0).at(2);
  buffer::WritePage leaf = page(level(0).front());
  Node(leaf.bytes()).set_right_sibling(third);
  leaf.release();
  EXPECT_THAT(found(), HasSubstr("its left neighbour links to page"));
}

TEST_F(verify, finds_a_right_link_behind_the_last_leaf) {
  const PageId first = level(0).front();
  buffer::WritePage leaf = page(level(0).back());
  Node(leaf.bytes()).set_right_sibling(first);
  leaf.release();
  EXPECT_THAT(found(), HasSubstr("the last node of a level links to page"));
}

TEST_F(verify, finds_a_node_on_a_wrong_level) {
  buffer::WritePage inner = page(level(1).front());
  node_field::level.set(inner.data(), 2);
  inner.release();
  EXPECT_THAT(found(), HasSubstr("has level 2, 1 expected"));
}

TEST_F(verify, finds_a_page_of_another_tree) {
  const PageId id = level(0).at(1);
  buffer::WritePage leaf = page(id);
  page::header::tree_id.set(leaf.data(), 77);
  leaf.release();
  EXPECT_THAT(found(), HasSubstr("belongs to tree 77"));
}

TEST_F(verify, finds_a_page_that_is_no_node) {
  const PageId other = overflow_pages().front();
  buffer::WritePage inner = page(level(1).front());
  Node(inner.bytes()).set_child(0, other);
  inner.release();
  EXPECT_THAT(found(), HasSubstr("is no node, but is referred to as one"));
}

TEST_F(verify, finds_disorder_inside_a_page) {
  const Place place = place_of("mmmm");
  buffer::WritePage leaf = page(place.leaf);
  std::byte* slot = leaf.data() + node_header_bytes + place.index * slot_bytes;
  slot_field::head.set(slot, 0);
  leaf.release();
  EXPECT_THAT(found(), HasSubstr("does not repeat its key"));
}

TEST_F(verify, finds_a_large_value_with_a_wrong_byte) {
  const PageId data = overflow_pages().at(1);
  buffer::WritePage bytes = page(data);
  bytes.data()[page::header_bytes + 100] ^= std::byte{1};
  bytes.release();
  EXPECT_THAT(found(), HasSubstr("fails its checksum"));
  EXPECT_TRUE(survey(tree_, {.read_large_values = false}).ok());
}

TEST_F(verify, finds_a_large_value_of_a_wrong_length) {
  const Place place = place_of("kkk");
  buffer::WritePage leaf = page(place.leaf);
  const std::size_t at = static_cast<std::size_t>(
      as_bytes(NodeView(leaf.data(), 4096).value(place.index).bytes).data() - leaf.data());
  store_le(leaf.data() + at, std::uint64_t{900000});
  leaf.release();
  EXPECT_THAT(found(), HasSubstr("is named by an overflow value, but is not its index page"));
}

TEST_F(verify, finds_a_large_value_whose_page_is_of_another_kind) {
  const PageId leaf = level(0).front();
  buffer::WritePage bytes = page(overflow_pages().front());
  overflow::set_index_entry(bytes.data(), 0, leaf);
  bytes.release();
  EXPECT_THAT(found(), HasSubstr("is named by an overflow value, but is not its data page"));
}

TEST_F(verify, shows_every_page_to_its_caller_and_passes_on_what_it_says) {
  std::uint64_t pages = 0;
  const Result<Survey> seen = survey(tree_, {.read_large_values = true, .page = [&](PageId) {
                                               ++pages;
                                               return Status();
                                             }});
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ(pages, seen->inner_pages + seen->leaf_pages + seen->overflow_pages);
  const auto refuse = [](PageId) { return Status(Code::corrupt, "seen before"); };
  EXPECT_EQ(survey(tree_, {.read_large_values = true, .page = refuse}).status().message(), "seen before");
}

// A tree that leads back to itself must not be walked for ever.
TEST_F(verify, ends_when_a_tree_leads_back_to_its_root) {
  buffer::WritePage inner = page(level(1).front());
  Node(inner.bytes()).set_child(0, tree_.root());
  inner.release();
  EXPECT_THAT(found(), HasSubstr("has level"));
  std::string value;
  EXPECT_EQ(tree_.get("aaa", value), Code::corrupt);
  EXPECT_EQ(tree_.walk([](PageId, PageRole, std::uint32_t) { return Status(); }), Code::corrupt);
}

}  // namespace
}  // namespace quire::btree
