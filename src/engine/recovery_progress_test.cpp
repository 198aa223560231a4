// What an opening tells of its recovery, and what a small memory limit leaves to the log.
//
// Goal     progress is told while a log is replayed, never goes back and ends at its total; the log's buffers are part of
//          memory_limit
// Method   a log of a few MiB, left by a kill; openings of every kind
#include "base/seeded_bug.hpp"
#include "engine/test_engine.hpp"

#include <gtest/gtest.h>

namespace quire::engine {
namespace {

constexpr int commits = 40;
constexpr std::uint64_t value_bytes = 100'000;

Options logging(Mode mode = Mode::create) {
  Options options = small_options(mode, Journal::log);
  options.memory_limit = std::uint64_t{4} << 20;
  return options;
}

// A machine whose process was killed behind so many commits.
std::unique_ptr<os::SimEnvironment> killed_machine() {
  os::SimEnvironment machine({.seed = 1});
  const EnginePointer engine = open_shared(machine.environment(), test_path, logging()).value();
  for (int i = 0; i < commits; ++i) {
    QUIRE_ASSERT(commit_rows(*engine, {{"key" + std::to_string(i), std::string(value_bytes, 'v')}}).ok());
  }
  return std::make_unique<os::SimEnvironment>(machine.files().kill());
}

std::vector<RecoveryProgress> progress_of_opening(os::SimEnvironment& machine, Mode mode) {
  std::vector<RecoveryProgress> told;
  Options options = logging(mode);
  options.on_recovery = [&](const RecoveryProgress& now) { told.push_back(now); };
  const EnginePointer engine = open_shared(machine.environment(), test_path, options).value();
  EXPECT_FALSE(engine->options().on_recovery) << "what it refers to may be gone";
  EXPECT_EQ(rows_of(*engine)->size(), static_cast<std::size_t>(commits));
  return told;
}

TEST(recovery_progress, is_told_never_goes_back_and_ends_at_its_total) {
  for (const Mode mode : {Mode::read_only, Mode::create}) {
    const std::unique_ptr<os::SimEnvironment> machine = killed_machine();
    const std::vector<RecoveryProgress> told = progress_of_opening(*machine, mode);
    ASSERT_GE(told.size(), 2 * commits * value_bytes >> 20) << "about every MiB, of both passes";
    EXPECT_EQ(told.front().bytes_done, 0u);
    for (std::size_t i = 1; i < told.size(); ++i) {
      EXPECT_GT(told[i].bytes_done, told[i - 1].bytes_done) << i;
      EXPECT_LE(told[i].bytes_total, told[i - 1].bytes_total) << i;
      EXPECT_EQ(told[i].bytes_done == told[i].bytes_total, i + 1 == told.size()) << i;
    }
    EXPECT_GE(told.back().bytes_total, 2 * commits * value_bytes);
    EXPECT_LT(told.back().bytes_total, 2 * commits * (value_bytes + 1000)) << "not what the files have room for";
  }
}

TEST(recovery_progress, is_not_told_of_a_file_that_was_closed) {
  const std::unique_ptr<os::SimEnvironment> machine = killed_machine();
  EXPECT_FALSE(progress_of_opening(*machine, Mode::create).empty());
  EXPECT_TRUE(progress_of_opening(*machine, Mode::create).empty());
}

TEST(memory_limit, counts_the_buffers_of_the_log) {
  for (const std::uint64_t limit : {std::uint64_t{1} << 20, std::uint64_t{16} << 20, std::uint64_t{256} << 20}) {
    os::SimEnvironment machine({.seed = 1});
    Options options = logging();
    options.memory_limit = limit;
    const EnginePointer engine = open_shared(machine.environment(), test_path, options).value();
    ASSERT_TRUE(commit_rows(*engine, {{"a", std::string(50'000, 'v')}}).ok());
    const Statistics s = engine->statistics().value();
    EXPECT_EQ(s.memory_limit, limit);
    EXPECT_GT(s.log_buffer_bytes, 0u);
    EXPECT_LE(s.log_buffer_bytes, limit / 16);
    EXPECT_LE(s.log_buffer_bytes, std::uint64_t{8} << 20);
    EXPECT_LE(s.frames * s.page_size + s.log_buffer_bytes, limit);
    EXPECT_GE(s.frames * s.page_size, limit * 9 / 10);
  }
}

TEST(memory_limit, leaves_all_to_pages_where_there_is_no_log) {
  os::SimEnvironment machine({.seed = 1});
  const EnginePointer engine = open_shared(machine.environment(), test_path, small_options()).value();
  const Statistics s = engine->statistics().value();
  EXPECT_EQ(s.log_buffer_bytes, 0u);
  EXPECT_EQ(s.frames * s.page_size, std::uint64_t{1} << 20);
}

}  // namespace
}  // namespace quire::engine
