// Background steps, called one by one.
//
// Goal     what the thread would do comes to an end, and has done what it is for
// Method   an engine on a simulated machine, whose environment wants no thread
#include "engine/test_engine.hpp"

#include <gtest/gtest.h>

#include "os/hook.hpp"

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
    ASSERT_TRUE(Writer::begin(*engine_, {}, writer).ok());
    const catalog::KeyspaceRecord big = *writer->catalog().find("big");
    for (int i = 0; i < 3000; ++i) ASSERT_TRUE(writer->put(big, "key" + std::to_string(i), std::string(3000, 'v')).ok());
    ASSERT_EQ(writer->commit().to_string(), "ok");
  }
  ASSERT_EQ(commit_rows(*engine_, {{"stays", "here"}}).to_string(), "ok");
  ASSERT_EQ(engine_->checkpoint().to_string(), "ok");
  const std::uint64_t before = file_bytes();
  {
    std::optional<Writer> writer;
    ASSERT_TRUE(Writer::begin(*engine_, {}, writer).ok());
    ASSERT_EQ(writer->drop_keyspace("big").to_string(), "ok");
    ASSERT_EQ(writer->commit().to_string(), "ok");
  }
  ASSERT_EQ(engine_->checkpoint().to_string(), "ok");
  EXPECT_GE(run_until_idle(), 0);
  EXPECT_LT(file_bytes() * 2, before);
  EXPECT_EQ(engine_->verify(0).status().to_string(), "ok");
  EXPECT_EQ(rows_of(*engine_).value(), (Model{{"stays", "here"}}));
}

