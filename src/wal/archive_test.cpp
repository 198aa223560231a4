// Goal: the archive gets every sealed segment whole, durable bytes only, and nothing is recycled before.
// Method: a log that is checkpointed all the time, archived in steps; the archive is read as a log of its own, after crashes
//         too. Failing copies are tried again.
#include "wal/archive.hpp"

#include <gtest/gtest.h>

#include "os/sim/sim_file_system.hpp"
#include "wal/test_log.hpp"

namespace quire::wal {
namespace {

constexpr const char* archive_database = "/archive/x.qdb";

// Commits of the log that is in the archive.
std::vector<std::uint64_t> archived_commits(os::FileSystem& files) {
  std::vector<SegmentFile> found = list_segments(files, archive_database).value();
  const LogSegments chosen = choose_segments(files, found, {.identity = test_identity(), .shortened = true}).value();
  std::vector<std::uint64_t> commits;
  if (chosen.usable.empty()) return commits;
  LogReader reader(files, chosen, test_identity(), Lsn{64}, {.archived = true, .window_bytes = 512});
  Record record;
  while (reader.next(record).value()) {
    if (record.type() == RecordType::commit) commits.push_back(std::get<CommitRecord>(record.body).timestamp);
  }
  EXPECT_TRUE(reader.end().value().check().ok());
  return commits;
}

void commit_and_checkpoint(LogWriter& log, std::uint64_t n) {
  const Appended at = append_commit(log, n).value();
  if (n % 5 != 0) return;
  ASSERT_TRUE(log.sync_to(at.end).ok());
  ASSERT_TRUE(log.release_before(at.end).ok());
}

TEST(archive, gets_every_sealed_segment_before_it_is_recycled) {
  os::SimFileSystem files({.seed = 2});
  const auto log = start_or_stop(files);
  Archiver archiver = Archiver::attach(files, *log, "/archive", log->tail()).value();
  for (std::uint64_t n = 1; n <= 300; ++n) {
    commit_and_checkpoint(*log, n);
    if (n % 70 == 0) {
      while (archiver.step().value()) {
      }
    }
  }
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
  while (archiver.step().value()) {
  }
  Random random(4);
  const auto image = files.crash(random);
  const std::vector<std::uint64_t> commits = archived_commits(*image);
  ASSERT_GT(commits.size(), 250u);
  for (std::size_t i = 0; i < commits.size(); ++i) ASSERT_EQ(commits[i], i + 1);
  ASSERT_TRUE(archiver.copy_open().ok());
  const std::string open = segment_path(archive_database, log->durable_segments(archiver.archived()).back().number);
  EXPECT_EQ(files.contents(open + ".partial").value().size(), log->durable_lsn().raw - archiver.archived().raw);
  ASSERT_TRUE(files.rename(open + ".partial", open).ok());
  EXPECT_EQ(archived_commits(files).size(), 300u);
}

TEST(archive, tries_a_failed_copy_again_and_holds_the_segment_meanwhile) {
  os::SimFileSystem files({.seed = 2});
  const auto log = start_or_stop(files);
  Archiver archiver = Archiver::attach(files, *log, "/archive", log->tail()).value();
  for (std::uint64_t n = 1; n <= 100; ++n) commit_and_checkpoint(*log, n);
  for (std::uint64_t after = 1; after <= 8; ++after) {
    files.inject({.kind = os::FaultKind::io_error, .operation = files.operation_count() + after, .path = "/archive"});
    while (true) {
      const Result<bool> stepped = archiver.step();
      if (stepped.ok() && !*stepped) break;
    }
    files.clear_faults();
    for (std::uint64_t n = after * 1000; n < after * 1000 + 60; ++n) commit_and_checkpoint(*log, n);
  }
  while (archiver.step().value()) {
  }
  const std::vector<std::uint64_t> commits = archived_commits(files);
  EXPECT_GT(commits.size(), 500u);
  EXPECT_TRUE(std::is_sorted(commits.begin(), commits.end()));
  EXPECT_TRUE(log->health().ok());
}

}  // namespace
}  // namespace quire::wal
