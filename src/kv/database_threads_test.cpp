// Several threads on one database.
//
// Goal     every view sees one committed state - the sum of two counters never changes - and no update is lost
// Method   threads that move amounts between counters, threads that add them up by get and by cursor, until a
//          fixed number of transfers is done; opens and closes of other handles meanwhile
#include "kv/test_database.hpp"

#include "base/random.hpp"
#include "os/sync.hpp"

namespace quire::kv {
namespace {

constexpr std::int64_t total = 1000;
constexpr int writers = 2;
constexpr int transfers_per_writer = 60;
constexpr int padding_keys = 200;

// busy is an answer under load; anything else is not.
template <class Call>
Status until_alone(Call&& call) {
  Status status = call();
  while (status == Code::busy || status == Code::deadlock || status == Code::timeout) {
    os::yield_thread();
    status = call();
  }
  return status;
}

class Scene {
 public:
  Scene() : db_(machine_.open({.page_size = 4096, .memory_limit = std::uint64_t{8} << 20, .lock_timeout_ms = 2000}).value()) {
    note(db_.create_keyspace("other"));
    note(db_.update([](Transaction& tx) {
      Status status = tx.put("default", "counter", std::to_string(total));
      if (status.ok()) status = tx.put("other", "counter", "0");
      for (int i = 0; status.ok() && i < padding_keys; ++i) status = tx.put("default", "key" + std::to_string(1000 + i), std::string(80, 'p'));
      return status;
    }));
  }

  void run() {
    std::vector<os::Thread> threads;
    for (int i = 0; i < writers; ++i) threads.emplace_back([this, i] { transfer(static_cast<std::uint64_t>(i)); });
    threads.emplace_back([this] { add_up(); });
    threads.emplace_back([this] { walk(); });
    threads.emplace_back([this] { open_and_close(); });
    for (os::Thread& thread : threads) thread.join();
    note(db_.verify().status());
    if (!failed_.load(acquire)) {
      EXPECT_EQ(db_.keyspace("other")->get("transfers").value_or("none"), std::to_string(writers * transfers_per_writer));
    }
  }

  const std::string& failure() const { return failure_; }

 private:
  static Result<std::int64_t> number(const Transaction& tx, std::string_view keyspace, std::string_view key) {
    Result<std::string> text = tx.get(keyspace, key);
    if (text == Code::not_found) return std::int64_t{0};
    if (!text.ok()) return text.status();
    return static_cast<std::int64_t>(std::stoll(*text));
  }

  Status move(Transaction& tx, std::int64_t amount, Random& random) {
    const std::int64_t left = number(tx, "default", "counter").value();
    const std::int64_t right = number(tx, "other", "counter").value();
    const std::int64_t done = number(tx, "other", "transfers").value();
    Status status = tx.put("default", "counter", std::to_string(left - amount));
    if (status.ok()) status = tx.put("other", "counter", std::to_string(right + amount));
    if (status.ok()) status = tx.put("other", "transfers", std::to_string(done + 1));
    // Some pages split, some values become large.
    if (status.ok()) status = tx.put("default", "key" + std::to_string(1000 + random.below(padding_keys)), std::string(random.chance(1, 8) ? 6000 : 90, 'p'));
    if (status.ok()) status = tx.put("other", "log" + std::to_string(random.below(500)), std::string(60, 'l'));
    return status;
  }

  void transfer(std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < transfers_per_writer && !failed_.load(acquire); ++i) {
      const auto amount = static_cast<std::int64_t>(random.below(20));
      note(until_alone([&] { return db_.update([&](Transaction& tx) { return move(tx, amount, random); }); }));
    }
    finished_.fetch_add(1, acq_rel);
  }

  bool going_on() const { return finished_.load(acquire) < writers && !failed_.load(acquire); }

  void add_up() {
    while (going_on()) {
      note(until_alone([&] {
        return db_.view([&](Transaction& tx) {
          const std::int64_t left = number(tx, "default", "counter").value();
          os::yield_thread();
          const std::int64_t right = number(tx, "other", "counter").value();
          if (left + right != total) fail("the counters add up to " + std::to_string(left + right));
          return Status();
        });
      }));
    }
  }

  void walk() {
    bool reverse = false;
    while (going_on()) {
      reverse = !reverse;
      note(until_alone([&] {
        return db_.view([&](Transaction& tx) {
          std::uint64_t keys = 0;
          Scan scan = tx.scan("default", Range::all(), {.reverse = reverse});
          for (const Entry& entry : scan) keys += entry.value.empty() ? 0 : 1;
          // A walk over the pages does not take a writer's doings for damage.
          note(until_alone([&] { return db_.tree_statistics("default").status(); }));
          if (scan.status().ok() && keys != padding_keys + 1) fail("a scan met " + std::to_string(keys) + " entries");
          const Result<std::uint64_t> counted = tx.count("other");
          if (counted.ok() && *counted != tx.count("other", Range::all()).value_or(0)) fail("count and scan disagree");
          return scan.status();
        });
      }));
    }
  }

  void open_and_close() {
    while (going_on()) {
      Result<Database> other = machine_.open({.lock_timeout_ms = 2000});
      if (!other.ok()) return fail(other.status().to_string());
      note(until_alone([&] { return other->keyspace()->get("counter").status(); }));
      note(other->close());
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

  TestMachine machine_;
  Database db_;
  Atomic<int> finished_{0};
  Atomic<bool> failed_{false};
  os::Mutex mutex_;
  std::string failure_;
};

TEST(database_threads, see_one_committed_state_at_a_time) {
  Scene scene;
  scene.run();
  EXPECT_EQ(scene.failure(), "");
}

// Handles of one file opened and closed by many threads at once: one engine at a time, never a busy file.
TEST(database_threads, share_one_engine_however_they_open_and_close_it) {
  TestMachine machine;
  Atomic<int> failures{0};
  std::vector<os::Thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 15; ++round) {
        Result<Database> db = machine.open({.page_size = 4096, .memory_limit = std::uint64_t{1} << 20});
        if (!db.ok() || !db->keyspace()->put("key" + std::to_string(i), std::to_string(round)).ok()) failures.fetch_add(1, relaxed);
      }
    });
  }
  for (os::Thread& thread : threads) thread.join();
  EXPECT_EQ(failures.load(), 0);
  Database db = machine.open().value();
  EXPECT_EQ(entries_of(db), (Model{{"key0", "14"}, {"key1", "14"}, {"key2", "14"}, {"key3", "14"}}));
}

}  // namespace
}  // namespace quire::kv