// A power cut takes nothing that a step has made durable, though the commit did not wait for it.
TEST_F(background, makes_lazy_commits_durable) {
  {
    std::optional<Writer> writer;
    ASSERT_TRUE(Writer::begin(*engine_, {}, writer).ok());
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

// Data of the file that are written and not synced, at most; syncs, and calls between slices.
struct Unsynced {
  explicit Unsynced(os::SimFileSystem& of) : files(of) {
    files.observe([this](const os::Operation& operation) {
      if (operation.path != test_path) return;
      if (operation.kind == os::OperationKind::sync) ++syncs;
      if (operation.kind == os::OperationKind::write) now += operation.bytes;
      if (operation.kind == os::OperationKind::sync) now = 0;
      most = std::max(most, now);
    });
  }
  ~Unsynced() { files.observe(nullptr); }
  Unsynced(const Unsynced&) = delete;
  Unsynced& operator=(const Unsynced&) = delete;
  os::SimFileSystem& files;
  std::uint64_t now = 0;
  std::uint64_t most = 0;
  std::uint64_t syncs = 0;
};

constexpr std::uint64_t slice_bytes_and_a_run = std::uint64_t{5} << 20;

// Forty megabytes of changed pages.
Status change_much(Engine& engine, char value, const std::function<void()>& after_commit = [] {}) {
  for (int commit = 0; commit < 20; ++commit) {
    std::map<std::string, std::optional<std::string>> rows;
    for (int i = 0; i < 2000; ++i) rows["key" + std::to_string(commit * 2000 + i)] = std::string(900, value);
    QUIRE_TRY(commit_rows(engine, rows));
    after_commit();
  }
  return Status();
}

// Commits wait behind the sync of much data: a background checkpoint syncs it in slices, one that somebody waits for does not.
TEST(background_pace, writes_its_checkpoints_in_slices) {
  os::SimEnvironment machine{os::SimOptions{.seed = 1}};
  const EnginePointer engine = open_shared(machine.environment(), test_path,
                                           {.page_size = 4096, .memory_limit = std::uint64_t{128} << 20, .log_limit = std::uint64_t{128} << 20}).value();
  ASSERT_EQ(change_much(*engine, 'a').to_string(), "ok");
  {
    Unsynced seen(machine.files());
    ASSERT_EQ(engine->checkpoint().to_string(), "ok");
    EXPECT_GT(seen.most, std::uint64_t{30} << 20);
    EXPECT_EQ(seen.syncs, 2u);
  }
  const std::uint64_t before = engine->statistics()->generation;
  ASSERT_EQ(change_much(*engine, 'b').to_string(), "ok");
  ASSERT_TRUE(engine->background_step().ok());  // from here on the time counts
  machine.clock().advance(61'000'000);
  Unsynced seen(machine.files());
  ASSERT_TRUE(engine->background_step().ok());
  EXPECT_GT(engine->statistics()->generation, before) << "it was due";
  EXPECT_LT(seen.most, slice_bytes_and_a_run);
  EXPECT_GE(seen.syncs, 5u);
}

// Commits lazily at the first slice of a checkpoint, and kills the process at the third.
struct LazyCommit {
  LazyCommit(Engine& into, os::SimFileSystem& of) : engine(into), files(of) { os::set_hook_handler(at_hook, this); }
  ~LazyCommit() { os::set_hook_handler(nullptr, nullptr); }
  LazyCommit(const LazyCommit&) = delete;
  LazyCommit& operator=(const LazyCommit&) = delete;

  static Status at_hook(std::string_view name, void* context) {
    auto& self = *static_cast<LazyCommit*>(context);
    if (name != "checkpoint.end_of_slice") return Status();
    ++self.slices;
    if (self.slices == 3) self.killed = self.files.kill();
    return self.slices == 1 ? self.commit() : Status();
  }
  Status commit() {
    std::optional<Writer> writer;
    QUIRE_TRY(Writer::begin(engine, {}, writer));
    QUIRE_TRY(writer->put(*writer->catalog().find(default_keyspace), "lazy", "row").status());
    writer->set_durability(Durability::lazy);
    return writer->commit();
  }

  Engine& engine;
  os::SimFileSystem& files;
  int slices = 0;
  std::unique_ptr<os::SimFileSystem> killed;
};

TEST(background_pace, hands_lazy_commits_over_between_slices) {
  os::SimEnvironment machine{os::SimOptions{.seed = 1}};
  const EnginePointer engine = open_shared(machine.environment(), test_path,
                                           {.page_size = 4096, .memory_limit = std::uint64_t{128} << 20, .log_limit = std::uint64_t{128} << 20}).value();
  ASSERT_EQ(change_much(*engine, 'a').to_string(), "ok");
  ASSERT_TRUE(engine->background_step().ok());  // from here on the time counts
  machine.clock().advance(61'000'000);
  std::unique_ptr<os::SimFileSystem> killed;
  {
    LazyCommit lazy(*engine, machine.files());
    ASSERT_EQ(engine->background_step().status().to_string(), "ok");
    ASSERT_GE(lazy.slices, 3);
    killed = std::move(lazy.killed);
  }
  os::SimEnvironment again(std::move(killed));
  const EnginePointer reopened = open_shared(again.environment(), test_path, {.page_size = 4096}).value();
  EXPECT_EQ(rows_of(*reopened)->count("lazy"), 1u) << "it waits for the end of the checkpoint";
}

TEST(background_pace, syncs_what_evictions_write) {
  os::SimEnvironment machine{os::SimOptions{.seed = 1}};
  const EnginePointer engine = open_shared(machine.environment(), test_path,
                                           {.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .log_limit = std::uint64_t{1} << 30}).value();
  Unsynced seen(machine.files());
  ASSERT_EQ(change_much(*engine, 'a', [&] { EXPECT_TRUE(engine->background_step().ok()); }).to_string(), "ok");
  EXPECT_LT(seen.most, 2 * slice_bytes_and_a_run);
  EXPECT_GE(seen.syncs, 3u);
}

// Commits lazily whenever the log is about to be synced.
struct BusyLog {
  explicit BusyLog(Engine& into) : engine(into) { os::set_hook_handler(at_hook, this); }
  ~BusyLog() { os::set_hook_handler(nullptr, nullptr); }
  BusyLog(const BusyLog&) = delete;
  BusyLog& operator=(const BusyLog&) = delete;

  static Status at_hook(std::string_view name, void* context) {
    auto& self = *static_cast<BusyLog*>(context);
    if (name != "log.before_sync" || ++self.syncs > most) return Status();
    std::optional<Writer> writer;
    QUIRE_TRY(Writer::begin(self.engine, {}, writer));
    QUIRE_TRY(writer->put(*writer->catalog().find(default_keyspace), "busy", std::to_string(self.syncs)).status());
    writer->set_durability(Durability::lazy);
    return writer->commit();
  }

  static constexpr int most = 50;
  Engine& engine;
  int syncs = 0;
};

TEST(background_pace, is_not_held_up_by_those_who_commit_during_its_sync) {
  os::SimEnvironment machine{os::SimOptions{.seed = 1}};
  const EnginePointer engine = open_shared(machine.environment(), test_path, small_options(Mode::create, Journal::log)).value();
  ASSERT_EQ(commit_rows(*engine, {{"a", "1"}}).to_string(), "ok");
  ASSERT_TRUE(engine->background_step().ok());
  machine.clock().advance(2'000'000);
  BusyLog busy(*engine);
  ASSERT_EQ(commit_rows(*engine, {{"a", "2"}}).to_string(), "ok");
  busy.syncs = 0;
  ASSERT_TRUE(engine->background_step().ok());
  EXPECT_GE(busy.syncs, 1) << "its sync was due";
  EXPECT_LT(busy.syncs, 8) << "it goes on as long as others commit";
}

}  // namespace
}  // namespace quire::engine
