// Single reads and long snapshots beside a writer that updates, rolls back and commits the same rows.
//
// Goal     a single get gives a value that was committed at some moment between call and return, never one of a transaction
//          that was rolled back or had not ended; a snapshot gives the same again (TX-4)
// Method   a writer that numbers its commits, says before each what the newest value may be and after it what the oldest may be;
//          readers that look at both around their reads. Under TSan guards are shared latches
#include "kv/test_database.hpp"

#include "base/random.hpp"
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "os/sync.hpp"

namespace quire::kv {
namespace {

constexpr std::uint64_t rows = 6;
constexpr std::uint64_t commits = 250;

std::string key_of(std::uint64_t i) { return "key" + std::to_string(i); }

// "<number> " and as much of it again as the length asks for.
std::string value_of(std::uint64_t number, std::size_t bytes) {
  const std::string word = std::to_string(number) + " ";
  std::string value = word;
  while (value.size() < bytes) value += word;
  return value;
}

class Scene {
 public:
  Scene() : db_(machine_.open({.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 2000}).value()), keyspace_(db_.keyspace().value()) {
    for (std::uint64_t i = 0; i < rows; ++i) note(keyspace_.put(key_of(i), value_of(0, 10)));
  }

  void run() {
    std::vector<os::Thread> threads;
    threads.emplace_back([this] { read_singly(1); });
    threads.emplace_back([this] { read_singly(2); });
    threads.emplace_back([this] { hold_snapshots(); });
    threads.emplace_back([this] { publish(); });
    write();
    done_.store(true, release);
    for (os::Thread& thread : threads) thread.join();
    note(db_.verify().status());
  }
  std::uint64_t reads() const { return reads_.load(relaxed); }
  const std::string& failure() const { return failure_; }

 private:
  Status change(Transaction& tx, std::uint64_t number, Random& random) {
    for (std::uint64_t i = 0; i < rows; ++i) {
      const std::size_t bytes = random.chance(1, 6) ? 3000 + random.below(6000) : random.below(200);
      if (random.chance(1, 5)) QUIRE_TRY(tx.erase("default", key_of(i)));
      if (random.chance(1, 4)) QUIRE_TRY(tx.put("default", key_of(i), value_of(never, random.below(5000))));
      QUIRE_TRY(tx.put("default", key_of(i), value_of(number, bytes)));
      if (!random.chance(1, 8)) continue;
      QUIRE_ASSIGN(const Savepoint savepoint, tx.savepoint());
      QUIRE_TRY(tx.put("default", key_of(random.below(rows)), value_of(never, random.below(9000))));
      QUIRE_TRY(tx.rollback_to(savepoint));
    }
    return Status();
  }

  void write() {
    Random random(5);
    for (std::uint64_t number = 1; number <= commits && !failed_.load(acquire); ++number) {
      if (random.chance(1, 3)) {
        Result<Transaction> taken_back = db_.begin();
        note(taken_back.status());
        if (!taken_back.ok()) return;
        note(change(*taken_back, never, random));
        note(taken_back->rollback());
      }
      newest_.store(number, seq_cst);
      note(db_.update([&](Transaction& tx) { return change(tx, number, random); }));
      oldest_.store(number, seq_cst);
    }
  }

  bool going_on() const { return !done_.load(acquire) && !failed_.load(acquire); }

  // The number of a value that is what its number says.
  std::uint64_t number_in(const std::string& value) {
    const std::uint64_t number = std::stoull(value);
    if (value != value_of(number, value.size())) fail("a mixture of values");
    return number;
  }

  void read_singly(std::uint64_t seed) {
    Random random(seed);
    std::string value;
    while (going_on()) {
      const std::string key = key_of(random.below(rows));
      const std::uint64_t oldest = oldest_.load(seq_cst);
      const Status read = keyspace_.get(key, value);
      const std::uint64_t newest = newest_.load(seq_cst);
      if (!read.ok()) return fail(key + ": " + read.to_string());
      const std::uint64_t number = number_in(value);
      if (number < oldest || number > newest) fail("value " + std::to_string(number) + " between commits " + std::to_string(oldest) + " and " + std::to_string(newest));
      const Result<bool> there = keyspace_.contains(key);
      if (!there.ok() || !*there) fail(key + " is gone");
      reads_.fetch_add(1, relaxed);
    }
  }

  void hold_snapshots() {
    Random random(9);
    while (going_on()) {
      Result<Transaction> tx = db_.begin(Access::read);
      if (!tx.ok()) return fail(tx.status().to_string());
      const Model first = entries_of(*tx);
      if (first.size() != rows) return fail("a snapshot has " + std::to_string(first.size()) + " rows");
      for (const auto& [key, value] : first) {
        if (number_in(value) != number_in(first.begin()->second)) return fail("a snapshot of two commits");
      }
      for (std::uint64_t look = random.below(30); look > 0 && going_on(); --look) {
        const std::string key = key_of(random.below(rows));
        const Result<std::string> again = tx->get("default", key);
        if (!again.ok()) return fail("a snapshot: " + again.status().to_string());
        if (*again != first.at(key)) return fail("a snapshot has changed");
        if (random.chance(1, 4) && entries_of(*tx) != first) return fail("a scan of a snapshot has changed");
      }
    }
  }

  void publish() {
    while (going_on()) {
      const Status published = db_.checkpoint();
      if (!published.ok() && published != Code::busy) return fail("checkpoint: " + published.to_string());
      os::yield_thread();
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

  static constexpr std::uint64_t never = 999999999;  // of values that are never committed

  TestMachine machine_;
  Database db_;
  Keyspace keyspace_;
  Atomic<std::uint64_t> newest_{0};
  Atomic<std::uint64_t> oldest_{0};
  Atomic<std::uint64_t> reads_{0};
  Atomic<bool> done_{false};
  Atomic<bool> failed_{false};
  os::Mutex mutex_;
  std::string failure_;
};

TEST(single_reads_threads, give_what_was_committed_between_call_and_return) {
  Scene scene;
  scene.run();
  EXPECT_EQ(scene.failure(), "");
  EXPECT_GT(scene.reads(), 100u);
}

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS
TEST(single_reads_threads, would_notice_purge_ahead_of_a_snapshot) {
  const SeededBugScope scope("purge_ahead_of_a_snapshot");
  Scene scene;
  scene.run();
  EXPECT_NE(scene.failure(), "");
}
#endif

}  // namespace
}  // namespace quire::kv
