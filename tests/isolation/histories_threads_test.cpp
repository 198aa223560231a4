// Random transactions of several threads, and what they saw of each other, judged.
//
// Goal     each isolation level keeps its word, and the one below it does not: the judge finds what only the higher one promises
// Method   scripts over a few lists (script.hpp), a pause now and then between two steps; the judge (judge.hpp)
#include "isolation/judge.hpp"
#include "isolation/machine.hpp"
#include "isolation/script.hpp"
#include "os/sync.hpp"
#include "support/environment.hpp"

namespace quire::test {
namespace {

struct Outcome {
  History history;
  std::string trouble;
  std::uint64_t committed = 0;
};

struct RunOptions {
  std::uint64_t seed = 1;
  std::uint64_t threads = 4;
  std::uint64_t transactions = 40;  // per thread
  ScriptOptions script{};
};

Outcome run(const RunOptions& options) {
  Machine machine(static_cast<Machine::Kind>(options.seed % 3));
  Database db = machine.open();
  Atomic<std::uint64_t> moments{1};
  std::vector<Outcome> parts(options.threads);
  const auto work = [&](std::uint64_t thread) {
    Random random(options.seed * 77 + thread);
    Outcome& part = parts[thread];
    for (std::uint64_t i = 0; i < options.transactions; ++i) {
      Script script(db, options.seed, 1 + thread + i * options.threads, options.script, moments);
      while (!script.is_done()) {
        script.step();
        if (random.chance(1, 4)) os::sleep_us(random.below(150));
      }
      part.history.records.push_back(script.record());
      part.committed += script.record().committed ? 1 : 0;
      if (part.trouble.empty()) part.trouble = script.trouble();
      if (thread == 0 && i % 8 == 7 && !db.checkpoint().ok()) part.trouble = "a checkpoint failed";
    }
  };
  {
    std::vector<os::Thread> threads;
    for (std::uint64_t thread = 0; thread < options.threads; ++thread) threads.emplace_back([&work, thread] { work(thread); });
  }
  Outcome all;
  for (Outcome& part : parts) {
    std::move(part.history.records.begin(), part.history.records.end(), std::back_inserter(all.history.records));
    all.committed += part.committed;
    if (all.trouble.empty()) all.trouble = part.trouble;
  }
  const Result<std::vector<List>> last = read_lists(db, options.script.keys);
  if (last.ok()) all.history.last = *last;
  if (!last.ok() && all.trouble.empty()) all.trouble = last.status().to_string();
  const Status verified = db.verify().status();
  if (!verified.ok() && all.trouble.empty()) all.trouble = verified.to_string();
  return all;
}

ScriptOptions script_of(std::vector<Isolation> levels) {
  // Without locks in between, the lower levels do lose updates.
  bool loses = false;
  for (const Isolation level : levels) loses |= level < Isolation::repeatable_read;
  return {.levels = std::move(levels), .look = loses ? ScriptOptions::Look::locking : ScriptOptions::Look::either};
}

void keep_their_promise(const std::vector<Isolation>& levels) {
  const std::uint64_t seeds = number_from_environment("QUIRE_SEEDS", 6);
  const std::uint64_t first = number_from_environment("QUIRE_SEED", 1);
  std::uint64_t committed = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const Outcome one = run({.seed = seed, .script = script_of(levels)});
    committed += one.committed;
    ASSERT_EQ(one.trouble, "") << "seed " << seed;
    ASSERT_EQ(describe(judge(one.history)), "") << "seed " << seed;
  }
  EXPECT_GT(committed, seeds * 20) << "too few are left to say anything";
}

TEST(histories, of_read_uncommitted_keep_its_promise) { keep_their_promise({Isolation::read_uncommitted}); }
TEST(histories, of_read_committed_keep_its_promise) { keep_their_promise({Isolation::read_committed}); }
TEST(histories, of_repeatable_read_keep_its_promise) { keep_their_promise({Isolation::repeatable_read}); }
TEST(histories, of_serializable_keep_its_promise) { keep_their_promise({Isolation::serializable}); }
TEST(histories, of_mixed_levels_keep_each_its_promise) {
  keep_their_promise({Isolation::read_uncommitted, Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable});
}

// How many seeds it takes until transactions of a level are caught not to keep the promise of a higher one.
struct Caught {
  std::uint64_t seeds = 0;  // 0: not at all
  Anomaly anomaly{};
};

Caught catch_as(Isolation level, Isolation as, ScriptOptions::Look look) {
  constexpr std::uint64_t seeds_max = 30;
  for (std::uint64_t seed = 1; seed <= seeds_max; ++seed) {
    ScriptOptions script{.levels = {level}, .keys = 3, .look = look, .lock_timeout_ms = 1000};
    const Outcome one = run({.seed = seed + 2000, .script = script});
    const std::vector<Finding> findings = judge(one.history, as);
    if (!findings.empty()) return {seed, findings[0].anomaly};
  }
  return {};
}

TEST(histories_of_a_level_below, are_caught) {
  using Look = ScriptOptions::Look;
  const Caught uncommitted = catch_as(Isolation::read_uncommitted, Isolation::read_committed, Look::locking);
  EXPECT_NE(uncommitted.seeds, 0u);
  EXPECT_THAT(uncommitted.anomaly, ::testing::AnyOf(Anomaly::aborted_read, Anomaly::intermediate_read, Anomaly::circular_flow));
  const Caught committed = catch_as(Isolation::read_committed, Isolation::repeatable_read, Look::locking);
  EXPECT_NE(committed.seeds, 0u);
  EXPECT_EQ(committed.anomaly, Anomaly::read_skew);
  const Caught loses = catch_as(Isolation::read_committed, Isolation::repeatable_read, Look::plain);
  EXPECT_NE(loses.seeds, 0u);
  EXPECT_EQ(loses.anomaly, Anomaly::lost_update);
  const Caught snapshot = catch_as(Isolation::repeatable_read, Isolation::serializable, Look::either);
  EXPECT_NE(snapshot.seeds, 0u);
  EXPECT_EQ(snapshot.anomaly, Anomaly::write_skew);
}

}  // namespace
}  // namespace quire::test
