// Goal: the files of a log are told from others, and each wrong one is refused by name with what was expected.
// Method: files are installed as they would be found; every error text is looked at for file, found and expected.
#include "wal/segment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/sim/sim_file_system.hpp"
#include "wal/test_log.hpp"

namespace quire::wal {
namespace {

using testing::AllOf;
using testing::HasSubstr;

SegmentHeader header_of(std::uint64_t number, std::uint64_t start, std::uint32_t incarnation = 1) {
  return {.number = number, .start = Lsn{start}, .identity = test_identity(incarnation), .bytes = 4096, .previous_end = Lsn{start}};
}

void install(os::SimFileSystem& files, const SegmentHeader& header, std::size_t bytes = 4096, std::uint64_t name = 0) {
  std::vector<std::byte> content(bytes);
  encode_segment_header(header, MutableBytes(content).first(segment_header_bytes));
  files.install(segment_path(test_database, name == 0 ? header.number : name), as_text(content));
}

Result<LogSegments> choose(os::SimFileSystem& files, std::optional<Lsn> from = {}, std::uint32_t incarnation = 1) {
  return choose_segments(files, list_segments(files, test_database).value(), {.identity = test_identity(incarnation), .from = from});
}

TEST(segment, names_carry_the_number_in_sixteen_digits) {
  EXPECT_EQ(segment_path("/d/app.qdb", 0x2a), "/d/app.qdb-wal.000000000000002a");
  EXPECT_EQ(segment_number("app.qdb-wal.000000000000002a", "app.qdb"), 0x2au);
  for (const char* name : {"app.qdb-wal.2a", "app.qdb-wal.000000000000002A", "app.qdb-wal.000000000000002a.partial",
                           "app.qdb-wil.000000000000002a", "bpp.qdb-wal.000000000000002a", "app.qdb"}) {
    EXPECT_FALSE(segment_number(name, "app.qdb")) << name;
  }
}

TEST(segment, header_comes_back_as_it_was_and_with_no_bit_flipped) {
  const SegmentHeader header{.number = 7, .start = Lsn{8192}, .identity = test_identity(3), .bytes = 64 << 20, .previous_end = Lsn{8000}};
  std::vector<std::byte> bytes(segment_header_bytes);
  encode_segment_header(header, bytes);
  const SegmentHeader back = decode_segment_header(bytes, "x").value();
  EXPECT_EQ(back.number, 7u);
  EXPECT_EQ(back.start, Lsn{8192});
  EXPECT_EQ(back.identity, header.identity);
  EXPECT_EQ(back.bytes, header.bytes);
  EXPECT_EQ(back.previous_end, Lsn{8000});
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    EXPECT_FALSE(decode_segment_header(bytes, "x").ok()) << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
  }
}

TEST(segment, of_a_newer_version_is_unsupported_by_name) {
  os::SimFileSystem files;
  std::vector<std::byte> content(4096);
  encode_segment_header(header_of(1, 0), MutableBytes(content).first(segment_header_bytes));
  store_le(content.data() + 8, std::uint32_t{2});
  store_le(content.data() + 12, std::uint32_t{0});
  store_le(content.data() + 12, static_cast<std::uint32_t>(hash64(Bytes(content).first(segment_header_bytes))));
  files.install(segment_path(test_database, 1), as_text(content));
  const Result<LogSegments> chosen = choose(files);
  EXPECT_EQ(chosen.code(), Code::unsupported);
  EXPECT_THAT(std::string(chosen.message()), AllOf(HasSubstr("x.qdb-wal.0000000000000001"), HasSubstr("version 2"), HasSubstr("reads version 1")));
}

TEST(segment, of_another_database_is_refused_with_both_uuids) {
  os::SimFileSystem files;
  SegmentHeader foreign = header_of(3, 0);
  foreign.identity.uuid[0] = std::byte{0xAB};
  install(files, foreign);
  const Result<LogSegments> chosen = choose(files);
  EXPECT_EQ(chosen.code(), Code::corrupt);
  EXPECT_THAT(std::string(chosen.message()), AllOf(HasSubstr("x.qdb-wal.0000000000000003"), HasSubstr(uuid_text(foreign.identity.uuid)),
                                                   HasSubstr(uuid_text(test_identity().uuid))));
}

TEST(segment, of_an_earlier_incarnation_is_left_over_but_stale_when_it_is_needed) {
  os::SimFileSystem files;
  install(files, header_of(1, 0, 4));
  const LogSegments chosen = choose(files, {}, 5).value();
  EXPECT_EQ(chosen.leftover.size(), 1u);
  const Result<LogSegments> needed = choose(files, Lsn{100}, 5);
  EXPECT_EQ(needed.code(), Code::corrupt);
  EXPECT_THAT(std::string(needed.message()),
              AllOf(HasSubstr("x.qdb-wal.0000000000000001"), HasSubstr("incarnation 4"), HasSubstr("incarnation 5"), HasSubstr("LSN 100")));
}

TEST(segment, of_a_later_incarnation_is_left_over_without_records_and_refused_with_one) {
  os::SimFileSystem files;
  LogOptions options = small_log();
  options.identity = test_identity(9);
  const auto log = start_or_stop(files, options);
  EXPECT_EQ(choose(files).value().leftover.size(), 1u);
  const Appended restart = append(*log, {}, RestartRecord{}).value();
  ASSERT_TRUE(log->sync_to(restart.end).ok());
  const Result<LogSegments> chosen = choose(files);
  EXPECT_EQ(chosen.code(), Code::corrupt);
  EXPECT_THAT(std::string(chosen.message()), AllOf(HasSubstr("incarnation 9"), HasSubstr("superblock in use is of incarnation 1")));
}

TEST(segment, that_is_missing_truncated_or_overlapping_is_told) {
  {
    os::SimFileSystem files;
    const Result<LogSegments> chosen = choose(files, Lsn{100});
    EXPECT_EQ(chosen.code(), Code::corrupt);
    EXPECT_THAT(std::string(chosen.message()), AllOf(HasSubstr("LSN 100"), HasSubstr("missing")));
  }
  {
    os::SimFileSystem files;
    install(files, header_of(2, 4096));
    EXPECT_THAT(std::string(choose(files, Lsn{100}).message()), HasSubstr("begins at LSN 4096"));
  }
  {
    os::SimFileSystem files;
    install(files, header_of(1, 0), 1000);
    EXPECT_THAT(std::string(choose(files).message()), AllOf(HasSubstr("truncated"), HasSubstr("1000"), HasSubstr("4096")));
    EXPECT_TRUE(choose_segments(files, list_segments(files, test_database).value(), {.identity = test_identity(), .shortened = true}).ok());
  }
  {
    os::SimFileSystem files;
    install(files, header_of(1, 0));
    install(files, header_of(2, 2048));
    EXPECT_THAT(std::string(choose(files).message()), HasSubstr("within"));
  }
}

TEST(segment, with_an_unreadable_header_is_a_suspect) {
  os::SimFileSystem files;
  install(files, header_of(1, 0));
  install(files, header_of(2, 4096), 4096, 5);                                          // a rename without its header
  files.install(segment_path(test_database, 6), std::string(4096, '\0'));               // reserved only
  files.install(segment_path(test_database, 7), std::string(10, 'x'));
  const LogSegments chosen = choose(files, Lsn{64}).value();
  EXPECT_EQ(chosen.usable.size(), 1u);
  EXPECT_EQ(chosen.suspect.size(), 3u);
  EXPECT_THAT(std::string(chosen.suspect[0].state.message()), HasSubstr("segment number 2"));
}

TEST(segment, numbers_and_lsns_of_a_new_incarnation_are_above_all_on_disk) {
  os::SimFileSystem files;
  install(files, header_of(3, 8192));
  files.install(segment_path(test_database, 9), std::string(4096, '\0'));
  const LogStart next = next_start(list_segments(files, test_database).value(), Lsn{5000});
  EXPECT_EQ(next.number, 10u);
  EXPECT_EQ(next.start, Lsn{12288});
  EXPECT_EQ(next_start({}, Lsn{5000}).start, Lsn{8192});
  EXPECT_EQ(next_start({}, Lsn{0}).number, 1u);
}

}  // namespace
}  // namespace quire::wal
