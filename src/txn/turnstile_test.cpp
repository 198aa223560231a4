// Goal: who may be inside together, who waits, and what is said when the time is up.
// Method: one thread, so that every wait must end by its timeout; a clock that goes on by a fixed step.
#include "txn/turnstile.hpp"

#include <gtest/gtest.h>

#include "os/mem/manual_clock.hpp"

namespace quire::txn {
namespace {

class Turnstiles : public testing::Test {
 protected:
  os::ManualClock clock_{os::ManualClock::Options{.wall_start_us = 0, .step_us = 500}};
  Turnstile turnstile_{clock_};
};

TEST_F(Turnstiles, let_many_readers_and_a_writer_in_together) {
  const std::uint32_t first = turnstile_.enter_reader(0).value();
  const std::uint32_t second = turnstile_.enter_reader(0).value();
  EXPECT_TRUE(turnstile_.enter_writer(0).ok());
  EXPECT_EQ(turnstile_.readers(), 2u);
  turnstile_.leave_reader(first);
  turnstile_.leave_reader(second);
  turnstile_.leave_writer();
  EXPECT_EQ(turnstile_.readers(), 0u);
}

TEST_F(Turnstiles, refuse_a_writer_inside_a_writer_of_the_same_thread_at_once) {
  ASSERT_TRUE(turnstile_.enter_writer(0).ok());
  EXPECT_EQ(turnstile_.enter_writer(60'000'000).code(), Code::invalid);
  turnstile_.leave_writer();
  EXPECT_TRUE(turnstile_.enter_writer(0).ok());
  turnstile_.leave_writer();
}

TEST_F(Turnstiles, keep_a_commit_waiting_for_its_own_threads_reader_until_the_time_is_up) {
  const std::uint32_t slot = turnstile_.enter_reader(0).value();
  const Status status = turnstile_.begin_commit(5000);
  EXPECT_EQ(status.to_string(),
            "busy: the commit waited 5 ms for 1 read transactions that are still open; nothing was committed");
  turnstile_.leave_reader(slot);
  EXPECT_TRUE(turnstile_.begin_commit(0).ok());
  turnstile_.end_commit();
}

TEST_F(Turnstiles, keep_readers_waiting_during_a_commit_until_the_time_is_up) {
  ASSERT_TRUE(turnstile_.begin_commit(0).ok());
  EXPECT_EQ(turnstile_.enter_reader(3000).status().to_string(), "busy: waited 3 ms for a commit to end");
  EXPECT_EQ(turnstile_.readers(), 0u) << "a refused reader leaves nothing behind";
  turnstile_.end_commit();
  turnstile_.leave_reader(turnstile_.enter_reader(0).value());
}

TEST_F(Turnstiles, can_commit_again_and_again) {
  for (int n = 0; n < 10; ++n) {
    ASSERT_TRUE(turnstile_.enter_writer(0).ok());
    ASSERT_TRUE(turnstile_.begin_commit(0).ok());
    turnstile_.end_commit();
    turnstile_.leave_writer();
  }
  EXPECT_EQ(turnstile_.readers(), 0u);
}

}  // namespace
}  // namespace quire::txn
