// CrashHarness: driving the workload and judging the images.
#include "support/crash_harness.hpp"

#include "base/try.hpp"
#include "kv/open.hpp"
#include "os/sim/crash_images.hpp"

namespace quire::test {

namespace {

constexpr std::uint64_t commits_after_crash = 3;

// A workload of its own for the life after a crash.
constexpr WorkloadOptions second_life_workload{.keys = 40, .operations_max = 5, .large_value_bytes_max = 9000};

}  // namespace

Options crash_test_options(std::uint32_t page_bytes) {
  return {.page_size = page_bytes, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0};
}

CrashHarness::CrashHarness(const CrashOptions& options)
    : options_(options), machine_(os::SimOptions{.seed = options.seed}), workload_(options.seed, options.workload) {
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

void CrashHarness::drive() {
  Result<Database> database = kv::open_database(machine_.environment(), crash_test_path, crash_test_options(options_.page_bytes));
  if (!database.ok()) return fail("the run itself", "open: " + database.status().to_string());
  created_ = true;
  acknowledged_generation_ = database->statistics()->generation;
  for (std::uint64_t i = 1; i <= options_.transactions && report_.failure.empty(); ++i) {
    Result<Transaction> tx = database->begin();
    if (!tx.ok()) return fail("the run itself", "begin: " + tx.status().to_string());
    State next = states_.back();
    Status status = workload_.fill(*tx, next, i);
    if (!status.ok()) return fail("the run itself", "change: " + status.to_string());
    states_.push_back(std::move(next));
    attempted_ = states_.size() - 1;
    status = tx->commit();
    if (!status.ok()) return fail("the run itself", "commit: " + status.to_string());
    acknowledged_ = attempted_;
    acknowledged_generation_ = database->statistics()->generation;
  }
}

void CrashHarness::before_operation(const os::Operation& operation) {
  if (!operation.changes || !report_.failure.empty()) return;
  const std::string at = "before operation " + std::to_string(operation.number) + " ";
  check_image(machine_.files().kill(), at + "killed");
  os::CrashImages images(machine_.files(), {.seed = options_.seed * 1000003 + operation.number, .budget = options_.images_per_operation});
  while (std::unique_ptr<os::SimFileSystem> image = images.next()) {
    if (!report_.failure.empty()) return;
    check_image(std::move(image), at + images.description());
  }
}

void CrashHarness::fail(const std::string& which, const std::string& what) {
  if (report_.failure.empty()) report_.failure = which + ": " + what;
}

std::string CrashHarness::check_state(Database& database) {
  const Result<VerifyReport> verified = database.verify();
  if (!verified.ok()) return "verify: " + verified.status().to_string();
  const Result<State> found = read_state(database);
  if (!found.ok()) return "reading: " + found.status().to_string();
  const Result<Statistics> statistics = database.statistics();
  if (!statistics.ok()) return "statistics: " + statistics.status().to_string();
  if (statistics->generation < acknowledged_generation_) return "the generation has fallen";
  for (std::size_t n = acknowledged_; n <= attempted_; ++n) {
    if (*found == states_[n]) return {};
  }
  return "the state is none of commits " + std::to_string(acknowledged_) + " to " + std::to_string(attempted_) + ": " +
         difference(*found, states_[attempted_]);
}

void CrashHarness::check_image(std::unique_ptr<os::SimFileSystem> image, const std::string& which) {
  ++report_.images;
  const std::uint64_t number = report_.images;
  Options options = crash_test_options(options_.page_bytes);
  if (created_) options.mode = Mode::open;
  os::SimEnvironment machine(std::move(image));
  if (created_ && number % 4 == 0) {
    const std::uint64_t before = machine.files().content_hash();
    options.mode = Mode::read_only;
    Result<Database> database = kv::open_database(machine.environment(), crash_test_path, options);
    if (!database.ok()) return fail(which, "read-only open: " + database.status().to_string());
    const std::string wrong = check_state(*database);
    if (!wrong.empty()) return fail(which, "read-only: " + wrong);
    if (!database->close().ok() || machine.files().content_hash() != before) return fail(which, "a read-only open changed the file");
    options.mode = Mode::open;
  }
  for (int opening = 0; opening < 2; ++opening) {
    const std::uint64_t before = machine.files().content_hash();
    Result<Database> database = kv::open_database(machine.environment(), crash_test_path, options);
    if (!database.ok()) return fail(which, "open: " + database.status().to_string());
    const std::string wrong = check_state(*database);
    if (!wrong.empty()) return fail(which, wrong);
    if (!database->close().ok()) return fail(which, "close failed");
    if (opening == 1 && machine.files().content_hash() != before) return fail(which, "a second open changed the file");
  }
  if (machine.files().files() != std::vector<std::string>{crash_test_path}) return fail(which, "a stray file is left");
  if (machine.files().open_files() != 0 || machine.files().locks_held() != 0) return fail(which, "a file or lock is still held");
  if (number % options_.second_crash_one_in == 0) {
    ++report_.second_lives;
    const std::string wrong = live_on(machine.files(), options_.seed + number);
    if (!wrong.empty()) fail(which, "second life: " + wrong);
  }
}

// Three more commits, each of whose operations may be the last.
std::string CrashHarness::live_on(os::SimFileSystem& image, std::uint64_t seed) {
  os::SimEnvironment machine(image.kill());
  Options options = crash_test_options(options_.page_bytes);
  options.mode = Mode::open;
  Workload workload(seed, second_life_workload);
  std::vector<State> states;
  std::size_t acknowledged = 0;
  std::string wrong;
  Random random(seed);
  const auto judge = [&](const os::Operation& operation) {
    if (!operation.changes || !wrong.empty() || states.empty()) return;
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
