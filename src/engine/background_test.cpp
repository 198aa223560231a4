// Background steps, called one by one.
//
// Goal     what the thread would do comes to an end, and has done what it is for
// Method   an engine on a simulated machine, whose environment wants no thread
#include "engine/test_engine.hpp"

#include <gtest/gtest.h>

namespace quire::engine {
namespace {

constexpr int steps_max = 2000;

class background : public testing::Test {
 protected:
  // Steps until nothing is left to do; how many. -1: it never comes to rest.
  int run_until_idle() {
    for (int step = 0; step < steps_max; ++step) {
      const Result<std::uint64_t> next = engine_->background_step();
      EXPECT_EQ(next.status().to_string(), "ok");
      if (!next.ok()) return -1;
      if (*next > 1'000'000 && !engine_->has_background_work()) return step;
    }
    return -1;
  }
  std::uint64_t file_bytes() { return machine_.files().contents(test_path)->size(); }

  os::SimEnvironment machine_{os::SimOptions{.seed = 1}};
  EnginePointer engine_ = open_shared(machine_.environment(), test_path, small_options(Mode::create, Journal::log)).value();
};

TEST_F(background, comes_to_rest_when_nobody_commits) {
  EXPECT_EQ(run_until_idle(), 0) << "there is no log yet";
  ASSERT_EQ(commit_rows(*engine_, {{"a", "1"}}).to_string(), "ok");
  EXPECT_TRUE(engine_->has_background_work());
  const int steps = run_until_idle();
  EXPECT_GE(steps, 0);
  EXPECT_LT(steps, 10);
}

TEST_F(background, gives_the_end_of_the_file_back_after_a_drop) {
  ASSERT_EQ(create_keyspace(*engine_, "big").to_string(), "ok");
  {
    std::optional<Writer> writer;
    ASSERT_TRUE(Writer::begin(*engine_, 0, writer).ok());
    const catalog::KeyspaceRecord big = *writer->catalog().find("big");
    for (int i = 0; i < 3000; ++i) ASSERT_TRUE(writer->put(big, "key" + std::to_string(i), std::string(3000, 'v')).ok());
    ASSERT_EQ(writer->commit().to_string(), "ok");
  }
  ASSERT_EQ(commit_rows(*engine_, {{"stays", "here"}}).to_string(), "ok");
  ASSERT_EQ(engine_->checkpoint(0).to_string(), "ok");
  const std::uint64_t before = file_bytes();
  {
    std::optional<Writer> writer;
    ASSERT_TRUE(Writer::begin(*engine_, 0, writer).ok());
    ASSERT_EQ(writer->drop_keyspace("big").to_string(), "ok");
    ASSERT_EQ(writer->commit().to_string(), "ok");
  }
  ASSERT_EQ(engine_->checkpoint(0).to_string(), "ok");
  EXPECT_GE(run_until_idle(), 0);
  EXPECT_LT(file_bytes() * 2, before);
  EXPECT_EQ(engine_->verify(0).status().to_string(), "ok");
  EXPECT_EQ(rows_of(*engine_).value(), (Model{{"stays", "here"}}));
}

// A power cut takes nothing that a step has made durable, though the commit did not wait for it.
TEST_F(background, makes_lazy_commits_durable) {
  {
    std::optional<Writer> writer;
    ASSERT_TRUE(Writer::begin(*engine_, 0, writer).ok());
    ASSERT_TRUE(writer->put(*writer->catalog().find(default_keyspace), "lazy", "row").ok());
    writer->set_durability(Durability::lazy);
    ASSERT_EQ(writer->commit().to_string(), "ok");
  }
  ASSERT_GE(run_until_idle(), 0);
  Random random(7);
  for (int i = 0; i < 10; ++i) {
    os::SimEnvironment rebooted(machine_.files().crash(random));
    const EnginePointer again = open_shared(rebooted.environment(), test_path, small_options(Mode::open, Journal::log)).value();
    EXPECT_EQ(rows_of(*again).value(), (Model{{"lazy", "row"}}));
  }
}

}  // namespace
}  // namespace quire::engine
