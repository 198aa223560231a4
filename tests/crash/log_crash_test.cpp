// Crashes at every operation of random workloads that commit through the log, alone and mixed with other ways.
//
// Goal     what each durability class promises holds, whatever moment the power fails or the process ends
// Method   CrashHarness with a log so small that segments change and checkpoints come in between; the same with seeded bugs
#include "support/crash_harness.hpp"

#include "base/seeded_bug.hpp"
#include "support/environment.hpp"

namespace quire::test {
namespace {

TEST(log_crash, finds_a_committed_state_at_every_operation) {
  const std::uint64_t count = number_from_environment("QUIRE_SEEDS", 8);
  std::uint64_t images = 0;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    CrashHarness harness({.seed = seed, .transactions = 12, .images_per_operation = 10, .journal = Journal::log});
    const CrashReport report = harness.run();
    ASSERT_EQ(report.failure, "");
    images += report.images;
  }
  std::printf("%llu crash images\n", static_cast<unsigned long long>(images));
  EXPECT_GT(images, count * 100);
}

TEST(log_crash, keeps_what_each_class_promises) {
  const WorkloadOptions lively{.keys = 25, .operations_max = 20, .large_value_chance = 12, .savepoint_chance = 5, .checkpoint_chance = 9, .rollback_chance = 4};
  const std::uint64_t count = number_from_environment("QUIRE_SEEDS", 4);
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    CrashHarness harness({.seed = seed + 300, .transactions = 12, .images_per_operation = 6, .recovery_crash_one_in = 40, .snapshots = seed % 3, .journal = Journal::log, .mixed_durability = true, .workload = lively});
    ASSERT_EQ(harness.run().failure, "");
  }
}

// Sixteen pages of memory, transactions that stream to the log and go on as checkpoints, savepoints taken back on the way.
TEST(log_crash, takes_back_transactions_larger_than_memory) {
  const WorkloadOptions large{.keys = 150, .operations_max = 150, .value_bytes_max = 900, .large_value_bytes_max = 60000, .large_value_chance = 40, .savepoint_chance = 20, .checkpoint_chance = 40, .rollback_chance = 3};
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CrashHarness harness({.seed = seed + 400, .transactions = 6, .images_per_operation = 2, .page_bytes = 32768, .recovery_crash_one_in = 60, .operations_one_in = 8, .snapshots = 1, .journal = Journal::log, .mixed_durability = true, .workload = large});
    ASSERT_EQ(harness.run().failure, "");
  }
}

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS

bool is_found(const char* bug, bool mixed = false, const WorkloadOptions& workload = {}) {
  const SeededBugScope scope(bug);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CrashHarness harness({.seed = seed, .transactions = 10, .images_per_operation = 10, .journal = Journal::log, .mixed_durability = mixed, .workload = workload});
    if (!harness.run().failure.empty()) return true;
  }
  return false;
}

constexpr WorkloadOptions with_checkpoints{.keys = 20, .operations_max = 20, .savepoint_chance = 4, .checkpoint_chance = 3};

TEST(log_crash_harness, finds_a_skipped_sync_of_the_log) { EXPECT_TRUE(is_found("skip_log_sync")); }
TEST(log_crash_harness, finds_an_acknowledgement_before_the_sync) { EXPECT_TRUE(is_found("acknowledge_log_before_sync")); }
TEST(log_crash_harness, finds_a_skipped_data_sync) { EXPECT_TRUE(is_found("skip_data_sync", false, with_checkpoints)); }
TEST(log_crash_harness, finds_active_transactions_left_out_of_a_flip) { EXPECT_TRUE(is_found("leave_active_out_of_flip", false, with_checkpoints)); }
TEST(log_crash_harness, finds_a_rollback_that_the_log_does_not_tell) { EXPECT_TRUE(is_found("forget_rollback_to", false, with_checkpoints)); }
#endif

}  // namespace
}  // namespace quire::test
