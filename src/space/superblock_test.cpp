// Goal: a superblock comes back as it was written, damage never passes for a superblock, and the newest of the four
//       copies is found whatever happens to the others.
// Method: a round trip of every field; every single flipped bit of a copy; all ways to lose whole copies; files that
//         are no databases.
#include "space/superblock.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "os/mem/mem_file_system.hpp"
#include "os/test_files.hpp"

namespace quire::space {
namespace {

constexpr std::uint32_t copy_offsets[] = {0, superblock_copy_offset, block_bytes, block_bytes + superblock_copy_offset};

// Every field different from its default and from its neighbours.
Superblock full_superblock() {
  Superblock s;
  s.page_bytes = 16384;
  s.flags = superblock_flag::clean | superblock_flag::backup;
  s.optional = 0x8000000000000001u;
  for (std::size_t i = 0; i < s.uuid.size(); ++i) s.uuid[i] = std::byte(i + 1);
  s.generation = Epoch{41};
  s.incarnation = 7;
  s.next_tree = TreeId{9};
  s.checkpoint_lsn = Lsn{1111};
  s.next_xid = Xid{2222};
  s.clock = 3333;
  s.next_page = PageId{4444};
  s.file_blocks = 5555;
  s.table_depth = 2;
  s.bitmap_depth = 3;
  s.table_root = {Entry::make(Block{77}, 4, EntryKind::page).place | Entry::has_free, 0x1234567890ABCDEFu};
  s.bitmap_root = {Entry::make(Block{88}, 4, EntryKind::page).place, 0xFEDCBA0987654321u};
  s.notes = {Entry::make(Block{99}, 4, EntryKind::page).place, 99};
  s.source_lsn = Lsn{6666};
  s.created_us = 7777;
  return s;
}

std::vector<std::byte> encoded(const Superblock& s) {
  std::vector<std::byte> bytes(superblock_bytes, std::byte{0xEE});
  encode_superblock(s, bytes);
  return bytes;
}

void seal(MutableBytes copy) { sb::checksum.set(copy.data(), hash64(Bytes(copy).first(sb::checksum_offset))); }

Superblock of_generation(std::uint64_t generation) {
  Superblock s;
  s.generation = Epoch{generation};
  s.file_blocks = superblock_blocks;
  return s;
}

class SuperblockFile : public testing::Test {
 protected:
  Result<Superblock> read() { return read_superblock(*file_, "/x.qdb"); }
  void write(std::uint64_t generation) { ASSERT_TRUE(write_superblock(*file_, of_generation(generation)).ok()); }
  void fill(std::uint64_t offset, std::size_t bytes, char letter) {
    ASSERT_TRUE(os::put(*file_, offset, os::repeated(bytes, letter)).ok());
  }
  // Reads one copy, changes it, writes it back.
  template <class Change>
  void change_copy(std::uint32_t offset, Change change) {
    std::vector<std::byte> copy(superblock_bytes);
    ASSERT_EQ(file_->read_at(offset, copy).value(), copy.size());
    change(copy);
    ASSERT_TRUE(file_->write_at(offset, copy).ok());
  }

  os::MemFileSystem files_;
  std::unique_ptr<os::File> file_ = os::open_or_stop(files_, "/x.qdb");
};

TEST(superblock, comes_back_field_by_field) {
  const Superblock before = full_superblock();
  const std::vector<std::byte> bytes = encoded(before);
  const Superblock after = decode_superblock(bytes, "it").value();
  EXPECT_EQ(after.format, before.format);
  EXPECT_EQ(after.page_bytes, before.page_bytes);
  EXPECT_EQ(after.flags, before.flags);
  EXPECT_EQ(after.optional, before.optional);
  EXPECT_EQ(after.uuid, before.uuid);
  EXPECT_EQ(after.generation, before.generation);
  EXPECT_EQ(after.incarnation, before.incarnation);
  EXPECT_EQ(after.next_tree, before.next_tree);
  EXPECT_EQ(after.checkpoint_lsn, before.checkpoint_lsn);
  EXPECT_EQ(after.next_xid, before.next_xid);
  EXPECT_EQ(after.clock, before.clock);
  EXPECT_EQ(after.next_page, before.next_page);
  EXPECT_EQ(after.file_blocks, before.file_blocks);
  EXPECT_EQ(after.table_depth, before.table_depth);
  EXPECT_EQ(after.bitmap_depth, before.bitmap_depth);
  EXPECT_EQ(after.table_root, before.table_root);
  EXPECT_EQ(after.bitmap_root, before.bitmap_root);
  EXPECT_EQ(after.notes, before.notes);
  EXPECT_EQ(after.source_lsn, before.source_lsn);
  EXPECT_EQ(after.created_us, before.created_us);
  EXPECT_EQ(encoded(after), bytes);
  for (std::size_t i = 176; i < 504; ++i) ASSERT_EQ(bytes[i], std::byte{0}) << "reserved byte " << i;
}

TEST(superblock, keeps_every_page_size) {
  for (std::uint32_t bytes = page::page_bytes_min; bytes <= page::page_bytes_max; bytes *= 2) {
    Superblock s = of_generation(1);
    s.page_bytes = bytes;
    EXPECT_EQ(decode_superblock(encoded(s), "it")->page_bytes, bytes);
  }
}

TEST(superblock, is_refused_with_any_single_bit_flipped) {
  const std::vector<std::byte> good = encoded(full_superblock());
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::vector<std::byte> bad = good;
      bad[i] ^= std::byte{1} << bit;
      ASSERT_EQ(decode_superblock(bad, "it").code(), Code::corrupt) << "byte " << i << " bit " << bit;
    }
  }
}

