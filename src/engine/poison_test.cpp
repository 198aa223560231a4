// Failures while a commit is being written.
//
// Goal     a failed write or sync poisons the handle for everything that follows; what a reopen finds is one of the
//          states before and after that commit, and it verifies (WAL-7, CK-8)
// Method   a fault at every operation of a commit, on devices drawn from seeds; reopening as after a kill and after a
//          power cut
#include "engine/test_engine.hpp"
#include "os/hook.hpp"

namespace quire::engine {
namespace {

using testing::HasSubstr;

// The state of a file, or the failure to open it.
Result<Model> reopened(std::unique_ptr<os::SimFileSystem> files) {
  os::SimEnvironment machine(std::move(files));
  QUIRE_ASSIGN(const EnginePointer engine, open_shared(machine.environment(), test_path, small_options()));
  QUIRE_TRY(engine->verify(0).status());
  return rows_of(*engine);
}

// What holds for a handle whose commit failed after its first write.
void expect_poisoned(Engine& engine) {
  EXPECT_EQ(engine.usable(), Code::poisoned);
  EXPECT_EQ(engine.verify(0), Code::poisoned);
  EXPECT_EQ(engine.statistics(), Code::poisoned);
  EXPECT_EQ(commit_rows(engine, {{"later", "row"}}), Code::poisoned);
  EXPECT_THAT(std::string(engine.usable().message()), HasSubstr("open it again"));
}

TEST(engine_poison, follows_a_failed_write_or_sync_and_reopening_gives_a_committed_state) {
  const Model before{{"a", "1"}, {"large", std::string(9000, 'x')}};
  const Model after{{"a", "2"}, {"b", "new"}, {"large", std::string(9000, 'y')}};
  std::uint64_t poisoned = 0;
  std::uint64_t unknown = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    bool done = false;
    for (std::uint64_t operation = 0; !done && operation < 60; ++operation) {
      os::SimEnvironment machine({.seed = seed});
      EnginePointer engine = open_shared(machine.environment(), test_path, small_options()).value();
      ASSERT_TRUE(commit_rows(*engine, {{"a", "1"}, {"large", std::string(9000, 'x')}}).ok());
      const std::uint64_t at = machine.files().operation_count() + operation;
      machine.files().inject({.kind = os::FaultKind::io_error, .operation = at});
      const Status status = commit_rows(*engine, {{"a", "2"}, {"b", "new"}, {"large", std::string(9000, 'y')}});
      done = machine.files().faults_fired() == 0;
      machine.files().clear_faults();
      SCOPED_TRACE("seed " + std::to_string(seed) + ", operation " + std::to_string(operation) + ": " + status.to_string());
      if (!status.ok() && !engine->usable().ok()) {
        ++poisoned;
        unknown += status == Code::unknown_outcome ? 1 : 0;
        expect_poisoned(*engine);
      }
      if (!status.ok() && engine->usable().ok()) {
        EXPECT_EQ(rows_of(*engine).value(), before) << "a commit that failed before it wrote changed something";
      }
      Random random(seed * 100 + operation);
      for (int image = 0; image < 3; ++image) {
        const Result<Model> found = reopened(image == 0 ? machine.files().kill() : machine.files().crash(random));
        ASSERT_TRUE(found.ok()) << found.status().to_string();
        const bool is_before = *found == before;
        const bool is_after = *found == after;
        EXPECT_TRUE(is_before || is_after) << "neither the state before nor the one after";
        if (status.ok() && machine.files().faults_fired() == 0) {
          EXPECT_TRUE(is_after);
        }
        if (!status.ok() && status != Code::unknown_outcome) {
          EXPECT_TRUE(is_before) << "a commit that did not happen is there";
        }
      }
      engine.reset();
    }
    EXPECT_TRUE(done) << "the commit never ends";
  }
  EXPECT_GT(poisoned, 12u);
  EXPECT_GT(unknown, 3u);
}

TEST(engine_poison, is_shared_by_every_handle_and_cured_by_reopening) {
  os::SimEnvironment machine({.seed = 5, .profile = os::DeviceProfile{}});
  EnginePointer engine = open_shared(machine.environment(), test_path, small_options()).value();
  ASSERT_TRUE(commit_rows(*engine, {{"a", "1"}}).ok());
  machine.files().inject({.kind = os::FaultKind::io_error, .operation = 0, .path = "app.qdb", .sticky = true});
  EXPECT_FALSE(commit_rows(*engine, {{"a", "2"}}).ok());
  machine.files().clear_faults();
  EnginePointer shared = open_shared(machine.environment(), test_path, small_options()).value();
  EXPECT_EQ(shared.get(), engine.get());
  expect_poisoned(*shared);
  engine.reset();
  shared.reset();
  engine = open_shared(machine.environment(), test_path, small_options()).value();
  EXPECT_TRUE(engine->usable().ok());
  EXPECT_EQ(rows_of(*engine).value(), (Model{{"a", "1"}}));
  EXPECT_EQ(commit_rows(*engine, {{"a", "3"}}).to_string(), "ok");
}

// While its sync is under way, which then fails, the same thread commits something lazily. Nobody must be told the state before that.
TEST(engine_poison, reaches_who_reads_what_they_committed_behind_a_failed_sync) {
  os::SimEnvironment machine({.seed = 6});
  const EnginePointer engine = open_shared(machine.environment(), test_path, small_options(Mode::create, Journal::log)).value();
  ASSERT_TRUE(commit_rows(*engine, {{"a", "1"}}).ok());
  struct Meanwhile {
    Engine& engine;
    Status lazy = Status(Code::invalid, "no sync was met");
  } meanwhile{*engine};
  const auto at_hook = [](std::string_view name, void* context) -> Status {
    if (name != "log.before_sync") return Status();
    os::set_hook_handler(nullptr, nullptr);
    Meanwhile& scene = *static_cast<Meanwhile*>(context);
    std::optional<Writer> writer;
    QUIRE_TRY(Writer::begin(scene.engine, {}, writer));
    writer->set_durability(Durability::lazy);
    scene.lazy = writer->put(*writer->catalog().find(default_keyspace), "a", "3").status();
    if (scene.lazy.ok()) scene.lazy = writer->commit();
    return Status(Code::io, "the sync fails");
  };
  os::set_hook_handler(at_hook, &meanwhile);
  EXPECT_EQ(commit_rows(*engine, {{"a", "2"}}), Code::unknown_outcome);
  os::set_hook_handler(nullptr, nullptr);
  ASSERT_EQ(meanwhile.lazy.to_string(), "ok");
  EXPECT_EQ(engine->await_own_commit(), Code::poisoned);
  EXPECT_EQ(engine->begin_read(), Code::poisoned);
}

// Some systems tell of a lost write only at the next sync, which is then the one that opening makes (RC-1).
TEST(engine_poison, may_take_a_second_attempt_to_cure_when_the_error_comes_late) {
  os::DeviceProfile profile;
  profile.failed_sync = os::FailedSync::late;
  os::SimEnvironment machine({.seed = 5, .profile = profile});
  EnginePointer engine = open_shared(machine.environment(), test_path, small_options()).value();
  ASSERT_TRUE(commit_rows(*engine, {{"a", "1"}}).ok());
  machine.files().inject({.kind = os::FaultKind::writeback_error, .operation = 0, .path = "app.qdb", .sticky = true});
  EXPECT_FALSE(commit_rows(*engine, {{"a", "2"}}).ok());
  machine.files().clear_faults();
  engine.reset();
  Result<EnginePointer> again = open_shared(machine.environment(), test_path, small_options());
  if (!again.ok()) {
    EXPECT_EQ(again, Code::io) << again.status().to_string();
    again = open_shared(machine.environment(), test_path, small_options());
  }
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(rows_of(**again).value(), (Model{{"a", "1"}}));
}

// What a poisoned transaction leaves in memory is not taken back, and no longer on the list of what is active: whoever was
// about to publish must not.
TEST(engine_poison, stops_a_checkpoint_that_waits_for_its_flip) {
  os::SimEnvironment machine({.seed = 6});
  EnginePointer engine = open_shared(machine.environment(), test_path, small_options()).value();
  ASSERT_TRUE(commit_rows(*engine, {{"a", "1"}}).ok());
  std::optional<Writer> writer;
  ASSERT_TRUE(Writer::begin(*engine, {}, writer).ok());
  ASSERT_TRUE(writer->put(*writer->catalog().find(default_keyspace), "never", "committed").ok());
  Status published;
  std::optional<os::Thread> other;
  {
    const os::Lock no_flip(engine->pool().flip_mutex());
    other.emplace([&] { published = engine->checkpoint(); });
    os::sleep_us(50'000);
    engine->poison();
    writer.reset();
  }
  other->join();
  EXPECT_EQ(published, Code::poisoned);
  engine.reset();
  EXPECT_EQ(reopened(machine.files().kill()).value(), (Model{{"a", "1"}}));
}

}  // namespace
}  // namespace quire::engine
