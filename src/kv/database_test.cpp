// Database: opening, handles, closing.
//
// Goal     each sentence of quire/database.hpp about Database and Options holds, each error it names is given
// Method   one test per sentence, on files in memory; on real files where other processes take part
#include "kv/test_database.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "os/sim/sim_environment.hpp"

namespace quire::kv {
namespace {

using testing::HasSubstr;

TEST(database, is_created_when_missing_and_found_again) {
  TestMachine machine;
  {
    Database db = machine.open().value();
    EXPECT_EQ(db.keyspace()->put("k", "v").to_string(), "ok");
  }
  EXPECT_EQ(*machine.files().exists(test_path), true);
  Database db = machine.open({.mode = Mode::open}).value();
  EXPECT_EQ(db.keyspace()->get("k").value(), "v");
}

TEST(database, is_not_created_when_it_must_exist) {
  TestMachine machine;
  EXPECT_EQ(machine.open({.mode = Mode::open}), Code::not_found);
  EXPECT_EQ(machine.open({.mode = Mode::read_only}), Code::not_found);
  EXPECT_EQ(*machine.files().exists(test_path), false);
}

TEST(database, refuses_options_that_make_no_sense) {
  TestMachine machine;
  for (const std::uint32_t page_size : {1u, 512u, 2048u, 5000u, 131072u}) {
    EXPECT_EQ(machine.open({.page_size = page_size}), Code::invalid) << page_size;
  }
  EXPECT_EQ(machine.open({.memory_limit = (1 << 20) - 1}), Code::invalid);
  EXPECT_EQ(*machine.files().exists(test_path), false);
  EXPECT_TRUE(machine.open({.memory_limit = 1 << 20}).ok());
}

TEST(database, takes_its_page_size_when_it_is_created) {
  const std::map<std::uint32_t, std::size_t> key_limits{{4096, 944}, {8192, 1968}, {16384, 4016}, {32768, 4095}, {65536, 4095}};
  for (const auto& [page_size, key_bytes] : key_limits) {
    TestMachine machine;
    { ASSERT_TRUE(machine.open({.page_size = page_size}).ok()); }
    Database db = machine.open({.page_size = page_size == 4096 ? 8192u : 4096u}).value();
    EXPECT_EQ(db.statistics()->page_size, page_size);
    EXPECT_EQ(db.key_bytes_max(), key_bytes);
  }
  TestMachine machine;
  EXPECT_EQ(machine.open()->statistics()->page_size, 8192u);
}

TEST(database, shares_one_engine_between_handles_of_a_process) {
  TestMachine machine;
  Database first = machine.open().value();
  Database second = machine.open().value();
  ASSERT_TRUE(first.keyspace()->put("k", "from the first").ok());
  EXPECT_EQ(second.keyspace()->get("k").value(), "from the first");
  EXPECT_TRUE(first.close().ok());
  EXPECT_EQ(second.keyspace()->put("k", "from the second").to_string(), "ok");
  EXPECT_EQ(machine.open()->keyspace()->get("k").value(), "from the second");
}

TEST(database, refuses_changes_through_a_read_only_handle) {
  TestMachine machine;
  Database writer = machine.open().value();
  Database reader = machine.open({.mode = Mode::read_only}).value();
  ASSERT_TRUE(writer.keyspace()->put("k", "v").ok());
  EXPECT_EQ(reader.keyspace()->get("k").value(), "v");
  EXPECT_EQ(reader.keyspace()->put("k", "w"), Code::read_only);
  EXPECT_EQ(reader.begin(), Code::read_only);
  EXPECT_EQ(reader.create_keyspace("a"), Code::read_only);
  EXPECT_TRUE(reader.begin(Access::read).ok());
  EXPECT_EQ(writer.keyspace()->put("k", "w").to_string(), "ok");
}

TEST(database, is_busy_for_writing_while_open_for_reading_only_here) {
  TestMachine machine;
  { ASSERT_TRUE(machine.open().ok()); }
  Database reader = machine.open({.mode = Mode::read_only}).value();
  EXPECT_EQ(machine.open(), Code::busy);
  ASSERT_TRUE(reader.close().ok());
  EXPECT_TRUE(machine.open().ok());
}

TEST(database, changes_no_byte_when_opened_for_reading) {
  os::SimEnvironment machine({.seed = 3});
  {
    Database db = open_database(machine.environment(), test_path, {}).value();
    ASSERT_TRUE(db.keyspace()->put("k", "v").ok());
  }
  const std::uint64_t before = machine.files().content_hash();
  {
    Database db = open_database(machine.environment(), test_path, {.mode = Mode::read_only}).value();
    EXPECT_EQ(db.keyspace()->get("k").value(), "v");
    EXPECT_TRUE(db.verify().ok());
    EXPECT_EQ(db.checkpoint().to_string(), "ok");
  }
  EXPECT_EQ(machine.files().content_hash(), before);
}

TEST(database, changes_no_byte_when_opened_for_reading_after_a_kill) {
  os::SimEnvironment machine({.seed = 3});
  Database db = open_database(machine.environment(), test_path, {}).value();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(db.keyspace()->put("k" + std::to_string(i), std::string(100, 'v')).ok());
  Transaction open = db.begin().value();
  ASSERT_TRUE(open.put(default_keyspace, "open", "v").ok());
  os::SimEnvironment after(machine.files().kill());
  const std::uint64_t before = after.files().content_hash();
  {
    Database reading = open_database(after.environment(), test_path, {.mode = Mode::read_only}).value();
    EXPECT_EQ(reading.keyspace()->count().value(), 300U);
    EXPECT_EQ(reading.keyspace()->get("open"), Code::not_found);
    EXPECT_TRUE(reading.verify().ok());
  }
  EXPECT_EQ(after.files().content_hash(), before);
}

TEST(database, is_not_closed_while_its_transactions_are_open) {
  TestMachine machine;
  Database db = machine.open().value();
  {
    Result<Transaction> reading = db.begin(Access::read);
    EXPECT_EQ(db.close(), Code::busy);
    EXPECT_TRUE(reading->contains(default_keyspace, "k").ok());
  }
  Result<Transaction> writing = db.begin();
  EXPECT_EQ(db.close(), Code::busy);
  EXPECT_EQ(writing->commit().to_string(), "ok");
  EXPECT_EQ(db.close().to_string(), "ok");
}

TEST(database, answers_every_call_with_invalid_after_close) {
  TestMachine machine;
  Database db = machine.open().value();
  Keyspace keyspace = db.keyspace().value();
  ASSERT_TRUE(db.close().ok());
  std::string value;
  EXPECT_EQ(db.close(), Code::invalid);
  EXPECT_EQ(db.begin(), Code::invalid);
  EXPECT_EQ(db.begin(Access::read), Code::invalid);
  EXPECT_EQ(db.update([](Transaction&) { return Status(); }), Code::invalid);
  EXPECT_EQ(db.view([](Transaction&) { return Status(); }), Code::invalid);
  EXPECT_EQ(db.keyspace(), Code::invalid);
  EXPECT_EQ(db.create_keyspace("a"), Code::invalid);
  EXPECT_EQ(db.drop_keyspace("a"), Code::invalid);
  EXPECT_EQ(db.keyspaces(), Code::invalid);
  EXPECT_EQ(db.verify(), Code::invalid);
  EXPECT_EQ(db.checkpoint(), Code::invalid);
  EXPECT_EQ(db.statistics(), Code::invalid);
  EXPECT_EQ(db.tree_statistics(default_keyspace), Code::invalid);
  EXPECT_EQ(db.key_bytes_max(), 0u);
  EXPECT_EQ(keyspace.get("k"), Code::invalid);
  EXPECT_EQ(keyspace.get("k", value), Code::invalid);
  EXPECT_EQ(keyspace.contains("k"), Code::invalid);
  EXPECT_EQ(keyspace.count(), Code::invalid);
  EXPECT_EQ(keyspace.put("k", "v"), Code::invalid);
  EXPECT_EQ(keyspace.insert("k", "v"), Code::invalid);
  EXPECT_EQ(keyspace.erase("k"), Code::invalid);
  EXPECT_EQ(keyspace.name(), "default");
}

TEST(database, lives_on_in_its_transactions_and_keyspaces_when_the_handle_goes) {
  TestMachine machine;
  std::optional<Database> db(machine.open().value());
  Keyspace keyspace = db->keyspace().value();
  Transaction tx = db->begin().value();
  db.reset();
  EXPECT_TRUE(tx.put(default_keyspace, "k", "v").ok());
  EXPECT_EQ(tx.commit().to_string(), "ok");
  EXPECT_EQ(keyspace.get("k").value(), "v");
}

TEST(database, can_be_moved) {
  TestMachine machine;
  Database db = machine.open().value();
  Database other = std::move(db);
  EXPECT_TRUE(other.keyspace()->put("k", "v").ok());
  Database third = machine.open().value();
  third = std::move(other);
  EXPECT_EQ(third.keyspace()->get("k").value(), "v");
}

TEST(database, lives_in_memory_and_goes_with_its_handle) {
  Database one = Database::open_in_memory({.page_size = 4096}).value();
  Database two = Database::open_in_memory({.mode = Mode::open}).value();
  ASSERT_TRUE(one.keyspace()->put("k", "v").ok());
  EXPECT_EQ(two.keyspace()->get("k"), Code::not_found);
  EXPECT_EQ(one.keyspace()->get("k").value(), "v");
  EXPECT_TRUE(one.verify().ok());
  EXPECT_EQ(one.statistics()->page_size, 4096u);
}

TEST(database, verifies_and_counts_what_it_looked_at) {
  TestMachine machine;
  Database db = machine.open().value();
  ASSERT_TRUE(db.create_keyspace("a").ok());
  ASSERT_TRUE(db.keyspace("a")->put("k", std::string(100000, 'v')).ok());
  const Result<VerifyReport> report = db.verify();
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_EQ(report->rows, 1u);
  EXPECT_EQ(report->keyspaces, 2u);
  EXPECT_EQ(report->pages, db.statistics()->pages);
  EXPECT_GT(report->blocks, report->pages * 2);
}

TEST(database, describes_one_tree) {
  TestMachine machine;
  Database db = machine.open({.page_size = 4096}).value();
  ASSERT_TRUE(db.update([](Transaction& tx) {
    Status status;
    for (int i = 1000; status.ok() && i < 3000; ++i) status = tx.put("default", std::to_string(i), "value");
    return status;
  }).ok());
  const Result<TreeStatistics> tree = db.tree_statistics(default_keyspace);
  ASSERT_TRUE(tree.ok());
  EXPECT_EQ(tree->rows, 2000u);
  EXPECT_EQ(tree->height, 2u);
  EXPECT_EQ(tree->key_bytes, 8000u);
  EXPECT_EQ(tree->value_bytes, 10000u);
  EXPECT_EQ(tree->pages_per_level, (std::vector<std::uint64_t>{1, tree->leaf_pages}));
  EXPECT_GT(tree->leaf_fill, 0.6);
  EXPECT_LE(tree->leaf_fill, 1.0);
  EXPECT_EQ(db.tree_statistics("nowhere"), Code::not_found);
}

// ---- real files

class database_file : public testing::Test {
 protected:
  database_file() {
    std::string pattern = testing::TempDir() + "quire_kv_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~database_file() override { std::filesystem::remove_all(directory_); }
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  std::string directory_;
};

TEST_F(database_file, is_the_same_through_every_name) {
  Database db = Database::open(path("a.qdb")).value();
  std::filesystem::create_symlink(path("a.qdb"), path("link"));
  std::filesystem::create_hard_link(path("a.qdb"), path("hard"));
  ASSERT_TRUE(db.keyspace()->put("k", "v").ok());
  for (const char* name : {"link", "hard", "./a.qdb"}) {
    Result<Database> other = Database::open(path(name));
    ASSERT_TRUE(other.ok()) << other.status().to_string();
    EXPECT_EQ(other->keyspace()->get("k").value(), "v");
  }
}

TEST_F(database_file, is_refused_where_no_file_can_be) {
  EXPECT_EQ(Database::open(path("missing/a.qdb")), Code::not_found);
  EXPECT_EQ(Database::open(directory_), Code::invalid);
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

// The child holds the database; the parent must not have it open at the fork, or the child would share its engine.
TEST_F(database_file, is_busy_while_another_process_has_it_and_names_that_process) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const Result<Database> mine = Database::open(path("a.qdb"));
    // A second handle opens and closes the file once more, which must not lose the holder's name.
    const Result<Database> again = Database::open(path("a.qdb"));
    const char good = mine.ok() && again.ok() ? 'y' : 'n';
    [[maybe_unused]] const ssize_t sent = write(ready[1], &good, 1);
    while (true) ::pause();
  }
  char good = 'n';
  ASSERT_EQ(read(ready[0], &good, 1), 1);
  ASSERT_EQ(good, 'y');
  for (const Mode mode : {Mode::create, Mode::open, Mode::read_only}) {
    const Result<Database> refused = Database::open(path("a.qdb"), {.mode = mode});
    EXPECT_EQ(refused, Code::busy);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("process " + std::to_string(child)));
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(Database::open(path("a.qdb")).ok());
  close(ready[0]);
  close(ready[1]);
}

}  // namespace
}  // namespace quire::kv
