// Goal: after a power cut at any operation the file holds the state of one checkpoint as of its flip, whole: the last one
//       that was acknowledged, or the one being published. Never an older one, never a mixture.
// Method: random epochs on a simulated disk, with changes and evictions of the next epoch between the steps of a
//         checkpoint; before every operation, images of what a reboot may find are read page by page and compared with
//         the state of their generation. Some images live on and are crashed again. Seven seeded bugs must be found
//         by exactly this test; the eighth needs two threads (checkpoint_threads_test.cpp).
#include <gtest/gtest.h>

#include "base/seeded_bug.hpp"
#include "checkpoint/test_schedule.hpp"
#include "os/sim/crash_images.hpp"
#include "support/environment.hpp"

namespace quire::checkpoint {
namespace {

struct Report {
  std::uint64_t images = 0;
  std::uint64_t failures = 0;
  std::string first_failure;
  std::uint64_t old_states = 0;  // images that showed the acknowledged state while another was on its way
  std::uint64_t kept_back = 0;   // images without an undo page that was in memory at the flip
  std::uint64_t new_states = 0;  // images that showed one not acknowledged yet
  std::uint64_t second_lives = 0;
  std::uint64_t steps_in_between = 0;
  std::uint64_t slices = 0;
};

// The states of all generations so far; the last one may be on its way.
struct History {
  std::map<std::uint64_t, Version> states;
  std::uint64_t acknowledged = 0;
};

struct Effort {
  std::uint64_t epochs = 6;
  std::size_t images = 4;                  // per operation
  std::uint64_t second_life_one_in = 100;  // 0: none
  bool after_roots = true;                 // the next epoch also changes while roots are written
};

class Runner {
 public:
  Runner(os::SimFileSystem& files, std::uint64_t seed, Effort effort, Report& report)
      : files_(files), random_(seed), effort_(effort), report_(report) {}

  void run_new_file() {
    { const auto file = os::open_or_stop(files_, space::test_path); }
    EXPECT_TRUE(files_.sync_directory("/").ok());
    Store store(files_, {.frames = 20});
    run(store, {});
  }

  void run_on(const Found& found, const History& history) {
    const space::Superblock& root = found.root;
    history_ = history;
    history_.states.erase(history_.states.upper_bound(root.generation.raw), history_.states.end());
    history_.states[root.generation.raw].texts = found.texts;
    history_.acknowledged = root.generation.raw;
    {
      const auto file = os::open_or_stop(files_, space::test_path, os::to_write);
      EXPECT_TRUE(space::settle_superblock(*file, root).ok());
    }
    Store store(files_, {.frames = 20}, root);
    run(store, history_.states[root.generation.raw].texts);
  }

 private:
  void run(Store& store, Texts texts) {
    files_.observe([&](const os::Operation& operation) {
      if (operation.changes) look(operation.number);
    });
    Schedule schedule(store, random_, texts);
    schedule.after_roots = effort_.after_roots;
    schedule.on_flip = [&](std::uint64_t generation) { history_.states[generation] = schedule.flipped; };
    for (std::uint64_t epoch = 0; epoch < effort_.epochs && report_.failures == 0; ++epoch) {
      for (std::uint64_t n = 1 + random_.below(8); n > 0; --n) schedule.step();
      const Status status = schedule.publish();
      if (!status.ok() || !schedule.failure.empty()) fail("while running", status.to_string() + " " + schedule.failure);
      history_.acknowledged = store.checkpoint.published().generation.raw;
      EXPECT_TRUE(history_.states[history_.acknowledged] == schedule.flipped) << "also when there was nothing to do";
      EXPECT_EQ(store.pages.leaked_units(), store.pages.pool.promised(store.pages.pool.running()));
    }
    report_.steps_in_between += schedule.steps_in_between;
    report_.slices += schedule.slices;
    files_.observe(nullptr);
    look(0);
  }

  void look(std::uint64_t number) {
    if (report_.failures != 0) return;
    os::CrashImages images(files_, {.seed = number, .budget = effort_.images});
    while (const auto image = images.next()) {
      ++report_.images;
      check(*image, images.description());
      const bool lives_on = effort_.second_life_one_in != 0 && random_.chance(1, effort_.second_life_one_in);
      if (report_.failures == 0 && lives_on && history_.acknowledged != 0) live_on(*image);
    }
  }

