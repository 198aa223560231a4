// Goal: never a wrong record; the end of the log is told from damage as WAL-4 says.
// Method: a small log of several batches is cut at every byte and has every byte flipped, and each result is compared with
//         what a slow judge says, who knows where records lie and which MARK names what.
#include "wal/log_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/sim/sim_file_system.hpp"
#include "wal/test_log.hpp"

namespace quire::wal {
namespace {

using testing::HasSubstr;

// Batches of one to three commits, each synced; across a few segments. The last batch has no MARK behind it.
struct SmallLog {
  os::SimFileSystem files{{.seed = 5}};
  std::unique_ptr<LogWriter> log = start_or_stop(files);
  ReadLog whole;
  std::vector<SegmentFile> segments;

  explicit SmallLog(std::uint64_t batches) {
    std::uint64_t n = 0;
    for (std::uint64_t batch = 1; batch <= batches; ++batch) {
      for (std::uint64_t i = 0; i < batch % 3 + 1; ++i) {
        ++n;
        EXPECT_TRUE(append_commit(*log, n, 60 + n % 5 * 40).ok());
      }
      if (batch % 4 == 0) {
        EXPECT_TRUE(log->append_checkpoint({Epoch{batch}, log->durable_lsn()}).ok());
      }
      EXPECT_TRUE(log->sync_to(log->tail()).ok());
    }
    whole = read_log(files);
    EXPECT_TRUE(whole.status.ok()) << whole.status.to_string();
    segments = list_segments(files, test_database).value();
  }

