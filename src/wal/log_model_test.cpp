// Goal: what was durable is read back after every crash, in order and nothing made up, whatever the disk did meanwhile.
// Method: random runs of append, write, sync, step, checkpoint and release against a list of what was appended, over simulated
//         devices. Before every operation that changes the disk, crash images are made and read as recovery would: the
//         records found must be exactly those appended from the checkpoint on, up to an end that is no earlier than what was
//         durable, and never "damage". Some runs meet faults: failed syncs, short writes, full disks. Reopening takes the next
//         incarnation over the crash image's files and goes on. Seeded bugs must be found by the same runs.
#include <gtest/gtest.h>

#include "base/seeded_bug.hpp"
#include "os/sim/crash_images.hpp"
#include "support/environment.hpp"
#include "wal/test_log.hpp"

namespace quire::wal {
namespace {

struct Outcome {
  std::uint64_t images = 0;
  std::uint64_t lost = 0;      // something durable was not read back
  std::uint64_t made_up = 0;   // something was read that was never appended
  std::uint64_t refused = 0;   // a crash was taken for damage, or the log not found
  std::string example;

  bool clean() const { return lost + made_up + refused == 0; }
};

// What one incarnation appended.
class Run {
 public:
  Run(os::SimFileSystem& files, std::uint64_t seed, std::uint32_t incarnation, std::size_t images, Outcome& outcome)
      : files_(files), random_(seed), seed_(seed), images_(images), outcome_(outcome) {
    options_ = small_log(4096, 6);
    options_.identity = test_identity(incarnation);
    options_.buffer_bytes = 16 << 10;
  }

  void run(std::uint64_t steps, bool with_faults) {
    const std::vector<SegmentFile> before = list_segments(files_, test_database).value();
    options_.start = next_start(before, Lsn{0});
    Result<std::unique_ptr<LogWriter>> started = LogWriter::start(files_, test_database, options_);
    if (!started.ok()) return;
    log_ = std::move(*started);
    [[maybe_unused]] const Status removed = remove_segments(files_, before);
    checkpoint_ = log_->tail();
    durable_ = checkpoint_;
    files_.observe([this](const os::Operation& operation) {
      if (operation.changes) look(operation.number);
    });
    for (std::uint64_t i = 0; i < steps && log_->health().ok(); ++i) {
      if (with_faults && random_.chance(1, 30)) inject();
      step();
      settle();
    }
    files_.observe(nullptr);
    files_.clear_faults();
    files_.set_quota(os::unlimited_bytes);
    look(files_.operation_count() + 1);
  }

 private:
  void inject() {
    constexpr os::FaultKind kinds[] = {os::FaultKind::io_error, os::FaultKind::short_write, os::FaultKind::no_space,
                                       os::FaultKind::interrupted};
    if (random_.chance(1, 3)) {
      files_.set_quota(files_.quota_bytes() == os::unlimited_bytes ? files_.used_bytes() : os::unlimited_bytes);
      return;
    }
    files_.inject({.kind = kinds[random_.below(4)], .operation = files_.operation_count() + random_.below(4)});
  }

  void step() {
    const std::uint64_t choice = random_.below(20);
    if (choice < 11) {
      append(++number_);
    } else if (choice < 14) {
      [[maybe_unused]] const Status ignored = log_->sync_to(log_->tail());
    } else if (choice < 16) {
      [[maybe_unused]] const Status ignored = log_->write_to(log_->tail());
    } else if (choice < 18) {
      [[maybe_unused]] const Result<bool> ignored = log_->step();
    } else {
      checkpoint();
    }
  }

  void append(std::uint64_t n) {
    const TestCommit commit(n, random_.below(900));
    Result<LogRoom> room = log_->reserve(record_bytes(commit.record));
    if (room == Code::busy) checkpoint();
    if (!room.ok()) return;
    const Result<Appended> at = log_->append(*room, Xid{n}, commit.record);
    if (at.ok()) appended_.push_back(seen(Record{at->lsn, at->end, Xid{n}, commit.record}));
  }

