// Goal: the allocator gives the lowest free unit, keeps what the published checkpoint, the epoch being written and pins
//       refer to (BA-1 to BA-5), and has in hand whatever it promised, also on a full disk and after a cut (BA-7 to BA-9).
// Method: examples; random protocols of two epochs and pins against sets of units, for every page size; quotas and
//         injected faults.
#include "space/block_allocator.hpp"

#include <gtest/gtest.h>

#include <map>
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
        end(blocks.next_published_end(Epoch{1})) {}
  friend bool operator==(const Seen&, const Seen&) = default;
};

using Units = std::set<std::uint64_t>;

// The rules as sets of unit numbers.
struct Model {
  std::uint32_t unit_blocks;
  Units published;
  std::map<std::uint64_t, Units> fresh, superseded, held;  // by epoch
  std::multiset<std::uint64_t> pins;

  explicit Model(std::uint32_t unit) : unit_blocks(unit) {}
  // Units that hold a superblock are never handed out.
  std::uint64_t first_unit() const { return (superblock_blocks + unit_blocks - 1) / unit_blocks; }
  Units taken() const {
    Units all = published;
    for (const auto* sets : {&fresh, &held}) {
      for (const auto& [epoch, units] : *sets) all.insert(units.begin(), units.end());
    }
    return all;
  }
  std::uint64_t lowest_free() const {
    const Units all = taken();
    std::uint64_t unit = first_unit();
    while (all.count(unit) != 0) ++unit;
    return unit;
  }
  void supersede(std::uint64_t unit, std::uint64_t epoch, bool in_flight) {
    if (in_flight || fresh[epoch].erase(unit) == 0) superseded[epoch].insert(unit);
  }
  void publish(std::uint64_t epoch) {
    published.insert(fresh[epoch].begin(), fresh[epoch].end());
    for (const std::uint64_t unit : superseded[epoch]) published.erase(unit);
    held[epoch] = superseded[epoch];
    fresh.erase(epoch);
    superseded.erase(epoch);
    release();
  }
  void release() {
    std::erase_if(held, [&](const auto& each) { return pins.empty() || *pins.begin() >= each.first; });
  }
  // Units that may be superseded in the epoch: what it or an older one has, and nobody superseded.
  std::vector<std::uint64_t> live(std::uint64_t epoch) {
    Units units = published;
    for (const std::uint64_t e : {epoch - 1, epoch}) units.insert(fresh[e].begin(), fresh[e].end());
    for (const std::uint64_t e : {epoch - 1, epoch}) {
      for (const std::uint64_t unit : superseded[e]) units.erase(unit);
    }
    return {units.begin(), units.end()};
  }
  bool next_has(std::uint64_t block, std::uint64_t epoch) {
    if (block < superblock_blocks) return true;
    const std::uint64_t unit = block / unit_blocks;
    return (published.count(unit) != 0 || fresh[epoch].count(unit) != 0) && superseded[epoch].count(unit) == 0;
  }
};

void expect_same(const BlockAllocator& blocks, Model& model, std::uint64_t epoch) {
  std::uint64_t end = 0;
  for (std::uint64_t b = 0; b < blocks.physical_blocks(); ++b) {
    const bool has = (blocks.next_published_word(Epoch{epoch}, b / 64) >> b % 64 & 1) != 0;
    ASSERT_EQ(has, model.next_has(b, epoch)) << "block " << b;
    if (has) end = b + 1;
  }
  ASSERT_EQ(blocks.next_published_end(Epoch{epoch}), end);
  const std::uint64_t units = blocks.physical_blocks() / model.unit_blocks;
  ASSERT_EQ(blocks.free_blocks(), (units - model.taken().size() - model.first_unit()) * model.unit_blocks);
  blocks.check_state();
}

class Protocol {
 public:
  Protocol(std::uint32_t unit_blocks, std::uint64_t seed) : model_(unit_blocks), random_(seed) {
    blocks_.open(superblocks_only(), {unit_blocks, 0});
  }

