// Goal: names are as durable as the profile says: never before the directory is synced (strict), in order
//       (journaled), in any combination (any subset), always after.
// Method: a script per freedom; the set of directory listings over many crashes is compared with a list.
#include <gtest/gtest.h>

#include <set>

#include "os/sim/sim_file_system.hpp"
#include "os/test_files.hpp"

namespace quire::os {
namespace {

DeviceProfile profile_with(DirectoryDurability directory) {
  DeviceProfile profile;
  profile.directory = directory;
  return profile;
}

std::set<std::string> crash_listings(const SimFileSystem& files) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    std::string names;
    for (const std::string& path : files.crash(random)->files()) names += path;
    seen.insert(names);
  }
  return seen;
}

void create(SimFileSystem& files, const std::string& path) { open_or_stop(files, path); }

TEST(sim_directory, loses_unsynced_names_always_when_strict) {
  SimFileSystem files({.seed = 1, .profile = profile_with(DirectoryDurability::strict)});
  create(files, "/a");
  EXPECT_TRUE(open_or_stop(files, "/a")->sync().ok());
  EXPECT_EQ(crash_listings(files), (std::set<std::string>{""}));
  EXPECT_TRUE(files.sync_directory("/").ok());
  EXPECT_EQ(crash_listings(files), (std::set<std::string>{"/a"}));
  EXPECT_TRUE(files.remove("/a").ok());
  EXPECT_EQ(crash_listings(files), (std::set<std::string>{"/a"}));
}

TEST(sim_directory, keeps_names_in_order_when_journaled) {
  SimFileSystem files({.seed = 1, .profile = profile_with(DirectoryDurability::journaled)});
  for (const char* path : {"/a", "/b", "/c"}) create(files, path);
  EXPECT_EQ(crash_listings(files), (std::set<std::string>{"", "/a", "/a/b", "/a/b/c"}));
}

TEST(sim_directory, keeps_the_name_of_a_synced_file_when_journaled) {
  SimFileSystem files({.seed = 1, .profile = profile_with(DirectoryDurability::journaled)});
  for (const char* path : {"/a", "/b", "/c"}) create(files, path);
  EXPECT_TRUE(open_or_stop(files, "/b")->sync().ok());
  EXPECT_EQ(crash_listings(files), (std::set<std::string>{"/a/b", "/a/b/c"}));
}

TEST(sim_directory, keeps_any_names_when_nothing_is_promised) {
  SimFileSystem files({.seed = 1, .profile = profile_with(DirectoryDurability::any_subset)});
  for (const char* path : {"/a", "/b"}) create(files, path);
  EXPECT_EQ(crash_listings(files), (std::set<std::string>{"", "/a", "/b", "/a/b"}));
}

TEST(sim_directory, keeps_names_once_the_directory_is_synced) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimFileSystem files({.seed = seed});
    create(files, "/db/a");
    create(files, "/db/b");
    ASSERT_TRUE(files.rename("/db/b", "/db/c").ok());
    ASSERT_TRUE(files.sync_directory("/db").ok());
    ASSERT_EQ(crash_listings(files), (std::set<std::string>{"/db/a/db/c"})) << files.profile().to_string();
  }
}

TEST(sim_directory, syncs_one_directory_and_not_another) {
  SimFileSystem files({.seed = 1, .profile = profile_with(DirectoryDurability::strict)});
  create(files, "/x/a");
  create(files, "/y/b");
  EXPECT_TRUE(files.sync_directory("/y").ok());
  EXPECT_EQ(crash_listings(files), (std::set<std::string>{"/y/b"}));
}

TEST(sim_directory, renames_as_one_step) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SimFileSystem files({.seed = seed});
    create(files, "/a");
    ASSERT_TRUE(files.sync_directory("/").ok());
    ASSERT_TRUE(files.rename("/a", "/b").ok());
    for (const std::string& names : crash_listings(files)) ASSERT_TRUE(names == "/a" || names == "/b") << names;
    ASSERT_TRUE(files.rename("/b", "/c").ok());
    for (const std::string& names : crash_listings(files)) {
      ASSERT_TRUE(names == "/a" || names == "/b" || names == "/c") << names;
    }
  }
}

TEST(sim_directory, keeps_the_replaced_file_until_the_rename_is_durable) {
  SimFileSystem files({.seed = 1, .profile = profile_with(DirectoryDurability::any_subset)});
  files.install("/old", "old");
  files.install("/new", "new");
  EXPECT_TRUE(files.rename("/new", "/old").ok());
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    seen.insert(files.crash(random)->contents("/old").value());
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST(sim_directory, carries_a_name_over_to_another_directory) {
  SimFileSystem files({.seed = 1, .profile = profile_with(DirectoryDurability::strict)});
  create(files, "/x/a");
  EXPECT_TRUE(files.rename("/x/a", "/y/a").ok());
  EXPECT_TRUE(files.sync_directory("/y").ok());
  EXPECT_EQ(crash_listings(files), (std::set<std::string>{"/y/a"}));
}

TEST(sim_directory, keeps_what_came_before_a_name_that_was_carried_over) {
  SimFileSystem files({.seed = 1, .profile = profile_with(DirectoryDurability::any_subset)});
  files.install("/x/b", "from b");
  { EXPECT_TRUE(put(*open_or_stop(files, "/y/a"), 0, "from a").ok()); }
  EXPECT_TRUE(files.rename("/x/b", "/y/a").ok());
  EXPECT_TRUE(files.sync_directory("/x").ok());
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    ASSERT_EQ(files.crash(random)->contents("/y/a").value(), "from b");
  }
}

TEST(sim_directory, treats_names_like_other_operations_on_an_ordered_device) {
  DeviceProfile profile = profile_with(DirectoryDurability::strict);
  profile.ordered = true;
  SimFileSystem files({.seed = 1, .profile = profile});
  const auto file = open_or_stop(files, "/a");
  EXPECT_TRUE(put(*file, 0, "x").ok());
  create(files, "/b");
  EXPECT_TRUE(file->sync().ok());
  EXPECT_EQ(crash_listings(files), (std::set<std::string>{"/a", "/a/b"}));
}

TEST(sim_directory, forgets_files_without_a_name) {
  SimFileSystem files({.seed = 1});
  const auto file = open_or_stop(files, "/spill");
  EXPECT_TRUE(files.remove("/spill").ok());
  EXPECT_TRUE(put(*file, 0, "gone").ok());
  EXPECT_TRUE(files.kill()->files().empty());
  EXPECT_TRUE(files.sync_directory("/").ok());
  EXPECT_EQ(crash_listings(files), (std::set<std::string>{""}));
}

}  // namespace
}  // namespace quire::os