  // Whether a MARK or CKPT behind `lsn` names an LSN behind it.
  bool proves(Lsn lsn) const {
    return std::any_of(whole.records.begin(), whole.records.end(), [&](const SeenRecord& r) {
      const bool names = r.type == RecordType::mark;  // no CKPT here names more than the MARK before it
      return names && r.lsn > lsn && r.number > lsn.raw;
    });
  }
};

void expect_prefix(const ReadLog& read, const ReadLog& whole, std::size_t count, const std::string& what) {
  ASSERT_EQ(read.records.size(), count) << what;
  for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(read.records[i], whole.records[i]) << what;
}

TEST(log_reader, tells_torn_tail_from_damage_for_every_flipped_byte) {
  SmallLog small(16);
  ASSERT_GE(small.segments.size(), 2u);
  std::uint64_t torn = 0;
  std::uint64_t damaged = 0;
  for (std::size_t i = 0; i < small.whole.records.size(); ++i) {
    const SeenRecord& victim = small.whole.records[i];
    const SegmentFile* home = nullptr;
    for (const SegmentFile& segment : small.segments) {
      if (segment.start() < victim.lsn && victim.lsn < segment.end()) home = &segment;
    }
    for (std::uint64_t at = victim.lsn.raw; at < victim.end.raw; ++at) {
      const std::uint64_t offset = at - home->start().raw;
      ASSERT_TRUE(small.files.damage(home->path, offset, std::byte{0x10}).ok());
      const ReadLog read = read_log(small.files, test_identity(), Lsn{64});
      ASSERT_TRUE(small.files.damage(home->path, offset, std::byte{0x10}).ok());
      const std::string what = "byte " + std::to_string(at);
      expect_prefix(read, small.whole, i, what);
      EXPECT_EQ(read.end.lsn, victim.lsn) << what;
      EXPECT_EQ(read.end.damaged, small.proves(victim.lsn)) << what;
      EXPECT_EQ(read.status.code(), read.end.damaged ? Code::corrupt : Code::ok) << what;
      ++(read.end.damaged ? damaged : torn);
    }
  }
  EXPECT_GT(torn, 50u);
  EXPECT_GT(damaged, 1000u);
}

TEST(log_reader, names_file_offset_and_loss_of_damage) {
  SmallLog small(16);
  const SeenRecord& victim = small.whole.records[2];
  ASSERT_TRUE(small.files.damage(small.segments[0].path, victim.lsn.raw + 33, std::byte{1}).ok());
  const ReadLog read = read_log(small.files);
  const std::string text = read.status.to_string();
  EXPECT_THAT(text, HasSubstr("x.qdb-wal.0000000000000001 is damaged at offset " + std::to_string(victim.lsn.raw)));
  EXPECT_THAT(text, HasSubstr("fails its checksum"));
  std::uint64_t durable = 0;
  for (const SeenRecord& r : small.whole.records) {
    if (r.type == RecordType::mark) durable = std::max(durable, r.number);
  }
  EXPECT_THAT(text, HasSubstr("lose at least " + std::to_string(durable - victim.lsn.raw) + " bytes"));
}

TEST(log_reader, judges_every_flipped_byte_of_a_pad_and_of_headers) {
  SmallLog small(16);
  const SegmentFile& first = small.segments[0];
  // The PAD begins where the last record of the first segment ends.
  Lsn pad{};
  for (const SeenRecord& r : small.whole.records) {
    if (r.end < first.end()) pad = r.end;
  }
  for (std::uint64_t offset = pad.raw; offset < pad.raw + pad_bytes; ++offset) {
    ASSERT_TRUE(small.files.damage(first.path, offset, std::byte{0x80}).ok());
    const ReadLog read = read_log(small.files);
    ASSERT_TRUE(small.files.damage(first.path, offset, std::byte{0x80}).ok());
    EXPECT_TRUE(read.end.damaged) << offset;
    EXPECT_EQ(read.end.lsn, pad) << offset;
  }
  for (std::uint64_t offset = 0; offset < segment_header_bytes; ++offset) {
    ASSERT_TRUE(small.files.damage(small.segments[1].path, offset, std::byte{0x80}).ok());
    const ReadLog read = read_log(small.files, test_identity(), Lsn{64});
    ASSERT_TRUE(small.files.damage(small.segments[1].path, offset, std::byte{0x80}).ok());
    EXPECT_EQ(read.status.code(), Code::corrupt) << offset;
    EXPECT_TRUE(read.end.damaged) << offset;
    ASSERT_TRUE(small.files.damage(first.path, offset, std::byte{0x80}).ok());
    EXPECT_EQ(read_log(small.files, test_identity(), Lsn{64}).status.code(), Code::corrupt) << offset;
    ASSERT_TRUE(small.files.damage(first.path, offset, std::byte{0x80}).ok());
  }
}

TEST(log_reader, returns_a_prefix_of_whole_records_for_every_truncation) {
  SmallLog small(5);
  ASSERT_EQ(small.segments.size(), 1u);
  const std::string path = small.segments[0].path;
  const std::string content = small.files.contents(path).value();
  for (std::size_t length = segment_header_bytes; length < small.whole.end.lsn.raw + 40; ++length) {
    os::SimFileSystem cut({.seed = 1});
    // As a file: told to be too short. As lost sectors: zeros.
    cut.install(path, content.substr(0, length));
    EXPECT_EQ(read_log(cut).status.code(), Code::corrupt);
    std::string zeros = content.substr(0, length);
    zeros.resize(content.size(), '\0');
    cut.install(path, zeros);
    const ReadLog read = read_log(cut);
    std::size_t complete = 0;
    while (complete < small.whole.records.size() && small.whole.records[complete].end.raw <= length) ++complete;
    // The bytes that were cut may have been zeros.
    ASSERT_GE(read.records.size(), complete) << length;
    ASSERT_LE(read.records.size(), complete + 1) << length;
    for (std::size_t i = 0; i < read.records.size(); ++i) ASSERT_EQ(read.records[i], small.whole.records[i]) << length;
    EXPECT_TRUE(read.status.ok()) << length << ": " << read.status.to_string();
  }
}

TEST(log_reader, takes_a_missing_segment_in_the_middle_or_at_the_end_for_damage) {
  for (const std::size_t victim : {std::size_t{1}, std::size_t{2}}) {
    SmallLog small(40);
    ASSERT_GE(small.segments.size(), 4u);
    small.segments.erase(small.segments.begin() + 3, small.segments.end());
    for (const SegmentFile& segment : list_segments(small.files, test_database).value()) {
      if (segment.number > 3) {
        ASSERT_TRUE(small.files.remove(segment.path).ok());
      }
    }
    ASSERT_TRUE(small.files.remove(small.segments[victim].path).ok());
    const ReadLog read = read_log(small.files, test_identity(), Lsn{64});
    EXPECT_EQ(read.status.code(), Code::corrupt);
    EXPECT_THAT(read.status.to_string(), HasSubstr("missing"));
    EXPECT_EQ(read.end.lsn, small.segments[victim - 1].end());
  }
}

TEST(log_reader, finds_records_by_lsn_and_refuses_places_between) {
  SmallLog small(16);
  const LogSegments chosen =
      choose_segments(small.files, list_segments(small.files, test_database).value(), {.identity = test_identity()}).value();
  LogReader reader(small.files, chosen, test_identity(), Lsn{64}, {.archived = false, .window_bytes = 512});
  for (std::size_t i = small.whole.records.size(); i-- > 0;) {
    const SeenRecord& expected = small.whole.records[i];
    const Result<Record> record = reader.read(expected.lsn);
    ASSERT_TRUE(record.ok()) << record.status().to_string();
    EXPECT_EQ(seen(*record), expected);
    EXPECT_EQ(reader.read(Lsn{expected.lsn.raw + 8}).code(), Code::corrupt);
  }
  EXPECT_EQ(reader.read(Lsn{0}).code(), Code::corrupt);
  EXPECT_EQ(reader.read(Lsn{1 << 30}).code(), Code::corrupt);
}

TEST(log_reader, does_not_take_old_records_of_a_recycled_segment_for_anything) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files);
  std::uint64_t n = 0;
  for (int round = 0; round < 300; ++round) {
    const Appended at = append_commit(*log, ++n).value();
    ASSERT_TRUE(log->sync_to(at.end).ok());
    ASSERT_TRUE(log->release_before(at.lsn).ok());
    const ReadLog read = read_log(files, test_identity(), at.lsn);
    ASSERT_TRUE(read.status.ok()) << round << ": " << read.status.to_string();
    ASSERT_EQ(read.commits(), std::vector<std::uint64_t>{n});
  }
}

}  // namespace
}  // namespace quire::wal
