// Goal: a large value comes back whole or not at all, and freeing it gives every one of its pages back.
// Method: sizes around the borders of data pages and index pages, for several page sizes; random values against a map
//         over epochs; every page of a value damaged, exchanged or retyped, and stubs that lie.
#include "overflow/test_values.hpp"

namespace quire::overflow {
namespace {

TEST(overflow, reads_and_frees_values_of_every_border_length) {
  for (const std::uint32_t page_bytes : {4096u, 8192u, 65536u}) {
    os::MemFileSystem files;
    Pages pages(files, {.page_bytes = page_bytes, .frames = 1200});
    register_kinds(pages);
    for (const std::uint64_t length : border_lengths(page_bytes)) {
      SCOPED_TRACE("page " + std::to_string(page_bytes) + ", value " + std::to_string(length));
      const std::string value = random_text(length, length + 1);
      const Stub stub = write(pages.resources, test_tree, value).value();
      EXPECT_EQ(stub.length, length);
      ASSERT_EQ(read_back(pages, stub) == value, true) << read_back(pages, stub).substr(0, 100);
      pages.publish();
      EXPECT_EQ(pages_of(pages, stub).size(), pages_for(length, page_bytes));
      Pages again(files, {.page_bytes = page_bytes, .frames = 16}, pages.space.root);
      register_kinds(again);
      ASSERT_EQ(read_back(again, stub) == value, true) << "after reopening, with few frames";

      ASSERT_TRUE(free(pages.resources, stub).ok());
      pages.publish();
      EXPECT_EQ(pages.space.blocks.reserved_units(), pages.resources.spare_units());
      EXPECT_EQ(published_pages(pages).size(), 0u) << "pages were left behind";
    }
  }
}

TEST(overflow, uses_the_pages_of_freed_values_again) {
  os::MemFileSystem files;
  Pages pages(files, {.frames = 200});
  register_kinds(pages);
  std::uint64_t next_page = 0;
  for (int round = 0; round < 20; ++round) {
    const Stub stub = write(pages.resources, test_tree, random_text(100000, 1)).value();
    pages.publish();
    ASSERT_TRUE(free(pages.resources, stub).ok());
    pages.publish();
    if (round == 2) next_page = pages.space.table.next_page().raw;
  }
  EXPECT_EQ(pages.space.table.next_page().raw, next_page);
}

TEST(overflow, agrees_with_a_map_over_random_epochs) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    os::MemFileSystem files;
    Pages pages(files, {.frames = 400});
    register_kinds(pages);
    Random random(seed);
    std::vector<std::pair<Stub, std::string>> now, published;
    for (int step = 0; step < 60; ++step) {
      const std::uint64_t choice = random.below(10);
      if (choice < 5 || now.empty()) {
        const std::string value = random_text(random.below(60000), random.next());
        now.emplace_back(write(pages.resources, test_tree, value).value(), value);
      } else if (choice < 7) {
        const std::size_t which = random.below(now.size());
        ASSERT_TRUE(free(pages.resources, now[which].first).ok());
        now.erase(now.begin() + static_cast<std::ptrdiff_t>(which));
      } else {
        pages.publish();
        published = now;
      }
    }
    std::set<PageId> met;
    for (const auto& [stub, value] : now) {
      ASSERT_EQ(read_back(pages, stub) == value, true);
      for (const PageId id : pages_of(pages, stub))
        ASSERT_TRUE(met.insert(id).second) << "page " << id.raw << " is in two values";
    }
  }
}

// ---- damage

class DamagedValues : public testing::Test {
 protected:
  void SetUp() override {
    register_kinds(pages_);
    stub_ = write(pages_.resources, test_tree, value_).value();
    other_ = write(pages_.resources, test_tree, random_text(value_.size(), 77)).value();
    ids_ = pages_of(pages_, stub_);
  }
  // Changes a page in memory, where no checksum of a page stands in the way.
  void change(PageId id, const std::function<void(MutableBytes)>& change) {
    const buffer::WritePage page = pages_.pool.write(id).value();
    change(page.bytes());
  }
  std::string refusal() {
    std::string value;
    const Status status = read(pages_.pool, stub_, value);
    EXPECT_EQ(status.code(), Code::corrupt) << status.to_string();
    return std::string(status.message());
  }

  os::MemFileSystem files_;
  Pages pages_{files_, {.frames = 1300}};
  const std::string value_ = random_text(std::size_t{4064} * (506 + 5), 3);  // two index pages
  Stub stub_, other_;
  std::vector<PageId> ids_;
};

