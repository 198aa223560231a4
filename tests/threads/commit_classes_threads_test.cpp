// Threads that commit in all durability classes, beside readers, checkpoints and backups.
//
// Goal     readers see commits in their one order, whole, and no sync commit before it is durable; who has committed reads it at
//          once; counts are right in every snapshot; a power cut keeps what was acknowledged to sync
// Method   every commit increments a counter and writes the row of that number, so a snapshot is right if it holds the rows up to
//          its counter; readers note the newest counter of a sync commit that they saw, and crash images are compared with it
#include "base/random.hpp"
#include "base/seeded_bug.hpp"
#include "kv/open.hpp"
#include "os/hook.hpp"
#include "os/sim/crash_images.hpp"
#include "os/sync.hpp"
#include "support/crash_harness.hpp"

namespace quire::test {
namespace {

constexpr int writers = 3;
constexpr std::uint64_t commits_per_writer = 40;

std::string key_of(std::uint64_t number) { return "n" + std::to_string(1000000 + number); }
std::string value_of(std::uint64_t number, Durability durability) {
  return (durability == Durability::sync ? "sync " : "else ") + std::string(number % 13 == 0 ? 9000 : 20, 'v');
}

Options scene_options() {
  return {.page_size = 4096, .memory_limit = std::uint64_t{2} << 20, .lock_timeout_ms = 60000, .log_limit = std::uint64_t{64} << 10};
}

class Scene {
 public:
  // The log fails at the sync of that number; 0: never.
  Scene(std::uint64_t seed, std::uint64_t failing_sync)
      : seed_(seed), syncs_left_(failing_sync), machine_(os::SimOptions{.seed = seed}), db_(kv::open_database(machine_.environment(), crash_test_path, scene_options()).value()), rows_(db_.keyspace().value()) {
    note(rows_.put("counter", "0"));
    os::set_hook_handler(at_hook, this);
  }

  void run() {
    std::vector<os::Thread> threads;
    for (int i = 0; i < writers; ++i) threads.emplace_back([this, i] { write(static_cast<std::uint64_t>(i)); });
    threads.emplace_back([this] { read_all(); });
    threads.emplace_back([this] { read_single(); });
    threads.emplace_back([this] { checkpoint(); });
    threads.emplace_back([this] { back_up(); });
    for (os::Thread& thread : threads) thread.join();
    os::set_hook_handler(nullptr, nullptr);
    if (failure_.empty() && !broken_.load(acquire)) {
      note(db_.verify().status());
      const std::string wrong = check_snapshot(db_, writers * commits_per_writer);
      if (!wrong.empty()) fail("at the end: " + wrong);
    }
    if (failure_.empty()) cut_power();
    note(db_.close());
  }

  const std::string& failure() const { return failure_; }
  bool broken() const { return broken_.load(acquire); }

 private:
  // Syncs take some time; one of them fails.
  static Status at_hook(std::string_view name, void* context) {
    if (name != "log.before_sync") return Status();
    Scene& scene = *static_cast<Scene*>(context);
    os::sleep_us(100);
    if (scene.syncs_left_.fetch_sub(1, acq_rel) != 1) return Status();
    os::sleep_us(3000);  // others append meanwhile, and readers read
    scene.broken_.store(true, release);
    return Status(Code::io, "a sync fails");
  }

  // No sync commit that somebody has seen or was told of is missing afterwards.
  void cut_power() {
    Random random(seed_);
    for (int image = 0; image < 4 && failure_.empty(); ++image) {
      os::SimEnvironment rebooted(machine_.files().crash(random));
      Result<Database> database = kv::open_database(rebooted.environment(), crash_test_path, scene_options());
      if (!database.ok()) return note(database.status());
      const std::string wrong = check_snapshot(*database, std::max(seen_.load(acquire), acknowledged_.load(acquire)));
      if (!wrong.empty()) fail("after a power cut: " + wrong);
    }
  }

  void write(std::uint64_t which) {
    Random random(seed_ * 10 + which);
    for (std::uint64_t i = 0; i < commits_per_writer && !failed_.load(acquire); ++i) {
      const auto durability = static_cast<Durability>(random.below(3));
      std::uint64_t number = 0;
      Result<Transaction> tx = db_.begin();
      if (!tx.ok()) return note(tx.status());
      Status status = increment(*tx, durability, number);
      if (random.chance(1, 6)) {
        const Result<Savepoint> savepoint = tx->savepoint();
        if (status.ok()) status = tx->put("default", "never", std::string(6000, 'x'));
        if (status.ok()) status = tx->rollback_to(*savepoint);
      }
      tx->set_durability(durability);
      if (status.ok()) status = tx->commit();
      if (!status.ok()) return note(status);
      if (durability == Durability::sync) raise(acknowledged_, number);
      check_own(number);
    }
    running_.fetch_sub(1, acq_rel);
  }

  static Status increment(Transaction& tx, Durability durability, std::uint64_t& number) {
    const Result<std::string> counter = tx.get_for_update("default", "counter");
    if (!counter.ok()) return counter.status();
    number = std::stoull(*counter) + 1;
    Status status = tx.put("default", "counter", std::to_string(number));
    return status.ok() ? tx.put("default", key_of(number), value_of(number, durability)) : status;
  }

