// Goal: a seeded bug exists exactly while it is enabled, and can be counted.
// Method: examples. Without QUIRE_CHECKS the question must be a constant.
#include "base/seeded_bug.hpp"

#include <gtest/gtest.h>

namespace quire {
namespace {

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS

TEST(seeded_bug, exists_only_while_enabled) {
  EXPECT_FALSE(seeded_bug("skip_data_sync"));
  {
    const SeededBugScope scope("skip_data_sync");
    EXPECT_TRUE(seeded_bug("skip_data_sync"));
    EXPECT_FALSE(seeded_bug("skip_log_sync"));
  }
  EXPECT_FALSE(seeded_bug("skip_data_sync"));
}

TEST(seeded_bug, counts_how_often_it_was_met) {
  enable_seeded_bug("a");
  enable_seeded_bug("b");
  enable_seeded_bug("b");
  EXPECT_TRUE(seeded_bug("a"));
  EXPECT_TRUE(seeded_bug("a"));
  EXPECT_EQ(seeded_bug_hits("a"), 2u);
  EXPECT_EQ(seeded_bug_hits("b"), 0u);
  EXPECT_EQ(seeded_bug_hits("c"), 0u);
  clear_seeded_bugs();
  EXPECT_EQ(seeded_bug_hits("a"), 0u);
  enable_seeded_bug("a");
  EXPECT_EQ(seeded_bug_hits("a"), 0u);
  clear_seeded_bugs();
}

#else

static_assert(!seeded_bug("skip_data_sync"));

#endif

}  // namespace
}  // namespace quire
