// A handle whose commit failed while it was written.
//
// Goal     every call says poisoned, transactions still end, closing and reopening cure it
// Method   a simulated device whose writes and syncs fail from one commit on, and whose syncs say so at once
#include "kv/test_database.hpp"
#include "os/sim/sim_environment.hpp"

namespace quire::kv {
namespace {

TEST(poisoned, answers_everything_with_poisoned_until_it_is_reopened) {
  os::SimEnvironment machine({.seed = 4, .profile = os::DeviceProfile{}});
  Database db = open_database(machine.environment(), test_path, impatient).value();
  Keyspace keyspace = db.keyspace().value();
  ASSERT_TRUE(keyspace.put("k", "before").ok());
  machine.files().inject({.kind = os::FaultKind::io_error, .operation = 0, .path = "app.qdb", .sticky = true});
  const Status failed = keyspace.put("k", "after");
  EXPECT_TRUE(failed == Code::io || failed == Code::unknown_outcome) << failed.to_string();
  machine.files().clear_faults();
  EXPECT_EQ(keyspace.get("k"), Code::poisoned);
  EXPECT_EQ(keyspace.put("k", "again"), Code::poisoned);
  EXPECT_EQ(db.begin(), Code::poisoned);
  EXPECT_EQ(db.begin(Access::read), Code::poisoned);
  EXPECT_EQ(db.verify(), Code::poisoned);
  EXPECT_EQ(db.statistics(), Code::poisoned);
  EXPECT_EQ(db.keyspaces(), Code::poisoned);
  EXPECT_EQ(db.create_keyspace("a"), Code::poisoned);
  EXPECT_EQ(db.close().to_string(), "ok");
  Database again = open_database(machine.environment(), test_path, impatient).value();
  EXPECT_EQ(entries_of(again), (Model{{"k", "before"}}));
  EXPECT_TRUE(again.keyspace()->put("k", "after").ok());
}

// A commit ends its transaction in any case, also one that began before the handle was poisoned by another.
TEST(poisoned, lets_transactions_end) {
  os::SimEnvironment machine({.seed = 5, .profile = os::DeviceProfile{}});
  Database db = open_database(machine.environment(), test_path, impatient).value();
  ASSERT_TRUE(db.keyspace()->put("k", "before").ok());
  Transaction writer = db.begin().value();
  ASSERT_TRUE(writer.put("default", "k", "v").ok());
  Transaction reader = db.begin(Access::read).value();
  machine.files().inject({.kind = os::FaultKind::io_error, .operation = 0, .path = "app.qdb", .sticky = true});
  EXPECT_FALSE(writer.commit().ok());
  EXPECT_FALSE(writer.active());
  EXPECT_EQ(reader.get("default", "k"), Code::poisoned);
  EXPECT_TRUE(reader.rollback().ok());
  EXPECT_EQ(db.begin(), Code::poisoned);
  EXPECT_EQ(db.close().to_string(), "ok") << "a transaction is still counted";
}

}  // namespace
}  // namespace quire::kv
