// Looking inside: what the tools print.
//
// Goal     drawings, dumps and descriptions show what is there, and say so when there is nothing
// Method   a small database; substrings of the text (the shapes themselves are golden files of btree/)
#include "kv/inspect.hpp"

#include "kv/test_database.hpp"

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
  EXPECT_EQ(picture.overflow_pages, tree_statistics(db_, "default")->overflow_pages);
  const std::string dump = dump_tree(db_, "default").value();
  EXPECT_THAT(dump, HasSubstr("apple = red"));
  EXPECT_THAT(dump, HasSubstr("large = 20000 bytes in overflow pages"));
  EXPECT_EQ(picture_tree(db_, "nowhere"), Code::not_found);
  EXPECT_EQ(dump_tree(db_, "nowhere"), Code::not_found);
}

TEST_F(inspect, describes_every_page_in_use_and_no_other) {
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
  EXPECT_EQ(in_use, db_.statistics()->pages);
  EXPECT_THAT(all, HasSubstr("overflow_index"));
  EXPECT_THAT(all, HasSubstr("overflow_data"));
  EXPECT_THAT(all, HasSubstr("slot 0: apple = red"));
  EXPECT_EQ(describe_page(db_, 0), Code::not_found);
  EXPECT_EQ(describe_page(db_, limit), Code::not_found);
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
