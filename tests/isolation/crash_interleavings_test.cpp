// Crashes while several transactions are open.
//
// Goal     whatever moment the power fails: a prefix, in the order of commits, of what was committed, nothing of transactions that were open
//          or taken back, and a file that verifies
// Method   transactions in one thread, one call at a time as a seed says; who would wait is refused (lock_timeout 0) and goes on.
//          Checkpoints, background steps, bulk loads and savepoints in between; crash images at operations (crash_points.hpp), each
//          opened and compared with the model of every commit that may be the last one
#include <array>

#include "base/seeded_bug.hpp"
#include "kv/open.hpp"
#include "kv/state.hpp"
#include "os/sim/sim_environment.hpp"
#include "support/crash_harness.hpp"
#include "support/crash_points.hpp"
#include "support/environment.hpp"

namespace quire::test {
namespace {

constexpr std::size_t open_at_once = 5;
constexpr std::uint64_t keyspace_numbers = 3;

struct CrashRun {
  std::string failure;  // empty: every image was right
  std::uint64_t images = 0;
  std::uint64_t commits = 0;
  std::uint64_t refusals = 0;
};

struct CrashRunOptions {
  std::uint64_t seed = 1;
  std::uint64_t calls = 300;
  std::uint64_t one_in = 4;  // operations that are crash points
  std::size_t images = 3;
};

// What one transaction has changed, in order, so that a savepoint is a length.
struct Change {
  std::string keyspace;
  std::string key;                   // empty: the keyspace itself
  std::optional<std::string> value;  // none: removed
};

class CrashSchedule {
 public:
  explicit CrashSchedule(const CrashRunOptions& options) : options_(options), random_(options.seed), machine_(os::SimOptions{.seed = options.seed}) { states_.push_back(fresh_state()); }

  CrashRun run() {
    Result<Database> opened = kv::open_database(machine_.environment(), crash_test_path, crash_test_options(4096, journal()));
    if (!opened.ok()) return {.failure = opened.status().to_string()};
    db_.emplace(std::move(opened).value());
    {
      const auto check = [this](std::unique_ptr<os::SimFileSystem> image, const std::string& which) { check_image(std::move(image), which); };
      CrashPoints points(machine_.files(), {.seed = options_.seed, .images = options_.images, .one_in = options_.one_in}, check);
      for (std::uint64_t i = 0; i < options_.calls && outcome_.failure.empty(); ++i) act();
      outcome_.images = points.images();
    }
    if (outcome_.failure.empty()) check_end();
    for (Open& open : open_) open.transaction.reset();
    if (!outcome_.failure.empty()) outcome_.failure += " (replay: QUIRE_SEED=" + std::to_string(options_.seed) + " bin/system_test --gtest_filter=crash_interleavings.*)\n" + transcript_;
    return std::move(outcome_);
  }

 private:
  struct Open {
    std::optional<Transaction> transaction;
    Durability durability = Durability::sync;
    std::vector<Change> changes;
    struct Point {
      Savepoint savepoint;
      std::size_t changes;
    };
    std::vector<Point> points;
  };

  Journal journal() const { return options_.seed % 5 == 4 ? Journal::copy_on_write : Journal::log; }

  static State after(State state, const std::vector<Change>& changes) {
    for (const Change& change : changes) {
      if (change.key.empty() && !change.value) state.erase(change.keyspace);
      if (change.key.empty() && change.value) state[change.keyspace];
      if (change.key.empty()) continue;
      if (change.value) {
        state[change.keyspace][change.key] = *change.value;
      } else {
        state[change.keyspace].erase(change.key);
      }
    }
    return state;
  }

  void tell(const Open& open, const std::string& what) { transcript_ += "  " + std::string(1, static_cast<char>('a' + (&open - open_.data()))) + ": " + what + "\n"; }
  void fail(const std::string& what) {
    if (outcome_.failure.empty()) outcome_.failure = what;
  }
  // Whether the call has done its work. Refused calls have done nothing; a victim is gone.
  bool went(Open& open, const Status& done, const std::string& what) {
    tell(open, what + ": " + (done.ok() ? "ok" : std::string(code_name(done.code()))));
    if (done.ok()) return true;
    ++outcome_.refusals;
    if (done == Code::deadlock) clear(open);
    const bool expected = done == Code::timeout || done == Code::conflict || done == Code::deadlock || done == Code::not_found || done == Code::exists;
    if (!expected) fail(what + ": " + done.to_string());
    return false;
  }

