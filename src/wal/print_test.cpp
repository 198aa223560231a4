// Goal: a small log has always the same bytes, and reads the same in text and in JSON.
// Method: one record of every type with fixed identity and times; bytes, text and JSON are golden. Ranges and damage are
//         looked at directly.
#include "wal/print.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "os/sim/sim_file_system.hpp"
#include "support/golden.hpp"
#include "wal/test_log.hpp"

namespace quire::wal {
namespace {

using testing::HasSubstr;
using testing::Not;

void fill(os::FileSystem& files) {
  const auto log = start_or_stop(files);
  OpBuffer ops;
  ops.create_tree(TreeId{7}, 1);
  ops.put(TreeId{7}, 2, as_bytes("key"), as_bytes("value"));
  ops.begin_put(TreeId{7}, 3, as_bytes("long"), as_bytes("begin "));
  ops.part(TreeId{7}, 3, as_bytes("end"), true);
  ops.erase(TreeId{7}, 4, as_bytes("\"q\"\n"));
  ops.rows(TreeId{7}, 4, -3);
  for (const auto& [xid, body] : one_of_each(ops, 42)) ASSERT_TRUE(append(*log, xid, body).ok());
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
  while (append_commit(*log, 43, 1500)->lsn.raw < 4096) {
  }
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
}

std::string printed(os::FileSystem& files, const PrintOptions& options) {
  std::string text;
  const Status status = print_segments(files, test_database, options, [&](std::string_view line) {
    text += std::string(line) + "\n";
    return Status();
  });
  return status.ok() ? text : status.to_string();
}

// As the superblock would have it.
std::string printed_log(os::FileSystem& files, Lsn checkpoint, const PrintOptions& options, bool growing = false) {
  Result<PrintedLog> log = find_log(files, test_database, test_identity(), checkpoint);
  if (!log.ok()) return log.status().to_string();
  log->growing = growing;
  std::string text;
  const Status status = print_log(files, std::move(*log), options, [&](std::string_view line) {
    text += std::string(line) + "\n";
    return Status();
  });
  return status.ok() ? text : status.to_string();
}

// Lines of 32 bytes; lines of zeros are left out.
std::string dumped(os::SimFileSystem& files) {
  std::string text;
  for (const std::string& path : files.files()) {
    text += path + "\n";
    const std::string content = files.contents(path).value();
    for (std::size_t at = 0; at < content.size(); at += 32) {
      const std::string line = content.substr(at, 32);
      if (line.find_first_not_of('\0') == std::string::npos) continue;
      char offset[16];
      std::snprintf(offset, sizeof offset, "%04x ", static_cast<unsigned>(at));
      text += offset;
      for (const char c : line) {
        char byte[8];
        std::snprintf(byte, sizeof byte, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        text += byte;
      }
      text += "\n";
    }
  }
  return text;
}

TEST(print_log, shows_golden_bytes_text_and_json) {
  os::SimFileSystem files;
  fill(files);
  EXPECT_EQ(test::golden_difference("src/wal/testdata/small_log.hex", dumped(files)), "");
  EXPECT_EQ(test::golden_difference("src/wal/testdata/small_log.txt", printed(files, {.ops = true})), "");
  EXPECT_EQ(test::golden_difference("src/wal/testdata/small_log.jsonl", printed(files, {.json = true, .ops = true})), "");
}

TEST(print_log, shows_a_line_a_record_without_operations) {
  os::SimFileSystem files;
  fill(files);
  std::string expected;
  std::istringstream with_ops(printed(files, {.ops = true}));
  for (std::string line; std::getline(with_ops, line);) {
    if (!line.starts_with("                  ")) expected += line + "\n";
  }
  EXPECT_EQ(printed(files, {}), expected);
  EXPECT_THAT(printed(files, {.json = true}), Not(HasSubstr("\"ops\":")));
}

TEST(print_log, says_where_recovery_begins) {
  os::SimFileSystem files;
  fill(files);
  const ReadLog read = read_log(files);
  const Lsn checkpoint = read.records[3].lsn;
  const std::string text = printed_log(files, checkpoint, {});
  const std::string line = "recovery begins at LSN " + std::to_string(checkpoint.raw) + "\n";
  EXPECT_THAT(text, HasSubstr(line + "         " + std::to_string(checkpoint.raw)));
  EXPECT_THAT(printed_log(files, checkpoint, {.json = true}), HasSubstr("{\"recovery_from\":" + std::to_string(checkpoint.raw) + "}\n"));
  EXPECT_THAT(printed_log(files, checkpoint, {.from = read.records[4].lsn}), Not(HasSubstr("recovery begins")));
  EXPECT_THAT(printed_log(files, checkpoint, {.to = checkpoint}), Not(HasSubstr("recovery begins")));
  EXPECT_THAT(printed_log(files, read.end.lsn, {}), HasSubstr("recovery begins at LSN " + std::to_string(read.end.lsn.raw) + "\nend at LSN"));
}

TEST(print_log, refuses_what_is_not_the_log_of_the_superblock) {
  os::SimFileSystem files;
  EXPECT_THAT(printed_log(files, Lsn{64}, {}), HasSubstr("the log is missing"));
  fill(files);
  EXPECT_THAT(printed_log(files, Lsn{1 << 20}, {}), HasSubstr("is needed to open /db/x.qdb"));
  Result<PrintedLog> stale = find_log(files, test_database, test_identity(2), Lsn{64});
  EXPECT_THAT(stale.status().to_string(), HasSubstr("stale log of incarnation 1"));
  LogIdentity other = test_identity();
  other.uuid[0] = std::byte{0xEE};
  Result<PrintedLog> foreign = find_log(files, test_database, other, Lsn{64});
  EXPECT_THAT(foreign.status().to_string(), HasSubstr("belongs to another database"));
}

TEST(print_log, does_not_judge_the_end_of_a_log_that_grows) {
  os::SimFileSystem files;
  fill(files);
  const ReadLog read = read_log(files);
  ASSERT_TRUE(files.damage(segment_path(test_database, 1), read.records[1].lsn.raw + 36, std::byte{1}).ok());
  const std::string text = printed_log(files, Lsn{64}, {}, true);
  EXPECT_THAT(text, HasSubstr("end so far at LSN " + std::to_string(read.records[1].lsn.raw)));
  EXPECT_THAT(text, Not(HasSubstr("damage")));
}

TEST(print_log, writes_times_as_utc) {
  EXPECT_EQ(utc_text(0), "-");
  EXPECT_EQ(utc_text(1), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(utc_text(951782399999999), "2000-02-28T23:59:59.999999Z");
  EXPECT_EQ(utc_text(951782400000000), "2000-02-29T00:00:00.000000Z");
  EXPECT_EQ(utc_text(1709251200000000), "2024-03-01T00:00:00.000000Z");
  EXPECT_EQ(utc_text(4107542399000000), "2100-02-28T23:59:59.000000Z");
  EXPECT_EQ(utc_text(4107542400000000), "2100-03-01T00:00:00.000000Z");
}

TEST(print_log, shows_a_range_and_damage) {
  os::SimFileSystem files;
  fill(files);
  const ReadLog read = read_log(files);
  const std::string range = printed(files, {.from = read.records[2].lsn, .to = read.records[4].lsn});
  EXPECT_THAT(range, Not(HasSubstr("CHUNK")));
  EXPECT_THAT(range, HasSubstr("ROLLBACK_TO"));
  EXPECT_THAT(range, HasSubstr("COMMIT       xid 42"));
  EXPECT_THAT(range, Not(HasSubstr("ABORT")));
  ASSERT_TRUE(files.damage(segment_path(test_database, 1), read.records[1].lsn.raw + 36, std::byte{1}).ok());
  EXPECT_THAT(printed(files, {}), HasSubstr("damage: log segment /db/x.qdb-wal.0000000000000001"));
  EXPECT_THAT(printed(files, {.json = true}), HasSubstr("\"damaged\":true"));
}

}  // namespace
}  // namespace quire::wal