  // One random protocol: the running epoch changes, flips, and changes go on in the next one before it is published.
  void run() {
    for (std::uint64_t epoch = 1; epoch <= 25; ++epoch) {
      ASSERT_NO_FATAL_FAILURE(change(epoch, random_.below(40)));
      ASSERT_NO_FATAL_FAILURE(change(epoch + 1, random_.chance(1, 3) ? random_.below(20) : 0));
      // The checkpoint's own pages come late.
      ASSERT_NO_FATAL_FAILURE(change(epoch, random_.below(4)));
      ASSERT_NO_FATAL_FAILURE(expect_same(blocks_, model_, epoch));
      const std::vector<Block> touched = blocks_.take_touched(Epoch{epoch});
      EXPECT_EQ(touched, touched_[epoch]);
      EXPECT_TRUE(blocks_.take_touched(Epoch{epoch}).empty());
      blocks_.publish(Epoch{epoch});
      model_.publish(epoch);
      ASSERT_NO_FATAL_FAILURE(expect_same(blocks_, model_, epoch + 1));
      EXPECT_EQ(blocks_.published().count(), model_.published.size() * model_.unit_blocks + superblock_blocks);
      pin_or_unpin(epoch);
    }
  }

 private:
  void change(std::uint64_t epoch, std::uint64_t promised) {
    ASSERT_TRUE(blocks_.reserve(promised).ok());
    ASSERT_EQ(blocks_.reserved_units(), promised);
    ASSERT_GE(file_->size().value(), blocks_.physical_blocks() * page::block_bytes);
    const std::uint64_t unused = random_.below(promised + 1);
    for (std::uint64_t left = promised; left > unused;) {
      const std::vector<std::uint64_t> live = model_.live(epoch);
      if (random_.chance(1, 3) && !live.empty()) {
        const std::uint64_t unit = live[random_.below(live.size())];
        const bool in_flight = random_.chance(1, 4);
        const Block block{unit * model_.unit_blocks};
        blocks_.supersede(block, Epoch{epoch}, in_flight ? BlockAllocator::Image::in_flight : BlockAllocator::Image::written);
        touched_[epoch].push_back(block);
        model_.supersede(unit, epoch, in_flight);
      } else {
        const std::uint64_t expected = model_.lowest_free();
        const Block given = blocks_.allocate(Epoch{epoch});
        ASSERT_EQ(given.raw, expected * model_.unit_blocks);
        touched_[epoch].push_back(given);
        model_.fresh[epoch].insert(expected);
        --left;
      }
    }
    blocks_.unreserve(unused);
    ASSERT_EQ(blocks_.reserved_units(), 0u);
  }

  void pin_or_unpin(std::uint64_t epoch) {
    if (random_.chance(1, 4)) {
      blocks_.pin(Epoch{epoch});
      model_.pins.insert(epoch);
    }
    if (!model_.pins.empty() && random_.chance(1, 4)) {
      auto some = std::next(model_.pins.begin(), static_cast<std::ptrdiff_t>(random_.below(model_.pins.size())));
      blocks_.unpin(Epoch{*some});
      model_.pins.erase(some);
      model_.release();
    }
    EXPECT_EQ(blocks_.pinned(), !model_.pins.empty());
  }

  os::MemFileSystem files_;
  std::unique_ptr<os::File> file_ = os::open_or_stop(files_, "/a");
  BlockAllocator blocks_{*file_};
  Model model_;
  Random random_;
  std::map<std::uint64_t, std::vector<Block>> touched_;
};

TEST(block_allocator, agrees_with_slow_sets_over_random_epochs_of_every_page_size) {
  for (const std::uint32_t unit_blocks : {1u, 2u, 4u, 8u, 16u}) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      SCOPED_TRACE("unit " + std::to_string(unit_blocks) + ", seed " + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(Protocol(unit_blocks, seed).run());
    }
  }
}

class Allocating : public testing::Test {
 protected:
  Block allocate_one() {
    EXPECT_TRUE(blocks_.reserve(1).ok());
    return blocks_.allocate(epoch_);
  }
  void publish() {
    blocks_.publish(epoch_);
    blocks_.check_state();
    epoch_.raw += 1;
  }
  void supersede(Block block) { blocks_.supersede(block, epoch_); }
  Block allocate_one_of_reserve() { return blocks_.allocate(epoch_); }
  void SetUp() override { blocks_.open(superblocks_only(), {1, 0}); }

  os::MemFileSystem files_;
  std::unique_ptr<os::File> file_ = os::open_or_stop(files_, "/a");
  BlockAllocator blocks_{*file_};
  Epoch epoch_{1};
};

