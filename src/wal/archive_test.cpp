// Goal: the archive gets every sealed segment whole, durable bytes only, and nothing is recycled before; it goes on behind what
//       it has, and a crash at any moment costs it nothing.
// Method: a log that is checkpointed all the time, archived in steps; the archive is read as a log of its own, after crashes
//         too. Failing copies are tried again. Crash images before every operation are recovered, archived on and read.
#include "wal/archive.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/try.hpp"
#include "os/sim/crash_images.hpp"
#include "os/sim/sim_file_system.hpp"
#include "wal/test_archive.hpp"

namespace quire::wal {
namespace {

using testing::HasSubstr;

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

TEST(archive, has_everything_when_it_is_finished) {
  os::SimFileSystem files({.seed = 2});
  Life life(files, 1, Lsn{0});
  for (std::uint64_t round = 0; round < 5; ++round) {
    life.commit(round * 3 + 1, 3);
    ASSERT_TRUE(life.archiver->finish().ok());
    Random random(round);
    const auto image = files.crash(random);
    const ReadArchive read = read_archive(*image, {.from = Lsn{64}});
    EXPECT_TRUE(read.status.ok()) << read.status.to_string();
    EXPECT_EQ(read.commits, numbers(1, round * 3 + 3));
  }
  // Again with nothing new: no segment more.
  const std::uint64_t operations = files.operation_count();
  const Lsn archived = life.archiver->archived();
  ASSERT_TRUE(life.archiver->finish().ok());
  EXPECT_EQ(life.archiver->archived(), archived);
  EXPECT_LE(files.operation_count(), operations + 1);
}

TEST(archive, leaves_out_what_is_behind_the_pad) {
  os::SimFileSystem files({.seed = 2});
  Life life(files, 1, Lsn{0}, 1 << 20);
  life.commit(1, 3);
  std::uint64_t written = 0;
  files.observe([&](const os::Operation& operation) {
    if (operation.kind == os::OperationKind::write && operation.path.starts_with("/archive")) written += operation.bytes;
  });
  ASSERT_TRUE(life.archiver->finish().ok());
  EXPECT_LT(written, 4096u);
  EXPECT_EQ(files.contents(segment_path(archive_database, 1)).value().size(), std::uint64_t{1} << 20);
  EXPECT_EQ(read_archive(files, {.from = Lsn{64}}).commits, numbers(1, 3));
}

TEST(archive, goes_on_behind_what_it_has) {
  os::SimFileSystem files({.seed = 2});
  Life life(files, 1, Lsn{0});
  life.commit(1, 30);
  life.archive();
  ASSERT_TRUE(life.archiver->copy_open().ok());
  const Lsn archived = life.archiver->archived();
  files.install(segment_path(archive_database, 3) + ".copying", "half a copy");
  files.install(segment_path(archive_database, 9) + ".partial.copying", "half a copy");
  files.install("/archive/other.copying", "not ours");
  life.archiver.reset();
  life.archiver = Archiver::attach(files, *life.log, test_archive, Lsn{64}).value();
  EXPECT_EQ(life.archiver->archived(), archived);
  life.commit(31, 30);
  ASSERT_TRUE(life.archiver->finish().ok());
  EXPECT_EQ(read_archive(files, {.from = Lsn{64}}).commits, numbers(1, 60));
  for (const std::string& name : files.list(test_archive).value()) {
    EXPECT_FALSE(name.ends_with(".partial")) << name;
    EXPECT_TRUE(name == "other.copying" || !name.ends_with(".copying")) << name;
  }
}

TEST(archive, copies_anew_what_it_has_not_whole) {
  os::SimFileSystem files({.seed = 2});
  Life life(files, 1, Lsn{0});
  life.commit(1, 40);
  life.archive();
  const std::string second = segment_path(archive_database, 2);
  const std::string content = files.contents(second).value();
  files.install(second, content.substr(0, 100));
  life.archiver.reset();
  life.archiver = Archiver::attach(files, *life.log, test_archive, Lsn{64}).value();
  EXPECT_EQ(life.archiver->archived(), Lsn{4096});
  ASSERT_TRUE(life.archiver->finish().ok());
  EXPECT_EQ(read_archive(files, {.from = Lsn{64}}).commits, numbers(1, 40));
}

TEST(archive, refuses_a_directory_of_another_log) {
  os::SimFileSystem files({.seed = 2});
  Lsn end{};
  {
    Life life(files, 2, Lsn{0});
    life.commit(1, 20);
    end = life.close();
  }
  const auto attach = [&](const LogOptions& options) {
    os::SimFileSystem other({.seed = 1});
    for (const std::string& path : files.files()) other.install(path, files.contents(path).value());
    const auto log = start_or_stop(other, options);
    return Archiver::attach(other, *log, test_archive, log->tail()).status().to_string();
  };
  LogOptions options = small_log();
  options.start = {100, Lsn{1 << 20}};
  options.identity = test_identity(1);
  EXPECT_THAT(attach(options), HasSubstr("an older database file beside a newer archive"));
  options.identity = test_identity(3);
  EXPECT_THAT(attach(options), HasSubstr("ok"));
  options.identity.uuid[5] = std::byte{0xCC};
  EXPECT_THAT(attach(options), HasSubstr("belongs to another database"));
  options = small_log();
  options.identity = test_identity(3);
  options.start = {2, Lsn{1 << 20}};
  EXPECT_THAT(attach(options), HasSubstr("uses again"));
}

// Before every operation that changes the disk, images are recovered: the rest of the log goes to the archive, the next
// incarnation begins and is archived. Every durable commit must be in the archive then, and nothing that was not committed.
class CrashRun {
 public:
  explicit CrashRun(std::uint64_t seed) : seed_(seed), random_(seed), files_({.seed = seed}) {}