  void act() {
    const std::uint64_t choice = random_.below(100);
    if (choice < 4) {
      transcript_ += "  checkpoint\n";
      if (const Status done = db_->checkpoint(); !done.ok()) fail("checkpoint: " + done.to_string());
      return;
    }
    if (choice < 10) {
      transcript_ += "  background step\n";
      if (const Status done = db_->impl()->state->engine->background_step().status(); !done.ok()) fail("background step: " + done.to_string());
      return;
    }
    Open& open = open_[random_.below(open_at_once)];
    if (!open.transaction) return begin(open);
    if (choice < 22) return end(open);
    if (choice < 28) return move_between_savepoints(open);
    if (choice < 34) return change_keyspaces(open);
    change(open);
  }

  static void clear(Open& open) {
    open.transaction.reset();
    open.changes.clear();
    open.points.clear();
  }

  void begin(Open& open) {
    constexpr Isolation levels[] = {Isolation::read_uncommitted, Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable};
    Result<Transaction> begun = db_->begin(TransactionOptions{.isolation = levels[random_.below(4)]});
    if (!begun.ok()) return fail("begin: " + begun.status().to_string());
    open.transaction.emplace(std::move(begun).value());
    open.durability = static_cast<Durability>(random_.below(3));
    open.transaction->set_durability(open.durability);
    tell(open, "begin");
  }

  void end(Open& open) {
    if (random_.chance(1, 4)) {
      tell(open, "rollback");
      if (const Status done = open.transaction->rollback(); !done.ok()) fail("rollback: " + done.to_string());
      clear(open);
      return;
    }
    const bool changes = !open.changes.empty();
    if (changes) states_.push_back(after(states_.back(), open.changes));
    attempted_ = states_.size() - 1;
    tell(open, "commit " + std::to_string(attempted_));
    const Status done = open.transaction->commit();
    if (!done.ok()) fail("commit: " + done.to_string());
    if (changes && open.durability == Durability::sync) acknowledged_ = attempted_;
    if (changes && open.durability != Durability::lazy) acknowledged_to_process_ = attempted_;
    ++outcome_.commits;
    clear(open);
  }

  void move_between_savepoints(Open& open) {
    if (open.points.empty() || random_.chance(1, 2)) {
      const Result<Savepoint> savepoint = open.transaction->savepoint();
      if (went(open, savepoint.status(), "savepoint")) open.points.push_back({*savepoint, open.changes.size()});
      return;
    }
    open.points.resize(1 + random_.below(open.points.size()));
    const Open::Point point = open.points.back();
    if (went(open, open.transaction->rollback_to(point.savepoint), "rollback_to")) open.changes.resize(point.changes);
  }

  void change_keyspaces(Open& open) {
    const std::string name = "space" + std::to_string(random_.below(keyspace_numbers));
    if (random_.chance(1, 3)) {
      if (went(open, open.transaction->drop_keyspace(name), "drop " + name)) open.changes.push_back({name, "", std::nullopt});
      return;
    }
    if (random_.chance(1, 2)) {
      if (went(open, open.transaction->create_keyspace(name), "create " + name)) open.changes.push_back({name, "", ""});
      return;
    }
    std::vector<Change> loaded;
    const std::uint64_t rows = 1 + random_.below(40);
    const Result<std::uint64_t> done = open.transaction->bulk_load(name, [&](Entry& row) -> Result<bool> {
      if (loaded.size() == rows) return false;
      loaded.push_back({name, "bulk" + std::to_string(1000 + loaded.size()), some_value()});
      row = {loaded.back().key, *loaded.back().value};
      return true;
    });
    if (went(open, done.status(), "bulk load of " + std::to_string(loaded.size()) + " into " + name)) open.changes.insert(open.changes.end(), loaded.begin(), loaded.end());
  }

  std::string some_value() { return std::string(random_.below(random_.chance(1, 15) ? 9000 : 200), static_cast<char>('a' + random_.below(26))); }

