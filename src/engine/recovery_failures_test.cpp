// Openings that cannot recover.
//
// Goal     a full disk at any moment of a recovery is `full` and names the file; nothing is lost, and an opening with room heals
//          it. A log that is gone is named by its path
// Method   a killed machine with a checkpoint that lists a transaction, and a log behind it; the disk becomes full at every
//          operation of the opening, and stays so
#include "engine/test_engine.hpp"

#include <gtest/gtest.h>

namespace quire::engine {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Options logging() {
  Options options = small_options(Mode::open, Journal::log);
  options.archive_dir = "/archive";
  return options;
}

// What was committed: rows before and after a checkpoint that holds a part of a transaction which never ends.
struct Killed {
  std::unique_ptr<os::SimFileSystem> files;
  Model rows;
};
Killed killed_machine() {
  os::SimEnvironment machine({.seed = 1});
  Options options = logging();
  options.mode = Mode::create;
  const EnginePointer engine = open_shared(machine.environment(), test_path, options).value();
  Killed killed;
  for (int i = 0; i < 30; ++i) {
    const std::string key = "key" + std::to_string(i % 20);
    killed.rows[key] = std::to_string(i) + std::string(i % 7 == 0 ? 9000 : 300, 'v');
    QUIRE_ASSERT(commit_rows(*engine, {{key, killed.rows[key]}}).ok());
    if (i == 10) QUIRE_ASSERT(engine->checkpoint().ok());
  }
  std::optional<Writer> writer;
  QUIRE_ASSERT(Writer::begin(*engine, {}, writer).ok());
  const catalog::KeyspaceRecord record = *writer->catalog().find(default_keyspace);
  for (int i = 0; i < 20; ++i) QUIRE_ASSERT(writer->put(record, "key" + std::to_string(i), "never").ok());
  QUIRE_ASSERT(engine->checkpoint().ok());
  killed.files = machine.files().kill();
  return killed;
}

TEST(recovery_failures, of_a_full_disk_are_named_and_heal_at_every_operation) {
  const Killed killed = killed_machine();
  std::uint64_t failed = 0;
  bool done = false;
  for (std::uint64_t operation = 0; !done && operation < 400; ++operation) {
    os::SimEnvironment machine(killed.files->kill());
    machine.files().inject({.kind = os::FaultKind::no_space, .operation = machine.files().operation_count() + operation, .sticky = true});
    Status opened;
    {
      const Result<EnginePointer> engine = open_shared(machine.environment(), test_path, logging());
      opened = engine.status();
      if (engine.ok()) {
        EXPECT_EQ(rows_of(**engine).value(), killed.rows);
      }
    }
    done = machine.files().faults_fired() == 0;
    SCOPED_TRACE("operation " + std::to_string(operation) + ": " + opened.to_string());
    if (!opened.ok()) {
      ++failed;
      EXPECT_EQ(opened, Code::full);
      EXPECT_TRUE(std::string(opened.message()).find(test_path) != std::string::npos || std::string(opened.message()).find("/archive") != std::string::npos) << "no path is named";
    }
    machine.files().clear_faults();
    Random random(operation);
    os::SimEnvironment after_a_power_cut(machine.files().crash(random));
    os::SimEnvironment killed_again(machine.files().kill());
    for (os::SimEnvironment* each : {&machine, &after_a_power_cut, &killed_again}) {
      const Result<EnginePointer> engine = open_shared(each->environment(), test_path, logging());
      ASSERT_TRUE(engine.ok()) << engine.status().to_string();
      EXPECT_EQ(rows_of(**engine).value(), killed.rows);
      EXPECT_EQ((*engine)->verify(0).status().to_string(), "ok");
    }
  }
  EXPECT_TRUE(done) << "the opening never ends";
  EXPECT_GT(failed, 10u);
}

TEST(recovery_failures, of_a_missing_log_name_the_path_that_is_expected) {
  const Killed killed = killed_machine();
  os::SimEnvironment machine(killed.files->kill());
  const std::vector<wal::SegmentFile> log = wal::list_segments(machine.files(), test_path).value();
  ASSERT_FALSE(log.empty());
  for (const wal::SegmentFile& segment : log) ASSERT_TRUE(machine.files().remove(segment.path).ok());
  for (const Mode mode : {Mode::open, Mode::read_only}) {
    Options options = logging();
    options.mode = mode;
    const Result<EnginePointer> engine = open_shared(machine.environment(), test_path, options);
    EXPECT_EQ(engine, Code::corrupt);
    EXPECT_THAT(engine.status().to_string(), AllOf(HasSubstr("is needed to open /data/app.qdb"), HasSubstr("the log is missing"),
                                                   HasSubstr("at least one file /data/app.qdb-wal.N is expected")));
  }
}

}  // namespace
}  // namespace quire::engine
