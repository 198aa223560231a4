// Goal: an image comes back only through its own entry; every other entry, place, number or file is refused with words
//       that name the page and where it lies.
// Method: one page and everything that can be wrong with the way to it.
#include "space/page_file.hpp"

#include <gtest/gtest.h>

#include "os/mem/mem_file_system.hpp"
#include "space/test_space.hpp"

namespace quire::space {
namespace {

class PageFiles : public testing::Test {
 protected:
  void SetUp() override {
    file_.configure(page::page_bytes_min, first_root(page::page_bytes_min).uuid);
    for (std::uint64_t n = 2; n < 6; ++n) {
      const std::vector<std::byte> image(page::page_bytes_min, std::byte(n));
      ASSERT_TRUE(file_.write(Block{n}, image).ok());
    }
    const std::vector<std::byte> image(page::page_bytes_min, std::byte{3});
    entry_ = Entry::make(Block{3}, 1, EntryKind::page);
    entry_.checksum = file_.checksum(image, 77);
  }
  std::string refusal(Entry entry, std::uint64_t number) {
    const Status status = file_.read(entry, number, "page 77", image_);
    EXPECT_EQ(status.code(), Code::corrupt);
    return std::string(status.message());
  }

  os::MemFileSystem files_;
  PageFile file_{os::open_or_stop(files_, "/x.qdb"), "/x.qdb"};
  Entry entry_;
  std::vector<std::byte> image_ = std::vector<std::byte>(page::page_bytes_min);
};

TEST_F(PageFiles, read_what_was_written) {
  ASSERT_TRUE(file_.read(entry_, 77, "page 77", image_).ok());
  EXPECT_EQ(image_, std::vector<std::byte>(page::page_bytes_min, std::byte{3}));
  EXPECT_EQ(file_.counters().pages_read.load(relaxed), 1u);
  EXPECT_EQ(file_.counters().pages_written.load(relaxed), 4u);
}

TEST_F(PageFiles, detect_every_flipped_byte) {
  for (std::uint64_t i = 0; i < page::page_bytes_min; ++i) {
    const std::uint64_t at = 3 * block_bytes + i;
    ASSERT_TRUE(os::put(file_.file(), at, "\x13").ok());
    ASSERT_EQ(refusal(entry_, 77), "page 77 at block 3 of /x.qdb fails its checksum");
    ASSERT_TRUE(os::put(file_.file(), at, "\x03").ok());
  }
}

TEST_F(PageFiles, detect_an_image_of_another_page_place_or_database) {
  EXPECT_THAT(refusal(entry_, 78), testing::HasSubstr("fails its checksum")) << "another page number";
  Entry moved = Entry::make(Block{4}, 1, EntryKind::page);
  moved.checksum = entry_.checksum;
  EXPECT_THAT(refusal(moved, 77), testing::HasSubstr("at block 4 of /x.qdb fails its checksum"));
  Uuid other = file_.uuid();
  other[15] ^= std::byte{1};
  file_.configure(page::page_bytes_min, other);
  EXPECT_THAT(refusal(entry_, 77), testing::HasSubstr("fails its checksum")) << "another database's page";
}

TEST_F(PageFiles, refuse_impossible_entries) {
  EXPECT_EQ(refusal(Entry{}, 77), "page 77 of /x.qdb is referred to, but marked free");
  const auto impossible = testing::HasSubstr("its page-table entry is impossible");
  EXPECT_THAT(refusal(Entry::make(Block{3}, 2, EntryKind::page), 77), impossible) << "another page size";
  EXPECT_THAT(refusal(Entry::make(Block{1}, 1, EntryKind::page), 77), impossible) << "a superblock";
  EXPECT_THAT(refusal({entry_.place | std::uint64_t{1} << 48, entry_.checksum}, 77), impossible) << "compressed";
  for (unsigned bit = 56; bit < 64; ++bit) {
    EXPECT_THAT(refusal({entry_.place | std::uint64_t{1} << bit, entry_.checksum}, 77), impossible) << "reserved bit " << bit;
  }
  EXPECT_THAT(refusal(Entry::make(Block{6}, 1, EntryKind::page), 77), testing::HasSubstr("lies beyond the end of the file"));
  EXPECT_THAT(refusal(Entry::make(Block{Entry::block_max}, 1, EntryKind::page), 77), testing::HasSubstr("lies beyond the end"));
}

TEST(entry, packs_its_parts_without_overlap) {
  for (const std::uint64_t block : {std::uint64_t{2}, std::uint64_t{0x5555555555}, Entry::block_max}) {
    for (std::uint32_t blocks = 1; blocks <= 16; ++blocks) {
      for (const EntryKind kind : {EntryKind::free, EntryKind::page, EntryKind::undo}) {
        const Entry entry = Entry::make(Block{block}, blocks, kind);
        ASSERT_EQ(entry.block().raw, block);
        ASSERT_EQ(entry.blocks(), blocks);
        ASSERT_EQ(entry.kind(), kind);
        ASSERT_EQ(entry.compression(), 0u);
        ASSERT_EQ(entry.reserved(), 0u);
        ASSERT_EQ(entry.place & (Entry::has_free | Entry::has_undo), 0u);
        std::byte bytes[entry_bytes];
        store_entry(bytes, entry);
        ASSERT_EQ(load_entry(bytes), entry);
      }
    }
  }
}

TEST(entry, seeds_checksums_apart_for_pages_tables_and_bitmaps) {
  EXPECT_NE(table_page_number(0, 5), bitmap_page_number(0, 5));
  EXPECT_NE(table_page_number(1, 5), table_page_number(0, 5));
  EXPECT_GT(table_page_number(0, 0), std::uint64_t{1} << 47) << "no page has such a number";
}

}  // namespace
}  // namespace quire::space
