// Looking inside: what the tools print.
//
// Goal     drawings, dumps and descriptions show what is there, and say so when there is nothing
// Method   a small database; substrings of the text (the shapes themselves are golden files of btree/)
#include "kv/inspect.hpp"

#include "kv/test_database.hpp"
#include "quire/key.hpp"

namespace quire::kv {
namespace {

using testing::HasSubstr;

class inspect : public testing::Test {
 protected:
  inspect() : db_(machine_.open(impatient).value()) {
    EXPECT_TRUE(db_.keyspace()->put("apple", "red").ok());
    EXPECT_TRUE(db_.keyspace()->put("large", std::string(20000, 'l')).ok());
  }
  TestMachine machine_;
  Database db_;
};

TEST_F(inspect, draws_and_dumps_the_tree_of_a_keyspace) {
  const btree::TreePicture picture = picture_tree(db_, "default").value();
  EXPECT_EQ(picture.name, "default");
  EXPECT_EQ(picture.height(), 1u);
  EXPECT_EQ(picture.rows, 2u);
  EXPECT_EQ(picture.large_values, 1u);
  EXPECT_EQ(picture.overflow_pages, db_.tree_statistics("default")->overflow_pages);
  const std::string dump = dump_tree(db_, "default").value();
  EXPECT_THAT(dump, HasSubstr("apple = red"));
  EXPECT_THAT(dump, HasSubstr("large = 20000 bytes in overflow pages"));
  EXPECT_EQ(picture_tree(db_, "nowhere"), Code::not_found);
  EXPECT_EQ(dump_tree(db_, "nowhere"), Code::not_found);
}

TEST_F(inspect, describes_every_page_in_use_and_no_other) {
  ASSERT_TRUE(db_.checkpoint().ok());  // the table knows what has been written
  const std::uint64_t limit = page_number_limit(db_).value();
  std::uint64_t in_use = 0;
  std::string all;
  for (std::uint64_t page = 1; page < limit; ++page) {
    const Result<std::string> text = describe_page(db_, page);
    if (!text.ok()) {
      EXPECT_EQ(text, Code::not_found);
      continue;
    }
    ++in_use;
    all += *text;
  }
  EXPECT_EQ(in_use, db_.statistics()->pages + db_.statistics()->undo_pages);
  EXPECT_THAT(all, HasSubstr("overflow_index"));
  EXPECT_THAT(all, HasSubstr("overflow_data"));
  EXPECT_THAT(all, HasSubstr("slot 0: apple = red"));
  EXPECT_EQ(describe_page(db_, 0), Code::not_found);
  EXPECT_EQ(describe_page(db_, limit), Code::not_found);
}

TEST_F(inspect, pictures_every_page_that_it_describes) {
  const std::uint64_t limit = page_number_limit(db_).value();
  for (std::uint64_t page = 1; page < limit; ++page) {
    const Result<btree::PagePicture> picture = picture_page(db_, page);
    if (!picture.ok()) {
      EXPECT_EQ(picture, Code::not_found);
      EXPECT_EQ(page_title(db_, page), Code::not_found);
      continue;
    }
    EXPECT_EQ(picture->page, page);
    std::uint64_t bytes = 0;
    for (const btree::PageRegion& region : picture->regions) bytes += region.bytes;
    EXPECT_EQ(bytes, picture->page_bytes);
    EXPECT_TRUE(describe_page(db_, page)->starts_with(page_title(db_, page).value() + "\n"));
  }
}

TEST_F(inspect, counts_what_the_tree_holds) {
  Transaction tx = db_.begin().value();
  std::uint64_t key_bytes = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::string key = "key" + std::to_string(i);
    key_bytes += key.size();
    ASSERT_TRUE(tx.put("default", key, std::string(i % 100, 'v')).ok());
  }
  ASSERT_TRUE(tx.commit().ok());
  const TreeStatistics s = db_.tree_statistics("default").value();
  EXPECT_EQ(s.keyspace, "default");
  EXPECT_EQ(s.rows, 1002u);
  EXPECT_EQ(s.key_bytes, key_bytes + 10);
  EXPECT_EQ(s.key_lengths.min, 4u);
  EXPECT_EQ(s.key_lengths.max, 6u);
  EXPECT_DOUBLE_EQ(s.key_lengths.mean, static_cast<double>(s.key_bytes) / 1002);
  EXPECT_EQ(s.value_lengths.min, 0u);
  EXPECT_EQ(s.value_lengths.max, 20000u);
  EXPECT_DOUBLE_EQ(s.leaf_rows.mean, 1002.0 / static_cast<double>(s.leaf_pages));
  std::uint64_t leaves = 0;
  for (const std::uint64_t count : s.leaf_fill_histogram) leaves += count;
  EXPECT_EQ(leaves, s.leaf_pages);
  EXPECT_EQ(db_.tree_statistics("nowhere"), Code::not_found);
}

TEST(key_parts, of_a_separator_are_what_is_left_of_it) {
  const std::string key = encode_key({Value("NO"), Value("Lòria"), Value(114866)});
  ASSERT_TRUE(decode_key_parts(key).ok());
  EXPECT_TRUE(decode_key_parts(key)->whole);
  for (std::size_t bytes = 1; bytes < key.size(); ++bytes) {
    const Result<KeyParts> parts = decode_key_parts(std::string_view(key).substr(0, bytes));
    ASSERT_TRUE(parts.ok()) << bytes;
    ASSERT_FALSE(parts->values.empty());
    EXPECT_TRUE(std::string_view("NO").starts_with(parts->values[0].text()));
    if (parts->values.size() > 1) {
      EXPECT_TRUE(std::string_view("Lòria").starts_with(parts->values[1].text()));
    }
  }
  EXPECT_EQ(decode_key_parts(encode_key({Value("Lò")}).substr(0, 3))->values[0].text(), "L") << "half a character is left out";
  EXPECT_FALSE(decode_key_parts("\xff\xff").ok());
}

TEST_F(inspect, describes_all_four_superblock_copies) {
  const std::string text = describe_superblocks(db_).value();
  for (const char* place : {"byte 0:", "byte 2048:", "byte 4096:", "byte 6144:"}) EXPECT_THAT(text, HasSubstr(place));
  EXPECT_THAT(text, HasSubstr("generation"));
}

TEST_F(inspect, answers_invalid_after_close) {
  ASSERT_TRUE(db_.close().ok());
  EXPECT_EQ(picture_tree(db_, "default"), Code::invalid);
  EXPECT_EQ(dump_tree(db_, "default"), Code::invalid);
  EXPECT_EQ(describe_page(db_, 1), Code::invalid);
  EXPECT_EQ(describe_superblocks(db_), Code::invalid);
  EXPECT_EQ(page_number_limit(db_), Code::invalid);
}

}  // namespace
}  // namespace quire::kv
