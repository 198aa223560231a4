// Goal: an archive reads as one history, over closes, crashes and restores; what is missing, foreign or damaged is named.
// Method: logs of several incarnations, archived as the engine does it; files are then taken away, mixed and damaged.
#include "wal/archive_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/sim/sim_file_system.hpp"
#include "wal/test_archive.hpp"

namespace quire::wal {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::string archived(std::uint64_t number) { return segment_path(std::string(test_archive) + "/x.qdb", number); }

// Three incarnations: closed, crashed, still open. Commits 1 to 90.
struct ThreeLives {
  os::SimFileSystem files{{.seed = 3}};
  std::vector<Lsn> begins;
  std::vector<Lsn> ends;

  explicit ThreeLives(std::uint64_t commits = 30) {
    {
      Life first(files, 1, Lsn{0});
      begins.push_back(first.begin());
      first.commit(1, commits);
      first.archive();
      ends.push_back(first.close());
    }
    {
      Life second(files, 2, ends[0]);
      begins.push_back(second.begin());
      second.commit(1 + commits, commits);
      second.archive();
      second.archiver.reset();
    }
    ends.push_back(recover_log(files, 2, begins[1]));
    Life third(files, 3, ends[1]);
    begins.push_back(third.begin());
    third.commit(1 + 2 * commits, commits);
    third.archive();
    EXPECT_TRUE(third.archiver->copy_open().ok());
    ends.push_back(third.log->durable_lsn());
  }
};

TEST(archive_reader, reads_several_incarnations_as_one_history) {
  ThreeLives lives;
  const ReadArchive read = read_archive(lives.files);
  EXPECT_TRUE(read.status.ok()) << read.status.to_string();
  EXPECT_TRUE(read.before.ok()) << read.before.to_string();
  EXPECT_EQ(read.commits, numbers(1, 90));
  EXPECT_EQ(read.incarnations.front(), 1u);
  EXPECT_EQ(read.incarnations[30], 2u);
  EXPECT_EQ(read.incarnations.back(), 3u);
  EXPECT_EQ(read.begin, lives.begins[0]);
  EXPECT_EQ(read.end, lives.ends[2]);
  const auto restarts = std::count_if(read.records.begin(), read.records.end(), [](const auto& r) { return r.type == RecordType::restart; });
  EXPECT_EQ(restarts, 3);
}

TEST(archive_reader, begins_at_every_record_and_needs_nothing_before_it) {
  ThreeLives lives(12);
  const ReadArchive whole = read_archive(lives.files);
  ASSERT_EQ(whole.commits, numbers(1, 36));
  for (std::size_t i = 0; i < whole.records.size(); ++i) {
    const Lsn from = whole.records[i].lsn;
    const ReadArchive read = read_archive(lives.files, {.from = from});
    ASSERT_TRUE(read.status.ok()) << from.raw << ": " << read.status.to_string();
    ASSERT_EQ(read.records.size(), whole.records.size() - i) << from.raw;
    ASSERT_EQ(read.records.front(), whole.records[i]);
  }
  // Where one incarnation ended the next one begins.
  for (std::size_t i = 0; i < 2; ++i) {
    const ReadArchive read = read_archive(lives.files, {.from = lives.ends[i]});
    ASSERT_TRUE(read.status.ok()) << read.status.to_string();
    EXPECT_EQ(read.commits, numbers(13 + 12 * i, 36));
  }
  const ReadArchive at_end = read_archive(lives.files, {.from = lives.ends[2]});
  EXPECT_TRUE(at_end.status.ok()) << at_end.status.to_string();
  EXPECT_TRUE(at_end.records.empty());
  EXPECT_THAT(read_archive(lives.files, {.from = Lsn{lives.ends[2].raw + 8}}).status.to_string(), HasSubstr("the archive in /archive ends at"));
  // Files before the place are not looked at.
  const std::vector<ArchivedSegment> all = list_archive(lives.files, test_archive, test_database).value();
  ASSERT_TRUE(lives.files.remove(all.front().file.path).ok());
  EXPECT_EQ(read_archive(lives.files, {.from = lives.begins[1]}).commits, numbers(13, 36));
}

TEST(archive_reader, names_what_is_missing) {
  ThreeLives whole;
  const std::vector<ArchivedSegment> all = list_archive(whole.files, test_archive, test_database).value();
  ASSERT_GE(all.size(), 8u);
  for (std::size_t victim = 0; victim + 1 < all.size(); ++victim) {
    ThreeLives lives;
    const SegmentFile& file = all[victim].file;
    ASSERT_TRUE(lives.files.remove(file.path).ok());
    const ReadArchive read = read_archive(lives.files, {.from = Lsn{64}});
    EXPECT_EQ(read.status, Code::corrupt) << victim;
    EXPECT_THAT(read.status.to_string(), HasSubstr("the log from LSN 64 on is needed, but the archive lacks the log"));
    if (victim > 0 && !all[victim].partial) {
      // Of the first file of an incarnation nothing tells where it began.
      EXPECT_THAT(read.status.to_string(), AnyOf(HasSubstr("from LSN " + std::to_string(file.start().raw) + " to LSN "),
                                                 HasSubstr("before LSN " + std::to_string(file.end().raw))));
      EXPECT_THAT(read.status.to_string(), HasSubstr("expected in " + archived(file.number)));
    }
    // Without a place to begin, what lies behind the gap is read.
    const ReadArchive rest = read_archive(lives.files);
    EXPECT_TRUE(rest.status.ok()) << rest.status.to_string();
    EXPECT_EQ(rest.before, Code::corrupt) << victim;
    ASSERT_FALSE(rest.commits.empty());
    EXPECT_EQ(rest.commits, numbers(rest.commits.front(), 90)) << victim;
  }
}

TEST(archive_reader, misses_the_end_of_an_incarnation_whose_last_copy_is_old) {
  os::SimFileSystem files({.seed = 3});
  Lsn begin{};
  {
    Life first(files, 1, Lsn{0});
    begin = first.begin();
    first.commit(1, 15);
    first.archive();
    ASSERT_TRUE(first.archiver->copy_open().ok());
    first.commit(16, 1);
    first.archiver.reset();
  }
  std::string old_copy;
  std::string path;
  for (const ArchivedSegment& segment : list_archive(files, test_archive, test_database).value()) {
    if (!segment.partial) continue;
    path = segment.file.path;
    old_copy = files.contents(path).value();
  }
  const Lsn end = recover_log(files, 1, begin);
  Life second(files, 2, end);
  second.commit(17, 20);
  second.archive();
  EXPECT_EQ(read_archive(files, {.from = begin}).commits.front(), 1u);
  files.install(path, old_copy);
  const ReadArchive read = read_archive(files, {.from = begin});
  EXPECT_EQ(read.status, Code::corrupt);
  EXPECT_THAT(read.status.to_string(), HasSubstr("to LSN " + std::to_string(end.raw) + ", expected in " + path.substr(0, path.rfind('.'))));
}

TEST(archive_reader, follows_the_history_that_a_restore_continued) {
  os::SimFileSystem files({.seed = 3});
  Lsn end_of_first{};
  Lsn middle{};
  {
    Life first(files, 1, Lsn{0});
    first.commit(1, 10);
    middle = first.log->tail();
    first.commit(11, 30);
    end_of_first = first.close();
  }
  {
    Life second(files, 2, end_of_first);
    second.commit(41, 20);
    ASSERT_NE(second.close(), Lsn{});
  }
  {
    // Restored to what was committed before `middle`, and gone on from there.
    Life third(files, 3, middle);
    third.commit(1001, 20);
    ASSERT_NE(third.close(), Lsn{});
  }
  std::vector<std::uint64_t> expected = numbers(1, 10);
  for (const std::uint64_t n : numbers(1001, 1020)) expected.push_back(n);
  const ReadArchive newest = read_archive(files, {.from = Lsn{64}});
  EXPECT_TRUE(newest.status.ok()) << newest.status.to_string();
  EXPECT_EQ(newest.commits, expected);
  const ReadArchive given_up = read_archive(files, {.from = Lsn{64}, .last_incarnation = 2});
  EXPECT_TRUE(given_up.status.ok()) << given_up.status.to_string();
  EXPECT_EQ(given_up.commits, numbers(1, 60));
  EXPECT_EQ(read_archive(files, {.from = Lsn{64}, .last_incarnation = 1}).commits, numbers(1, 40));
}

TEST(archive_reader, reads_chunks_by_their_links) {
  os::SimFileSystem files({.seed = 3});
  Life life(files, 1, Lsn{0});
  OpBuffer ops;
  ops.put(TreeId{7}, 1, as_bytes("key"), as_bytes("value"));
  Lsn chunk = no_lsn;
  std::vector<Lsn> chunks;
  for (std::uint32_t n = 1; n <= 20; ++n) {
    const std::string value(900, static_cast<char>('a' + n));
    OpBuffer piece;
    piece.put(TreeId{7}, n, as_bytes("key"), as_bytes(value));
    chunk = append(*life.log, Xid{5}, ChunkRecord{chunk, 1, n, piece.bytes()})->lsn;
    chunks.push_back(chunk);
  }
  ASSERT_TRUE(append(*life.log, Xid{5}, CommitRecord{9, 0, chunk, 20, 1, ops.bytes()}).ok());
  ASSERT_NE(life.close(), Lsn{});
  ArchiveReader reader = ArchiveReader::open(files, test_archive, test_database, {}).value();
  Record record;
  while (reader.next(record).value() && record.type() != RecordType::commit) {
  }
  ASSERT_EQ(record.type(), RecordType::commit);
  Lsn link = std::get<CommitRecord>(record.body).last_chunk;
  for (std::size_t i = chunks.size(); i-- > 0;) {
    ASSERT_EQ(link, chunks[i]);
    const Record found = reader.read(link).value();
    ASSERT_EQ(found.type(), RecordType::chunk);
    link = std::get<ChunkRecord>(found.body).previous_chunk;
  }
  EXPECT_EQ(link, no_lsn);
  EXPECT_EQ(reader.read(Lsn{8}).code(), Code::corrupt);
}

TEST(archive_reader, refuses_another_databases_files) {
  ThreeLives lives;
  LogIdentity other = test_identity(3);
  other.uuid[3] = std::byte{0xAB};
  EXPECT_THAT(read_archive(lives.files, {.uuid = other.uuid}).status.to_string(), HasSubstr("belongs to another database"));
  std::vector<std::byte> header(segment_header_bytes);
  encode_segment_header({.number = 2, .start = Lsn{4096}, .identity = other, .bytes = 4096, .previous_end = Lsn{4096}}, header);
  std::string content(as_text(Bytes(header)));
  content.resize(4096);
  lives.files.install(archived(2), content);
  const Status status = read_archive(lives.files).status;
  EXPECT_EQ(status, Code::corrupt);
  EXPECT_THAT(status.to_string(), HasSubstr(archived(2) + " belongs to another database, uuid " + uuid_text(other.uuid)));
  os::SimFileSystem empty;
  EXPECT_EQ(read_archive(empty).status, Code::not_found);
}

// Every byte of every file, one bit each: what is read is a beginning of the history, and damage of what counts is told.
TEST(archive_reader, never_reads_anything_wrong_from_damaged_files) {
  ThreeLives lives(6);
  const ReadArchive whole = read_archive(lives.files, {.from = Lsn{64}});
  ASSERT_EQ(whole.commits, numbers(1, 18));
  std::uint64_t told = 0;
  for (const ArchivedSegment& segment : list_archive(lives.files, test_archive, test_database).value()) {
    for (std::uint64_t offset = 0; offset < segment.file.bytes; offset += offset < 200 ? 1 : 13) {
      ASSERT_TRUE(lives.files.damage(segment.file.path, offset, std::byte{0x20}).ok());
      const ReadArchive read = read_archive(lives.files, {.from = Lsn{64}});
      ASSERT_TRUE(lives.files.damage(segment.file.path, offset, std::byte{0x20}).ok());
      const std::string what = segment.file.path + ", byte " + std::to_string(offset) + ": " + read.status.to_string();
      ASSERT_LE(read.records.size(), whole.records.size()) << what;
      for (std::size_t i = 0; i < read.records.size(); ++i) ASSERT_EQ(read.records[i], whole.records[i]) << what;
      ASSERT_EQ(read.status.ok(), read.records.size() == whole.records.size()) << what;
      if (!read.status.ok()) {
        ++told;
        EXPECT_THAT(read.status.to_string(), HasSubstr("/archive/x.qdb-wal.")) << what;
      }
    }
  }
  EXPECT_GT(told, 500u);
}

TEST(archive_reader, tells_a_truncated_copy) {
  ThreeLives lives;
  const std::string content = lives.files.contents(archived(2)).value();
  lives.files.install(archived(2), content.substr(0, 3000));
  const Status status = read_archive(lives.files, {.from = Lsn{64}}).status;
  EXPECT_EQ(status, Code::corrupt);
  EXPECT_THAT(status.to_string(), HasSubstr(archived(2) + " is truncated: 3000 bytes, expected 4096"));
}

}  // namespace
}  // namespace quire::wal
