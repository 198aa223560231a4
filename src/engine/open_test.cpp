// Opening, creating, sharing and closing a file.
//
// Goal     a path shows nothing or a whole database at every moment of its creation; one process has one engine of
//          a file; a clean close leaves the file as small as its checkpoint
// Method   simulated machines: leftovers put in place, the creation stopped at every operation, two threads at once
#include "engine/test_engine.hpp"

#include "os/hook.hpp"
#include "os/sync.hpp"

namespace quire::engine {
namespace {

using testing::HasSubstr;

Result<EnginePointer> open(os::SimEnvironment& machine, Mode mode = Mode::create) {
  return open_shared(machine.environment(), test_path, small_options(mode));
}

TEST(engine_open, creates_a_database_with_the_default_keyspace) {
  os::SimEnvironment machine({.seed = 1});
  const EnginePointer engine = open(machine).value();
  EXPECT_EQ(engine->catalog()->keyspaces.size(), 1u);
  EXPECT_EQ(rows_of(*engine).value(), Model());
  EXPECT_TRUE(engine->verify(0).ok());
  EXPECT_EQ(machine.files().files(), std::vector<std::string>{test_path}) << "a stray file is left";
}

TEST(engine_open, leaves_every_other_file_alone_when_it_creates) {
  os::SimEnvironment machine({.seed = 2});
  const std::string other = std::string(test_path) + "-new";
  {
    const Result<EnginePointer> first = open_shared(machine.environment(), other, small_options(Mode::create));
    ASSERT_TRUE(first.ok()) << first.status().to_string();
  }
  const std::string before = machine.files().contents(other).value();
  ASSERT_TRUE(open(machine).ok());
  EXPECT_EQ(machine.files().contents(other).value(), before);
}

TEST(engine_open, removes_what_crashed_creations_of_its_path_left) {
  std::size_t leftovers = 0;
  for (std::uint64_t stop = 1; stop < 60; ++stop) {
    os::SimEnvironment machine({.seed = stop});
    machine.files().stop_at(stop);
    if (open(machine).ok()) break;
    os::SimEnvironment next(machine.files().kill());
    for (const std::string& file : next.files().files()) leftovers += file == test_path ? 0 : 1;
    ASSERT_TRUE(open(next).ok()) << stop;
    EXPECT_EQ(next.files().files(), std::vector<std::string>{test_path}) << stop;
  }
  EXPECT_GT(leftovers, 0u) << "no creation was stopped in the middle";
}

TEST(engine_open, opens_the_database_of_another_process_that_was_quicker) {
  os::SimEnvironment machine({.seed = 4});
  // The other one creates, commits and closes while this one's file is about to get its name.
  struct Other {
    os::SimEnvironment& machine;
    bool done = false;
  } other{machine};
  os::set_hook_handler(
      [](std::string_view name, void* context) {
        auto& quick = *static_cast<Other*>(context);
        if (name != "create.before_rename" || quick.done) return Status();
        quick.done = true;
        const EnginePointer engine = Engine::open(quick.machine.environment(), test_path, small_options(Mode::create)).value();
        return commit_rows(*engine, {{"quick", "1"}});
      },
      &other);
  const Result<EnginePointer> engine = open(machine);
  os::set_hook_handler(nullptr, nullptr);
  ASSERT_TRUE(engine.ok()) << engine.status().to_string();
  EXPECT_EQ(rows_of(**engine).value(), (Model{{"quick", "1"}}));
  EXPECT_EQ(machine.files().files(), std::vector<std::string>{test_path});
}

TEST(engine_open, makes_the_name_it_found_durable) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    os::SimEnvironment machine({.seed = seed});
    // The creation dies after its rename.
    machine.files().observe([&](const os::Operation& operation) {
      if (operation.kind == os::OperationKind::sync_directory) machine.files().stop();
    });
    EXPECT_FALSE(open(machine).ok());
    os::SimEnvironment next(machine.files().kill());
    const Result<EnginePointer> engine = open(next);
    ASSERT_TRUE(engine.ok()) << engine.status().to_string();
    ASSERT_TRUE(commit_rows(**engine, {{"k", "v"}}).ok());
    Random random(seed);
    os::SimEnvironment rebooted(next.files().crash(random));
    const Result<EnginePointer> again = open(rebooted, Mode::open);
    ASSERT_TRUE(again.ok()) << seed << ": " << again.status().to_string();
    EXPECT_EQ(rows_of(**again).value(), (Model{{"k", "v"}}));
  }
}

TEST(engine_open, counts_an_empty_file_as_absent) {
  os::SimEnvironment machine({.seed = 3});
  machine.files().install(test_path, "");
  EXPECT_FALSE(open(machine, Mode::open).ok());
  EXPECT_FALSE(open(machine, Mode::read_only).ok());
  EXPECT_EQ(machine.files().contents(test_path).value(), "");
  EXPECT_TRUE(open(machine).ok());
}

