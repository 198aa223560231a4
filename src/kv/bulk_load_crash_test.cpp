// Power cuts in bulk loads.
//
// Goal     wherever the power fails, the keyspace has its old or its new content, nothing is leaked, and recovery may itself
//          be cut off
// Method   a transaction that empties a keyspace and loads it again, with checkpoints between the rows, committed or failing
//          at its last row; every image of every operation is opened and verified
#include "btree/tree.hpp"
#include "kv/test_database.hpp"
#include "os/sim/sim_environment.hpp"
#include "support/crash_points.hpp"
#include "support/environment.hpp"

namespace quire::kv {
namespace {

const Options options{.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0};

struct Load {
  std::uint64_t seed = 1;
  std::uint64_t rows = 150;
  std::uint64_t checkpoint_every = 12;
  std::uint64_t one_in = 1;  // operations that are crash points
  bool fails = false;        // at the end
};

Model new_rows(const Load& load) {
  Model model;
  for (std::uint64_t i = 0; i < load.rows; ++i) {
    model["new" + std::to_string(10000 + i)] = std::string(i % 20 == 9 ? 5000 + 100 * i : 30 + i % 40, static_cast<char>('a' + i % 26));
  }
  return model;
}

class CrashScene {
 public:
  explicit CrashScene(const Load& load) : load_(load), machine_({.seed = load.seed}), new_(new_rows(load)) {
    for (std::uint64_t i = 0; i < 60; ++i) old_["old" + std::to_string(100 + i)] = std::string(i % 25 == 3 ? 9000 : 50, 'o');
  }

  std::uint64_t run() {
    Database db = open_database(machine_.environment(), test_path, options).value();
    EXPECT_TRUE(db.update([&](Transaction& tx) {
      Status status;
      for (const auto& [key, value] : old_) status = status.ok() ? tx.put(default_keyspace, key, value) : status;
      return status;
    }).ok());
    test::CrashPoints points(machine_.files(), {.seed = load_.seed, .images = 4, .one_in = load_.one_in},
                             [this](std::unique_ptr<os::SimFileSystem> image, const std::string& which) {
                               if (testing::Test::HasFailure()) return;
                               SCOPED_TRACE(which);
                               check(std::move(image), true);
                             });
    const Status loaded = db.update([&](Transaction& tx) { return load(db, tx); });
    EXPECT_EQ(loaded.to_string(), load_.fails ? "interrupted: at the end" : "ok");
    acknowledged_ = loaded.ok();
    EXPECT_TRUE(db.close().ok());
    return points.images();
  }

 private:
  Status load(Database& db, Transaction& tx) {
    for (const auto& [key, value] : old_) {
      Status erased = tx.erase(default_keyspace, key);
      if (!erased.ok()) return erased;
    }
    auto next = new_.begin();
    std::uint64_t given = 0;
    return tx.bulk_load(default_keyspace, [&](Entry& row) -> Result<bool> {
      if (given++ % load_.checkpoint_every == 5) {
        Status written = db.checkpoint();
        if (!written.ok()) return written;
      }
      if (next == new_.end()) return load_.fails ? Result<bool>(Status(Code::interrupted, "at the end")) : Result<bool>(false);
      row = {next->first, next->second};
      ++next;
      return true;
    }).status();
  }

  void check(std::unique_ptr<os::SimFileSystem> image, bool may_crash_again) {
    if (may_crash_again && ++checked_ % 40 == 0) crash_recovery(*image);
    os::SimEnvironment machine(std::move(image));
    for (int opening = 0; opening < 2; ++opening) {
      Result<Database> db = open_database(machine.environment(), test_path, options);
      ASSERT_TRUE(db.ok()) << db.status().to_string();
      const Result<VerifyReport> verified = db->verify();
      ASSERT_TRUE(verified.ok()) << verified.status().to_string();
      const Model found = entries_of(*db);
      const bool is_new = found == new_ && !load_.fails;
      ASSERT_TRUE(is_new || (found == old_ && !acknowledged_)) << found.size() << " rows";
      ASSERT_EQ(db->statistics()->undo_pages, 0u);
      ASSERT_TRUE(db->close().ok());
    }
    ASSERT_EQ(machine.files().files(), std::vector<std::string>{test_path});
  }

  // Opening what a crash left, cut off anywhere.
  void crash_recovery(os::SimFileSystem& image) {
    os::SimEnvironment machine(image.kill());
    test::CrashPoints points(machine.files(), {.seed = load_.seed, .images = 2},
                             [this](std::unique_ptr<os::SimFileSystem> again, const std::string& which) {
                               if (testing::Test::HasFailure()) return;
                               SCOPED_TRACE("in recovery, " + which);
                               check(std::move(again), false);
                             });
    const Result<Database> db = open_database(machine.environment(), test_path, options);
    EXPECT_TRUE(db.ok()) << db.status().to_string();
  }

  const Load load_;
  os::SimEnvironment machine_;
  Model old_;
  const Model new_;
  bool acknowledged_ = false;
  std::uint64_t checked_ = 0;
};

class bulk_load_crash : public testing::Test {
 protected:
  void TearDown() override { btree::Tree::max_slots_for_tests = 0; }
};

TEST_F(bulk_load_crash, gives_the_old_or_the_new_content) {
  const std::uint64_t seeds = test::number_from_environment("QUIRE_SEEDS", 4);
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
    // Small nodes, so that levels grow on the way.
    btree::Tree::max_slots_for_tests = seed % 2 == 0 ? 4 : 0;
    EXPECT_GT(CrashScene({.seed = seed}).run(), 300u);
  }
}

TEST_F(bulk_load_crash, gives_the_old_content_when_the_load_fails) {
  const std::uint64_t seeds = test::number_from_environment("QUIRE_SEEDS", 4);
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
    btree::Tree::max_slots_for_tests = seed % 2 == 0 ? 4 : 0;
    EXPECT_GT(CrashScene({.seed = seed, .fails = true}).run(), 300u);
  }
}

// What is evicted goes to the file before any checkpoint.
TEST_F(bulk_load_crash, holds_for_loads_larger_than_memory) {
  for (const bool fails : {false, true}) {
    EXPECT_GT(CrashScene({.seed = 9, .rows = 900, .checkpoint_every = 300, .one_in = 6, .fails = fails}).run(), 30u);
  }
}

}  // namespace
}  // namespace quire::kv
