// One fault at every operation of a workload: failed, short, lost and rotten reads and writes, and full disks.
//
// Goal     a failed commit changes nothing, an unknown one is all or nothing, a disk that lies gives an old state or an
//          error but never a mixture, and when space returns the same handle goes on
// Method   run the same workload once per operation number with the fault there; then reopen what a killed
//          process leaves and compare with the model
#include "base/try.hpp"
#include "kv/open.hpp"
#include "support/crash_harness.hpp"

namespace quire::test {
namespace {

constexpr std::uint64_t transactions = 5;

struct Outcome {
  std::vector<State> states = {fresh_state()};  // by commit
  std::size_t acknowledged = 0;
  std::size_t attempted = 0;
  bool opened = false;
  std::string wrong;
};

// A failed commit on a handle that still answers must have changed nothing.
void check_unchanged(Database& database, Outcome& outcome, const Status& failure) {
  if (failure == Code::unknown_outcome) return;
  outcome.attempted = outcome.acknowledged;
  const Result<State> now = read_state(database);
  if (now.ok() && *now != outcome.states[outcome.acknowledged]) {
    outcome.wrong = "after '" + failure.to_string() + "': " + difference(*now, outcome.states[outcome.acknowledged]);
  }
}

Outcome drive(os::SimEnvironment& machine, std::uint64_t seed) {
  Outcome outcome;
  Workload workload(seed, {.savepoint_chance = 6, .checkpoint_chance = 10, .rollback_chance = 4});
  Result<Database> database = kv::open_database(machine.environment(), crash_test_path, crash_test_options(4096));
  if (!database.ok()) return outcome;
  outcome.opened = true;
  for (std::uint64_t i = 1; i <= transactions && outcome.wrong.empty(); ++i) {
    Result<Transaction> tx = database->begin();
    if (!tx.ok()) break;
    State next = outcome.states[outcome.acknowledged];
    Status status = workload.fill(*tx, next, i, &*database);
    // Reading what is there may meet the fault too; then the transaction is given up.
    if (!status.ok()) continue;
    if (workload.rolls_back()) {
      (void)tx->rollback().ok();
      continue;
    }
    outcome.states.resize(outcome.acknowledged + 1);
    outcome.states.push_back(std::move(next));
    outcome.attempted = outcome.states.size() - 1;
    status = tx->commit();
    if (status.ok()) {
      outcome.acknowledged = outcome.attempted;
    } else {
      check_unchanged(*database, outcome, status);
      if (status == Code::unknown_outcome) break;
    }
  }
  return outcome;
}

enum class Device { honest, lying };

// What a killed process leaves, reopened on a device that works again.
std::string reopen(os::SimEnvironment& machine, const Outcome& outcome, Device device) {
  machine.files().clear_faults();
  os::SimEnvironment rebooted(machine.files().kill());
  Result<Database> database = kv::open_database(rebooted.environment(), crash_test_path, crash_test_options(4096));
  const auto acceptable = [&](const Status& status) {
    return device == Device::lying && (status == Code::corrupt || status == Code::unsupported);
  };
  if (!database.ok()) return acceptable(database.status()) ? "" : "reopen: " + database.status().to_string();
  const Result<VerifyReport> verified = database->verify();
  if (!verified.ok() && !acceptable(verified.status())) return "verify: " + verified.status().to_string();
  const Result<State> found = read_state(*database);
  if (!found.ok()) return acceptable(found.status()) ? "" : "reading: " + found.status().to_string();
  const std::size_t oldest = device == Device::lying ? 0 : outcome.acknowledged;
  for (std::size_t n = oldest; n <= outcome.attempted; ++n) {
    if (*found == outcome.states[n]) return {};
  }
  return "the state is none of commits " + std::to_string(oldest) + " to " + std::to_string(outcome.attempted) + ": " +
         difference(*found, outcome.states[outcome.attempted]);
}

// The number of faults that hit, or the first wrong result in `wrong`.
std::uint64_t fault_at_every_operation(os::FaultKind kind, Device device, std::string& wrong) {
  std::uint64_t hit = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    std::uint64_t operations = 0;
    {
      os::SimEnvironment machine(os::SimOptions{.seed = seed});
      drive(machine, seed);
      operations = machine.files().operation_count();
    }
    for (std::uint64_t n = 1; n <= operations && wrong.empty(); ++n) {
      os::SimEnvironment machine(os::SimOptions{.seed = seed});
      machine.files().inject({.kind = kind, .operation = n});
      const Outcome outcome = drive(machine, seed);
      hit += machine.files().faults_fired();
      wrong = outcome.wrong.empty() ? reopen(machine, outcome, device) : outcome.wrong;
      if (!wrong.empty()) wrong += " (seed " + std::to_string(seed) + ", fault at operation " + std::to_string(n) + ")";
    }
  }
  return hit;
}

class HonestFault : public testing::TestWithParam<os::FaultKind> {};

TEST_P(HonestFault, never_loses_or_half_does_a_commit) {
  std::string wrong;
  const std::uint64_t hit = fault_at_every_operation(GetParam(), Device::honest, wrong);
  EXPECT_EQ(wrong, "");
  EXPECT_GT(hit, 0u);
}

INSTANTIATE_TEST_SUITE_P(fault, HonestFault,
                         testing::Values(os::FaultKind::io_error, os::FaultKind::writeback_error, os::FaultKind::no_space,
                                         os::FaultKind::over_quota, os::FaultKind::no_descriptors, os::FaultKind::interrupted,
                                         os::FaultKind::short_write, os::FaultKind::short_read));

class LyingDevice : public testing::TestWithParam<os::FaultKind> {};

TEST_P(LyingDevice, gives_an_old_state_or_an_error_but_no_mixture) {
  std::string wrong;
  const std::uint64_t hit = fault_at_every_operation(GetParam(), Device::lying, wrong);
  EXPECT_EQ(wrong, "");
  EXPECT_GT(hit, 0u);
}

INSTANTIATE_TEST_SUITE_P(fault, LyingDevice,
                         testing::Values(os::FaultKind::bit_rot, os::FaultKind::misdirected_write, os::FaultKind::lost_write,
                                         os::FaultKind::stale_write));

// BA-8: a rollback needs room for what it puts back, and finds it, slice by slice, when the disk has none left.
TEST(full_disk, takes_back_whatever_has_filled_it) {
  const WorkloadOptions large{.keys = 200, .operations_max = 60, .value_bytes_max = 3000, .large_value_bytes_max = 60000, .large_value_chance = 6, .savepoint_chance = 30};
  std::uint64_t refused = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::uint32_t page_bytes = seed % 3 == 0 ? 65536 : seed % 3 == 1 ? 4096 : 16384;
    os::SimEnvironment machine(os::SimOptions{.seed = seed});
    Workload workload(seed, large);
    Random random(seed);
    Result<Database> database = kv::open_database(machine.environment(), crash_test_path, crash_test_options(page_bytes));
    ASSERT_TRUE(database.ok()) << database.status().to_string();
    State state = fresh_state();
    for (std::uint64_t i = 1; i <= 6; ++i) {
      Result<Transaction> tx = database->begin();
      State next = state;
      ASSERT_TRUE(workload.fill(*tx, next, i).ok());
      ASSERT_TRUE(tx->commit().ok());
      state = std::move(next);
    }
    machine.files().set_quota(machine.files().used_bytes() + random.below(8) * page_bytes);
    for (std::uint64_t i = 0; i < 4; ++i) {
      Result<Transaction> tx = database->begin();
      ASSERT_TRUE(tx.ok()) << tx.status().to_string();
      State next = state;
      Status status = workload.fill(*tx, next, 100 + i);
      for (int more = 0; status.ok() && more < 20; ++more) status = workload.fill(*tx, next, 100 + i);
      ASSERT_TRUE(status.ok() || status == Code::full) << status.to_string();
      refused += status == Code::full ? 1 : 0;
      if (random.chance(1, 3)) {
        const Status published = database->checkpoint();
        ASSERT_TRUE(published.ok()) << published.to_string();
      }
      const Status rolled_back = tx->rollback();
      ASSERT_TRUE(rolled_back.ok()) << rolled_back.to_string();
      const Result<State> now = read_state(*database);
      ASSERT_TRUE(now.ok()) << now.status().to_string();
      ASSERT_EQ(*now == state, true) << difference(*now, state);
    }
    const Status verified = database->verify().status();
    ASSERT_TRUE(verified.ok()) << verified.to_string();
    machine.files().set_quota(os::unlimited_bytes);
    Result<Transaction> tx = database->begin();
    ASSERT_TRUE(workload.fill(*tx, state, 200).ok());
    ASSERT_TRUE(tx->commit().ok());
    ASSERT_TRUE(database->close().ok());
    Result<Database> again = kv::open_database(machine.environment(), crash_test_path, crash_test_options(page_bytes));
    ASSERT_TRUE(again.ok());
    ASSERT_TRUE(again->verify().ok()) << again->verify().status().to_string();
    ASSERT_EQ(*read_state(*again) == state, true);
  }
  EXPECT_GT(refused, 30u);
}

