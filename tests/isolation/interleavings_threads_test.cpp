// Random transactions interleaved step by step, as a seed says, and judged.
//
// Goal     what free-running threads hardly ever meet: waits, queues, deadlocks and conflicts at every point of a transaction, with
//          checkpoints and background work in between. Nobody waits for ever: when all wait, a deadlock was missed
// Method   scripts (script.hpp) in sessions (sessions.hpp), one step at a time; the judge (judge.hpp). A failure prints how to replay it
#include <regex>

#include "base/seeded_bug.hpp"
#include "isolation/judge.hpp"
#include "isolation/machine.hpp"
#include "isolation/script.hpp"
#include "isolation/sessions.hpp"
#include "kv/state.hpp"
#include "support/environment.hpp"

namespace quire::test {
namespace {

constexpr std::size_t sessions_count = 4;
constexpr std::uint64_t transactions_each = 4;

struct Interleaving {
  std::string failure;  // empty: all is well
  std::string transcript;
  std::uint64_t waits = 0;
  std::uint64_t deadlocks = 0;
  std::uint64_t committed = 0;
};

class Schedule {
 public:
  Schedule(std::uint64_t seed, const ScriptOptions& options, std::optional<Isolation> as)
      : seed_(seed), options_(options), as_(as), random_(seed), machine_(seed % 3 == 0 ? Machine::Kind::log : Machine::Kind::memory), db_(machine_.open()) {}

  Interleaving run() {
    {
      Sessions sessions(db_);
      while (outcome_.failure.empty() && step(sessions)) {
      }
      // Those who still wait end with a timeout, which no test waits for: the others have to let go.
      if (sessions.waiting() != 0) abandon(sessions);
    }
    if (outcome_.failure.empty()) judge_all();
    return std::move(outcome_);
  }

 private:
  struct Player {
    std::uint64_t begun = 0;
    std::unique_ptr<Script> script;
    bool waits = false;
    std::string next;
  };

  static std::string name_of(std::size_t player) { return std::string(1, static_cast<char>('a' + player)); }

  // False when all have finished.
  bool step(Sessions& sessions) {
    std::vector<std::size_t> ready;
    std::size_t waiting = 0;
    for (std::size_t i = 0; i < sessions_count; ++i) {
      Player& player = players_[i];
      if (player.waits) {
        ++waiting;
        continue;
      }
      if (player.script == nullptr || player.script->is_done()) begin(player);
      if (player.script != nullptr) ready.push_back(i);
    }
    if (ready.empty() && waiting == 0) return false;
    if (ready.empty()) {
      outcome_.failure = "all wait, but there is no deadlock";
      return false;
    }
    const std::size_t chosen = ready[random_.below(ready.size())];
    Player& player = players_[chosen];
    Script& script = *player.script;
    player.next = script.describe_next();
    const std::string result = sessions.run(name_of(chosen), [&script] { return script.step(); });
    player.waits = result == "waits";
    outcome_.waits += player.waits ? 1 : 0;
    tell(chosen, result);
    for (std::size_t i = 0; i < sessions_count; ++i) {
      if (!players_[i].waits || sessions.is_waiting(name_of(i))) continue;
      players_[i].waits = false;
      tell(i, sessions.result(name_of(i)));
    }
    disturb();
    return true;
  }

  void begin(Player& player) {
    collect(player);
    if (player.begun == transactions_each) return;
    ++player.begun;
    player.script = std::make_unique<Script>(db_, seed_, ++scripts_, options_, moments_);
  }

  void collect(Player& player) {
    if (player.script == nullptr) return;
    if (!player.script->trouble().empty()) outcome_.failure = player.script->trouble();
    history_.records.push_back(player.script->record());
    outcome_.committed += player.script->record().committed ? 1 : 0;
    player.script.reset();
  }

  // Checkpoints and background work, at any point.
  void disturb() {
    Status done;
    if (random_.chance(1, 24)) done = db_.checkpoint();
    if (done.ok() && random_.chance(1, 12)) done = db_.impl()->state->engine->background_step().status();
    if (!done.ok() && outcome_.failure.empty()) outcome_.failure = "checkpoint or background work: " + done.to_string();
  }

  void tell(std::size_t player, const std::string& result) {
    if (result.starts_with("deadlock")) ++outcome_.deadlocks;
    outcome_.transcript += "  " + name_of(player) + ": " + players_[player].next + ": " + result + "\n";
  }

  void abandon(Sessions& sessions) {
    for (std::size_t i = 0; i < sessions_count; ++i) {
      if (!players_[i].waits) players_[i].script.reset();
    }
    (void)sessions.finish(std::uint64_t{90'000'000});
  }

