// Goal: the images of a moment are all those, and only those, that the device may leave there.
// Method: random small scripts. A reference, written differently, replays the script once for every subset
//         of what could have been lost and cuts at the end; its set of contents is compared with the images.
#include "os/sim/crash_images.hpp"

#include <gtest/gtest.h>

#include <set>

#include "os/test_files.hpp"

namespace quire::os {
namespace {

constexpr std::size_t sector = 512;

DeviceProfile profile_with(bool ordered) {
  return {.sector_bytes = sector,
          .ordered = ordered,
          .tearing = Tearing::never,
          .directory = DirectoryDurability::any_subset,
          .failed_sync = FailedSync::dropped};
}

// One operation of a script on one file, and the file as the cache shows it afterwards.
struct Step {
  bool is_write = false;
  std::size_t offset = 0;  // of a write, or the new size
  std::string text;
  std::string after;
  bool changes_size = false;

  std::size_t first_sector() const { return offset / sector; }
  std::size_t sector_count() const { return is_write ? (offset + text.size() - 1) / sector - first_sector() + 1 : 0; }
};

struct Script {
  std::string durable;
  std::vector<Step> steps;
};

Script random_script(Random& random, std::size_t length) {
  Script script;
  script.durable = repeated(static_cast<std::size_t>(random.below(3 * sector)), 'o');
  std::string now = script.durable;
  for (std::size_t at = 0; at < length; ++at) {
    Step step;
    step.is_write = random.chance(3, 4);
    step.offset = static_cast<std::size_t>(random.below(3 * sector));
    const std::size_t size_before = now.size();
    if (step.is_write) {
      step.text =
          repeated(static_cast<std::size_t>(random.between({.from = 1, .to = 700})), static_cast<char>('a' + at));
      if (step.offset + step.text.size() > now.size()) now.resize(step.offset + step.text.size());
      now.replace(step.offset, step.text.size(), step.text);
    } else {
      now.resize(step.offset);
    }
    step.after = now;
    step.changes_size = now.size() != size_before;
    script.steps.push_back(step);
  }
  return script;
}

void run_script(File& file, const Script& script) {
  for (const Step& step : script.steps) {
    if (step.is_write) {
      ASSERT_TRUE(put(file, step.offset, step.text).ok());
    } else {
      ASSERT_TRUE(file.truncate(step.offset).ok());
    }
    ASSERT_EQ(whole_text(file), step.after);
  }
}

// What survives of each step: whether its size does, and which of its sectors.
struct Survival {
  bool size = false;
  std::vector<bool> sectors;
};

// The reference: a replay into a buffer that is long enough, cut at the end.
std::string replay(const Script& script, const std::vector<Survival>& survivals) {
  std::string buffer = script.durable + repeated(8 * sector - script.durable.size(), '\0');
  std::size_t size = script.durable.size();
  for (std::size_t at = 0; at < script.steps.size(); ++at) {
    const Step& step = script.steps[at];
    if (step.changes_size && survivals[at].size) {
      if (step.after.size() < size || !step.is_write) {
        for (std::size_t byte = step.after.size(); byte < buffer.size(); ++byte) buffer[byte] = '\0';
      }
      size = step.after.size();
    }
    for (std::size_t number = 0; number < step.sector_count(); ++number) {
      if (!survivals[at].sectors[number]) continue;
      const std::size_t begin = (step.first_sector() + number) * sector;
      std::string content = step.after + repeated(8 * sector - step.after.size(), '\0');
      buffer.replace(begin, sector, content.substr(begin, sector));
    }
  }
  return buffer.substr(0, size);
}

// All contents of an unordered device: the first k sizes, any sectors.
std::set<std::string> unordered_reference(const Script& script) {
  std::size_t size_count = 0;
  std::size_t sector_count = 0;
  for (const Step& step : script.steps) {
    size_count += step.changes_size ? 1 : 0;
    sector_count += step.sector_count();
  }
  std::set<std::string> contents;
  for (std::size_t sizes = 0; sizes <= size_count; ++sizes) {
    for (std::size_t subset = 0; subset < (std::size_t{1} << sector_count); ++subset) {
      std::vector<Survival> survivals(script.steps.size());
      std::size_t sizes_left = sizes;
      std::size_t bit = 0;
      for (std::size_t at = 0; at < script.steps.size(); ++at) {
        survivals[at].size = script.steps[at].changes_size && sizes_left > 0;
        if (survivals[at].size) --sizes_left;
        for (std::size_t number = 0; number < script.steps[at].sector_count(); ++number) {
          survivals[at].sectors.push_back((subset >> bit++ & 1) != 0);
        }
      }
      contents.insert(replay(script, survivals));
    }
  }
  return contents;
}

// All contents of an ordered device: some whole steps, then the size and some first sectors of the next.
std::set<std::string> ordered_reference(const Script& script) {
  std::set<std::string> contents;
  for (std::size_t whole = 0; whole <= script.steps.size(); ++whole) {
    const std::size_t torn_max = whole < script.steps.size() ? script.steps[whole].sector_count() : 0;
    for (std::size_t torn = 0; torn <= torn_max; ++torn) {
      std::vector<Survival> survivals(script.steps.size());
      for (std::size_t at = 0; at < script.steps.size(); ++at) {
        survivals[at].size = at < whole || (at == whole && torn > 0);
        survivals[at].sectors.assign(script.steps[at].sector_count(), at < whole);
      }
      for (std::size_t number = 0; number < torn; ++number) survivals[whole].sectors[number] = true;
      contents.insert(replay(script, survivals));
    }
  }
  return contents;
}

std::set<std::string> contents_of(CrashImages& images, std::size_t& count) {
  std::set<std::string> contents;
  while (const auto image = images.next()) {
    ++count;
    contents.insert(image->contents("/a").value());
  }
  return contents;
}

TEST(crash_images, are_all_that_an_unordered_device_may_leave) {
  int complete = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Random random(seed);
    const Script script = random_script(random, 1 + static_cast<std::size_t>(random.below(4)));
    SimFileSystem files({.seed = seed, .profile = profile_with(false)});
    files.install("/a", script.durable);
    const auto file = open_or_stop(files, "/a");
    run_script(*file, script);
    const std::set<std::string> expected = unordered_reference(script);
    CrashImages images(files, {.seed = seed, .budget = 2000});
    std::size_t count = 0;
    const std::set<std::string> contents = contents_of(images, count);
    if (images.is_complete()) {
      ++complete;
      ASSERT_EQ(contents, expected) << "seed " << seed;
    } else {
      for (const std::string& content : contents) ASSERT_TRUE(expected.contains(content)) << "seed " << seed;
    }
    for (int round = 0; round < 50; ++round) {
      const std::string content = files.crash(random)->contents("/a").value();
      ASSERT_TRUE(expected.contains(content)) << "seed " << seed;
    }
  }
  EXPECT_GT(complete, 350);
}

TEST(crash_images, are_all_prefixes_on_an_ordered_device) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Random random(seed);
    const Script script = random_script(random, 1 + static_cast<std::size_t>(random.below(6)));
    SimFileSystem files({.seed = seed, .profile = profile_with(true)});
    files.install("/a", script.durable);
    const auto file = open_or_stop(files, "/a");
    run_script(*file, script);
    const std::set<std::string> expected = ordered_reference(script);
    CrashImages images(files, {.seed = seed, .budget = 2000});
    std::size_t count = 0;
    ASSERT_EQ(contents_of(images, count), expected) << "seed " << seed;
    ASSERT_TRUE(images.is_complete());
    for (int round = 0; round < 50; ++round) {
      ASSERT_TRUE(expected.contains(files.crash(random)->contents("/a").value())) << "seed " << seed;
    }
  }
}

