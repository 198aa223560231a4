// The trace of input and output.
//
// Goal     every page read, written and dropped is one line with its reason, and the lines are those that the statistics count
// Method   the text of a small session, byte for byte; a session that has to evict, its lines counted; files in memory
#include "tools/io_trace.hpp"

#include <sstream>

#include "kv/test_database.hpp"
#include "support/golden.hpp"

namespace quire::tools {
namespace {

// Lines whose first column is the operation and whose further columns hold the text.
std::uint64_t count(const std::string& trace, const std::string& operation, const std::string& text = "") {
  std::uint64_t lines = 0;
  std::istringstream in(trace);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(operation + "\t") && line.find(text) != std::string::npos) ++lines;
  }
  return lines;
}

TEST(io_trace, names_every_page_and_why) {
  std::ostringstream out;
  {
    const IoTrace trace(out);
    kv::TestMachine machine;
    out << "# create\n";
    Database db = machine.open({.page_size = 4096}).value();
    out << "# put\n";
    ASSERT_TRUE(db.keyspace()->put("a", "1").ok());
    out << "# get what is in memory\n";
    ASSERT_EQ(db.keyspace()->get("a").value(), "1");
    out << "# checkpoint inside a transaction\n";
    {
      Transaction tx = db.begin().value();
      ASSERT_TRUE(tx.put("default", "a", "2").ok());
      ASSERT_TRUE(db.checkpoint().ok());
    }
    out << "# backup\n";
    ASSERT_TRUE(db.backup("/data/copy.qdb").ok());
    out << "# close\n";
    ASSERT_TRUE(db.close().ok());
    out << "# open\n";
    Database again = machine.open({.mode = Mode::open}).value();
    out << "# get\n";
    ASSERT_EQ(again.keyspace()->get("a").value(), "1");
    out << "# get again\n";
    ASSERT_EQ(again.keyspace()->get("a").value(), "1");
    out << "# verify\n";
    ASSERT_TRUE(again.verify().ok());
    out << "# close\n";
  }
  EXPECT_EQ(test::golden_difference("src/tools/testdata/io_trace.txt", out.str()), "");
}

TEST(io_trace, ends_with_its_object) {
  std::ostringstream out;
  kv::TestMachine machine;
  { const IoTrace trace(out); }
  Database db = machine.open().value();
  ASSERT_TRUE(db.keyspace()->put("a", "1").ok());
  EXPECT_EQ(out.str(), "");
}

TEST(io_trace, agrees_with_the_statistics) {
  kv::TestMachine machine;
  const Options options{.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0};
  { ASSERT_TRUE(machine.open(options).ok()); }
  std::ostringstream out;
  const IoTrace trace(out);
  Database db = machine.open(options).value();
  for (int round = 0; round < 3; ++round) {
    const Status done = db.update([&](Transaction& tx) {
      Status put;
      for (int i = 0; put.ok() && i < 6000; ++i) put = tx.put("default", "key" + std::to_string(i * 7919 % 30000), std::string(200, 'v'));
      return put;
    });
    ASSERT_EQ(done.to_string(), "ok");
  }
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(db.keyspace()->get("key" + std::to_string(i * 7919 % 30000)).ok());
  const Statistics s = db.statistics().value();
  const std::string text = out.str();
  EXPECT_GT(s.page_evictions, 1000u);
  EXPECT_GT(s.page_misses, 1000u);
  EXPECT_GT(count(text, "write", "\teviction"), 100u);
  EXPECT_EQ(count(text, "read", "\tfault"), s.page_misses);
  EXPECT_EQ(count(text, "drop"), s.page_evictions);
  EXPECT_EQ(count(text, "read") - count(text, "read", "\tsuperblock\t"), s.page_reads);
  EXPECT_EQ(count(text, "write") - count(text, "write", "\tsuperblock\t"), s.page_writes);
  EXPECT_EQ(count(text, "sync", "\tfile\t"), s.syncs);
  // Superblocks: two copies of 512 bytes when the file is opened, a block of 4 KiB for each checkpoint.
  const std::uint64_t superblocks = count(text, "write", "\tsuperblock\t") - count(text, "write", "\tsettle\t");
  EXPECT_EQ(s.page_writes * 4096 + superblocks * 4096 + 2 * 512, s.bytes_written);
  // Each page of a hit was there before: a second look at one key reads nothing.
  ASSERT_TRUE(db.keyspace()->get("key0").ok());
  out.str("");
  ASSERT_TRUE(db.keyspace()->get("key0").ok());
  EXPECT_EQ(out.str(), "");
  EXPECT_GT(db.statistics()->page_hits, s.page_hits);
}

TEST(io_trace, shows_places_in_blocks_where_they_are_whole_ones) {
  os::IoEvent event{.operation = "write", .kind = "superblock", .name = "A", .offset = 2048, .bytes = 512, .reason = "settle", .epoch = 7};
  EXPECT_EQ(io_line(event), "write\tsuperblock\tA\tbyte 2048+512\tsettle\tepoch 7");
  event = {.operation = "sync", .kind = "file", .name = {}, .reason = "checkpoint"};
  EXPECT_EQ(io_line(event), "sync\tfile\t-\t-\tcheckpoint");
  event = {.operation = "remove", .kind = "file", .name = "a\tb", .reason = "create"};
  EXPECT_EQ(io_line(event), "remove\tfile\ta\\x09b\t-\tcreate");
}

TEST(io_trace, says_when_its_file_cannot_be_written) {
  EXPECT_EQ(IoTrace::open("/nowhere/at all.txt").code(), Code::io);
}

}  // namespace
}  // namespace quire::tools