  // What this thread has committed is there, for single reads and in a snapshot.
  void check_own(std::uint64_t number) {
    const auto missing = [&](const std::string& where) { fail("commit " + std::to_string(number) + " is missing in " + where + " of who made it"); };
    const Result<std::string> single = rows_.get("counter");
    if (!single.ok()) return note(single.status());
    if (std::stoull(*single) < number) missing("a single read");
    const Result<Transaction> snapshot = db_.begin(Access::read);
    if (!snapshot.ok()) return note(snapshot.status());
    const Result<std::string> row = snapshot->get("default", key_of(number));
    if (row == Code::not_found) return missing("a snapshot");
    note(row.status());
  }

  // Empty when a snapshot holds the rows 1 to its counter, and that is at least so much.
  static std::string check_snapshot(Database& database, std::uint64_t at_least) {
    const Result<Transaction> tx = database.begin(Access::read);
    if (!tx.ok()) return tx.status().to_string();
    const Result<std::string> counter = tx->get("default", "counter");
    if (!counter.ok()) return counter.status().to_string();
    const std::uint64_t number = std::stoull(*counter);
    if (number < at_least) return "commit " + std::to_string(at_least) + " is missing; the newest one is " + std::to_string(number);
    const Result<std::uint64_t> counted = tx->count("default");
    if (!counted.ok()) return counted.status().to_string();
    if (*counted != number + 1) return "counts " + std::to_string(*counted) + " rows after commit " + std::to_string(number);
    std::uint64_t found = 0;
    Scan scan = tx->scan("default");
    for (const Entry& entry : scan) {
      if (entry.key != "counter" && entry.key != key_of(++found)) return "row " + std::string(entry.key) + " where " + key_of(found) + " is expected";
    }
    if (!scan.status().ok()) return scan.status().to_string();
    return found == number ? "" : std::to_string(found) + " rows after commit " + std::to_string(number);
  }

  void read_all() {
    while (going()) {
      const std::string wrong = check_snapshot(db_, acknowledged_.load(acquire));
      if (!wrong.empty() && !broken_.load(acquire)) fail("reader: " + wrong);
    }
  }

  void read_single() {
    std::uint64_t newest = 0;
    while (going()) {
      const Result<std::string> counter = rows_.get("counter");
      if (!counter.ok()) return note(counter.status());
      const std::uint64_t number = std::stoull(*counter);
      if (number < newest) fail("the counter has gone back");
      newest = number;
      if (number == 0) continue;
      const Result<std::string> row = rows_.get(key_of(number));
      if (!row.ok()) return note(row.status());
      if (row->starts_with("sync")) raise(seen_, number);
      os::yield_thread();
    }
  }

  void checkpoint() {
    while (going()) {
      note(db_.checkpoint());
      os::yield_thread();
    }
  }

  void back_up() {
    for (int i = 0; going(); ++i) {
      const Status copied = db_.backup("/data/copy" + std::to_string(i));
      if (!copied.ok() && copied != Code::busy) note(copied);
    }
  }

  bool going() const { return running_.load(acquire) > 0 && !failed_.load(acquire); }

  static void raise(Atomic<std::uint64_t>& most, std::uint64_t number) {
    for (std::uint64_t now = most.load(acquire); now < number && !most.compare_exchange_strong(now, number, acq_rel, acquire);) {
    }
  }

  void note(const Status& status) {
    if (status.ok()) return;
    if (status == Code::poisoned || status == Code::unknown_outcome || status == Code::io) {
      if (broken_.load(acquire)) failed_.store(true, release);  // as it must be
      if (broken_.load(acquire)) return;
    }
    fail(status.to_string());
  }
  void fail(const std::string& what) {
    os::Lock lock(mutex_);
    if (failure_.empty()) failure_ = what;
    failed_.store(true, release);
  }

  const std::uint64_t seed_;
  Atomic<std::uint64_t> syncs_left_;
  Atomic<bool> broken_{false};
  os::SimEnvironment machine_;
  Database db_;
  Keyspace rows_;
  Atomic<std::uint64_t> acknowledged_{0};  // the newest sync commit
  Atomic<std::uint64_t> seen_{0};          // the newest sync commit that a reader saw
  Atomic<int> running_{writers};
  Atomic<bool> failed_{false};
  os::Mutex mutex_;
  std::string failure_;
};

TEST(commit_classes, are_seen_in_one_order_and_kept_as_promised) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Scene scene(seed, 0);
    scene.run();
    ASSERT_EQ(scene.failure(), "") << "seed " << seed;
  }
}

TEST(commit_classes, show_nobody_what_a_failed_sync_takes_back) {
  std::uint64_t broken = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Scene scene(seed, 2 + seed * 3);
    scene.run();
    ASSERT_EQ(scene.failure(), "") << "seed " << seed;
    broken += scene.broken() ? 1 : 0;
  }
  EXPECT_GT(broken, 6u);
}

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS
TEST(commit_classes, would_show_a_commit_that_is_seen_before_it_is_durable) {
  const SeededBugScope bug("show_before_durable");
  bool found = false;
  for (std::uint64_t seed = 1; seed <= 20 && !found; ++seed) {
    Scene scene(seed, 2 + seed * 3);
    scene.run();
    found = !scene.failure().empty();
  }
  EXPECT_TRUE(found);
}
#endif

}  // namespace
}  // namespace quire::test
