// Damage in the log of a database that was not closed: flipped, zeroed, swapped and stale bytes.
//
// Goal     opening says which file is damaged, or finds every commit; commits may be missing, from the end on, only when the damage
//          reaches the last batch, which no MARK covers (WAL-4); never is there anything else
// Method   a run of sync commits over several segments with a checkpoint in the middle; where each commit lies in the files is
//          known from what it changed; QUIRE_SAMPLES (default 700) damages of every kind from seeds
#include <algorithm>

#include "kv/open.hpp"
#include "support/crash_harness.hpp"
#include "support/environment.hpp"
#include "wal/layout.hpp"

namespace quire::test {
namespace {

constexpr std::uint64_t commits = 40;
constexpr std::size_t sector = 512;

using Files = std::map<std::string, std::string>;  // segments by path

struct Place {
  std::string path;
  std::size_t begin = 0;
  std::size_t end = 0;
  // Where its batch begins, with a MARK: here, or at the end of the segment before.
  std::string mark_path;
  std::size_t mark = 0;
};

struct Scene {
  std::vector<State> states = {fresh_state()};
  std::vector<Place> places = {Place{}};  // of commits, by number; empty: not in the log any more
  std::vector<Files> moments;             // after each commit
  std::unique_ptr<os::SimFileSystem> image;
};

Options scene_options() { return crash_test_options(4096, Journal::log); }

Files segments_of(os::SimFileSystem& files) {
  Files found;
  for (const std::string& path : files.files()) {
    if (path.find("-wal.") != std::string::npos) found[path] = files.contents(path).value();
  }
  return found;
}

// What a commit wrote; it may begin in one segment and end in the next, then that one counts.
Place difference_of(const Files& before, const Files& after) {
  Place place;
  for (const auto& [path, bytes] : after) {
    const auto old = before.find(path);
    const std::string none(bytes.size(), '\0');
    const std::string& was = old == before.end() ? none : old->second;
    if (was == bytes) continue;
    std::size_t begin = 0;
    while (was[begin] == bytes[begin]) ++begin;
    std::size_t end = bytes.size();
    while (was[end - 1] == bytes[end - 1]) --end;
    if (old == before.end()) begin = std::max<std::size_t>(begin, 64);
    if (place.path.empty()) place = {{}, 0, 0, path, begin};
    place.path = path;
    place.begin = begin;
    place.end = end;
  }
  return place;
}

Scene make_scene(std::uint64_t seed) {
  Scene scene;
  os::SimEnvironment machine(os::SimOptions{.seed = seed, .profile = os::DeviceProfile{}});
  Workload workload(seed, {.keys = 25, .operations_max = 10, .large_value_bytes_max = 6000, .savepoint_chance = 6});
  Database database = kv::open_database(machine.environment(), crash_test_path, scene_options()).value();
  for (std::uint64_t i = 1; i <= commits; ++i) {
    const Files before = segments_of(machine.files());
    State next = scene.states.back();
    Transaction tx = database.begin().value();
    const Status filled = workload.fill(tx, next, i);
    const Status committed = filled.ok() ? tx.commit() : filled;
    if (!committed.ok()) ADD_FAILURE() << committed.to_string();
    scene.states.push_back(std::move(next));
    scene.moments.push_back(segments_of(machine.files()));
    scene.places.push_back(difference_of(before, scene.moments.back()));
    if (i == commits / 2 && !database.checkpoint().ok()) ADD_FAILURE() << "checkpoint";
  }
  scene.image = machine.files().kill();
  return scene;
}

struct Damage {
  std::string what;
  std::string path;
  std::string bytes;                                       // the file, damaged
  std::vector<std::pair<std::size_t, std::size_t>> where;  // ranges
};

Damage some_damage(const Scene& scene, Random& random) {
  const Files& files = scene.moments.back();
  auto file = files.begin();
  std::advance(file, static_cast<std::ptrdiff_t>(random.below(files.size())));
  Damage damage{"", file->first, file->second, {}};
  std::string& bytes = damage.bytes;
  // Half of the damage lies where the commits do.
  const Place& commit = scene.places[1 + random.below(commits)];
  const bool there = commit.path == damage.path && random.chance(1, 2);
  const std::size_t at = there ? commit.begin + random.below(commit.end - commit.begin) : random.below(random.chance(1, 6) ? 64 : bytes.size());
  const std::size_t from = at / sector * sector;
  switch (random.below(5)) {
    case 0:
      damage.what = "a bit flipped";
      bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 << random.below(8)));
      damage.where = {{at, at + 1}};
      break;
    case 1:
      damage.what = "zeros";
      damage.where = {{at, std::min(bytes.size(), at + 1 + random.below(100))}};
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(damage.where[0].second), '\0');
      break;
    case 2:
      damage.what = "a sector of zeros";
      bytes.replace(from, sector, sector, '\0');
      damage.where = {{from, from + sector}};
      break;
    case 3: {
      damage.what = "two sectors swapped";
      const std::size_t other = random.below(bytes.size() / sector) * sector;
      const std::string kept = bytes.substr(from, sector);
      bytes.replace(from, sector, bytes.substr(other, sector));
      bytes.replace(other, sector, kept);
      damage.where = {{from, from + sector}, {other, other + sector}};
      break;
    }
    default: {
      damage.what = "a stale sector";
      const Files& moment = scene.moments[random.below(scene.moments.size())];
      const auto old = moment.find(damage.path);
      bytes.replace(from, sector, old == moment.end() ? std::string(sector, '\0') : old->second.substr(from, sector));
      damage.where = {{from, from + sector}};
    }
  }
  damage.what += " at offset " + std::to_string(damage.where[0].first) + " of " + damage.path;
  return damage;
}