TEST_F(Allocating, keeps_a_superseded_block_until_the_epoch_is_published) {
  const Block old = allocate_one();
  publish();
  supersede(old);
  const Block next = allocate_one();
  EXPECT_NE(next, old) << "BA-2: the published checkpoint still refers to it";
  publish();
  EXPECT_EQ(allocate_one(), old) << "BA-4: free now, and the lowest";
}

TEST_F(Allocating, gives_a_block_of_its_own_epoch_back_at_once) {
  const Block first = allocate_one();
  supersede(first);
  EXPECT_EQ(allocate_one(), first);
}

TEST_F(Allocating, keeps_a_block_whose_image_is_in_flight_until_its_epoch_is_published) {
  const Block first = allocate_one();
  blocks_.supersede(first, epoch_, BlockAllocator::Image::in_flight);
  EXPECT_NE(allocate_one(), first) << "BA-3: a late write would destroy what is there";
  EXPECT_EQ(blocks_.next_published_word(epoch_, 0) >> first.raw & 1, 0u) << "and no checkpoint refers to it";
  publish();
  EXPECT_EQ(allocate_one(), first);
}

TEST_F(Allocating, keeps_what_the_epoch_being_written_refers_to_though_the_next_one_does_not) {
  const Block of_writing = allocate_one();
  const Epoch next{epoch_.raw + 1};
  blocks_.supersede(of_writing, next);
  ASSERT_TRUE(blocks_.reserve(1).ok());
  EXPECT_NE(blocks_.allocate(next), of_writing) << "BA-5";
  EXPECT_EQ(blocks_.next_published_word(epoch_, 0) >> of_writing.raw & 1, 1u);
  publish();
  EXPECT_TRUE(blocks_.published().contains(of_writing, 1));
  EXPECT_NE(allocate_one(), of_writing);
  publish();
  EXPECT_EQ(allocate_one(), of_writing);
}

TEST_F(Allocating, keeps_every_block_of_a_pinned_generation_until_it_is_unpinned) {
  const Block old = allocate_one();
  publish();
  blocks_.pin(Epoch{1});
  blocks_.pin(Epoch{1});
  supersede(old);
  const Block second = allocate_one();
  publish();
  supersede(second);
  blocks_.pin(Epoch{2});
  publish();
  EXPECT_NE(allocate_one(), old);
  blocks_.unpin(Epoch{1});
  EXPECT_NE(allocate_one(), old) << "pinned twice";
  blocks_.unpin(Epoch{1});
  EXPECT_EQ(allocate_one(), old);
  EXPECT_NE(allocate_one(), second) << "the other pin holds it";
  blocks_.unpin(Epoch{2});
  EXPECT_EQ(allocate_one(), second);
  EXPECT_FALSE(blocks_.pinned());
  blocks_.check_state();
}

TEST_F(Allocating, starts_from_what_is_published) {
  const Block kept = allocate_one();
  publish();
  const Block lost = allocate_one();
  BlockAllocator again(*file_);
  again.open(blocks_.published(), {1, file_->size().value() / page::block_bytes});
  EXPECT_TRUE(again.published().contains(kept, 1));
  ASSERT_TRUE(again.reserve(1).ok());
  EXPECT_EQ(again.allocate(epoch_), lost) << "BA-10: what was not published is free";
}

TEST_F(Allocating, uses_up_what_was_reserved) {
  ASSERT_TRUE(blocks_.reserve(3).ok());
  (void)blocks_.allocate(epoch_);
  EXPECT_EQ(blocks_.reserved_units(), 2u);
  blocks_.unreserve(2);
  EXPECT_DEATH((void)blocks_.allocate(epoch_), "reserved_units_ > 0");
  EXPECT_DEATH(blocks_.unreserve(1), "units <= reserved_units_");
}

TEST_F(Allocating, finds_the_seeded_early_reuse_in_its_own_sets) {
  const SeededBugScope bug("reuse_block_one_checkpoint_early");
  const Block old = allocate_one();
  publish();
  supersede(old);
  EXPECT_EQ(allocate_one(), old) << "the rule of keeps_a_superseded_block_... is broken, as the bug wants it";
}

// ---- cutting the file