  void judge_all() {
    for (Player& player : players_) collect(player);
    const Result<std::vector<List>> last = read_lists(db_, options_.keys);
    if (!last.ok()) outcome_.failure = last.status().to_string();
    if (!outcome_.failure.empty()) return;
    history_.last = *last;
    outcome_.failure = describe(judge(history_, as_));
    const Status verified = db_.verify().status();
    if (!verified.ok() && outcome_.failure.empty()) outcome_.failure = verified.to_string();
  }

  const std::uint64_t seed_;
  const ScriptOptions options_;
  const std::optional<Isolation> as_;
  Random random_;
  Machine machine_;
  Database db_;
  Atomic<std::uint64_t> moments_{1};
  std::uint64_t scripts_ = 0;
  Player players_[sessions_count];
  History history_;
  Interleaving outcome_;
};

ScriptOptions script_of(const std::vector<Isolation>& levels, std::uint64_t seed) {
  ScriptOptions options{.levels = levels, .keys = 2 + seed % 4};
  for (const Isolation level : levels) {
    if (level < Isolation::repeatable_read) options.look = ScriptOptions::Look::locking;  // else they do lose updates
  }
  return options;
}

// Goes through seeds until one fails.
void keep_their_promise(const std::vector<Isolation>& levels) {
  const std::uint64_t replayed = number_from_environment("QUIRE_SEED", 0);
  const std::uint64_t first = std::max<std::uint64_t>(replayed, 1);
  const std::uint64_t count = replayed != 0 ? 1 : number_from_environment("QUIRE_SEEDS", 60);
  Interleaving all;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Interleaving one = Schedule(seed, script_of(levels, seed), std::nullopt).run();
    const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
    ASSERT_EQ(one.failure, "") << "replay: QUIRE_SEED=" << seed << " bin/system_threads_test --gtest_filter=" << test->test_suite_name() << "." << test->name() << "\n" << one.transcript;
    all.waits += one.waits;
    all.deadlocks += one.deadlocks;
    all.committed += one.committed;
  }
  std::printf("%llu schedules: %llu waits, %llu deadlocks, %llu commits\n", static_cast<unsigned long long>(count), static_cast<unsigned long long>(all.waits),
              static_cast<unsigned long long>(all.deadlocks), static_cast<unsigned long long>(all.committed));
  if (count > 1) {
    EXPECT_GT(all.waits, count / 2) << "too tame";
  }
}

TEST(interleavings, of_read_uncommitted_keep_its_promise) { keep_their_promise({Isolation::read_uncommitted}); }
TEST(interleavings, of_read_committed_keep_its_promise) { keep_their_promise({Isolation::read_committed}); }
TEST(interleavings, of_repeatable_read_keep_its_promise) { keep_their_promise({Isolation::repeatable_read}); }
TEST(interleavings, of_serializable_keep_its_promise) { keep_their_promise({Isolation::serializable}); }
TEST(interleavings, of_mixed_levels_keep_each_its_promise) {
  keep_their_promise({Isolation::read_uncommitted, Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable});
}

std::string without_times(const std::string& text) { return std::regex_replace(text, std::regex("[0-9]+ ms"), "some ms"); }

// The same seed is the same run, waits and all.
TEST(interleavings, are_repeatable) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const ScriptOptions options = script_of({Isolation::serializable, Isolation::repeatable_read}, seed);
    const std::string first = without_times(Schedule(seed, options, std::nullopt).run().transcript);
    EXPECT_EQ(first, without_times(Schedule(seed, options, std::nullopt).run().transcript)) << "seed " << seed;
  }
}

bool is_caught(Isolation level, Isolation as) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    if (!Schedule(seed, script_of({level}, seed), as).run().failure.empty()) return true;
  }
  return false;
}

TEST(interleavings_of_a_level_below, are_caught) {
  EXPECT_TRUE(is_caught(Isolation::read_uncommitted, Isolation::read_committed));
  EXPECT_TRUE(is_caught(Isolation::read_committed, Isolation::repeatable_read));
  EXPECT_TRUE(is_caught(Isolation::repeatable_read, Isolation::serializable));
}

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS

bool finds(const char* bug, const std::vector<Isolation>& levels) {
  const SeededBugScope scope(bug);
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    ScriptOptions options = script_of(levels, seed);
    options.lock_timeout_ms = 300;
    if (!Schedule(seed, options, std::nullopt).run().failure.empty()) return true;
  }
  return false;
}

TEST(interleavings_with_a_seeded_bug, are_caught) {
  EXPECT_TRUE(finds("purge_ahead_of_a_snapshot", {Isolation::repeatable_read}));
  EXPECT_TRUE(finds("strip_row_headers_early", {Isolation::serializable}));
}
#endif

}  // namespace
}  // namespace quire::test
