// One fault at every operation of a workload that commits through the log, in all durability classes; and full disks.
//
// Goal     a failed commit is either not committed or unknown until reopened, and says which; what is poisoned says so to every
//          call; a reopen finds what was acknowledged to the class; a full disk loses nothing and heals, also in recovery
// Method   one run for every operation number with the fault there, with a log so small that it changes segments and needs
//          checkpoints; then what a killed process and a power cut leave is reopened and compared with the model
#include "kv/open.hpp"
#include "os/hook.hpp"
#include "os/sim/crash_images.hpp"
#include "support/crash_harness.hpp"
#include "support/crash_points.hpp"

namespace quire::test {
namespace {

constexpr std::uint64_t transactions = 9;
constexpr WorkloadOptions lively{.keys = 25, .operations_max = 10, .large_value_chance = 12, .savepoint_chance = 6, .checkpoint_chance = 12, .rollback_chance = 5};

Options log_options() { return crash_test_options(4096, Journal::log); }

struct Outcome {
  std::vector<State> states = {fresh_state()};  // by commit
  std::size_t last = 0;                         // committed, as this process sees it
  std::size_t kept_by_process = 0;              // what its end does not take back
  std::size_t kept_by_power = 0;                // what a power cut does not take back
  std::size_t attempted = 0;
  std::uint64_t refused = 0;
  std::uint64_t unknown = 0;
  std::string wrong;
};

// What a handle that has failed answers to everything.
std::string not_poisoned(Database& database) {
  if (database.begin() != Code::poisoned) return "begin";
  if (database.begin(Access::read) != Code::poisoned) return "begin of a read transaction";
  if (database.checkpoint() != Code::poisoned) return "checkpoint";
  if (database.verify() != Code::poisoned) return "verify";
  if (database.statistics() != Code::poisoned) return "statistics";
  if (database.keyspace() != Code::poisoned) return "keyspace";
  return {};
}

void judge_failure(Database& database, Outcome& outcome, const Status& failure) {
  if (failure == Code::unknown_outcome) {
    ++outcome.unknown;
    const std::string alive = not_poisoned(database);
    if (!alive.empty()) outcome.wrong = "after an unknown outcome not poisoned: " + alive;
    return;
  }
  ++outcome.refused;
  outcome.attempted = outcome.last;
  const Result<State> now = read_state(database);
  if (now.ok() && *now != outcome.states[outcome.last]) {
    outcome.wrong = "after '" + failure.to_string() + "': " + difference(*now, outcome.states[outcome.last]);
  }
  if (now == Code::poisoned) {
    const std::string alive = not_poisoned(database);
    if (!alive.empty()) outcome.wrong = "one call is poisoned, not so " + alive;
  }
}

void commit(Database& database, Transaction& tx, State next, Durability durability, Outcome& outcome) {
  outcome.states.resize(outcome.last + 1);
  outcome.states.push_back(std::move(next));
  outcome.attempted = outcome.last + 1;
  tx.set_durability(durability);
  const Status status = tx.commit();
  if (!status.ok()) return judge_failure(database, outcome, status);
  outcome.last = outcome.attempted;
  if (durability != Durability::lazy) outcome.kept_by_process = outcome.last;
  if (durability == Durability::sync) outcome.kept_by_power = outcome.last;
  const Result<State> own = read_state(database);
  if (own.ok() && *own != outcome.states[outcome.last]) outcome.wrong = "a commit is not read back at once";
}

Outcome drive(os::SimEnvironment& machine, std::uint64_t seed) {
  Outcome outcome;
  Workload workload(seed, lively);
  Random random(seed);
  Result<Database> database = kv::open_database(machine.environment(), crash_test_path, log_options());
  if (!database.ok()) return outcome;
  for (std::uint64_t i = 1; i <= transactions && outcome.wrong.empty(); ++i) {
    const auto durability = static_cast<Durability>(random.below(3));
    Result<Transaction> tx = database->begin();
    if (!tx.ok()) break;
    State next = outcome.states[outcome.last];
    const Status filled = workload.fill(*tx, next, i, &*database);
    if (filled == Code::unknown_outcome) outcome.wrong = "before any commit: " + filled.to_string();
    if (!filled.ok()) continue;
    if (workload.rolls_back()) {
      (void)tx->rollback().ok();
      continue;
    }
    commit(*database, *tx, std::move(next), durability, outcome);
    if (outcome.attempted != outcome.last) break;
  }
  return outcome;
}

enum class Device { honest, lying };

std::string reopen(std::unique_ptr<os::SimFileSystem> files, const Outcome& outcome, std::size_t at_least, Device device) {
  os::SimEnvironment machine(std::move(files));
  machine.files().clear_faults();
  const auto acceptable = [&](const Status& status) {
    return device == Device::lying && (status == Code::corrupt || status == Code::unsupported);
  };
  Result<Database> database = kv::open_database(machine.environment(), crash_test_path, log_options());
  // Some systems tell of what is lost at the next sync only (FailedSync::late), which is then that of an opening.
  for (int i = 0; i < 8 && database == Code::io; ++i) database = kv::open_database(machine.environment(), crash_test_path, log_options());
  if (!database.ok()) return acceptable(database.status()) ? "" : "reopen: " + database.status().to_string();
  const Result<VerifyReport> verified = database->verify();
  if (!verified.ok() && !acceptable(verified.status())) return "verify: " + verified.status().to_string();
  const Result<State> found = read_state(*database);
  if (!found.ok()) return acceptable(found.status()) ? "" : "reading: " + found.status().to_string();
  for (std::size_t n = at_least; n <= outcome.attempted; ++n) {
    if (*found == outcome.states[n]) return {};
  }
  return "the state is none of commits " + std::to_string(at_least) + " to " + std::to_string(outcome.attempted) + ": " +
         difference(*found, outcome.states[outcome.attempted]);
}

struct Tally {
  std::uint64_t hit = 0;
  std::uint64_t refused = 0;
  std::uint64_t unknown = 0;
  std::string wrong;
};

std::string judge(os::SimEnvironment& machine, const Outcome& outcome, std::uint64_t seed, Device device) {
  if (!outcome.wrong.empty()) return outcome.wrong;
  const bool lies = device == Device::lying;
  // What was handed to the system and not synced is the system's to lose when its device fails.
  const std::size_t handed_over = machine.files().faults_fired() == 0 ? outcome.kept_by_process : outcome.kept_by_power;
  std::string wrong = reopen(machine.files().kill(), outcome, lies ? 0 : handed_over, device);
  if (!wrong.empty()) return "killed: " + wrong;
  Random random(seed);
  for (int image = 0; image < 2 && wrong.empty(); ++image) {
    wrong = reopen(machine.files().crash(random), outcome, lies ? 0 : outcome.kept_by_power, device);
  }
  return wrong.empty() ? "" : "power cut: " + wrong;
}

Tally fault_at_every_operation(const os::Fault& fault, Device device, std::optional<os::FailedSync> failed_sync = std::nullopt) {
  Tally tally;
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    os::SimOptions options{.seed = seed};
    if (failed_sync) {
      options.profile = os::SimEnvironment(options).files().profile();
      options.profile->failed_sync = *failed_sync;
    }
    std::uint64_t operations = 0;
    {
      os::SimEnvironment machine(options);
      drive(machine, seed);
      operations = machine.files().operation_count();
    }
    for (std::uint64_t n = 1; n <= operations && tally.wrong.empty(); ++n) {
      os::SimEnvironment machine(options);
      os::Fault here = fault;
      here.operation = n;
      machine.files().inject(here);
      const Outcome outcome = drive(machine, seed);
      tally.hit += machine.files().faults_fired();
      tally.refused += outcome.refused;
      tally.unknown += outcome.unknown;
      tally.wrong = judge(machine, outcome, seed * 1000 + n, device);
      if (!tally.wrong.empty()) tally.wrong += " (seed " + std::to_string(seed) + ", fault at operation " + std::to_string(n) + " of " + std::to_string(operations) + ")";
    }
  }
  return tally;
}

class LogFault : public testing::TestWithParam<os::FaultKind> {};

TEST_P(LogFault, never_loses_or_half_does_a_commit) {
  const Tally tally = fault_at_every_operation({.kind = GetParam()}, Device::honest);
  EXPECT_EQ(tally.wrong, "");
  EXPECT_GT(tally.hit, 0u);
}

INSTANTIATE_TEST_SUITE_P(fault, LogFault,
                         testing::Values(os::FaultKind::io_error, os::FaultKind::writeback_error, os::FaultKind::no_space,
                                         os::FaultKind::over_quota, os::FaultKind::no_descriptors, os::FaultKind::interrupted,
                                         os::FaultKind::short_write, os::FaultKind::short_read));

class LyingLog : public testing::TestWithParam<os::FaultKind> {};

TEST_P(LyingLog, gives_an_old_state_or_an_error_but_no_mixture) {
  const Tally tally = fault_at_every_operation({.kind = GetParam()}, Device::lying);
  EXPECT_EQ(tally.wrong, "");
  EXPECT_GT(tally.hit, 0u);
}

INSTANTIATE_TEST_SUITE_P(fault, LyingLog,
                         testing::Values(os::FaultKind::bit_rot, os::FaultKind::misdirected_write, os::FaultKind::lost_write,
                                         os::FaultKind::stale_write));

class LogFailedSync : public testing::TestWithParam<os::FailedSync> {};

// The log alone fails, for good.
TEST_P(LogFailedSync, is_an_unknown_outcome_and_poisons) {
  const Tally tally = fault_at_every_operation({.kind = os::FaultKind::io_error, .path = "-wal.", .sticky = true}, Device::honest, GetParam());
  EXPECT_EQ(tally.wrong, "");
  EXPECT_GT(tally.unknown, 10u);
  EXPECT_GT(tally.refused, 10u);
}

INSTANTIATE_TEST_SUITE_P(fault, LogFailedSync, testing::Values(os::FailedSync::dropped, os::FailedSync::late, os::FailedSync::reverted));

// ---- full disks

// Checkpoints that became durable in a scope.
class CountedCheckpoints {
 public:
  CountedCheckpoints() {
    os::set_hook_handler([](std::string_view name, void* self) {
      auto& counted = *static_cast<CountedCheckpoints*>(self);
      if (name == "checkpoint.durable" && !counted.paused_) ++counted.count_;
      return Status();
    }, this);
  }
  ~CountedCheckpoints() { os::set_hook_handler(nullptr, nullptr); }
  CountedCheckpoints(const CountedCheckpoints&) = delete;
  CountedCheckpoints& operator=(const CountedCheckpoints&) = delete;
  std::uint64_t count() const noexcept { return count_; }

