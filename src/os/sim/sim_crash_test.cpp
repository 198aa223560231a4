// Goal: a crash keeps what was synced, may lose or keep what was not, and shows nothing that the device
//       profile rules out; the running file system never notices.
// Method: small scripts, many seeds; both outcomes of each freedom must be seen at least once.
#include <gtest/gtest.h>

#include <set>

#include "os/sim/crash_images.hpp"
#include "os/sim/sim_file_system.hpp"
#include "os/test_files.hpp"

namespace quire::os {
namespace {

constexpr int seeds = 300;

DeviceProfile plain_profile() {
  return {.sector_bytes = 512,
          .ordered = false,
          .tearing = Tearing::never,
          .directory = DirectoryDurability::any_subset,
          .failed_sync = FailedSync::dropped};
}

std::unique_ptr<File> create_synced(SimFileSystem& files, const std::string& path, std::string_view text) {
  auto file = open_or_stop(files, path);
  EXPECT_TRUE(put(*file, 0, text).ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_TRUE(files.sync_directory(directory_of(path)).ok());
  return file;
}

// The contents of a file over many crashes of one state.
std::set<std::string> crash_contents(const SimFileSystem& files, const std::string& path) {
  std::set<std::string> seen;
  for (int seed = 0; seed < seeds; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const auto image = files.crash(random);
    const Result<std::string> content = image->contents(path);
    seen.insert(content.ok() ? *content : "missing");
  }
  return seen;
}

TEST(sim_crash, keeps_synced_bytes_in_every_image) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimFileSystem files({.seed = seed});
    const auto file = create_synced(files, "/db/a", repeated(3000, 'o'));
    EXPECT_TRUE(put(*file, 3000, repeated(3000, 'n')).ok());
    Random random(seed);
    for (int round = 0; round < 10; ++round) {
      const auto image = files.crash(random);
      const std::string content = image->contents("/db/a").value();
      ASSERT_EQ(content.substr(0, 3000), repeated(3000, 'o')) << files.profile().to_string();
    }
  }
}

TEST(sim_crash, may_lose_and_may_keep_unsynced_bytes) {
  SimFileSystem files({.seed = 1, .profile = plain_profile()});
  const auto file = create_synced(files, "/a", repeated(512, 'o'));
  EXPECT_TRUE(put(*file, 0, repeated(512, 'n')).ok());
  const std::set<std::string> expected{repeated(512, 'o'), repeated(512, 'n')};
  EXPECT_EQ(crash_contents(files, "/a"), expected);
}

TEST(sim_crash, decides_about_each_sector_by_itself) {
  SimFileSystem files({.seed = 1, .profile = plain_profile()});
  const auto file = create_synced(files, "/a", repeated(1024, 'o'));
  EXPECT_TRUE(put(*file, 0, repeated(1024, 'n')).ok());
  const std::string oo = repeated(1024, 'o');
  const std::string nn = repeated(1024, 'n');
  const std::set<std::string> expected{oo, nn, oo.substr(512) + nn.substr(512), nn.substr(512) + oo.substr(512)};
  EXPECT_EQ(crash_contents(files, "/a"), expected);
}

TEST(sim_crash, may_show_an_earlier_write_of_a_sector) {
  SimFileSystem files({.seed = 1, .profile = plain_profile()});
  const auto file = create_synced(files, "/a", "old");
  EXPECT_TRUE(put(*file, 0, "one").ok());
  EXPECT_TRUE(put(*file, 0, "two").ok());
  EXPECT_EQ(crash_contents(files, "/a"), (std::set<std::string>{"old", "one", "two"}));
}

TEST(sim_crash, may_show_zeros_only_beyond_the_durable_end) {
  SimFileSystem files({.seed = 1, .profile = plain_profile()});
  const auto file = create_synced(files, "/a", repeated(512, 'o'));
  EXPECT_TRUE(put(*file, 512, repeated(512, 'n')).ok());
  const std::string o = repeated(512, 'o');
  EXPECT_EQ(crash_contents(files, "/a"), (std::set<std::string>{o, o + repeated(512, '\0'), o + repeated(512, 'n')}));
}

TEST(sim_crash, tears_written_bytes_but_not_their_neighbours) {
  DeviceProfile profile = plain_profile();
  profile.tearing = Tearing::written_bytes;
  SimFileSystem files({.seed = 1, .profile = profile});
  const auto file = create_synced(files, "/a", repeated(512, 'o'));
  EXPECT_TRUE(put(*file, 100, repeated(50, 'n')).ok());
  int torn = 0;
  for (const std::string& content : crash_contents(files, "/a")) {
    EXPECT_EQ(content.substr(0, 100), repeated(100, 'o'));
    EXPECT_EQ(content.substr(150), repeated(362, 'o'));
    const std::string middle = content.substr(100, 50);
    if (middle != repeated(50, 'o') && middle != repeated(50, 'n')) ++torn;
  }
  EXPECT_GT(torn, 3);
}

TEST(sim_crash, tears_whole_sectors_where_asked_but_no_other) {
  DeviceProfile profile = plain_profile();
  profile.tearing = Tearing::whole_sector;
  SimFileSystem files({.seed = 1, .profile = profile});
  const auto file = create_synced(files, "/a", repeated(1536, 'o'));
  EXPECT_TRUE(put(*file, 600, "n").ok());
  bool neighbour_hit = false;
  for (const std::string& content : crash_contents(files, "/a")) {
    EXPECT_EQ(content.substr(0, 512), repeated(512, 'o'));
    EXPECT_EQ(content.substr(1024), repeated(512, 'o'));
    neighbour_hit = neighbour_hit || content.substr(512, 50) != repeated(50, 'o');
  }
  EXPECT_TRUE(neighbour_hit);
}

TEST(sim_crash, may_lose_truncation_extension_and_allocation) {
  SimFileSystem files({.seed = 1, .profile = plain_profile()});
  const auto file = create_synced(files, "/a", "abcdef");
  EXPECT_TRUE(file->truncate(2).ok());
  EXPECT_TRUE(file->truncate(4).ok());
  EXPECT_TRUE(file->allocate(0, 5).ok());
  using namespace std::string_literals;
  EXPECT_EQ(crash_contents(files, "/a"), (std::set<std::string>{"abcdef", "ab", "ab\0\0"s, "ab\0\0\0"s}));
}

TEST(sim_crash, never_brings_back_bytes_behind_a_kept_truncation) {
  SimFileSystem files({.seed = 1, .profile = plain_profile()});
  const auto file = create_synced(files, "/a", repeated(512, 'o'));
  EXPECT_TRUE(put(*file, 0, repeated(512, 'n')).ok());
  EXPECT_TRUE(file->truncate(1).ok());
  EXPECT_TRUE(file->truncate(512).ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_EQ(crash_contents(files, "/a"), (std::set<std::string>{"n" + repeated(511, '\0')}));
}

TEST(sim_crash, shows_prefixes_only_on_an_ordered_device) {
  DeviceProfile profile = plain_profile();
  profile.ordered = true;
  SimFileSystem files({.seed = 1, .profile = profile});
  const auto a = create_synced(files, "/a", "0");
  const auto b = create_synced(files, "/b", "0");
  std::set<std::string> allowed{"00"};
  for (int step = 1; step <= 5; ++step) {
    const std::string number = std::to_string(step);
    EXPECT_TRUE(put(*a, 0, number).ok());
    allowed.insert(number + std::to_string(step - 1));
    EXPECT_TRUE(put(*b, 0, number).ok());
    allowed.insert(number + number);
  }
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    Random random(seed);
    const auto image = files.crash(random);
    seen.insert(image->contents("/a").value() + image->contents("/b").value());
  }
  EXPECT_EQ(seen, allowed);
}

TEST(sim_crash, keeps_earlier_files_when_an_ordered_device_syncs_one) {
  DeviceProfile profile = plain_profile();
  profile.ordered = true;
  SimFileSystem files({.seed = 1, .profile = profile});
  const auto a = create_synced(files, "/a", "0");
  const auto b = create_synced(files, "/b", "0");
  EXPECT_TRUE(put(*a, 0, "1").ok());
  EXPECT_TRUE(put(*b, 0, "1").ok());
  EXPECT_TRUE(put(*a, 0, "2").ok());
  EXPECT_TRUE(b->sync().ok());
  EXPECT_EQ(crash_contents(files, "/a"), (std::set<std::string>{"1", "2"}));
  EXPECT_EQ(crash_contents(files, "/b"), (std::set<std::string>{"1"}));
}

TEST(sim_crash, leaves_the_running_file_system_alone) {
  const auto run = [](bool crashes) {
    SimFileSystem files({.seed = 9});
    files.observe([&](const Operation& operation) {
      if (!crashes) return;
      Random random(operation.number);
      const auto image = files.crash(random);
      const auto killed = files.kill();
      const auto file = open_or_stop(*image, "/a");
      EXPECT_TRUE(put(*file, 0, "changed in the image").ok());
      EXPECT_TRUE(file->sync().ok());
      const auto other = open_or_stop(*killed, "/a");
      EXPECT_TRUE(put(*other, 0, "changed after the kill").ok());
    });
    const auto file = open_or_stop(files, "/a");
    Random random(5);
    for (int step = 0; step < 60; ++step) {
      EXPECT_TRUE(put(*file, random.below(9000), repeated(100, static_cast<char>('a' + step % 26))).ok());
      if (step % 7 == 0) {
        EXPECT_TRUE(file->sync().ok());
      }
      if (step % 11 == 0) {
        EXPECT_TRUE(file->truncate(random.below(9000)).ok());
      }
    }
    const std::string content = whole_text(*file);
    EXPECT_EQ(files.contents("/a").value(), content);
    return std::pair(content + files.durable_contents("/a").value(), files.trace_hash());
  };
  EXPECT_EQ(run(true), run(false));
}

TEST(sim_crash, starts_the_image_clean) {
  SimFileSystem files({.seed = 3});
  const auto file = create_synced(files, "/a", "abc");
  EXPECT_TRUE(file->lock(LockMode::exclusive).ok());
  Random random(1);
  const auto image = files.crash(random);
  EXPECT_EQ(image->operation_count(), 0u);
  EXPECT_EQ(image->open_files(), 0u);
  EXPECT_EQ(image->locks_held(), 0u);
  const auto reopened = open_or_stop(*image, "/a");
  EXPECT_TRUE(reopened->lock(LockMode::exclusive).ok());
  EXPECT_NE(reopened->identity().device, file->identity().device);
  EXPECT_EQ(CrashImages(*image, {.seed = 1, .budget = 100}).slot_count(), 0u);
}

TEST(sim_crash, keeps_everything_unsynced_when_only_the_process_ends) {
  SimFileSystem files({.seed = 1, .profile = plain_profile()});
  const auto file = create_synced(files, "/a", "old");
  EXPECT_TRUE(put(*file, 0, "new").ok());
  const auto killed = files.kill();
  EXPECT_EQ(killed->contents("/a").value(), "new");
  EXPECT_EQ(killed->durable_contents("/a").value(), "old");
  EXPECT_EQ(crash_contents(*killed, "/a"), (std::set<std::string>{"old", "new"}));
  EXPECT_TRUE(open_or_stop(*killed, "/a")->sync().ok());
  EXPECT_EQ(crash_contents(*killed, "/a"), (std::set<std::string>{"new"}));
  EXPECT_EQ(crash_contents(files, "/a"), (std::set<std::string>{"old", "new"}));
}

TEST(sim_crash, can_be_repeated_to_any_depth) {
  SimFileSystem files({.seed = 1, .profile = plain_profile()});
  const auto file = create_synced(files, "/a", "0");
  Random random(1);
  auto image = files.crash(random);
  for (int depth = 1; depth < 5; ++depth) {
    {
      const auto inner = open_or_stop(*image, "/a");
      ASSERT_TRUE(put(*inner, 0, std::to_string(depth)).ok());
      ASSERT_TRUE(inner->sync().ok());
      ASSERT_TRUE(put(*inner, 0, "x").ok());
    }
    const std::set<std::string> seen = crash_contents(*image, "/a");
    ASSERT_EQ(seen, (std::set<std::string>{std::to_string(depth), "x"}));
    image = image->crash(random);
  }
}

}  // namespace
}  // namespace quire::os