  void checkpoint() {
    const Lsn flip = log_->tail();
    if (!log_->sync_to(flip).ok()) return;
    settle();
    // The superblock would be published here.
    checkpoint_ = flip;
    const Result<Appended> at = log_->append_checkpoint({Epoch{++generation_}, flip});
    if (!at.ok() || !log_->sync_to(at->end).ok()) return;
    settle();
    [[maybe_unused]] const Status ignored = log_->release_before(flip);
  }

  void settle() { durable_ = log_->durable_lsn(); }

  void look(std::uint64_t number) {
    os::CrashImages images(files_, {.seed = seed_ ^ number, .budget = images_});
    while (const auto image = images.next()) check(*image, "operation " + std::to_string(number) + ", " + images.description());
    check(*files_.kill(), "operation " + std::to_string(number) + ", killed");
  }

  void check(os::SimFileSystem& image, const std::string& what) {
    ++outcome_.images;
    const ReadLog read = read_log(image, options_.identity, checkpoint_);
    if (!read.status.ok()) return note(outcome_.refused, what + ": " + read.status.to_string());
    if (read.end.lsn < durable_) note(outcome_.lost, what + ": ends at " + std::to_string(read.end.lsn.raw));
    std::vector<SeenRecord> commits = read.records;
    std::erase_if(commits, [](const SeenRecord& r) { return r.type == RecordType::mark || r.type == RecordType::checkpoint; });
    std::vector<SeenRecord> expected;
    for (const SeenRecord& r : appended_) {
      if (r.lsn >= checkpoint_ && r.end <= read.end.lsn) expected.push_back(r);
    }
    // The one that is being appended or was, a moment ago, is not noted before the call returns.
    if (commits.size() == expected.size() + 1) commits.pop_back();
    if (commits != expected) note(outcome_.made_up, what + ": other records");
  }

  void note(std::uint64_t& counter, const std::string& what) {
    if (outcome_.clean()) outcome_.example = "seed " + std::to_string(seed_) + ", " + what;
    ++counter;
  }

  os::SimFileSystem& files_;
  Random random_;
  const std::uint64_t seed_;
  const std::size_t images_;
  Outcome& outcome_;
  LogOptions options_;
  std::unique_ptr<LogWriter> log_;
  std::vector<SeenRecord> appended_;
  Lsn checkpoint_{};
  Lsn durable_{};
  std::uint64_t number_ = 0;
  std::uint64_t generation_ = 0;
};

Outcome runs(std::uint64_t first_seed, std::uint64_t seeds, bool with_faults) {
  Outcome outcome;
  for (std::uint64_t seed = first_seed; seed < first_seed + seeds && outcome.clean(); ++seed) {
    auto files = std::make_unique<os::SimFileSystem>(os::SimOptions{.seed = seed});
    for (std::uint32_t incarnation = 1; incarnation <= 3; ++incarnation) {
      Run(*files, seed * 10 + incarnation, incarnation, 4, outcome).run(120, with_faults);
      Random random(seed + incarnation);
      files = random.chance(1, 4) ? files->kill() : files->crash(random);
    }
  }
  return outcome;
}

std::uint64_t seeds_wanted() { return test::number_from_environment("QUIRE_SEEDS", 25); }

TEST(log_model, keeps_what_was_durable_through_every_crash) {
  const Outcome outcome = runs(1, seeds_wanted(), false);
  EXPECT_TRUE(outcome.clean()) << outcome.example;
  EXPECT_GT(outcome.images, 40 * seeds_wanted());
}

TEST(log_model, keeps_what_was_durable_through_faults_and_crashes) {
  const Outcome outcome = runs(1000, seeds_wanted(), true);
  EXPECT_TRUE(outcome.clean()) << outcome.example;
  EXPECT_GT(outcome.images, 40 * seeds_wanted());
}

class seeded_log_bugs : public testing::TestWithParam<const char*> {};

TEST_P(seeded_log_bugs, are_found) {
  const SeededBugScope bug(GetParam());
  const Outcome outcome = runs(2000, 60, true);
  EXPECT_FALSE(outcome.clean()) << "not found in " << outcome.images << " images";
}

INSTANTIATE_TEST_SUITE_P(log_model, seeded_log_bugs,
                         testing::Values("skip_log_sync", "skip_directory_sync", "accept_records_of_other_lsns",
                                         "skip_segment_header_sync", "release_one_segment_early", "trust_log_checksums"));

}  // namespace
}  // namespace quire::wal
