// Goal: a value is freed whole in any slices, whatever interrupts them; a damaged chain is refused and never followed in circles.
// Method: slices of every size with a look at what is left after each, and reopening in between; full disks; chains bent in
//         memory, where no checksum stands in the way.
#include "overflow/free.hpp"

#include "overflow/test_values.hpp"

namespace quire::overflow {
namespace {

TEST(overflow_free, leaves_a_whole_chain_between_slices) {
  for (const std::uint64_t length : {std::uint64_t{1}, std::uint64_t{4064} * 5, std::uint64_t{4064} * 506,
                                     std::uint64_t{4064} * 507, std::uint64_t{4064} * 1100}) {
    for (const std::uint64_t slice : {1u, 7u, 100u, 600u}) {
      if (slice == 1 && length > 4064 * 600) continue;
      SCOPED_TRACE(std::to_string(length) + " bytes in slices of " + std::to_string(slice));
      os::MemFileSystem files;
      Pages pages(files, {.frames = 1300});
      register_kinds(pages);
      const Stub stub = write(pages.resources, test_tree, random_text(length, 2)).value();
      pages.publish();
      std::set<PageId> before = published_pages(pages);
      for (bool all = false; !all;) {
        all = free_some(pages.resources, stub.first, slice).value();
        pages.publish();
        const std::set<PageId> now = published_pages(pages);
        ASSERT_GE(before.size(), now.size() + std::min(slice, before.size()));
        ASSERT_LE(before.size(), now.size() + slice + pages_for(4064 * 4, 4096));
        if (!all) {
          ASSERT_EQ(now, chain_of(pages, stub.first));
        }
        before = now;
      }
      EXPECT_TRUE(before.empty());
      EXPECT_EQ(pages.space.blocks.reserved_units(), pages.resources.spare_units());
    }
  }
}

TEST(overflow_free, goes_on_after_reopening) {
  os::MemFileSystem files;
  space::Superblock root;
  Stub stub;
  {
    Pages pages(files, {.frames = 1300});
    register_kinds(pages);
    stub = write(pages.resources, test_tree, random_text(4064 * 1100, 2)).value();
    pages.publish();
    root = pages.space.root;
  }
  bool all = false;
  for (int n = 0; !all; ++n) {
    ASSERT_LT(n, 100);
    Pages pages(files, {.frames = 64}, root);
    register_kinds(pages);
    all = free_some(pages.resources, stub.first, 20).value();
    if (n % 3 == 2) {
      all = false;
      continue;  // as if it had crashed
    }
    pages.publish();
    root = pages.space.root;
    if (all) {
      EXPECT_EQ(published_pages(pages).size(), 0u);
    }
  }
}

TEST(overflow_free, has_nothing_to_do_for_an_empty_value) {
  os::MemFileSystem files;
  Pages pages(files);
  EXPECT_TRUE(free_some(pages.resources, no_page, 1).value());
  EXPECT_TRUE(free(pages.resources, no_page).ok());
}

class DamagedChain : public testing::Test {
 protected:
  void SetUp() override {
    register_kinds(pages_);
    stub_ = write(pages_.resources, test_tree, random_text(std::size_t{4064} * (506 * 2 + 5), 3)).value();
    other_ = write(pages_.resources, TreeId{10}, random_text(20000, 3)).value();
    index_ = {stub_.first, next_of(stub_.first), next_of(next_of(stub_.first))};
  }
  PageId next_of(PageId id) { return PageId{index_field::next.get(pages_.pool.read(id)->data())}; }
  void change(PageId id, const std::function<void(std::byte*)>& change) {
    const buffer::WritePage page = pages_.pool.write(id).value();
    change(page.data());
  }
  void link(PageId from, PageId to) {
    change(from, [&](std::byte* p) { index_field::next.set(p, to.raw); });
  }
  std::string refusal() {
    const Result<bool> freed = free_some(pages_.resources, stub_.first, UINT64_MAX);
    EXPECT_EQ(freed.code(), Code::corrupt);
    return std::string(freed.status().message());
  }

  os::MemFileSystem files_;
  Pages pages_{files_, {.frames = 1300}};
  Stub stub_, other_;
  std::vector<PageId> index_;
};

TEST_F(DamagedChain, is_refused_before_anything_is_freed_when_the_stub_tells) {
  link(index_[1], index_[1]);
  EXPECT_EQ(free(pages_.resources, stub_).code(), Code::corrupt);
  link(index_[1], index_[2]);
  Stub lie = stub_;
  lie.length += 4064;
  EXPECT_EQ(free(pages_.resources, lie).code(), Code::corrupt);
  EXPECT_EQ(chain_of(pages_, stub_.first).size(), pages_for(stub_.length, 4096));
  EXPECT_EQ(free(pages_.resources, stub_).to_string(), "ok");
}

TEST_F(DamagedChain, is_not_followed_in_circles) {
  link(index_[0], index_[0]);
  EXPECT_THAT(refusal(), testing::HasSubstr("is not its next index page"));
  link(index_[0], index_[1]);
  link(index_[1], index_[1]);
  EXPECT_THAT(refusal(), testing::HasSubstr("is not its index page"));
  link(index_[1], index_[0]);
  EXPECT_THAT(refusal(), testing::HasSubstr("is not its index page"));
}

TEST_F(DamagedChain, does_not_take_pages_of_others_with_it) {
  const PageId foreign = pages_of(pages_, other_)[1];
  change(index_[1], [&](std::byte* p) { set_index_entry(p, 505, foreign); });
  EXPECT_THAT(refusal(), testing::HasSubstr("is not its data page")) << "of another tree";
  change(index_[1], [&](std::byte* p) { set_index_entry(p, 505, index_[2]); });
  EXPECT_THAT(refusal(), testing::HasSubstr("is not its data page")) << "of another kind";
  change(index_[1], [&](std::byte* p) { set_index_entry(p, 505, index_entry(p, 504)); });
  EXPECT_THAT(refusal(), testing::HasSubstr("is not its data page")) << "twice the same";
  link(index_[0], other_.first);
  EXPECT_THAT(refusal(), testing::HasSubstr("is not its index page"));
  EXPECT_EQ(read_back(pages_, other_) == random_text(20000, 3), true);
}

}  // namespace
}  // namespace quire::overflow
