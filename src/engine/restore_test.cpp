// Archive and restore.
//
// Goal     a backup and the archive give back the state after any commit since, over closes and crashes in between
// Method   commits that count themselves, on a simulated machine; every commit in the archive is restored to
#include "base/try.hpp"
#include "engine/test_engine.hpp"
#include "wal/archive_reader.hpp"

#include <gtest/gtest.h>

namespace quire::engine {
namespace {

using testing::HasSubstr;

constexpr const char* archive = "/archive";
constexpr const char* backup_path = "/data/backup.qdb";

Options archiving() {
  Options options = small_options(Mode::create, Journal::log);
  options.log_limit = std::uint64_t{64} << 10;
  options.archive_dir = archive;
  return options;
}

class restore : public testing::Test {
 protected:
  EnginePointer open() { return open_shared(machine_.environment(), test_path, archiving()).value(); }

  // One commit: its number, some rows, and now and then a keyspace or a bulk load.
  void commit(Engine& engine) {
    ++commits_;
    const std::string number = std::to_string(commits_);
    ASSERT_EQ(commit_rows(engine, {{"n", number}, {"key" + std::to_string(commits_ % 7), number + std::string(300, 'x')}, {"gone" + number, number}}).to_string(), "ok");
    model_["n"] = number;
    model_["key" + std::to_string(commits_ % 7)] = number + std::string(300, 'x');
    model_["gone" + number] = number;
    states_.push_back(model_);
  }

  // The LSNs of all commits in the archive, in order.
  std::vector<std::uint64_t> archived_commits() {
    std::vector<std::uint64_t> lsns;
    wal::ArchiveReader reader = wal::ArchiveReader::open(machine_.files(), archive, "app.qdb", {}).value();
    wal::Record record;
    while (reader.next(record).value()) {
      if (std::holds_alternative<wal::CommitRecord>(record.body)) lsns.push_back(record.lsn.raw);
    }
    return lsns;
  }

  std::string restored(const RestorePoint& point, Model& rows) {
    const Result<RestoreReport> report = Engine::restore(machine_.environment(), backup_path, archive, "/data/restored.qdb", point);
    if (!report.ok()) return report.status().to_string();
    {
      const EnginePointer engine = open_shared(machine_.environment(), "/data/restored.qdb", small_options()).value();
      EXPECT_EQ(engine->verify(0).status().to_string(), "ok");
      rows = rows_of(*engine).value();
    }
    EXPECT_TRUE(machine_.files().remove("/data/restored.qdb").ok());
    return "ok";
  }

  void expect_every_commit_after(std::size_t backed_up) {
    const std::vector<std::uint64_t> lsns = archived_commits();
    ASSERT_EQ(lsns.size(), states_.size());
    for (std::size_t i = backed_up; i < lsns.size(); ++i) {
      Model rows;
      ASSERT_EQ(restored({.lsn = lsns[i]}, rows), "ok") << "commit " << i + 1;
      EXPECT_EQ(rows, states_[i]) << "commit " << i + 1;
    }
    Model rows;
    ASSERT_EQ(restored({}, rows), "ok");
    EXPECT_EQ(rows, states_.back());
  }

  os::SimEnvironment machine_{os::SimOptions{.seed = 1}};
  std::uint64_t commits_ = 0;
  Model model_;
  std::vector<Model> states_;
};

TEST_F(restore, reaches_every_commit_since_the_backup) {
  {
    const EnginePointer engine = open();
    for (int i = 0; i < 5; ++i) commit(*engine);
    ASSERT_EQ(engine->backup(backup_path).to_string(), "ok");
    for (int i = 0; i < 40; ++i) commit(*engine);
  }
  expect_every_commit_after(5);
}

TEST_F(restore, goes_over_closes_and_checkpoints) {
  for (int life = 0; life < 4; ++life) {
    const EnginePointer engine = open();
    for (int i = 0; i < 8; ++i) commit(*engine);
    if (life == 1) {
      ASSERT_EQ(engine->backup(backup_path).to_string(), "ok");
    }
    ASSERT_EQ(engine->checkpoint().to_string(), "ok");
    for (int i = 0; i < 8; ++i) commit(*engine);
  }
  expect_every_commit_after(24);
}

TEST_F(restore, goes_over_the_end_of_a_process) {
  EnginePointer engine = open();
  for (int i = 0; i < 8; ++i) commit(*engine);
  ASSERT_EQ(engine->backup(backup_path).to_string(), "ok");
  for (int i = 0; i < 8; ++i) commit(*engine);
  os::SimEnvironment after(machine_.files().kill());
  Model rows;
  {
    const EnginePointer again = open_shared(after.environment(), test_path, archiving()).value();
    ASSERT_EQ(commit_rows(*again, {{"later", "yes"}}).to_string(), "ok");
    rows = rows_of(*again).value();
  }
  ASSERT_TRUE(Engine::restore(after.environment(), backup_path, archive, "/data/restored.qdb", {}).ok());
  EXPECT_EQ(rows_of(*open_shared(after.environment(), "/data/restored.qdb", small_options()).value()).value(), rows);
  EXPECT_EQ(rows.at("n"), "16");
}

TEST_F(restore, says_what_cannot_be_restored) {
  {
    const EnginePointer engine = open();
    for (int i = 0; i < 5; ++i) commit(*engine);
    ASSERT_EQ(engine->backup(backup_path).to_string(), "ok");
    for (int i = 0; i < 5; ++i) commit(*engine);
  }
  Model rows;
  EXPECT_THAT(restored({.lsn = 1}, rows), HasSubstr("is before the backup"));
  EXPECT_THAT(restored({.lsn = std::uint64_t{1} << 40}, rows), HasSubstr("ends before LSN"));
  EXPECT_EQ(Engine::restore(machine_.environment(), backup_path, archive, test_path, {}).status(), Code::exists);
  EXPECT_EQ(Engine::restore(machine_.environment(), backup_path, "/data", "/data/other.qdb", {}).status(), Code::not_found);
  EXPECT_EQ(Engine::restore(machine_.environment(), "/data/none.qdb", archive, "/data/other.qdb", {}).status(), Code::not_found);
}

}  // namespace
}  // namespace quire::engine
