// CrashHarness: driving the workload and judging the images.
#include "support/crash_harness.hpp"

#include "base/try.hpp"
#include "kv/open.hpp"
#include "os/sim/crash_images.hpp"
#include "support/crash_points.hpp"

namespace quire::test {

namespace {

constexpr std::uint64_t commits_after_crash = 3;

// A workload of its own for the life after a crash.
constexpr WorkloadOptions second_life_workload{.keys = 40, .operations_max = 5, .large_value_bytes_max = 9000};

}  // namespace

Options crash_test_options(std::uint32_t page_bytes, Journal journal) {
  // A log so small that segments change and checkpoints are needed all the time.
  return {.page_size = page_bytes, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0, .journal = journal, .log_limit = std::uint64_t{64} << 10};
}

Options CrashHarness::options(Mode mode) const {
  Options options = crash_test_options(options_.page_bytes, options_.journal);
  options.mode = mode;
  return options;
}

CrashHarness::CrashHarness(const CrashOptions& options)
    : options_(options), machine_(os::SimOptions{.seed = options.seed}), workload_(options.seed, options.workload), random_(options.seed ^ 0x6475726162u) {
  states_.push_back(fresh_state());
}

CrashReport CrashHarness::run() {
  machine_.files().observe([this](const os::Operation& operation) { before_operation(operation); });
  drive();
  machine_.files().observe(nullptr);
  report_.operations = machine_.files().operation_count();
  if (report_.failure.empty() && machine_.files().locks_held() != 0) report_.failure = "a lock is still held at the end";
  if (!report_.failure.empty()) report_.failure += " (seed " + std::to_string(options_.seed) + ")";
  return report_;
}

// One transaction, committed or rolled back; false when the run has gone wrong.
bool CrashHarness::transact(Database& database, std::uint64_t number) {
  const auto wrong = [&](const char* what, const Status& status) {
    fail("the run itself", what + status.to_string());
    return false;
  };
  Result<Transaction> tx = database.begin();
  if (!tx.ok()) return wrong("begin: ", tx.status());
  State next = states_.back();
  Status status = workload_.fill(*tx, next, number, &database);
  if (!status.ok()) return wrong("change: ", status);
  if (workload_.rolls_back()) {
    status = tx->rollback();
    return status.ok() || wrong("rollback: ", status);
  }
  states_.push_back(std::move(next));
  attempted_ = states_.size() - 1;
  const auto durability = static_cast<Durability>(options_.mixed_durability ? random_.below(3) : 0);
  tx->set_durability(durability);
  status = tx->commit();
  if (!status.ok()) return wrong("commit: ", status);
  if (durability == Durability::sync) acknowledged_ = attempted_;
  if (durability != Durability::lazy) acknowledged_to_process_ = attempted_;
  acknowledged_generation_ = database.statistics()->generation;
  return true;
}

void CrashHarness::drive() {
  Result<Database> database = kv::open_database(machine_.environment(), crash_test_path, options(Mode::create));
  if (!database.ok()) return fail("the run itself", "open: " + database.status().to_string());
  created_ = true;
  acknowledged_generation_ = database->statistics()->generation;
  for (std::uint64_t i = 1; i <= options_.transactions && report_.failure.empty(); ++i) {
    if (options_.snapshots != 0 && i % 2 == 0) snapshots_.push_back({database->begin(Access::read).value(), states_.size() - 1});
    if (!transact(*database, i)) break;
    if (snapshots_.size() > options_.snapshots) snapshots_.pop_front();
    for (const Snapshot& snapshot : snapshots_) {
      const Result<State> seen = read_state(snapshot.transaction);
      if (!seen.ok() || *seen != states_[snapshot.state]) fail("the run itself", "a snapshot of commit " + std::to_string(snapshot.state) + " has changed");
    }
  }
  report_.evictions = database->statistics().ok() ? database->statistics()->page_evictions : 0;
  snapshots_.clear();
}

void CrashHarness::before_operation(const os::Operation& operation) {
  if (!operation.changes || !report_.failure.empty()) return;
  if (created_ && operation.number % options_.operations_one_in != 0) return;
  const OtherMachine other;
  const std::string at = "before operation " + std::to_string(operation.number) + " ";
  check_image(machine_.files().kill(), at + "killed", acknowledged_to_process_);
  os::CrashImages images(machine_.files(), {.seed = options_.seed * 1000003 + operation.number, .budget = options_.images_per_operation});
  while (std::unique_ptr<os::SimFileSystem> image = images.next()) {
    if (!report_.failure.empty()) return;
    check_image(std::move(image), at + images.description(), acknowledged_);
  }
}

void CrashHarness::fail(const std::string& which, const std::string& what) {
  if (report_.failure.empty()) report_.failure = which + ": " + what;
}

std::string CrashHarness::check_state(Database& database, std::size_t at_least) {
  const Result<VerifyReport> verified = database.verify();
  if (!verified.ok()) return "verify: " + verified.status().to_string();
  const Result<State> found = read_state(database);
  if (!found.ok()) return "reading: " + found.status().to_string();
  const Result<Statistics> statistics = database.statistics();
  if (!statistics.ok()) return "statistics: " + statistics.status().to_string();
  if (statistics->generation < acknowledged_generation_) return "the generation has fallen";
  for (std::size_t n = at_least; n <= attempted_; ++n) {
    if (*found == states_[n]) return {};
  }
  return "the state is none of commits " + std::to_string(at_least) + " to " + std::to_string(attempted_) + ": " +
         difference(*found, states_[attempted_]);
}

void CrashHarness::check_image(std::unique_ptr<os::SimFileSystem> image, const std::string& which, std::size_t at_least) {
  ++report_.images;
  const std::uint64_t number = report_.images;
  const Mode mode = created_ ? Mode::open : Mode::create;
  os::SimEnvironment machine(std::move(image));
  if (created_ && number % 4 == 0) {
    const std::uint64_t before = machine.files().content_hash();
    Result<Database> database = kv::open_database(machine.environment(), crash_test_path, options(Mode::read_only));
    if (!database.ok()) return fail(which, "read-only open: " + database.status().to_string());
    const std::string wrong = check_state(*database, at_least);
    if (!wrong.empty()) return fail(which, "read-only: " + wrong);
    if (!database->close().ok() || machine.files().content_hash() != before) return fail(which, "a read-only open changed the file");
  }
  const std::uint64_t bytes_before = machine.files().exists(crash_test_path).value_or(false) ? machine.files().contents(crash_test_path)->size() : 0;
  std::unique_ptr<os::SimFileSystem> for_recovery;
  if (created_ && number % options_.recovery_crash_one_in == 0) for_recovery = machine.files().kill();
  for (int opening = 0; opening < 2; ++opening) {
    const std::uint64_t before = machine.files().content_hash();
    Result<Database> database = kv::open_database(machine.environment(), crash_test_path, options(mode));
    if (!database.ok()) return fail(which, "open: " + database.status().to_string());
    const std::string wrong = check_state(*database, at_least);
    if (!wrong.empty()) return fail(which, wrong);
    if (!database->close().ok()) return fail(which, "close failed");
    if (opening == 1 && machine.files().content_hash() != before) return fail(which, "a second open changed the file");
  }
  if (machine.files().files() != std::vector<std::string>{crash_test_path}) return fail(which, "a stray file is left");
  if (machine.files().open_files() != 0 || machine.files().locks_held() != 0) return fail(which, "a file or lock is still held");
  const std::string left = check_closed(machine, bytes_before);
  if (!left.empty()) return fail(which, left);
  if (for_recovery != nullptr) {
    const std::string wrong = crash_recovery(std::move(for_recovery), options_.seed + number, at_least);
    if (!wrong.empty()) return fail(which, "recovery cut off " + wrong);
  }
  if (number % options_.second_crash_one_in == 0) {
    ++report_.second_lives;
    const std::string wrong = live_on(machine.files(), options_.seed + number);
    if (!wrong.empty()) fail(which, "second life: " + wrong);
  }
}

// What a cleanly closed file must not hold.
std::string CrashHarness::check_closed(os::SimEnvironment& machine, std::uint64_t bytes_before) {
  Result<Database> database = kv::open_database(machine.environment(), crash_test_path, options(Mode::read_only));
  if (!database.ok()) return "reading what was closed: " + database.status().to_string();
  const Result<Statistics> statistics = database->statistics();
  if (!statistics.ok()) return "statistics: " + statistics.status().to_string();
  if (statistics->undo_pages != 0) return std::to_string(statistics->undo_pages) + " undo pages are left in a closed file";
  // I11: recovery needs some room, but does not keep it.
  const std::uint64_t allowance = std::uint64_t{64} * options_.page_bytes;
  if (bytes_before != 0 && statistics->file_bytes > bytes_before + allowance) {
    return "the file has grown from " + std::to_string(bytes_before) + " to " + std::to_string(statistics->file_bytes) + " bytes";
  }
  return {};
}

// The image is opened as it is; a power cut at any operation of that must lead to a committed state again.
std::string CrashHarness::crash_recovery(std::unique_ptr<os::SimFileSystem> image, std::uint64_t seed, std::size_t at_least) {
  os::SimEnvironment machine(std::move(image));
  const Options options = this->options(Mode::open);
  Random random(seed);
  std::string wrong;
  const auto judge = [&](const os::Operation& operation) {
    if (!operation.changes || !wrong.empty()) return;
    const OtherMachine other;
    ++report_.recoveries;
    for (int which = 0; which < 3 && wrong.empty(); ++which) {
      os::SimEnvironment rebooted(which == 0 ? machine.files().kill() : machine.files().crash(random));
      Result<Database> again = kv::open_database(rebooted.environment(), crash_test_path, options);
      const Status opened = again.ok() ? again->verify().status() : again.status();
      const Result<State> found = opened.ok() ? read_state(*again) : Result<State>(opened);
      if (!found.ok()) wrong = "before operation " + std::to_string(operation.number) + ": " + found.status().to_string();
      // What the killed process had not synced may still go; what nobody has acknowledged may still not be there.
      bool right = false;
      for (std::size_t n = which == 0 ? at_least : acknowledged_; found.ok() && n <= attempted_; ++n) right = right || *found == states_[n];
      if (found.ok() && !right) wrong = "before operation " + std::to_string(operation.number) + " leads to no committed state";
    }
  };
  machine.files().observe(judge);
  const Result<Database> database = kv::open_database(machine.environment(), crash_test_path, options);
  machine.files().observe(nullptr);
  if (!database.ok() && wrong.empty()) wrong = "fails: " + database.status().to_string();
  return wrong;
}

// Three more commits, each of whose operations may be the last.
std::string CrashHarness::live_on(os::SimFileSystem& image, std::uint64_t seed) {
  os::SimEnvironment machine(image.kill());
  const Options options = this->options(Mode::open);
  Workload workload(seed, second_life_workload);
  std::vector<State> states;
  std::size_t acknowledged = 0;
  std::string wrong;
  Random random(seed);
  const auto judge = [&](const os::Operation& operation) {
    if (!operation.changes || !wrong.empty() || states.empty()) return;
    const OtherMachine other;
    os::SimEnvironment rebooted(machine.files().crash(random));
    Result<Database> again = kv::open_database(rebooted.environment(), crash_test_path, options);
    if (!again.ok()) {
      wrong = "open: " + again.status().to_string();
      return;
    }
    const Result<VerifyReport> verified = again->verify();
    const Result<State> found = verified.ok() ? read_state(*again) : Result<State>(verified.status());
    bool right = false;
    for (std::size_t n = acknowledged; found.ok() && n < states.size(); ++n) right = right || *found == states[n];
    if (!right) wrong = found.ok() ? "the state is none of the committed ones" : found.status().to_string();
  };
  machine.files().observe(judge);
  {
    Result<Database> database = kv::open_database(machine.environment(), crash_test_path, options);
    if (!database.ok()) return "open: " + database.status().to_string();
    Result<State> start = read_state(*database);
    if (!start.ok()) return "reading: " + start.status().to_string();
    states.push_back(std::move(start).value());
    for (std::uint64_t i = 0; i < commits_after_crash && wrong.empty(); ++i) {
      Result<Transaction> tx = database->begin();
      State next = states.back();
      Status status = tx.ok() ? workload.fill(*tx, next, 1000 + i) : tx.status();
      states.push_back(std::move(next));
      if (status.ok()) status = tx->commit();
      if (!status.ok()) return "commit: " + status.to_string();
      acknowledged = states.size() - 1;
    }
  }
  machine.files().observe(nullptr);
  return wrong;
}

}  // namespace quire::test
