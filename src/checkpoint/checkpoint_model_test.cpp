// Goal: over any schedule of changes, evictions, checkpoints and reopenings, with room and without, every page reads as
//       the model says, what is published is the model as of the flip, every block is accounted for, and no promised room,
//       page number or block is lost.
// Method: one thread; random steps between the steps of a checkpoint and of an eviction (test_schedule.hpp), little
//         memory, a disk that fills up and gets room again; after every publish the slow look at the file.
#include <gtest/gtest.h>

#include "checkpoint/test_schedule.hpp"
#include "os/mem/mem_file_system.hpp"

namespace quire::checkpoint {
namespace {

class ModelRun {
 public:
  ModelRun(std::uint64_t seed, bool full_disk)
      : random_(seed), full_disk_(full_disk), options_{.page_bytes = page::page_bytes_min << (seed % 4 == 0 ? random_.below(5) : 0), .frames = 16 + random_.below(30)}, store_(new Store(files_, options_)) {}

  void epoch() {
    {
      Schedule schedule(*store_, random_, texts_);
      // Large epochs among small ones, so that table pages begin before a flip and after it.
      for (std::uint64_t n = random_.below(random_.chance(1, 6) ? 500 : 40); n > 0; --n) schedule.step();
      if (full_disk_) fill_or_make_room();
      const Status status = schedule.publish();
      ASSERT_TRUE(status.ok()) << status.to_string();
      ASSERT_EQ(schedule.failure, "");
      refused += schedule.refused;
      in_between += schedule.steps_in_between;
      flipped_ = schedule.flipped;
    }
    ASSERT_NO_FATAL_FAILURE(check());
    if (random_.chance(1, 5)) reopen();
  }

  std::uint64_t refused = 0;
  std::uint64_t in_between = 0;

 private:
  void fill_or_make_room() {
    files_.set_quota(random_.chance(2, 3) ? files_.used_bytes() : os::MemFileSystem::no_quota);
  }

  void check() {
    store_->pages.space.blocks.check_state();
    ASSERT_EQ(store_->pages.leaked_units(), store_->pages.pool.promised(store_->pages.pool.running()));
    const Found found = look_at(files_);
    ASSERT_EQ(found.failure, "");
    ASSERT_TRUE(flipped_.is_in(found)) << "not the state of the flip";
    published_ = found.texts;
    ASSERT_TRUE(found.active == flipped_.active);
    for (const auto& [id, text] : texts_) ASSERT_EQ(store_->pages.text(PageId{id}), text) << "page " << id;
  }

  // What came after the flip is lost.
  void reopen() {
    const space::Superblock root = store_->checkpoint.published();
    store_ = nullptr;
    store_ = std::make_unique<Store>(files_, options_, root);
    texts_ = published_;
    // Every number that is not in use is found again before a new one is taken.
    std::set<std::uint64_t> free;
    for (std::uint64_t n = 1; n < root.next_page.raw; ++n) {
      if (texts_.count(n) == 0) free.insert(n);
    }
    std::vector<PageId> taken;
    for (std::size_t n = 0; n < free.size(); ++n) taken.push_back(store_->pages.space.table.allocate_id().value());
    for (const PageId id : taken) ASSERT_EQ(free.erase(id.raw), 1u) << "number " << id.raw;
    ASSERT_EQ(store_->pages.space.table.next_page(), root.next_page);
    for (const PageId id : taken) store_->pages.space.table.free_id(id);
  }

  os::MemFileSystem files_;
  Random random_;
  const bool full_disk_;
  const buffer::PagesOptions options_;
  std::unique_ptr<Store> store_;
  Texts texts_;
  Version flipped_;
  Texts published_;
};

TEST(checkpoint_model, agrees_over_random_schedules_of_two_epochs) {
  std::uint64_t in_between = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ModelRun run(seed, false);
    for (int epoch = 0; epoch < 25; ++epoch) ASSERT_NO_FATAL_FAILURE(run.epoch()) << "epoch " << epoch;
    EXPECT_EQ(run.refused, 0u);
    in_between += run.in_between;
  }
  EXPECT_GT(in_between, 2000u) << "steps between the steps of a checkpoint are missing";
}

TEST(checkpoint_model, agrees_over_random_schedules_on_a_disk_that_fills_up) {
  std::uint64_t refused = 0;
  for (std::uint64_t seed = 101; seed <= 112; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ModelRun run(seed, true);
    for (int epoch = 0; epoch < 25; ++epoch) ASSERT_NO_FATAL_FAILURE(run.epoch()) << "epoch " << epoch;
    refused += run.refused;
  }
  EXPECT_GT(refused, 100u) << "the disk was never full";
}

}  // namespace
}  // namespace quire::checkpoint
