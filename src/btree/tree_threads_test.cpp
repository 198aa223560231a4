// Readers on a tree while one writer changes it through actions.
//
// Goal     without any lock above the tree, a key that is always there is always found, with a value that was
//          once written for it, and a cursor that walks meets each such key once, in order
// Method   a writer that inserts, splits, erases, merges, compacts and replaces around and at fixed keys, and publishes
//          now and then; readers by get, get_many, contains and cursors both ways until it is done. Under TSan guards are
//          shared latches
#include "btree/test_store.hpp"

#include "base/random.hpp"
#include "os/sync.hpp"

namespace quire::btree {
namespace {

constexpr std::uint64_t fixed_keys = 150;

std::string fixed_key(std::uint64_t i) { return "key" + std::to_string(1000 + i); }

// What a value of a fixed key looks like, small or over several pages: its key, then one letter.
std::string fixed_value(std::uint64_t i, std::uint64_t bytes, std::uint64_t version) {
  return fixed_key(i) + std::string(bytes, static_cast<char>('a' + version % 26));
}

bool belongs_to(const std::string& value, std::string_view key) {
  return value.starts_with(key) && value.find_first_not_of(value.back(), key.size()) == std::string::npos;
}

class Scene {
 public:
  explicit Scene(std::uint64_t memory_bytes) : store_({.page_bytes = 4096, .memory_bytes = memory_bytes}), tree_(store_.make_tree()) {
    for (std::uint64_t i = 0; i < fixed_keys; ++i) note(tree_.put(fixed_key(i), fixed_value(i, i % 10 == 0 ? 9000 : 20, 0)).status());
    note(store_.publish());
  }

  void run(std::uint64_t steps) {
    std::vector<std::function<void()>> work{[this] { read_points(1); }, [this] { scan(true); }, [this] { scan(false); },
                                            [this] { read_groups(2); }};
    std::vector<os::Thread> readers;
    for (auto& reader : work) readers.emplace_back(reader);
    write(steps);
    done_.store(true, release);
    for (os::Thread& reader : readers) reader.join();
    const Result<Survey> found = survey(tree_);
    note(found.status());
  }

  const std::string& failure() const { return failure_; }
  std::uint64_t reads() const { return reads_.load(relaxed); }

 private:
  void write(std::uint64_t steps) {
    Random random(77);
    for (std::uint64_t step = 0; step < steps && !failed_.load(acquire); ++step) {
      const std::uint64_t i = random.below(fixed_keys);
      const std::string near = fixed_key(i) + "+" + std::to_string(random.below(30));
      // Without transactions nothing keeps the pages of a large value that is replaced, so those stay as they are.
      if (i % 10 != 0 && random.chance(1, 6)) {
        note(tree_.put(fixed_key(i), fixed_value(i, random.below(60), step)).status());
      } else if (random.chance(step / 500 % 2 == 0 ? 1 : 3, 4)) {
        note(tree_.erase(near).status());
        note(tree_.merge_underfull(near));
        if (random.chance(1, 20)) note(compact_a_little());
      } else {
        note(tree_.put(near, std::string(random.below(100), 'n')).status());
      }
      if (step % 200 == 199) note(store_.publish());
    }
  }

  Status compact_a_little() {
    const Result<bool> end = tree_.compact_step(position_, 2);
    if (end.ok() && *end) position_.clear();
    return end.status();
  }

  void read_points(std::uint64_t seed) {
    Random random(seed);
    std::string value;
    while (!done_.load(acquire) && !failed_.load(acquire)) {
      const std::string key = fixed_key(random.below(fixed_keys));
      const Status got = tree_.get(key, value);
      if (!got.ok()) return fail("get of " + key + ": " + got.to_string());
      if (!belongs_to(value, key)) return fail("get of " + key + " gave a value that was never written");
      const Result<bool> there = tree_.contains(key);
      if (!there.ok() || !*there) return fail(key + " is not contained");
      reads_.fetch_add(1, relaxed);
    }
  }

  void read_groups(std::uint64_t seed) {
    Random random(seed);
    while (!done_.load(acquire) && !failed_.load(acquire)) {
      std::vector<std::string> wanted(1 + random.below(40));
      for (std::string& key : wanted) key = fixed_key(random.below(fixed_keys));
      const std::vector<std::string_view> keys(wanted.begin(), wanted.end());
      std::size_t found = 0;
      const Status got = tree_.get_many(keys, txn::newest, [&](std::size_t index, std::optional<std::string_view> value) {
        ++found;
        if (!value) return fail("get_many did not find " + wanted[index]);
        if (!belongs_to(std::string(*value), wanted[index])) fail("get_many of " + wanted[index] + " gave a value that was never written");
      });
      if (!got.ok()) return fail("get_many: " + got.to_string());
      if (found != wanted.size()) return fail("get_many called back " + std::to_string(found) + " times");
      reads_.fetch_add(1, relaxed);
    }
  }

  // A large value may be freed between the copy of its leaf and the reading of its pages, so only keys count here.
  void scan(bool forward) {
    while (!done_.load(acquire) && !failed_.load(acquire)) {
      TreeCursor cursor(tree_);
      std::uint64_t fixed = 0;
      std::string before;
      Status at = forward ? cursor.first() : cursor.last();
      for (; at.ok(); at = forward ? cursor.next() : cursor.prev()) {
        const std::string key(cursor.key());
        if (!before.empty() && (forward ? key <= before : key >= before)) return fail(key + " comes after " + before);
        const std::uint64_t expected = forward ? fixed : fixed_keys - 1 - fixed;
        if (key.find('+') == std::string::npos) {
          if (fixed == fixed_keys || key != fixed_key(expected)) return fail("a scan met " + key + " at place " + std::to_string(fixed));
          ++fixed;
        }
        before = key;
      }
      if (at != Code::not_found) return fail("a scan ended with " + at.to_string());
      if (fixed != fixed_keys) return fail("a scan met " + std::to_string(fixed) + " of the fixed keys");
      reads_.fetch_add(1, relaxed);
    }
  }

  void note(const Status& status) {
    if (!status.ok()) fail(status.to_string());
  }
  void fail(const std::string& what) {
    os::Lock lock(mutex_);
    if (failure_.empty()) failure_ = what;
    failed_.store(true, release);
  }

  TestStore store_;
  Tree tree_;
  std::string position_;  // of the writer's compaction
  Atomic<bool> done_{false};
  Atomic<bool> failed_{false};
  Atomic<std::uint64_t> reads_{0};
  os::Mutex mutex_;
  std::string failure_;
};

TEST(tree_threads, find_every_key_that_is_always_there) {
  const SlotsScope slots(5);
  Scene scene(std::uint64_t{64} << 20);
  scene.run(6000);
  EXPECT_EQ(scene.failure(), "");
  EXPECT_GT(scene.reads(), 0u);
}

// So few frames that pages come and go while they are read.
TEST(tree_threads, find_every_key_while_pages_are_evicted) {
  Scene scene(900 * 4096);
  scene.run(6000);
  EXPECT_EQ(scene.failure(), "");
  EXPECT_GT(scene.reads(), 0u);
}

}  // namespace
}  // namespace quire::btree