  struct Pause {
    explicit Pause(CountedCheckpoints& counted) : all(counted) { all.paused_ = true; }
    ~Pause() { all.paused_ = false; }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    CountedCheckpoints& all;
  };

 private:
  std::uint64_t count_ = 0;
  bool paused_ = false;
};

std::string number(int i) { return std::to_string(100000 + i); }

// A transaction that a checkpoint holds is taken back by recovery, for which every page has to be written anew; without room
// that takes several checkpoints, and the log behind the transaction counts for each of them.
TEST(full_disk_log, takes_back_in_recovery_and_keeps_what_the_log_commits) {
  os::SimEnvironment machine(os::SimOptions{.seed = 3});
  const State expected{{std::string(default_keyspace), {{"after", "2"}, {"survivor", "1"}}}};
  Options options = log_options();
  options.log_limit = std::uint64_t{16} << 20;    // or it would commit through a checkpoint
  options.memory_limit = std::uint64_t{16} << 20;  // nothing is evicted, so no place in the file is left free
  {
    Result<Database> database = kv::open_database(machine.environment(), crash_test_path, options);
    ASSERT_TRUE(database.ok()) << database.status().to_string();
    Transaction tx = database->begin().value();
    ASSERT_TRUE(tx.put(default_keyspace, "survivor", "1").ok());
    const Savepoint savepoint = tx.savepoint().value();
    for (int i = 0; i < 2500; ++i) ASSERT_TRUE(tx.put(default_keyspace, "row" + number(i * 1009 % 2500), std::string(900, 'v')).ok());
    ASSERT_TRUE(database->checkpoint().ok());
    const std::size_t bytes = machine.files().contents(crash_test_path)->size();
    ASSERT_TRUE(tx.rollback_to(savepoint).ok());
    ASSERT_EQ(tx.commit().to_string(), "ok");
    ASSERT_TRUE(database->keyspace()->put("after", "2").ok());
    // The file has its old length, and little more: most of what made it longer was never synced.
    os::SimEnvironment rebooted(machine.files().kill());
    rebooted.files().install(crash_test_path, machine.files().contents(crash_test_path)->substr(0, bytes + 150 * 4096));
    rebooted.files().set_quota(rebooted.files().used_bytes());
    std::uint64_t checked = 0;
    CountedCheckpoints counted;
    const auto check = [&](std::unique_ptr<os::SimFileSystem> files, const std::string& which) {
      const CountedCheckpoints::Pause not_these(counted);
      files->set_quota(os::unlimited_bytes);
      os::SimEnvironment again(std::move(files));
      Result<Database> found = kv::open_database(again.environment(), crash_test_path, options);
      ASSERT_TRUE(found.ok()) << which << ": " << found.status().to_string();
      const Result<State> state = read_state(*found);
      ASSERT_TRUE(state.ok()) << which << ": " << state.status().to_string();
      ASSERT_EQ(difference(*state, expected), "no difference") << which;
      ++checked;
    };
    {
      const CrashPoints points(rebooted.files(), {.seed = 7, .images = 1, .one_in = 13}, check);
      const Result<Database> opened = kv::open_database(rebooted.environment(), crash_test_path, options);
      ASSERT_TRUE(opened.ok() || opened == Code::full) << opened.status().to_string();
    }
    check(rebooted.files().kill(), "at the end");
    EXPECT_GT(checked, 10u);
    EXPECT_GT(counted.count(), 2u) << "no checkpoint came between, so nothing was tested";
  }
}

}  // namespace
}  // namespace quire::test