TEST(superblock, names_what_is_impossible_in_it) {
  const auto refusal = [](auto change) {
    std::vector<std::byte> bytes = encoded(of_generation(1));
    change(bytes.data());
    seal(bytes);
    return decode_superblock(bytes, "superblock A of x").status().to_string();
  };
  EXPECT_EQ(refusal([](std::byte* p) { sb::format.set(p, 2); }),
            "unsupported: superblock A of x has format 2; this version reads up to format 1, use a newer Quire");
  EXPECT_EQ(refusal([](std::byte* p) { sb::required.set(p, 4); }),
            "unsupported: superblock A of x asks for features this version does not have (bits 4); use a newer Quire");
  for (const int shift : {0, 11, 17, 31, 32, 255}) {
    EXPECT_THAT(refusal([&](std::byte* p) { sb::page_shift.set(p, static_cast<std::uint8_t>(shift)); }),
                testing::StartsWith("corrupt: superblock A of x: page size ")) << shift;
  }
  for (const std::uint64_t blocks : {std::uint64_t{0}, std::uint64_t{1}, Entry::block_max + 1}) {
    EXPECT_THAT(refusal([&](std::byte* p) { sb::file_blocks.set(p, blocks); }), testing::HasSubstr("blocks in the file are impossible"));
  }
}

TEST(superblock, keeps_optional_features_it_does_not_know) {
  Superblock s = of_generation(1);
  s.optional = 0xFFFF;
  EXPECT_EQ(decode_superblock(encoded(s), "it")->optional, 0xFFFFu);
}

// ---- the choice

TEST_F(SuperblockFile, goes_to_the_slot_that_its_generation_names) {
  write(6);
  write(7);
  EXPECT_EQ(file_->size().value(), superblock_slot_count * block_bytes);
  for (const std::uint32_t offset : copy_offsets) {
    std::vector<std::byte> copy(superblock_bytes);
    ASSERT_TRUE(file_->read_at(offset, copy).ok());
    EXPECT_EQ(decode_superblock(copy, "it")->generation.raw, offset < block_bytes ? 6u : 7u);
  }
}

TEST_F(SuperblockFile, is_the_newest_valid_copy_whichever_copies_are_lost) {
  for (std::uint64_t newest : {6u, 7u}) {
    for (unsigned lost = 0; lost < 16; ++lost) {
      write(newest - 1);
      write(newest);
      std::uint64_t expected = 0;
      for (unsigned copy = 0; copy < 4; ++copy) {
        if ((lost >> copy & 1) != 0) {
          fill(copy_offsets[copy], superblock_bytes, 'x');
        } else {
          expected = std::max(expected, copy / 2 == newest % 2 ? newest : newest - 1);
        }
      }
      const Result<Superblock> found = read();
      if (expected == 0) {
        EXPECT_EQ(found.code(), Code::corrupt);
      } else {
        ASSERT_TRUE(found.ok()) << found.status().to_string();
        EXPECT_EQ(found->generation.raw, expected) << "lost copies " << lost;
      }
    }
  }
}

TEST_F(SuperblockFile, survives_any_single_bit_flipped_in_any_copy) {
  write(6);
  write(7);
  for (const std::uint32_t offset : copy_offsets) {
    for (std::size_t i = 0; i < superblock_bytes; ++i) {
      const std::byte mask = std::byte{1} << (i % 8);
      const auto flip = [&](std::vector<std::byte>& copy) { copy[i] ^= mask; };
      change_copy(offset, flip);
      const Result<Superblock> found = read();
      ASSERT_TRUE(found.ok()) << found.status().to_string() << " copy at " << offset << " byte " << i;
      ASSERT_EQ(found->generation.raw, 7u);
      change_copy(offset, flip);
    }
  }
}

