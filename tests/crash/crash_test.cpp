// Crashes at every operation of random workloads, and proof that the harness sees mistakes.
//
// Goal     nothing acknowledged is lost, nothing unacknowledged half appears, whatever moment the power fails
// Method   CrashHarness over seeds, page sizes and device profiles; the same with seeded bugs, which it must find
#include "support/crash_harness.hpp"

#include "base/seeded_bug.hpp"
#include "support/environment.hpp"

namespace quire::test {
namespace {

TEST(crash, finds_a_committed_state_at_every_operation) {
  // More seeds in `./dev ci` and `./dev soak`.
  const std::uint64_t count = number_from_environment("QUIRE_SEEDS", 12);
  std::uint64_t images = 0;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    CrashHarness harness({.seed = seed, .transactions = 12, .images_per_operation = 10});
    const CrashReport report = harness.run();
    ASSERT_EQ(report.failure, "");
    images += report.images;
  }
  RecordProperty("images", static_cast<int>(images));
  std::printf("%llu crash images\n", static_cast<unsigned long long>(images));
  EXPECT_GT(images, count * 100);
}

TEST(crash, holds_for_every_page_size) {
  for (const std::uint32_t page_bytes : {8192u, 16384u, 32768u, 65536u}) {
    CrashHarness harness({.seed = page_bytes + 5, .transactions = 5, .images_per_operation = 5, .page_bytes = page_bytes});
    EXPECT_EQ(harness.run().failure, "");
  }
}

TEST(crash, holds_for_transactions_that_grow_and_drop_whole_trees) {
  const WorkloadOptions big{.keys = 3000, .operations_max = 1200, .value_bytes_max = 200, .large_value_chance = 100};
  for (std::uint64_t seed = 50; seed < 52; ++seed) {
    CrashHarness harness({.seed = seed, .transactions = 5, .images_per_operation = 5, .workload = big});
    EXPECT_EQ(harness.run().failure, "");
  }
}

TEST(crash, replays_from_its_seed) {
  const CrashOptions options{.seed = 77, .transactions = 4, .images_per_operation = 3};
  const CrashReport first = CrashHarness(options).run();
  const CrashReport second = CrashHarness(options).run();
  EXPECT_EQ(first.failure, "");
  EXPECT_EQ(first.operations, second.operations);
  EXPECT_EQ(first.images, second.images);
}

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS

// True when the harness notices the mistake within a few seeds.
bool is_found(const char* bug) {
  const SeededBugScope scope(bug);
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CrashHarness harness({.seed = seed, .transactions = 8, .images_per_operation = 10});
    if (!harness.run().failure.empty()) return true;
  }
  return false;
}

TEST(crash_harness, finds_a_skipped_data_sync) { EXPECT_TRUE(is_found("skip_data_sync")); }
TEST(crash_harness, finds_an_acknowledgement_before_the_sync) { EXPECT_TRUE(is_found("acknowledge_before_sync")); }
TEST(crash_harness, finds_a_block_reused_one_checkpoint_early) { EXPECT_TRUE(is_found("reuse_block_one_checkpoint_early")); }
TEST(crash_harness, finds_a_skipped_directory_sync) { EXPECT_TRUE(is_found("skip_directory_sync")); }
TEST(crash_harness, finds_a_superblock_trusted_before_it_is_synced) { EXPECT_TRUE(is_found("trust_superblock_before_sync")); }

#endif

}  // namespace
}  // namespace quire::test