  void check(os::SimFileSystem& image, const std::string& which) {
    const Found found = look_at(image);
    const std::uint64_t generation = found.root.generation.raw;
    if (generation == 0) {
      if (history_.acknowledged != 0) fail(which, "no state at all: " + found.failure);
      return;
    }
    const auto expected = history_.states.find(generation);
    if (!found.failure.empty()) {
      fail(which, "generation " + std::to_string(generation) + ": " + found.failure);
    } else if (generation < history_.acknowledged) {
      fail(which, "generation " + std::to_string(generation) + ", but " + std::to_string(history_.acknowledged) + " was acknowledged");
    } else if (expected == history_.states.end()) {
      fail(which, "generation " + std::to_string(generation) + " was never begun");
    } else if (!expected->second.is_in(found)) {
      fail(which, "generation " + std::to_string(generation) + " is not what was published");
    } else if (found.active != expected->second.active) {
      fail(which, "generation " + std::to_string(generation) + " names other transactions as active");
    }
    if (expected != history_.states.end() && found.texts.size() < expected->second.texts.size()) ++report_.kept_back;
    if (generation > history_.acknowledged) ++report_.new_states;
    if (generation < history_.states.rbegin()->first) ++report_.old_states;
  }

  void live_on(os::SimFileSystem& image) {
    const Found found = look_at(image);
    ++report_.second_lives;
    Runner second(image, random_.next(), {.epochs = 2, .images = 2, .second_life_one_in = 0}, report_);
    second.run_on(found, history_);
  }

  void fail(const std::string& which, const std::string& what) {
    if (report_.failures++ == 0) report_.first_failure = which + ": " + what;
  }

  os::SimFileSystem& files_;
  Random random_;
  const Effort effort_;
  Report& report_;
  History history_;
};

// Runs seeds until one fails.
Report run_seeds(std::uint64_t seeds, Effort effort) {
  Report report;
  for (std::uint64_t seed = 1; seed <= seeds && report.failures == 0; ++seed) {
    os::SimFileSystem files({.seed = seed});
    Runner(files, seed, effort, report).run_new_file();
    if (report.failures != 0) report.first_failure = "seed " + std::to_string(seed) + ": " + report.first_failure;
  }
  return report;
}

const std::uint64_t seeds = test::number_from_environment("QUIRE_SEEDS", 40);

TEST(checkpoint_crash, shows_one_whole_checkpoint_after_every_power_cut) {
  const Report report = run_seeds(seeds, {});
  EXPECT_EQ(report.failures, 0u) << report.first_failure;
  EXPECT_GT(report.images, 100 * seeds);
  EXPECT_GT(report.old_states, report.images / 20) << "crashes before the superblock are missing";
  EXPECT_GT(report.new_states, seeds) << "crashes after the superblock are missing";
  EXPECT_GT(report.second_lives, seeds);
  EXPECT_GT(report.kept_back, seeds) << "undo pages of ended transactions are missing";
  EXPECT_GT(report.steps_in_between, 50 * seeds);
  EXPECT_GT(report.slices, 2 * seeds);
}

// A bug that this does not find would be found by nothing.
void expect_found(const char* bug, const char* words) {
  const SeededBugScope scope(bug);
  const Report report = run_seeds(seeds, {.epochs = 6, .images = 10, .second_life_one_in = 0, .after_roots = false});
  EXPECT_GT(seeded_bug_hits(bug), 0u);
  EXPECT_GT(report.failures, 0u) << bug << " was not found in " << report.images << " images";
  EXPECT_THAT(report.first_failure, testing::ContainsRegex(words));
}

TEST(checkpoint_crash, finds_a_superblock_written_before_the_data_are_synced) {
  expect_found("skip_data_sync", "generation [0-9]+: (corrupt|.*blocks)");
}

TEST(checkpoint_crash, finds_a_commit_acknowledged_before_its_superblock_is_synced) {
  expect_found("acknowledge_before_sync", "no state at all|was acknowledged");
}

TEST(checkpoint_crash, finds_a_block_used_again_one_checkpoint_early) {
  expect_found("reuse_block_one_checkpoint_early", "generation [0-9]+");
}

TEST(checkpoint_crash, finds_a_page_published_with_a_change_made_after_the_flip) {
  expect_found("skip_copy_on_update", "generation [0-9]+");
}

TEST(checkpoint_crash, finds_the_current_table_published_instead_of_that_of_the_flip) {
  expect_found("publish_the_current_table", "generation [0-9]+");
}

TEST(checkpoint_crash, finds_undo_pages_of_an_active_transaction_kept_back) {
  expect_found("keep_back_undo_of_active", "is not what was published");
}

TEST(checkpoint_crash, finds_active_transactions_left_out) {
  expect_found("forget_active_transactions", "names other transactions");
}

}  // namespace
}  // namespace quire::checkpoint