TEST(crash_images, combine_files_and_names) {
  SimFileSystem files({.seed = 1, .profile = profile_with(false)});
  for (const char* path : {"/a", "/b"}) EXPECT_TRUE(put(*open_or_stop(files, path), 0, "x").ok());
  CrashImages images(files, {.seed = 1, .budget = 1000});
  EXPECT_EQ(images.slot_count(), 6u);  // for each file its name, its size, its sector
  std::set<std::uint64_t> states;
  std::size_t count = 0;
  while (const auto image = images.next()) {
    states.insert(image->content_hash());
    ++count;
  }
  EXPECT_EQ(count, 64u);
  EXPECT_EQ(states.size(), 16u);  // each file: missing, empty, zero, x
  EXPECT_TRUE(images.is_complete());
}

TEST(crash_images, stay_within_the_budget_and_begin_with_the_extremes) {
  for (const bool ordered : {false, true}) {
    SimFileSystem files({.seed = 1, .profile = profile_with(ordered)});
    files.install("/a", repeated(100 * sector, 'o'));
    const auto file = open_or_stop(files, "/a");
    for (std::size_t at = 0; at < 100; ++at) ASSERT_TRUE(put(*file, at * sector, repeated(sector, 'n')).ok());
    for (const std::size_t budget : {1u, 2u, 40u, 150u, 1000u}) {
      CrashImages images(files, {.seed = 1, .budget = budget});
      std::set<std::string> contents;
      std::vector<std::string> order;
      while (const auto image = images.next()) order.push_back(image->contents("/a").value());
      EXPECT_EQ(order[0], repeated(100 * sector, 'o'));
      if (budget > 1) {
        EXPECT_EQ(order[1], repeated(100 * sector, 'n'));
      }
      EXPECT_EQ(order.size(), ordered ? std::min<std::size_t>(budget, 101) : budget);
      EXPECT_EQ(images.is_complete(), ordered && budget >= 101);
    }
  }
}