TEST(engine_open, shows_nothing_or_a_whole_database_wherever_creation_stops) {
  bool created = false;
  for (std::uint64_t stop = 1; !created; ++stop) {
    os::SimEnvironment machine({.seed = stop});
    machine.files().stop_at(stop);
    created = open(machine).ok();
    os::SimEnvironment next(machine.files().kill());
    const bool there = *next.environment().files.exists(test_path);
    const Result<EnginePointer> as_it_is = open(next, Mode::read_only);
    EXPECT_EQ(as_it_is.ok(), there) << stop << ": " << as_it_is.status().to_string();
    if (as_it_is.ok()) {
      EXPECT_TRUE((*as_it_is)->verify(0).ok()) << stop;
      continue;
    }
    const Result<EnginePointer> again = open(next);
    EXPECT_TRUE(again.ok()) << stop << ": " << again.status().to_string();
    ASSERT_LT(stop, 500u) << "creation never ends";
  }
}

TEST(engine_open, reports_every_fault_while_creating_and_creates_afterwards) {
  for (std::uint64_t operation = 1; operation < 40; ++operation) {
    os::SimEnvironment machine({.seed = operation});
    machine.files().inject({.kind = os::FaultKind::io_error, .operation = operation});
    const Result<EnginePointer> engine = open(machine);
    if (engine.ok()) continue;
    EXPECT_EQ(engine, Code::io) << operation << ": " << engine.status().to_string();
    machine.files().clear_faults();
    const Result<EnginePointer> again = open(machine);
    ASSERT_TRUE(again.ok()) << operation << ": " << again.status().to_string();
    EXPECT_TRUE((*again)->verify(0).ok());
    EXPECT_EQ(machine.files().locks_held(), 1u);
  }
}

TEST(engine_open, shares_one_engine_between_threads_that_open_at_once) {
  os::SimEnvironment machine({.seed = 4});
  std::array<EnginePointer, 4> engines;
  {
    std::vector<os::Thread> threads;
    for (EnginePointer& engine : engines) threads.emplace_back([&] { engine = open(machine).value(); });
  }
  for (const EnginePointer& engine : engines) EXPECT_EQ(engine.get(), engines[0].get());
  EXPECT_EQ(machine.files().locks_held(), 1u);
}

TEST(engine_open, lets_go_of_the_file_with_the_last_handle) {
  os::SimEnvironment machine({.seed = 5});
  {
    const EnginePointer first = open(machine).value();
    const EnginePointer second = open(machine).value();
    EXPECT_EQ(machine.files().open_files(), 1u);
  }
  EXPECT_EQ(machine.files().open_files(), 0u);
  EXPECT_EQ(machine.files().locks_held(), 0u);
  EXPECT_TRUE(open(machine).ok());
}

TEST(engine_open, refuses_a_file_that_another_process_has) {
  os::SimEnvironment machine({.seed = 6});
  { ASSERT_TRUE(open(machine).ok()); }
  const auto other = machine.files().open(test_path, {.write = true}).value();
  ASSERT_TRUE(other->lock(os::LockMode::exclusive).ok());
  EXPECT_EQ(open(machine), Code::busy);
  EXPECT_EQ(open(machine, Mode::read_only), Code::busy);
}

TEST(engine_close, trims_the_file_to_its_checkpoint) {
  os::SimEnvironment machine({.seed = 7});
  std::uint64_t while_open = 0;
  {
    const EnginePointer engine = open(machine).value();
    ASSERT_TRUE(commit_rows(*engine, {{"k", std::string(200000, 'v')}}).ok());
    ASSERT_TRUE(commit_rows(*engine, {{"k", "small"}}).ok());
    while_open = engine->statistics()->file_bytes;
  }
  const std::uint64_t closed = machine.files().contents(test_path)->size();
  EXPECT_LT(closed, while_open);
  const EnginePointer again = open(machine).value();
  EXPECT_EQ(rows_of(*again).value(), (Model{{"k", "small"}}));
  EXPECT_TRUE(again->verify(0).ok());
}

TEST(engine_statistics, are_plausible) {
  os::SimEnvironment machine({.seed = 8});
  const EnginePointer engine = open(machine).value();
  const Statistics before = engine->statistics().value();
  EXPECT_EQ(before.page_size, 4096u);
  EXPECT_EQ(before.pages, 3u);
  EXPECT_EQ(before.keyspaces, 1u);
  EXPECT_EQ(before.commits, 0u);
  EXPECT_EQ(before.memory_limit, std::uint64_t{1} << 20);
  EXPECT_EQ(before.frames, 256u);
  ASSERT_TRUE(commit_rows(*engine, {{"a", "1"}, {"large", std::string(10000, 'l')}}).ok());
  ASSERT_TRUE(rows_of(*engine).ok());
  const Statistics after = engine->statistics().value();
  EXPECT_EQ(after.pages, 3u + 1 + 3);
  EXPECT_EQ(after.commits, 1u);
  EXPECT_EQ(after.generation, before.generation + 1);
  EXPECT_EQ(after.syncs, before.syncs + 2);
  EXPECT_GE(after.page_writes, before.page_writes + 6);
  EXPECT_GE(after.bytes_written, before.bytes_written + 6 * 4096);
  EXPECT_GT(after.page_hits, before.page_hits);
  EXPECT_GE(after.frames_used, after.pages);
  EXPECT_LE(after.frames_used, after.frames);
  EXPECT_EQ(after.file_bytes, machine.files().contents(test_path)->size());
  EXPECT_LT(after.free_bytes, after.file_bytes);
}

}  // namespace
}  // namespace quire::engine
