// Compacting, and files that shrink while they are used, under power cuts and on full disks.
//
// Goal     no row is lost and nothing leaked wherever the power fails or the disk is full; what is left takes less room
// Method   a database of which most is erased, compacted, or shrunk by the commits that follow; every image of every operation
//          is opened, verified and compared with the model; every quota between none and enough
#include "kv/inspect.hpp"
#include "kv/test_database.hpp"
#include "os/sim/sim_environment.hpp"
#include "support/crash_points.hpp"

namespace quire::kv {
namespace {

const Options options{.page_size = 4096, .memory_limit = std::uint64_t{4} << 20, .lock_timeout_ms = 0, .journal = Journal::copy_on_write};

// `rows` rows of which one in `keeps` stays; some are large.
Result<Model> thinned_out(Database& db, int rows, int keeps) {
  Model model;
  Status status = db.update([&](Transaction& tx) {
    Status put;
    for (int i = 0; put.ok() && i < rows; ++i) {
      const std::string key = "key" + std::to_string(100000 + i);
      model[key] = std::string(i % 97 == 0 ? 9000 : 100, static_cast<char>('a' + i % 26));
      put = tx.put(default_keyspace, key, model[key]);
    }
    return put;
  });
  if (!status.ok()) return status;
  status = db.update([&](Transaction& tx) {
    Status erased;
    for (int i = 0; erased.ok() && i < rows; ++i) {
      if (i % keeps == 0) continue;
      const std::string key = "key" + std::to_string(100000 + i);
      model.erase(key);
      erased = tx.erase(default_keyspace, key);
    }
    return erased;
  });
  if (!status.ok()) return status;
  return model;
}

// What a reboot finds: one of two states, whole.
void expect_state(std::unique_ptr<os::SimFileSystem> image, const Model& before, const Model& after) {
  os::SimEnvironment machine(std::move(image));
  Result<Database> db = open_database(machine.environment(), test_path, options);
  ASSERT_TRUE(db.ok()) << db.status().to_string();
  ASSERT_EQ(db->verify().status().to_string(), "ok");
  const Model found = entries_of(*db);
  ASSERT_TRUE(found == before || found == after);
  ASSERT_EQ(db->compact().to_string(), "ok");
  ASSERT_EQ(db->verify().status().to_string(), "ok");
  ASSERT_TRUE(entries_of(*db) == found);
  ASSERT_TRUE(db->close().ok());
}

TEST(compact, loses_nothing_when_the_power_fails) {
  for (std::uint64_t seed = 1; seed <= 4 && !HasFailure(); ++seed) {
    os::SimEnvironment machine({.seed = seed});
    Database db = open_database(machine.environment(), test_path, options).value();
    const Model model = thinned_out(db, 1500, 9).value();
    const std::uint64_t bytes = db.statistics()->file_bytes;
    test::CrashPoints points(machine.files(), {.seed = seed, .images = 6}, [&](std::unique_ptr<os::SimFileSystem> image, const std::string& which) {
      if (testing::Test::HasFailure()) return;
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + which);
      expect_state(std::move(image), model, model);
    });
    ASSERT_EQ(db.compact().to_string(), "ok");
    EXPECT_LT(db.statistics()->file_bytes * 5, bytes * 2);
    ASSERT_TRUE(entries_of(db) == model);
    EXPECT_GT(points.images(), 30u);
  }
}

std::uint64_t row_headers_in(const Database& db) {
  std::uint64_t headers = 0;
  const btree::TreePicture picture = picture_tree(db, default_keyspace, {.pages_max = UINT64_MAX}).value();
  for (const btree::PictureNode& leaf : picture.levels.back().nodes) headers += leaf.row_headers;
  return headers;
}

// The rows of an import in one transaction have a header each, until their page is changed again: here never.
TEST(compact, takes_the_row_headers_of_a_large_import) {
  for (const Journal journal : {Journal::log, Journal::copy_on_write}) {
    constexpr int rows = 20000;
    TestMachine machine;
    Database db = machine.open({.page_size = 4096, .memory_limit = std::uint64_t{4} << 20, .lock_timeout_ms = 0, .journal = journal}).value();
    Model model;
    ASSERT_TRUE(db.update([&](Transaction& tx) {
      Status put;
      for (int i = 0; put.ok() && i < rows; ++i) {
        const std::string key = "key" + std::to_string(100000 + i);
        model[key] = std::string(20, 'v');
        put = tx.put(default_keyspace, key, model[key]);
      }
      return put;
    }).ok());
    ASSERT_TRUE(db.checkpoint().ok());
    const std::uint64_t bytes = db.statistics()->file_bytes;
    EXPECT_EQ(row_headers_in(db), static_cast<std::uint64_t>(rows));
    {
      const Transaction reader = db.begin(Access::read).value();
      ASSERT_EQ(db.compact().to_string(), "ok");
      EXPECT_EQ(row_headers_in(db), 0u) << "this reader sees them all";
    }
    EXPECT_EQ(row_headers_in(db), 0u);
    EXPECT_LT(db.statistics()->file_bytes, bytes - rows * 12);
    EXPECT_EQ(db.verify().status().to_string(), "ok");
    EXPECT_TRUE(entries_of(db) == model);
  }
}

TEST(compact, keeps_the_row_headers_that_a_reader_needs) {
  TestMachine machine;
  Database db = machine.open(options).value();
  const Transaction before = db.begin(Access::read).value();
  ASSERT_TRUE(thinned_out(db, 500, 2).ok());
  ASSERT_EQ(db.compact().to_string(), "ok");
  EXPECT_GT(row_headers_in(db), 0u);
  EXPECT_TRUE(entries_of(before).empty());
}

TEST(compact, goes_on_beside_open_transactions) {
  TestMachine machine;
  Database db = machine.open(options).value();
  const Model model = thinned_out(db, 800, 7).value();
  const Transaction reader = db.begin(Access::read).value();
  {
    Transaction tx = db.begin().value();
    ASSERT_TRUE(tx.put(default_keyspace, "key", "value").ok());
    EXPECT_EQ(db.compact().to_string(), "ok");
  }
  EXPECT_EQ(db.compact().to_string(), "ok");
  EXPECT_TRUE(entries_of(reader) == model);
  EXPECT_EQ(db.verify().status().to_string(), "ok");
}

TEST(compact, leaves_a_whole_database_on_a_full_disk) {
  int failures = 0;
  for (std::uint64_t room = 0; room <= 400000; room += 20000) {
    SCOPED_TRACE(room);
    TestMachine machine;
    Database db = machine.open(options).value();
    const Model model = thinned_out(db, 1500, 3).value();
    machine.files().set_quota(machine.files().used_bytes() + room);
    const Status status = db.compact();
    EXPECT_TRUE(status.ok() || status == Code::full) << status.to_string();
    failures += status.ok() ? 0 : 1;
    ASSERT_TRUE(entries_of(db) == model);
    ASSERT_EQ(db.verify().status().to_string(), "ok");
    machine.files().set_quota(os::MemFileSystem::no_quota);
    ASSERT_EQ(db.compact().to_string(), "ok");
    ASSERT_TRUE(entries_of(db) == model);
    ASSERT_EQ(db.verify().status().to_string(), "ok");
    ASSERT_TRUE(db.close().ok());
    db = machine.open(options).value();
    ASSERT_TRUE(entries_of(db) == model);
  }
  RecordProperty("failures", failures);
}

// Shrinking goes on in the commits that follow; each of them is a state of its own.
TEST(online_shrink, loses_nothing_when_the_power_fails) {
  for (std::uint64_t seed = 1; seed <= 3 && !HasFailure(); ++seed) {
    os::SimEnvironment machine({.seed = seed});
    Database db = open_database(machine.environment(), test_path, options).value();
    Model before = thinned_out(db, 12000, 12000).value();
    const std::uint64_t bytes = db.statistics()->file_bytes;
    Model after = before;
    std::uint64_t images = 0;
    {
      test::CrashPoints points(machine.files(), {.seed = seed, .images = 3, .one_in = 3}, [&](std::unique_ptr<os::SimFileSystem> image, const std::string& which) {
        if (testing::Test::HasFailure()) return;
        SCOPED_TRACE("seed " + std::to_string(seed) + ", " + which);
        expect_state(std::move(image), before, after);
      });
      for (int i = 0; i < 12 && !HasFailure(); ++i) {
        const std::string key = "small" + std::to_string(i);
        after[key] = "row";
        ASSERT_EQ(db.keyspace()->put(key, "row").to_string(), "ok");
        before = after;
      }
      images = points.images();
    }
    EXPECT_GT(images, 30u);
    EXPECT_LT(db.statistics()->file_bytes * 2, bytes) << "the file has not shrunk";
    EXPECT_TRUE(entries_of(db) == after);
    EXPECT_EQ(db.verify().status().to_string(), "ok");
  }
}

}  // namespace
}  // namespace quire::kv