TEST_F(SuperblockFile, survives_a_slot_torn_between_any_two_sectors) {
  for (std::uint64_t torn_at = 0; torn_at <= block_bytes; torn_at += 512) {
    for (const bool front_is_new : {true, false}) {
      write(6);
      write(7);
      const std::string old_slot = os::text_at(*file_, 0, block_bytes);
      write(8);
      const std::string new_slot = os::text_at(*file_, 0, block_bytes);
      const std::string torn = (front_is_new ? new_slot : old_slot).substr(0, torn_at) +
                               (front_is_new ? old_slot : new_slot).substr(torn_at);
      ASSERT_TRUE(os::put(*file_, 0, torn).ok());
      const std::uint64_t found = read()->generation.raw;
      // One whole new copy is enough; without any the other slot stands.
      const bool any_new = front_is_new ? torn_at >= superblock_bytes : torn_at <= superblock_copy_offset;
      EXPECT_EQ(found, any_new ? 8u : 7u) << torn_at << (front_is_new ? " new first" : " old first");
    }
  }
}

TEST_F(SuperblockFile, of_a_newer_format_is_not_opened_by_its_older_neighbour) {
  write(6);
  write(7);
  change_copy(copy_offsets[2], [](std::vector<std::byte>& copy) {
    sb::format.set(copy.data(), 2);
    seal(copy);
  });
  const Result<Superblock> found = read();
  EXPECT_EQ(found.code(), Code::unsupported);
  EXPECT_THAT(std::string(found.message()), testing::HasSubstr("superblock B of /x.qdb has format 2"));
}

// ---- files that are none

TEST_F(SuperblockFile, tells_a_file_of_sqlite_by_name) {
  ASSERT_TRUE(os::put(*file_, 0, "SQLite format 3").ok());
  fill(16, 10000, '\1');
  EXPECT_EQ(read().status().to_string(), "corrupt: /x.qdb is not a Quire database: it is a file in SQLite's format");
}

TEST_F(SuperblockFile, tells_zeros_from_junk) {
  fill(0, 3 * block_bytes, '\0');
  EXPECT_THAT(std::string(read().message()), testing::HasSubstr("both superblocks are zeros"));
  fill(100, 1, 'x');
  EXPECT_THAT(std::string(read().message()), testing::HasSubstr("no superblock begins with Quire's magic"));
}

TEST_F(SuperblockFile, refuses_files_shorter_than_two_blocks) {
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{511}, std::uint64_t{4096}, std::uint64_t{8191}}) {
    write(6);
    write(7);
    ASSERT_TRUE(file_->truncate(bytes).ok());
    EXPECT_EQ(read().code(), Code::corrupt) << bytes;
  }
}

TEST_F(SuperblockFile, tells_a_truncated_database_with_both_sizes) {
  Superblock s = of_generation(1);
  s.file_blocks = 10;
  ASSERT_TRUE(write_superblock(*file_, s).ok());
  ASSERT_TRUE(file_->truncate(10 * block_bytes - 1).ok());
  EXPECT_EQ(read().status().to_string(), "corrupt: /x.qdb is truncated: 40959 bytes, at least 40960 expected");
  ASSERT_TRUE(file_->truncate(10 * block_bytes).ok());
  EXPECT_TRUE(read().ok());
}

TEST_F(SuperblockFile, never_believes_random_bytes) {
  Random random(1);
  for (int run = 0; run < 300; ++run) {
    std::vector<std::byte> bytes(superblock_slot_count * block_bytes);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random.next());
    const bool with_magic = run % 2 == 0;
    if (with_magic) copy_bytes(bytes.data() + copy_offsets[run / 2 % 4], magic);
    ASSERT_TRUE(file_->write_at(0, bytes).ok());
    const Result<Superblock> found = read();
    ASSERT_EQ(found.code(), Code::corrupt) << found.status().to_string();
  }
}

TEST_F(SuperblockFile, describes_all_four_copies) {
  write(6);
  write(7);
  fill(copy_offsets[1], 1, 'x');
  const std::string text = describe_superblocks(*file_).value();
  EXPECT_THAT(text, testing::HasSubstr("superblock A at byte 0: valid\n"));
  EXPECT_THAT(text, testing::HasSubstr("superblock A at byte 2048: it does not begin with Quire's magic\n"));
  EXPECT_THAT(text, testing::HasSubstr("superblock B at byte 4096: valid\n"));
  EXPECT_THAT(text, testing::HasSubstr("superblock B at byte 6144: valid\n"));
  EXPECT_THAT(text, testing::HasSubstr("  generation            7\n"));
}

}  // namespace
}  // namespace quire::space
