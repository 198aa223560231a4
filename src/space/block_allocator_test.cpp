// Goal: the allocator gives the lowest free unit, keeps what the published checkpoint refers to (BA-1 to BA-4), and
//       has in hand whatever it promised, also on a full disk (BA-7, BA-8).
// Method: examples; random protocols against sets of units, for every page size; quotas and injected faults.
#include "space/block_allocator.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/random.hpp"
#include "base/seeded_bug.hpp"
#include "os/mem/mem_file_system.hpp"
#include "os/sim/sim_file_system.hpp"
#include "os/test_files.hpp"
#include "space/superblock.hpp"

namespace quire::space {
namespace {

BlockSet superblocks_only() {
  BlockSet set;
  set.resize(superblock_blocks);
  set.insert(Block{0}, superblock_blocks);
  return set;
}

// What must not change when a reservation fails.
struct Seen {
  std::uint64_t physical, free, reserved, end;
  explicit Seen(const BlockAllocator& blocks)
      : physical(blocks.physical_blocks()),
        free(blocks.free_blocks()),
        reserved(blocks.reserved_units()),
        end(blocks.next_published_end()) {}
  friend bool operator==(const Seen&, const Seen&) = default;
};

// The rules as sets of unit numbers.
struct Model {
  std::uint32_t unit_blocks;
  std::set<std::uint64_t> published, fresh, superseded;

  explicit Model(std::uint32_t unit) : unit_blocks(unit) {}
  // Units that hold a superblock are never handed out.
  std::uint64_t first_unit() const { return (superblock_blocks + unit_blocks - 1) / unit_blocks; }
  std::uint64_t lowest_free() const {
    std::uint64_t unit = first_unit();
    while (published.count(unit) != 0 || fresh.count(unit) != 0) ++unit;
    return unit;
  }
  void supersede(std::uint64_t unit) {
    if (fresh.erase(unit) == 0) superseded.insert(unit);
  }
  void publish() {
    for (const std::uint64_t unit : superseded) published.erase(unit);
    published.insert(fresh.begin(), fresh.end());
    fresh.clear();
    superseded.clear();
  }
  void discard() {
    fresh.clear();
    superseded.clear();
  }
  // Units that may be superseded.
  std::vector<std::uint64_t> live() const {
    std::vector<std::uint64_t> units(fresh.begin(), fresh.end());
    for (const std::uint64_t unit : published) {
      if (superseded.count(unit) == 0) units.push_back(unit);
    }
    return units;
  }
  bool next_has(std::uint64_t block) const {
    if (block < superblock_blocks) return true;
    const std::uint64_t unit = block / unit_blocks;
    return fresh.count(unit) != 0 || (published.count(unit) != 0 && superseded.count(unit) == 0);
  }
};

void expect_same(const BlockAllocator& blocks, const Model& model) {
  std::uint64_t end = 0;
  for (std::uint64_t b = 0; b < blocks.physical_blocks(); ++b) {
    const bool has = (blocks.next_published_word(b / 64) >> b % 64 & 1) != 0;
    ASSERT_EQ(has, model.next_has(b)) << "block " << b;
    if (has) end = b + 1;
  }
  ASSERT_EQ(blocks.next_published_end(), end);
  const std::uint64_t units = blocks.physical_blocks() / model.unit_blocks;
  const std::uint64_t taken = model.published.size() + model.fresh.size() + model.first_unit();
  ASSERT_EQ(blocks.free_blocks(), (units - taken) * model.unit_blocks);
}

// One random protocol: (reserve (allocate | supersede)* unreserve (publish | discard))*
void run_against_model(std::uint32_t unit_blocks, std::uint64_t seed) {
  os::MemFileSystem files;
  const auto file = os::open_or_stop(files, "/a");
  BlockAllocator blocks(*file);
  blocks.open(superblocks_only(), {unit_blocks, 0});
  Model model(unit_blocks);
  Random random(seed);
  for (int epoch = 0; epoch < 25; ++epoch) {
    const std::uint64_t promised = random.below(60);
    ASSERT_TRUE(blocks.reserve(promised).ok());
    ASSERT_EQ(blocks.reserved_units(), promised);
    ASSERT_GE(file->size().value(), blocks.physical_blocks() * page::block_bytes);
    std::vector<Block> touched;
    for (std::uint64_t left = promised; left > 0;) {
      const std::vector<std::uint64_t> live = model.live();
      if (random.chance(1, 3) && !live.empty()) {
        const std::uint64_t unit = live[random.below(live.size())];
        blocks.supersede(Block{unit * unit_blocks});
        touched.push_back(Block{unit * unit_blocks});
        model.supersede(unit);
      } else {
        const std::uint64_t expected = model.lowest_free();
        const Block given = blocks.allocate();
        ASSERT_EQ(given.raw, expected * unit_blocks);
        touched.push_back(given);
        model.fresh.insert(expected);
        --left;
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_same(blocks, model));
    EXPECT_EQ(blocks.take_touched(), touched);
    EXPECT_TRUE(blocks.take_touched().empty());
    blocks.unreserve(promised);
    const bool publish = random.chance(3, 4);
    publish ? blocks.publish() : blocks.discard();
    publish ? model.publish() : model.discard();
    blocks.check_state();
    ASSERT_NO_FATAL_FAILURE(expect_same(blocks, model));
    EXPECT_EQ(blocks.published().count(), model.published.size() * unit_blocks + superblock_blocks);
  }
}

TEST(block_allocator, agrees_with_slow_sets_over_random_epochs_of_every_page_size) {
  for (const std::uint32_t unit_blocks : {1u, 2u, 4u, 8u, 16u}) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      SCOPED_TRACE("unit " + std::to_string(unit_blocks) + ", seed " + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(run_against_model(unit_blocks, seed));
    }
  }
}

class Allocating : public testing::Test {
 protected:
  Block allocate_one() {
    EXPECT_TRUE(blocks_.reserve(1).ok());
    const Block block = blocks_.allocate();
    blocks_.unreserve(1);
    return block;
  }
  void SetUp() override { blocks_.open(superblocks_only(), {1, 0}); }