TEST_F(DamagedValues, are_noticed_wherever_a_byte_of_the_value_changes) {
  Random random(1);
  for (std::size_t n = 0; n < ids_.size(); n += 1 + random.below(8)) {
    const PageId id = ids_[n];
    const std::size_t at = page::header_bytes + random.below(4096 - page::header_bytes);
    bool is_data = false;
    change(id, [&](MutableBytes p) {
      is_data = page::type_of(p.data()) == page::PageType::overflow_data;
      if (is_data) p[at] ^= std::byte{1};
    });
    if (!is_data) continue;
    ASSERT_THAT(refusal(), testing::HasSubstr("fails its checksum")) << "page " << id.raw;
    change(id, [&](MutableBytes p) { p[at] ^= std::byte{1}; });
  }
  EXPECT_EQ(read_back(pages_, stub_) == value_, true);
}

TEST_F(DamagedValues, are_noticed_when_pages_of_two_values_are_exchanged) {
  const std::vector<PageId> others = pages_of(pages_, other_);
  change(ids_[0], [&](MutableBytes p) { set_index_entry(p.data(), 3, others[4]); });
  EXPECT_THAT(refusal(), testing::HasSubstr("fails its checksum"));
}

TEST_F(DamagedValues, are_noticed_when_a_page_is_of_another_kind) {
  change(ids_[0], [&](MutableBytes p) { set_index_entry(p.data(), 3, ids_[0]); });
  EXPECT_EQ(refusal(),
            "page " + std::to_string(ids_[0].raw) + " is named by an overflow value, but is not its data page");
  Stub wrong = stub_;
  wrong.first = ids_[1];
  std::string value;
  EXPECT_THAT(std::string(read(pages_.pool, wrong, value).message()), testing::HasSubstr("is not its index page"));
}

TEST_F(DamagedValues, are_noticed_when_an_index_page_counts_or_ends_wrongly) {
  change(ids_[0], [&](MutableBytes p) { index_field::count.set(p.data(), 5); });
  EXPECT_THAT(refusal(), testing::HasSubstr("is not its index page"));
  change(ids_[0], [&](MutableBytes p) { index_field::count.set(p.data(), ids_per_index(4096)); });
  const PageId next{[&] {
    std::uint64_t raw = 0;
    change(ids_[0], [&](MutableBytes p) { raw = index_field::next.get(p.data()); });
    return raw;
  }()};
  change(ids_[0], [&](MutableBytes p) { index_field::next.set(p.data(), 0); });
  EXPECT_THAT(refusal(), testing::HasSubstr("is not its last index page"));
  change(ids_[0], [&](MutableBytes p) { index_field::next.set(p.data(), ids_[0].raw); });
  (void)refusal();
  change(ids_[0], [&](MutableBytes p) { index_field::next.set(p.data(), next.raw); });
  change(next, [&](MutableBytes p) { index_field::next.set(p.data(), ids_[0].raw); });
  EXPECT_THAT(refusal(), testing::HasSubstr("is not its last index page"));
}

TEST_F(DamagedValues, are_refused_when_the_stub_lies_about_them) {
  for (const std::uint64_t length :
       {std::uint64_t{1}, stub_.length - 4064, stub_.length - 1, stub_.length + 1, stub_.length + 4064,
        std::uint64_t{1} << 40, ~std::uint64_t{0} - 5000, ~std::uint64_t{0}}) {
    Stub lie = stub_;
    lie.length = length;
    std::string value;
    EXPECT_EQ(read(pages_.pool, lie, value).code(), Code::corrupt) << length;
  }
  Stub lie = stub_;
  lie.checksum ^= 1;
  std::string value;
  EXPECT_EQ(read(pages_.pool, lie, value).code(), Code::corrupt);
}

TEST(overflow_kinds, refuse_an_index_page_with_an_impossible_count) {
  std::vector<std::byte> page(4096);
  page::format_page(page, {page::PageType::overflow_index, test_tree, PageId{5}});
  const std::uint32_t most = ids_per_index(4096);
  EXPECT_EQ(most, 506u);
  for (const std::uint32_t count : {0u, 1u, most, most + 1, 0xFFFFFFFFu}) {
    index_field::count.set(page.data(), count);
    EXPECT_EQ(index_kind().check(page).ok(), count >= 1 && count <= most) << count;
  }
  EXPECT_TRUE(data_kind().check(page).ok());
}

TEST(overflow_stub, comes_back_as_it_was_stored) {
  std::vector<std::byte> bytes(stub_bytes, std::byte{0xEE});
  store_stub(bytes.data(), {.length = 123456789012, .first = PageId{42}, .checksum = 0xABCDEF});
  const Stub stub = load_stub(as_text(bytes));
  EXPECT_EQ(stub.length, 123456789012u);
  EXPECT_EQ(stub.first, PageId{42});
  EXPECT_EQ(stub.checksum, 0xABCDEFu);
  EXPECT_EQ(load_le<std::uint64_t>(bytes.data() + 24), 0u);
}

}  // namespace
}  // namespace quire::overflow