TEST(crash_images, lose_and_keep_each_change_alone) {
  SimFileSystem files({.seed = 1, .profile = profile_with(false)});
  files.install("/a", repeated(30 * sector, 'o'));
  const auto file = open_or_stop(files, "/a");
  for (std::size_t at = 30; at-- > 0;) ASSERT_TRUE(put(*file, at * sector, repeated(sector, 'n')).ok());
  CrashImages images(files, {.seed = 1, .budget = 200});
  std::size_t count = 0;
  const std::set<std::string> contents = contents_of(images, count);
  EXPECT_EQ(contents.size(), 200u);
  for (std::size_t at = 0; at < 30; ++at) {
    std::string alone = repeated(30 * sector, 'o');
    EXPECT_TRUE(contents.contains(alone.replace(at * sector, sector, repeated(sector, 'n'))));
    std::string all_but_one = repeated(30 * sector, 'n');
    EXPECT_TRUE(contents.contains(all_but_one.replace(at * sector, sector, repeated(sector, 'o'))));
    // Written from the back: a prefix of the writes is a suffix of the file.
    const std::string prefix = repeated(at * sector, 'o') + repeated((30 - at) * sector, 'n');
    EXPECT_TRUE(contents.contains(prefix));
  }
}

TEST(crash_images, take_all_subsets_of_ten_changes) {
  SimFileSystem files({.seed = 1, .profile = profile_with(false)});
  files.install("/a", repeated(10 * sector, 'o'));
  const auto file = open_or_stop(files, "/a");
  for (std::size_t at = 0; at < 10; ++at) {
    ASSERT_TRUE(put(*file, at * sector, "1").ok());
    ASSERT_TRUE(put(*file, at * sector, "2").ok());
  }
  CrashImages images(files, {.seed = 1, .budget = 3000});
  std::size_t count = 0;
  const std::set<std::string> contents = contents_of(images, count);
  EXPECT_EQ(count, contents.size());
  for (std::size_t subset = 0; subset < 1024; ++subset) {
    std::string content = repeated(10 * sector, 'o');
    for (std::size_t at = 0; at < 10; ++at) {
      if ((subset >> at & 1) != 0) content[at * sector] = '2';
    }
    ASSERT_TRUE(contents.contains(content));
  }
}

TEST(crash_images, repeat_with_the_same_seed) {
  const auto all = [](std::uint64_t seed) {
    SimFileSystem files({.seed = 5});
    const auto file = open_or_stop(files, "/a");
    Random random(3);
    for (int step = 0; step < 50; ++step) {
      EXPECT_TRUE(put(*file, random.below(30000), repeated(600, static_cast<char>(step))).ok());
    }
    CrashImages images(files, {.seed = seed, .budget = 100});
    std::vector<std::uint64_t> hashes;
    while (const auto image = images.next()) hashes.push_back(image->content_hash() ^ image->seed());
    return hashes;
  };
  EXPECT_EQ(all(1), all(1));
  EXPECT_NE(all(1), all(2));
}

TEST(crash_images, do_not_depend_on_what_happens_later) {
  SimFileSystem files({.seed = 1, .profile = profile_with(false)});
  files.install("/a", "old");
  const auto file = open_or_stop(files, "/a");
  ASSERT_TRUE(put(*file, 0, "new").ok());
  CrashImages images(files, {.seed = 1, .budget = 10});
  ASSERT_TRUE(file->sync().ok());
  ASSERT_TRUE(put(*file, 0, "later").ok());
  std::size_t count = 0;
  EXPECT_EQ(contents_of(images, count), (std::set<std::string>{"old", "new"}));
}

}  // namespace
}  // namespace quire::os
