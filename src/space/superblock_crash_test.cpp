// Goal: what settle_superblock has settled no later power cut takes back, and settling itself never loses both
//       superblocks.
// Method: a superblock is published without a sync and the process killed; the next process reads and settles it
//         while the power is cut at every operation, over many devices. Twice in a row as well: images of a torn
//         publish are settled under further crashes. Without settling the same test finds a generation lost.
#include <gtest/gtest.h>

#include "os/sim/crash_images.hpp"
#include "os/test_files.hpp"
#include "space/superblock.hpp"

namespace quire::space {
namespace {

constexpr std::uint64_t seeds = 24;
constexpr std::size_t images_per_point = 40;
constexpr const char* path = "/db/x.qdb";

Superblock of_generation(std::uint64_t generation) {
  Superblock s;
  s.generation = Epoch{generation};
  s.file_blocks = superblock_blocks;
  return s;
}

// Generation 6 durable, generation 7 written and not synced, and the process killed.
std::unique_ptr<os::SimFileSystem> killed_in_publish(std::uint64_t seed) {
  os::SimFileSystem files({.seed = seed});
  const auto file = os::open_or_stop(files, path);
  EXPECT_TRUE(write_superblock(*file, of_generation(5)).ok());
  EXPECT_TRUE(write_superblock(*file, of_generation(6)).ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_TRUE(files.sync_directory("/db").ok());
  EXPECT_TRUE(write_superblock(*file, of_generation(7)).ok());
  return files.kill();
}

std::uint64_t generation_in(os::SimFileSystem& files) {
  const auto file = os::open_or_stop(files, path, os::to_read);
  const Result<Superblock> found = read_superblock(*file, path);
  return found.ok() ? found->generation.raw : 0;
}

struct Outcome {
  std::uint64_t images = 0;
  std::uint64_t lost = 0;     // no superblock at all, or one older than any durable one
  std::uint64_t forgotten = 0;  // older than what a settled open had shown
};

// Opens as the engine does, crashing at each operation and after the last one.
void open_and_crash(os::SimFileSystem& files, bool settle, Outcome& outcome) {
  const std::uint64_t before = generation_in(files);
  std::uint64_t trusted = 6;
  const auto look = [&](std::uint64_t number) {
    os::CrashImages images(files, {.seed = number, .budget = images_per_point});
    while (const auto image = images.next()) {
      ++outcome.images;
      const std::uint64_t found = generation_in(*image);
      if (found < 6) ++outcome.lost;
      if (found < trusted) ++outcome.forgotten;
    }
  };
  files.observe([&](const os::Operation& operation) {
    if (operation.changes) look(operation.number);
  });
  const auto file = os::open_or_stop(files, path, os::to_write);
  const Superblock found = read_superblock(*file, path).value();
  EXPECT_EQ(found.generation.raw, before);
  if (settle) {
    EXPECT_TRUE(settle_superblock(*file, found).ok());
  }
  files.observe(nullptr);
  trusted = found.generation.raw;
  look(0);
}

TEST(settle_superblock, keeps_what_it_settled_through_every_crash) {
  Outcome outcome;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const auto files = killed_in_publish(seed);
    open_and_crash(*files, true, outcome);
  }
  EXPECT_EQ(outcome.lost, 0u);
  EXPECT_EQ(outcome.forgotten, 0u);
  EXPECT_GT(outcome.images, 4 * seeds);
}

TEST(settle_superblock, is_missed_when_it_is_left_out) {
  Outcome outcome;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const auto files = killed_in_publish(seed);
    open_and_crash(*files, false, outcome);
  }
  EXPECT_EQ(outcome.lost, 0u);
  EXPECT_GT(outcome.forgotten, 0u) << "the harness cannot see a superblock that was trusted before it was durable";
}

TEST(settle_superblock, mends_a_torn_publish_without_losing_the_other_slot) {
  Outcome outcome;
  for (std::uint64_t seed = 1; seed <= seeds / 4; ++seed) {
    const auto files = killed_in_publish(seed);
    os::CrashImages torn(*files, {.seed = seed, .budget = 30});
    while (const auto image = torn.next()) open_and_crash(*image, true, outcome);
  }
  EXPECT_EQ(outcome.lost, 0u);
  EXPECT_EQ(outcome.forgotten, 0u);
  EXPECT_GT(outcome.images, 100u);
}

TEST(settle_superblock, leaves_both_copies_of_the_slot_whole) {
  os::SimFileSystem files({.seed = 1});
  const auto file = os::open_or_stop(files, path);
  ASSERT_TRUE(write_superblock(*file, of_generation(6)).ok());
  ASSERT_TRUE(write_superblock(*file, of_generation(7)).ok());
  ASSERT_TRUE(file->sync().ok());
  const std::string before = files.contents(path).value();
  ASSERT_TRUE(files.damage(path, block_bytes + superblock_copy_offset + 60, std::byte{1}).ok());
  ASSERT_TRUE(settle_superblock(*file, read_superblock(*file, path).value()).ok());
  EXPECT_EQ(files.contents(path).value(), before);
  EXPECT_EQ(files.durable_contents(path).value(), before);
}

}  // namespace
}  // namespace quire::space