  os::MemFileSystem files_;
  std::unique_ptr<os::File> file_ = os::open_or_stop(files_, "/a");
  BlockAllocator blocks_{*file_};
};

TEST_F(Allocating, keeps_a_superseded_block_until_the_epoch_is_published) {
  const Block old = allocate_one();
  blocks_.publish();
  blocks_.supersede(old);
  const Block next = allocate_one();
  EXPECT_NE(next, old) << "BA-2: the published checkpoint still refers to it";
  blocks_.publish();
  EXPECT_EQ(allocate_one(), old) << "BA-4: free now, and the lowest";
}

TEST_F(Allocating, gives_a_block_of_its_own_epoch_back_at_once) {
  const Block first = allocate_one();
  blocks_.supersede(first);
  EXPECT_EQ(allocate_one(), first);
}

TEST_F(Allocating, forgets_an_epoch_that_is_discarded) {
  const Block kept = allocate_one();
  blocks_.publish();
  blocks_.supersede(kept);
  const Block lost = allocate_one();
  blocks_.discard();
  EXPECT_TRUE(blocks_.published().contains(kept, 1));
  EXPECT_EQ(allocate_one(), lost);
  blocks_.supersede(kept);
  blocks_.publish();
  EXPECT_FALSE(blocks_.published().contains(kept, 1)) << "a discarded supersede can be made again";
}

TEST_F(Allocating, starts_from_what_is_published) {
  const Block kept = allocate_one();
  blocks_.publish();
  const Block lost = allocate_one();
  BlockAllocator again(*file_);
  again.open(blocks_.published(), {1, file_->size().value() / page::block_bytes});
  EXPECT_TRUE(again.published().contains(kept, 1));
  ASSERT_TRUE(again.reserve(1).ok());
  EXPECT_EQ(again.allocate(), lost) << "BA-10: what was not published is free";
}

TEST_F(Allocating, can_be_told_that_the_file_was_cut) {
  const Block kept = allocate_one();
  blocks_.publish();
  ASSERT_TRUE(file_->truncate((kept.raw + 1) * page::block_bytes).ok());
  blocks_.truncated(kept.raw + 1);
  EXPECT_EQ(blocks_.physical_blocks(), kept.raw + 1);
  EXPECT_EQ(blocks_.free_blocks(), 0u);
  EXPECT_EQ(allocate_one().raw, kept.raw + 1);
}

TEST_F(Allocating, finds_the_seeded_early_reuse_in_its_own_sets) {
  const SeededBugScope bug("reuse_block_one_checkpoint_early");
  const Block old = allocate_one();
  blocks_.publish();
  blocks_.supersede(old);
  EXPECT_EQ(allocate_one(), old) << "the rule of keeps_a_superseded_block_... is broken, as the bug wants it";
}

// ---- a full disk

TEST(block_allocator, fails_a_reservation_and_changes_nothing_when_the_disk_is_full) {
  for (const std::uint32_t unit_blocks : {1u, 4u, 16u}) {
    SCOPED_TRACE(unit_blocks);
    os::MemFileSystem files(std::uint64_t{5} << 20);
    const auto file = os::open_or_stop(files, "/a");
    BlockAllocator blocks(*file);
    blocks.open(superblocks_only(), {unit_blocks, 0});
    std::uint64_t promised = 0;
    for (std::uint64_t units = 64; units > 0;) {
      const Seen before(blocks);
      const std::uint64_t bytes = file->size().value();
      const Status status = blocks.reserve(units);
      if (status.ok()) {
        promised += units;
        continue;
      }
      EXPECT_EQ(status.code(), Code::full) << status.to_string();
      EXPECT_EQ(Seen(blocks), before);
      EXPECT_EQ(file->size().value(), bytes);
      units /= 2;
    }
    // The whole promise, and the standing reserve of BA-8 on top of it.
    EXPECT_EQ(blocks.reserved_units(), promised);
    const std::uint64_t reserve_units = 64 / unit_blocks;
    for (std::uint64_t i = 0; i < promised + reserve_units; ++i) (void)blocks.allocate();
    // Most of the quota went to promises: at most one growth step and the reserve are lost.
    EXPECT_GT(promised * unit_blocks * page::block_bytes, std::uint64_t{4} << 20);
    blocks.unreserve(promised);
    blocks.discard();
  }
}

TEST(block_allocator, takes_what_is_needed_where_a_generous_step_does_not_fit) {
  os::MemFileSystem files(std::uint64_t{1} << 20);  // the smallest step, without room for the superblocks
  const auto file = os::open_or_stop(files, "/a");
  BlockAllocator blocks(*file);
  blocks.open(superblocks_only(), {1, 0});
  EXPECT_TRUE(blocks.reserve(10).ok());
  EXPECT_LT(file->size().value(), std::uint64_t{1} << 20);
}

TEST(block_allocator, survives_a_full_disk_at_every_operation) {
  // Faults at the n-th operation, for every n of a script: a failed reservation changes nothing and is made again.
  for (std::uint64_t n = 1; n <= 24; ++n) {
    for (const os::FaultKind kind : {os::FaultKind::no_space, os::FaultKind::over_quota, os::FaultKind::io_error}) {
      os::SimFileSystem files({.seed = n});
      const auto file = os::open_or_stop(files, "/a");
      BlockAllocator blocks(*file);
      blocks.open(superblocks_only(), {2, 0});
      files.inject({.kind = kind, .operation = n, .path = "/a", .sticky = true});
      std::uint64_t promised = 0;
      for (int i = 0; i < 12; ++i) {
        const Seen before(blocks);
        if (blocks.reserve(100).ok()) {
          promised += 100;
          continue;
        }
        EXPECT_EQ(Seen(blocks), before);
        files.clear_faults();
        ASSERT_TRUE(blocks.reserve(100).ok());
        promised += 100;
      }
      for (std::uint64_t i = 0; i < promised; ++i) (void)blocks.allocate();
      blocks.unreserve(promised);
      blocks.publish();
      EXPECT_EQ(blocks.published().count(), 2 * promised + superblock_blocks);
    }
  }
}

}  // namespace
}  // namespace quire::space
