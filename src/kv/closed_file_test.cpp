// What a clean close leaves.
//
// Goal     a closed file holds no ghost, no undo page and no row header at or above the next xid (storage.md 14), so that the
//          next run has nothing to clear away and follows no handle of this one
// Method   lively workloads with snapshots, rollbacks and checkpoints; every leaf of every tree of the closed file is read
#include "btree/tree.hpp"
#include "catalog/catalog.hpp"
#include "kv/state.hpp"
#include "kv/test_database.hpp"
#include "space/superblock.hpp"
#include "support/workload.hpp"

namespace quire::kv {
namespace {

const Options options{.page_size = 4096, .memory_limit = std::uint64_t{4} << 20, .lock_timeout_ms = 0};

// Leaves of the closed file, by a look that changes nothing.
void expect_clean(TestMachine& machine) {
  Options reading = options;
  reading.mode = Mode::read_only;
  Database db = machine.open(reading).value();
  engine::Engine& engine = *db.impl()->state->engine;
  EXPECT_EQ(db.statistics()->undo_pages, 0u);
  const space::Superblock superblock = space::read_superblock(engine.file().file(), test_path).value();
  EXPECT_NE(superblock.flags & space::superblock_flag::clean, 0);
  std::vector<btree::Tree> trees{engine.tree(catalog::system_tree, catalog::system_root), engine.tree(catalog::names_tree, catalog::names_root)};
  for (const auto& [name, record] : engine.catalog()->keyspaces) trees.push_back(engine.tree(record));
  for (const btree::Tree& tree : trees) {
    const Status walked = tree.walk([&](PageId id, btree::PageRole role, std::uint32_t) -> Status {
      if (role != btree::PageRole::leaf) return Status();
      const buffer::ReadPage page = engine.pool().read(id).value();
      const btree::NodeView leaf(page.data(), engine.page_bytes());
      EXPECT_EQ(leaf.ghosts(), 0u) << "page " << id.raw << " of tree " << tree.id().raw;
      EXPECT_LT(leaf.newest_xid(), superblock.next_xid) << "page " << id.raw << " of tree " << tree.id().raw;
      EXPECT_LT(page::header::max_xid.get(page.data()), superblock.next_xid.raw);
      return Status();
    });
    EXPECT_EQ(walked.to_string(), "ok");
  }
}

TEST(closed_file, holds_no_ghost_no_undo_and_no_header_of_the_future) {
  for (std::uint64_t seed = 1; seed <= 12 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TestMachine machine;
    test::State state = test::fresh_state();
    // Several runs of one file: numbers go on from where they were.
    for (int run = 0; run < 3; ++run) {
      test::Workload workload(seed * 10 + static_cast<std::uint64_t>(run), {.keys = 300, .operations_max = 300, .savepoint_chance = 20, .checkpoint_chance = 30, .rollback_chance = 4});
      Database db = machine.open(options).value();
      std::vector<Transaction> snapshots;
      for (std::uint64_t number = 1; number <= 8; ++number) {
        if (number % 3 == 0) snapshots.push_back(db.begin(Access::read).value());
        Transaction tx = db.begin().value();
        test::State next = state;
        ASSERT_EQ(workload.fill(tx, next, number, &db).to_string(), "ok");
        if (workload.rolls_back()) {
          ASSERT_TRUE(tx.rollback().ok());
          continue;
        }
        ASSERT_TRUE(tx.commit().ok());
        state = std::move(next);
      }
      snapshots.clear();
      ASSERT_EQ(db.close().to_string(), "ok");
      expect_clean(machine);
    }
    Database db = machine.open(options).value();
    EXPECT_TRUE(test::read_state(db).value() == state);
  }
}

}  // namespace
}  // namespace quire::kv
