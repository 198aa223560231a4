// The trace of input and output.
//
// Goal     every page read, written and dropped is one line with its reason, and the lines are those that the statistics count
// Method   the text of a small session, byte for byte; a session that has to evict, its lines counted; files in memory
#include "tools/io_trace.hpp"

#include <sstream>

#include "kv/test_database.hpp"
#include "os/sim/sim_environment.hpp"
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
  EXPECT_EQ(count(text, "read") - count(text, "read", "\tsuperblock\t") - count(text, "read", "\tlog\t"), s.page_reads);
  EXPECT_EQ(count(text, "write") - count(text, "write", "\tsuperblock\t") - count(text, "write", "\tlog\t"), s.page_writes);
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

// A log so small that checkpoints release segments; then a kill.
TEST(io_trace, tells_what_the_log_does_and_why) {
  os::SimEnvironment machine({.seed = 1});
  const Options options{.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .log_limit = std::uint64_t{64} << 10};
  std::ostringstream out;
  const IoTrace trace(out);
  std::unique_ptr<os::SimEnvironment> after;
  {
    Database db = kv::open_database(machine.environment(), "/data/app.qdb", options).value();
    ASSERT_TRUE(db.keyspace()->put("a", "1").ok());
    EXPECT_EQ(count(out.str(), "create", "\tlog\t/data/app.qdb-wal.0000000000000001\t-\tsegment"), 1u);
    EXPECT_EQ(count(out.str(), "write", "\tlog\t/data/app.qdb-wal.0000000000000001\tblock 0+4\tsegment"), 1u) << "filled with zeros";
    out.str("");
    ASSERT_TRUE(db.keyspace()->put("a", "2").ok());
    EXPECT_EQ(count(out.str(), "write", "\tlog\t"), 1u) << out.str();
    EXPECT_EQ(count(out.str(), "sync"), 1u) << out.str();
    EXPECT_EQ(count(out.str(), "sync", "\tlog\t/data/app.qdb-wal.0000000000000001\t-\tappend"), 1u) << "a commit costs one sync";
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(db.keyspace()->put("a", std::string(3000, 'v')).ok());
    EXPECT_GT(count(out.str(), "rename", "\trecycle"), 0u);
    after = std::make_unique<os::SimEnvironment>(machine.files().kill());
    out.str("");
    ASSERT_TRUE(db.close().ok());
    EXPECT_GT(count(out.str(), "remove", "\tlog\t"), 0u);
    EXPECT_EQ(count(out.str(), "remove", "\tlog\t"), count(out.str(), "remove", "\tclose") + count(out.str(), "remove", "\trelease"));
  }
  out.str("");
  ASSERT_TRUE(kv::open_database(after->environment(), "/data/app.qdb", options).ok());
  EXPECT_GT(count(out.str(), "read", "\tlog\t/data/app.qdb-wal."), 0u);
  EXPECT_GT(count(out.str(), "read", "\trecovery"), 0u);
  EXPECT_GT(count(out.str(), "sync", "\tsettle"), 1u);
  EXPECT_GT(count(out.str(), "remove", "\trecovery"), 0u);
  Options archiving = options;
  archiving.archive_dir = "/archive";
  Database archived = kv::open_database(machine.environment(), "/data/b.qdb", archiving).value();
  ASSERT_TRUE(archived.keyspace()->put("a", "1").ok());
  ASSERT_TRUE(archived.close().ok());
  EXPECT_EQ(count(out.str(), "write", "\tarchive\t/archive/b.qdb-wal.0000000000000001"), 1u);
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