bool touches(const Damage& damage, const std::string& path, std::size_t begin, std::size_t end) {
  return damage.path == path && std::any_of(damage.where.begin(), damage.where.end(), [&](const auto& range) { return range.first < end && begin < range.second; });
}

// The oldest state that may be found: without the first commit that is touched and those behind it, if the batches behind it have
// lost their MARKs as well.
std::uint64_t may_go_back_to(const Scene& scene, const Damage& damage) {
  std::uint64_t first = 1;
  for (; first <= commits; ++first) {
    const Place& place = scene.places[first];
    // The end is not seen where it is as it was before; the next one tells.
    const bool goes_on = first < commits && scene.places[first + 1].path == place.path;
    if (touches(damage, place.path, place.begin, goes_on ? scene.places[first + 1].begin : place.end + 8)) break;
    if (place.mark_path != place.path && touches(damage, place.mark_path, place.mark, SIZE_MAX)) break;
  }
  for (std::uint64_t later = first + 1; later <= commits; ++later) {
    const Place& place = scene.places[later];
    if (!touches(damage, place.mark_path, place.mark, place.mark + wal::mark_bytes)) return commits;
  }
  return std::min(first - 1, commits);
}

TEST(log_damage, is_told_or_does_no_harm) {
  const std::uint64_t samples = number_from_environment("QUIRE_SAMPLES", 700);
  std::map<std::string, std::uint64_t> ends;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Scene scene = make_scene(seed);
    Random random(seed);
    ASSERT_FALSE(scene.places.back().path.empty());
    for (std::uint64_t i = 0; i < samples / 5; ++i) {
      const Damage damage = some_damage(scene, random);
      SCOPED_TRACE("seed " + std::to_string(seed) + ", sample " + std::to_string(i) + ": " + damage.what);
      os::SimEnvironment machine(scene.image->kill());
      machine.files().install(damage.path, damage.bytes);
      Result<Database> database = kv::open_database(machine.environment(), crash_test_path, scene_options());
      if (!database.ok()) {
        ++ends["refused"];
        ASSERT_EQ(database, Code::corrupt) << database.status().to_string();
        ASSERT_NE(database.status().message().find("/data/app.qdb"), std::string_view::npos) << database.status().to_string();
        ASSERT_NE(damage.bytes, scene.moments.back().at(damage.path)) << database.status().to_string();
        continue;
      }
      ASSERT_TRUE(database->verify().ok()) << database->verify().status().to_string();
      const State found = read_state(*database).value();
      std::uint64_t n = commits;
      while (n > 0 && found != scene.states[n]) --n;
      ASSERT_EQ(difference(found, scene.states[n]), "no difference") << "the state of no commit";
      ++ends[n == commits ? "harmless" : "a torn tail"];
      ASSERT_GE(n, may_go_back_to(scene, damage)) << "commits were lost without a word; the last one is at " << scene.places.back().begin << " of " << scene.places.back().path;
    }
  }
  for (const auto& [end, count] : ends) std::printf("%s: %llu\n", end.c_str(), static_cast<unsigned long long>(count));
  EXPECT_GT(ends["refused"], samples / 10);
  EXPECT_GT(ends["harmless"], samples / 10);
  EXPECT_GT(ends["a torn tail"], 0u);
}

// A segment that is missing, or as it was some time ago, as a whole.
TEST(log_damage, of_whole_segments_is_told) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Scene scene = make_scene(seed);
    for (const auto& [path, bytes] : scene.moments.back()) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ": " + path + " removed");
      os::SimEnvironment machine(scene.image->kill());
      ASSERT_TRUE(machine.files().remove(path).ok());
      Result<Database> database = kv::open_database(machine.environment(), crash_test_path, scene_options());
      if (database.ok()) {
        // One that holds no commit of after the checkpoint, or a spare one.
        EXPECT_EQ(difference(read_state(*database).value(), scene.states.back()), "no difference");
      } else {
        EXPECT_EQ(database, Code::corrupt) << database.status().to_string();
      }
    }
  }
}

}  // namespace
}  // namespace quire::test
