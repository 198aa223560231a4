// Goal: runs repeat: the same seed and calls give the same trace, faults and images; and a run can be
//       stopped at every operation.
// Method: one workload, run several times.
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "base/try.hpp"
#include "os/sim/sim_environment.hpp"
#include "os/test_files.hpp"

namespace quire::os {
namespace {

Status workload(SimEnvironment& machine) {
  FileSystem& files = machine.environment().files;
  for (int step = 0; step < 10; ++step) {
    const std::string path = "/db/file" + std::to_string(machine.environment().entropy.next() % 4);
    QUIRE_ASSIGN(const std::unique_ptr<File> file, files.open(path, to_create));
    QUIRE_TRY(put(*file, machine.environment().clock.monotonic_us() * 100, repeated(700, 'x')));
    QUIRE_TRY(file->sync());
    QUIRE_TRY(files.sync_directory("/db"));
  }
  return files.rename("/db/file1", "/db/file2");
}

TEST(sim_trace, repeats_with_the_same_seed) {
  const auto run = [](std::uint64_t seed) {
    SimEnvironment machine({.seed = seed, .keep_trace = true});
    [[maybe_unused]] const Status outcome = workload(machine);
    return std::tuple(machine.files().trace(), machine.files().trace_hash(), machine.files().content_hash());
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(sim_trace, has_one_line_for_each_operation) {
  SimFileSystem files({.seed = 1, .keep_trace = true});
  const auto file = open_or_stop(files, "/db/a");
  EXPECT_TRUE(put(*file, 4096, repeated(100, 'x')).ok());
  EXPECT_TRUE(file->truncate(77).ok());
  EXPECT_TRUE(files.rename("/db/a", "/db/b").ok());
  EXPECT_EQ(files.trace(),
            "1 open /db/a 0 0\n"
            "2 write /db/a 4096 100\n"
            "3 truncate /db/a 77 0\n"
            "4 rename /db/a 0 0\n");
  EXPECT_EQ(files.operation_count(), 4u);
}

TEST(sim_trace, tells_written_bytes_and_second_names_apart) {
  const auto hash = [](std::string_view text, const std::string& target) {
    SimFileSystem files({.seed = 1});
    EXPECT_TRUE(put(*open_or_stop(files, "/a"), 0, text).ok());
    EXPECT_TRUE(files.rename("/a", target).ok());
    return files.trace_hash();
  };
  EXPECT_EQ(hash("x", "/b"), hash("x", "/b"));
  EXPECT_NE(hash("x", "/b"), hash("y", "/b"));
  EXPECT_NE(hash("x", "/b"), hash("x", "/c"));
}

TEST(sim_trace, stops_at_every_operation) {
  SimEnvironment whole({.seed = 1});
  ASSERT_TRUE(workload(whole).ok());
  const std::uint64_t count = whole.files().operation_count();
  ASSERT_GT(count, 30u);
  for (std::uint64_t number = 1; number <= count; ++number) {
    SimEnvironment machine({.seed = 1});
    machine.files().stop_at(number);
    ASSERT_EQ(workload(machine), Code::io);
    ASSERT_TRUE(machine.files().has_stopped());
    ASSERT_EQ(machine.files().operation_count(), number - 1);
    ASSERT_EQ(machine.files().exists("/db/file1"), Code::io);
    ASSERT_EQ(machine.files().open_files(), 0u);
  }
}

TEST(sim_trace, lets_the_observer_stop_the_run_before_the_effect) {
  SimFileSystem files({.seed = 1});
  const auto file = open_or_stop(files, "/a");
  files.observe([&](const Operation& operation) {
    EXPECT_EQ(operation.kind, OperationKind::write);
    EXPECT_TRUE(operation.changes);
    files.stop();
  });
  EXPECT_EQ(put(*file, 0, "x"), Code::io);
  EXPECT_EQ(files.contents("/a").value(), "");
}

TEST(sim_trace, shows_the_observer_which_operations_matter) {
  SimFileSystem files({.seed = 1});
  std::string seen;
  const auto file = open_or_stop(files, "/a");
  files.observe([&](const Operation& operation) {
    seen += std::string(operation_name(operation.kind)) + (operation.changes ? "! " : " ");
  });
  EXPECT_TRUE(put(*file, 0, "x").ok());
  EXPECT_EQ(whole_text(*file), "x");
  EXPECT_TRUE(file->lock(LockMode::shared).ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_EQ(seen, "write! size read lock sync! ");
}

TEST(sim_trace, repeats_faults_with_the_same_seed) {
  const auto run = [] {
    SimFileSystem files({.seed = 4});
    files.install("/a", repeated(10000, 'o'));
    const auto file = open_or_stop(files, "/a");
    for (const FaultKind kind : {FaultKind::bit_rot, FaultKind::short_write, FaultKind::misdirected_write}) {
      files.inject({.kind = kind});
      text_at(*file, 0, 10000);
      [[maybe_unused]] const Status outcome = put(*file, 0, repeated(5000, 'n'));
    }
    return files.content_hash();
  };
  EXPECT_EQ(run(), run());
}

TEST(sim_clock, goes_on_by_steps_and_when_told) {
  ManualClock clock({.wall_start_us = 1000, .step_us = 5});
  EXPECT_EQ(clock.monotonic_us(), 0u);
  EXPECT_EQ(clock.monotonic_us(), 5u);
  clock.advance(100);
  EXPECT_EQ(clock.wall_us(), 1110u);
  ManualClock still;
  EXPECT_EQ(still.monotonic_us(), still.monotonic_us());
}

TEST(device_profile, draws_every_kind) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) seen.insert(DeviceProfile::draw(seed).to_string());
  EXPECT_EQ(seen.size(), 2u * 2u * 2u * 3u * 3u);
  EXPECT_EQ(DeviceProfile::draw(7).to_string(), DeviceProfile::draw(7).to_string());
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    EXPECT_NE(DeviceProfile::draw(seed).tearing, Tearing::whole_sector);
  }
}

}  // namespace
}  // namespace quire::os