TEST_F(Allocating, cuts_the_file_behind_its_last_block_but_keeps_what_is_promised) {
  std::vector<Block> given;
  for (int n = 0; n < 1000; ++n) given.push_back(allocate_one());
  publish();
  for (std::size_t n = 10; n < given.size(); ++n) supersede(given[n]);
  ASSERT_EQ(blocks_.cut().value(), given.back().raw + 1 + 65) << "the published state needs them; 65 stand in reserve";
  publish();
  ASSERT_TRUE(blocks_.reserve(200).ok());
  const std::uint64_t end = given[9].raw + 1;
  const std::uint64_t kept = blocks_.cut().value();
  EXPECT_EQ(file_->size().value(), kept * page::block_bytes);
  EXPECT_EQ(blocks_.physical_blocks(), kept);
  EXPECT_GE(kept, end + 200 + 64) << "BA-7, BA-8";
  EXPECT_LE(kept, end + 200 + 90);
  files_.set_quota(files_.used_bytes());
  for (int n = 0; n < 200; ++n) EXPECT_EQ(allocate_one_of_reserve().raw, end + static_cast<std::uint64_t>(n));
  EXPECT_EQ(blocks_.cut().value(), kept) << "nothing to cut";
}

TEST_F(Allocating, cuts_nothing_that_a_pin_or_the_next_epoch_needs) {
  std::vector<Block> given;
  for (int n = 0; n < 500; ++n) given.push_back(allocate_one());
  publish();
  blocks_.pin(Epoch{1});
  for (const Block block : given) supersede(block);
  publish();
  EXPECT_GT(blocks_.cut().value(), given.back().raw);
  ASSERT_TRUE(blocks_.reserve(1).ok());
  const Block high = blocks_.allocate(epoch_);
  blocks_.unpin(Epoch{1});
  EXPECT_GT(blocks_.cut().value(), high.raw) << "an eviction has written there";
  supersede(high);
  EXPECT_LT(blocks_.cut().value(), given.back().raw);
}

TEST_F(Allocating, tells_where_the_file_could_end) {
  std::vector<Block> given;
  for (int n = 0; n < 1000; ++n) given.push_back(allocate_one());
  publish();
  for (int n = 0; n < 500; ++n) supersede(given[static_cast<std::size_t>(n)]);
  publish();
  const std::uint64_t end = given.back().raw + 1;
  const auto rounded = [](std::uint64_t blocks) { return (blocks + 63) / 64 * 64; };
  EXPECT_EQ(blocks_.end_after_moving(0, 0), rounded(end)) << "nothing may move";
  const std::uint64_t some = blocks_.end_after_moving(200, 0);
  EXPECT_LE(end - some, 200u);
  EXPECT_GT(end - some, 200u - 64) << "whole words of the set";
  EXPECT_GE(blocks_.end_after_moving(10000, 700), 700u);
  EXPECT_LT(blocks_.end_after_moving(10000, 700), 700u + 64);
}

TEST_F(Allocating, cuts_nothing_below_the_length_that_a_superblock_names) {
  blocks_.name_length(Epoch{1}, 300);
  for (int n = 0; n < 500; ++n) (void)allocate_one();
  publish();
  for (std::uint64_t n = 2; n < 502; ++n) supersede(Block{n});
  blocks_.name_length(Epoch{2}, 400);
  EXPECT_GT(blocks_.cut().value(), 502u);
  publish();
  EXPECT_EQ(blocks_.cut().value(), 400u) << "else the file would count as truncated";
  blocks_.name_length(Epoch{3}, 10);
  EXPECT_EQ(blocks_.cut().value(), 400u) << "that one is not published yet";
  publish();
  EXPECT_LT(blocks_.cut().value(), 200u);
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
    const std::uint64_t reserve_units = std::max<std::uint64_t>(64 / unit_blocks, 32);
    EXPECT_EQ(blocks.reserve(1).code(), Code::full);
    ASSERT_TRUE(blocks.reserve(reserve_units, BlockAllocator::Room::standing).ok());
    EXPECT_EQ(blocks.reserve(reserve_units, BlockAllocator::Room::standing).code(), Code::full) << "not endless";
    for (std::uint64_t i = 0; i < promised + reserve_units; ++i) (void)blocks.allocate(Epoch{1});
    // Most of the quota went to promises: at most one growth step and the reserve are lost.
    EXPECT_GT((promised + reserve_units) * unit_blocks * page::block_bytes, std::uint64_t{4} << 20);
    blocks.check_state();
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
      for (std::uint64_t i = 0; i < promised; ++i) (void)blocks.allocate(Epoch{1});
      blocks.publish(Epoch{1});
      EXPECT_EQ(blocks.published().count(), 2 * promised + superblock_blocks);
    }
  }
}

}  // namespace
}  // namespace quire::space