TEST(full_disk, fails_one_commit_and_goes_on_when_space_returns) {
  os::SimEnvironment machine(os::SimOptions{.seed = 9});
  Result<Database> database = kv::open_database(machine.environment(), crash_test_path, crash_test_options(4096));
  ASSERT_TRUE(database.ok()) << database.status().to_string();
  Result<Keyspace> keyspace = database->keyspace();
  ASSERT_TRUE(keyspace.ok());
  // Growing until the disk is full.
  machine.files().set_quota(machine.files().used_bytes() + 800'000);
  std::uint64_t stored = 0;
  Status status;
  for (; stored < 3000; ++stored) {
    status = keyspace->put("key" + std::to_string(stored), std::string(900, 'v'));
    if (!status.ok()) break;
  }
  ASSERT_EQ(status.code(), Code::full) << status.to_string();
  ASSERT_GT(stored, 10u);
  EXPECT_EQ(*keyspace->count(), stored);
  EXPECT_TRUE(database->verify().ok());
  machine.files().set_quota(os::unlimited_bytes);
  EXPECT_TRUE(keyspace->put("after", "space returned").ok());
  EXPECT_EQ(*keyspace->count(), stored + 1);
  EXPECT_TRUE(database->verify().ok());
}

}  // namespace
}  // namespace quire::test