  void run() {
    Life first(files_, 1, Lsn{0});
    begin_ = first.begin();
    files_.observe([this](const os::Operation& operation) {
      if (operation.changes) look(operation.number);
    });
    for (int step = 0; step < 40 && !testing::Test::HasFatalFailure(); ++step) one_step(first);
    const Status finished = first.archiver->finish();
    EXPECT_TRUE(finished.ok()) << finished.to_string();
    files_.observe(nullptr);
    look(files_.operation_count());
  }
  std::uint64_t images() const { return images_; }

 private:
  void one_step(Life& life) {
    const std::uint64_t choice = random_.below(10);
    if (choice < 6) {
      ++appended_;
      const Appended at = append_commit(*life.log, appended_, 200 + random_.below(900)).value();
      if (random_.chance(1, 2)) {
        ASSERT_TRUE(life.log->sync_to(at.end).ok());
      }
      if (random_.chance(1, 6)) {
        ASSERT_TRUE(life.log->write_to(at.end).ok());
      }
    } else if (choice == 6) {
      ASSERT_TRUE(life.archiver->step().ok());
    } else if (choice == 7) {
      ASSERT_TRUE(life.archiver->copy_open().ok());
    } else if (choice == 8) {
      ASSERT_TRUE(life.archiver->finish().ok());
    } else {
      life.archiver.reset();
      life.archiver = Archiver::attach(files_, *life.log, test_archive, last_attach_).value();
    }
    last_attach_ = life.archiver->archived();
    durable_ = life.log->durable_lsn() == life.log->tail() ? appended_ : durable_;
  }

  void look(std::uint64_t number) {
    os::CrashImages images(files_, {.seed = seed_ ^ number, .budget = 3});
    while (const auto image = images.next()) check(*image, "operation " + std::to_string(number) + ", " + images.description());
    check(*files_.kill(), "operation " + std::to_string(number) + ", killed");
  }

  // The recovery is cut short as well, at an operation of it, and done again.
  void check(os::SimFileSystem& image, const std::string& what) {
    ++images_;
    SCOPED_TRACE("seed " + std::to_string(seed_) + ", " + what);
    if (random_.chance(1, 3)) {
      image.stop_at(image.operation_count() + 1 + random_.below(60));
      [[maybe_unused]] const Status cut_short = archive_image(image);
      const auto again = random_.chance(1, 2) ? image.crash(random_) : image.kill();
      return finish(*again);
    }
    finish(image);
  }

  Status archive_image(os::SimFileSystem& image) {
    QUIRE_ASSIGN(std::vector<SegmentFile> found, list_segments(image, test_database));
    QUIRE_ASSIGN(LogSegments chosen, choose_segments(image, std::move(found), {.identity = test_identity(1), .from = begin_}));
    const std::vector<SegmentFile> usable = chosen.usable;
    QUIRE_TRY(settle_segments(image, usable));
    LogReader reader(image, std::move(chosen), test_identity(1), begin_);
    Record record;
    while (true) {
      QUIRE_ASSIGN(const bool more, reader.next(record));
      if (!more) break;
    }
    QUIRE_ASSIGN(const LogEnd end, reader.end());
    return archive_rest(image, usable, end.lsn, test_archive);
  }

  void finish(os::SimFileSystem& image) {
    const Lsn end = recover_log(image, 1, begin_);
    Life second(image, 2, end);
    second.commit(1000, 4);
    ASSERT_TRUE(second.archiver->finish().ok());
    const ReadArchive read = read_archive(image, {.from = begin_});
    ASSERT_TRUE(read.status.ok()) << read.status.to_string();
    ASSERT_GE(read.commits.size(), durable_ + 4);
    const std::size_t kept = read.commits.size() - 4;
    ASSERT_LE(kept, appended_);
    std::vector<std::uint64_t> expected = numbers(1, kept);
    for (std::uint64_t n = 1000; n < 1004; ++n) expected.push_back(n);
    ASSERT_EQ(read.commits, expected);
  }

  const std::uint64_t seed_;
  Random random_;
  os::SimFileSystem files_;
  Lsn begin_{};
  Lsn last_attach_{64};
  std::uint64_t appended_ = 0;
  std::uint64_t durable_ = 0;
  std::uint64_t images_ = 0;
};

TEST(archive, loses_nothing_by_a_crash_at_any_operation) {
  std::uint64_t images = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CrashRun run(seed);
    run.run();
    if (testing::Test::HasFatalFailure()) return;
    images += run.images();
  }
  EXPECT_GT(images, 1000u);
}

}  // namespace
}  // namespace quire::wal
