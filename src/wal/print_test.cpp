// Goal: a small log has always the same bytes, and reads the same in text and in JSON.
// Method: one record of every type with fixed identity and times; bytes, text and JSON are golden. Ranges and damage are
//         looked at directly.
#include "wal/print.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  for (const auto& [xid, body] : one_of_each(ops, 42)) ASSERT_TRUE(append(*log, xid, body).ok());
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
  while (append_commit(*log, 43, 1500)->lsn.raw < 4096) {
  }
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
}

std::string printed(os::FileSystem& files, const PrintOptions& options) {
  std::string text;
  const Status status = print_log(files, test_database, options, [&](std::string_view line) {
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
  EXPECT_EQ(test::golden_difference("src/wal/testdata/small_log.txt", printed(files, {})), "");
  EXPECT_EQ(test::golden_difference("src/wal/testdata/small_log.jsonl", printed(files, {.json = true})), "");
}

TEST(print_log, shows_a_range_and_damage) {
  os::SimFileSystem files;
  fill(files);
  const ReadLog read = read_log(files);
  const std::string range = printed(files, {.from = read.records[2].lsn, .to = read.records[4].lsn});
  EXPECT_THAT(range, Not(HasSubstr("CHUNK")));
  EXPECT_THAT(range, HasSubstr("ROLLBACK_TO"));
  EXPECT_THAT(range, HasSubstr("COMMIT xid 42"));
  EXPECT_THAT(range, Not(HasSubstr("ABORT")));
  ASSERT_TRUE(files.damage(segment_path(test_database, 1), read.records[1].lsn.raw + 36, std::byte{1}).ok());
  EXPECT_THAT(printed(files, {}), HasSubstr("damage: log segment /db/x.qdb-wal.0000000000000001"));
  EXPECT_THAT(printed(files, {.json = true}), HasSubstr("\"damaged\":true"));
}

}  // namespace
}  // namespace quire::wal