  void change(Open& open) {
    const std::string keyspace = random_.chance(1, 4) ? "space" + std::to_string(random_.below(keyspace_numbers)) : std::string(default_keyspace);
    const std::string key = "key" + std::to_string(random_.below(30));
    if (random_.chance(1, 4)) {
      if (went(open, open.transaction->erase(keyspace, key), "erase " + keyspace + "/" + key)) open.changes.push_back({keyspace, key, std::nullopt});
      return;
    }
    const std::string value = some_value();
    const Status done = random_.chance(1, 4) ? open.transaction->insert(keyspace, key, value) : open.transaction->put(keyspace, key, value);
    if (went(open, done, "put " + keyspace + "/" + key)) open.changes.push_back({keyspace, key, value});
  }

  void check_image(std::unique_ptr<os::SimFileSystem> image, const std::string& which) {
    if (!outcome_.failure.empty()) return;
    const bool killed = which.ends_with("killed");
    os::SimEnvironment machine(std::move(image));
    Options options = crash_test_options(4096, journal());
    options.mode = Mode::open;
    Result<Database> database = kv::open_database(machine.environment(), crash_test_path, options);
    if (!database.ok()) return fail(which + ": open: " + database.status().to_string());
    const Status verified = database->verify().status();
    if (!verified.ok()) return fail(which + ": verify: " + verified.to_string());
    const Result<State> found = read_state(*database);
    if (!found.ok()) return fail(which + ": reading: " + found.status().to_string());
    for (std::size_t n = killed ? acknowledged_to_process_ : acknowledged_; n <= attempted_; ++n) {
      if (*found == states_[n]) return;
    }
    fail(which + ": the state is none of commits " + std::to_string(killed ? acknowledged_to_process_ : acknowledged_) + " to " + std::to_string(attempted_) + ": " + difference(*found, states_[attempted_]));
  }

  // Readers see the last commit, while others are open and when they have been taken back.
  void check_end() {
    for (const char* when : {"with transactions open", "at the end"}) {
      const Result<State> found = read_state(*db_);
      if (!found.ok() || *found != states_.back()) fail(std::string(when) + " readers see: " + (found.ok() ? difference(*found, states_.back()) : found.status().to_string()));
      for (Open& open : open_) clear(open);
    }
    const Status verified = db_->verify().status();
    if (!verified.ok()) fail("at the end: " + verified.to_string());
  }

  const CrashRunOptions options_;
  Random random_;
  os::SimEnvironment machine_;
  std::optional<Database> db_;
  std::array<Open, open_at_once> open_;
  std::vector<State> states_;  // by number of commit
  std::size_t attempted_ = 0;
  std::size_t acknowledged_ = 0;             // no power cut takes it back
  std::size_t acknowledged_to_process_ = 0;  // the end of the process does not
  std::string transcript_;
  CrashRun outcome_;
};

TEST(crash_interleavings, leave_a_prefix_of_the_commits) {
  const std::uint64_t replayed = number_from_environment("QUIRE_SEED", 0);
  const std::uint64_t first = std::max<std::uint64_t>(replayed, 1);
  const std::uint64_t count = replayed != 0 ? 1 : number_from_environment("QUIRE_SEEDS", 20);
  CrashRun all;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const CrashRun one = CrashSchedule({.seed = seed}).run();
    ASSERT_EQ(one.failure, "");
    all.images += one.images;
    all.commits += one.commits;
    all.refusals += one.refusals;
  }
  std::printf("%llu images, %llu commits, %llu refusals\n", static_cast<unsigned long long>(all.images), static_cast<unsigned long long>(all.commits), static_cast<unsigned long long>(all.refusals));
}

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS

bool finds(const char* bug) {
  const SeededBugScope scope(bug);
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    if (!CrashSchedule({.seed = seed, .one_in = 2}).run().failure.empty()) return true;
  }
  return false;
}

TEST(crash_interleavings_with_a_seeded_bug, are_caught) {
  EXPECT_TRUE(finds("leave_active_out_of_flip"));
  EXPECT_TRUE(finds("forget_rollback_to"));
  EXPECT_TRUE(finds("skip_log_sync"));
  EXPECT_FALSE(finds("none"));
}
#endif

}  // namespace
}  // namespace quire::test
