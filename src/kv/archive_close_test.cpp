// Closing a database whose archive cannot be written to.
//
// Goal     close says which archive lacks what; nothing is lost, and the next opening with that archive completes it
// Method   a simulated machine on which everything below the archive's directory fails, from the first close on
#include "engine/engine.hpp"
#include "kv/test_database.hpp"
#include "os/sim/sim_environment.hpp"

#include <gtest/gtest.h>

namespace quire::kv {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* archive = "/archive";

Options archiving() {
  Options options = impatient;
  options.log_limit = std::uint64_t{64} << 10;
  options.archive_dir = archive;
  return options;
}

class ArchiveAtClose : public testing::TestWithParam<os::FaultKind> {
 protected:
  Database open() { return open_database(machine_.environment(), test_path, archiving()).value(); }
  void break_archive() { machine_.files().inject({.kind = GetParam(), .operation = 0, .path = archive, .sticky = true}); }

  // From the backup and the archive alone.
  Model restored() {
    const Result<RestoreReport> report = engine::Engine::restore(machine_.environment(), "/data/backup.qdb", archive, "/data/restored.qdb", {});
    if (!report.ok()) return {{"failed", report.status().to_string()}};
    Database database = open_database(machine_.environment(), "/data/restored.qdb", impatient).value();
    return entries_of(database);
  }

  os::SimEnvironment machine_{os::SimOptions{.seed = 1}};
};

TEST_P(ArchiveAtClose, is_reported_when_it_lacks_something_and_completed_by_the_next_opening) {
  Database db = open();
  ASSERT_TRUE(db.keyspace()->put("a", "1").ok());
  ASSERT_EQ(db.backup("/data/backup.qdb").to_string(), "ok");
  ASSERT_TRUE(db.keyspace()->put("b", std::string(5000, 'x')).ok());
  break_archive();
  const Status closed = db.close();
  EXPECT_EQ(closed, GetParam() == os::FaultKind::no_space ? Code::full : Code::io);
  EXPECT_THAT(std::string(closed.message()), AllOf(HasSubstr("the archive /archive lacks the log of /data/app.qdb from LSN 0 to LSN "), HasSubstr("the next opening")));
  EXPECT_EQ(db.keyspace().status(), Code::invalid) << "it is closed all the same";

  machine_.files().clear_faults();
  Database again = open();
  EXPECT_EQ(entries_of(again), (Model{{"a", "1"}, {"b", std::string(5000, 'x')}}));
  ASSERT_TRUE(again.keyspace()->put("c", "3").ok());
  EXPECT_EQ(again.close().to_string(), "ok");
  EXPECT_EQ(restored(), (Model{{"a", "1"}, {"b", std::string(5000, 'x')}, {"c", "3"}}));
}

TEST_P(ArchiveAtClose, is_reported_to_the_last_handle_only) {
  Database first = open();
  Database second = open();
  ASSERT_TRUE(first.keyspace()->put("a", "1").ok());
  break_archive();
  EXPECT_EQ(first.close().to_string(), "ok");
  EXPECT_THAT(second.close().to_string(), HasSubstr(archive));
}

TEST_P(ArchiveAtClose, is_complete_when_nothing_was_changed) {
  Database db = open();
  break_archive();
  EXPECT_EQ(db.close().to_string(), "ok");
}

INSTANTIATE_TEST_SUITE_P(Faults, ArchiveAtClose, testing::Values(os::FaultKind::io_error, os::FaultKind::no_space));

// What was committed before the failure is not there either.
TEST(archive_at_close, is_reported_of_a_poisoned_handle) {
  os::SimEnvironment machine({.seed = 2, .profile = os::DeviceProfile{}});
  Database db = open_database(machine.environment(), test_path, archiving()).value();
  ASSERT_TRUE(db.keyspace()->put("a", "1").ok());
  machine.files().inject({.kind = os::FaultKind::io_error, .operation = 0, .path = "-wal.", .sticky = true});
  ASSERT_EQ(db.keyspace()->put("b", "2"), Code::unknown_outcome);
  machine.files().clear_faults();
  const Status closed = db.close();
  EXPECT_EQ(closed, Code::poisoned);
  EXPECT_THAT(std::string(closed.message()), HasSubstr("/archive lacks the log"));
}

}  // namespace
}  // namespace quire::kv
