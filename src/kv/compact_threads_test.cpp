// Compacting beside a writer and a reader.
//
// Goal     a reader sees one committed state whatever moves under it, no update is lost, the file verifies
// Method   a writer that puts and erases with one number in all rows of a commit; readers that compare the rows; compaction
//          and checkpoints at full speed
#include "kv/test_database.hpp"

#include "os/sync.hpp"

namespace quire::kv {
namespace {

constexpr int rounds = 40;
constexpr int keys = 600;

class Scene {
 public:
  Scene() : db_(machine_.open({.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 5000}).value()) { note(write(1, 1)); }

  void run() {
    std::vector<os::Thread> threads;
    threads.emplace_back([this] {
      // Many rows, then few: nodes fill and empty.
      for (int round = 2; round < rounds && !failed_.load(acquire); ++round) note(write(round, round % 2 == 0 ? 1 : 20));
      done_.store(true, release);
    });
    threads.emplace_back([this] {
      while (!done_.load(acquire) && !failed_.load(acquire)) {
        note(db_.compact());
        compacted_.fetch_add(1, acq_rel);
      }
    });
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([this] {
        while (!done_.load(acquire) && !failed_.load(acquire)) note(read());
      });
    }
    for (os::Thread& thread : threads) thread.join();
    {
      const os::Lock lock(mutex_);
      EXPECT_EQ(failure_, "");
    }
    EXPECT_GT(compacted_.load(acquire), 2u);
    EXPECT_EQ(db_.verify().status().to_string(), "ok");
    note(db_.compact());
    EXPECT_EQ(db_.verify().status().to_string(), "ok");
    EXPECT_EQ(read().to_string(), "ok");
  }

 private:
  void note(const Status& status) {
    if (status.ok() || status == Code::busy || status == Code::timeout || status == Code::deadlock) return;
    os::Lock lock(mutex_);
    failure_ = status.to_string();
    failed_.store(true, release);
  }

  // Every `step`-th row has the number, no other row is there.
  Status write(int number, int step) {
    return db_.update([&](Transaction& tx) {
      for (int i = 0; i < keys; ++i) {
        const std::string key = "key" + std::to_string(1000 + i);
        Status status;
        if (i % step == 0) {
          status = tx.put(default_keyspace, key, std::to_string(number) + "/" + std::to_string((keys + step - 1) / step) + std::string(i % 100 == 0 ? 5000 : 50, '.'));
        } else {
          status = tx.erase(default_keyspace, key);
        }
        if (!status.ok() && status != Code::not_found) return status;
      }
      return Status();
    });
  }

  Status read() {
    return db_.view([&](Transaction& tx) {
      std::string number;
      int rows = 0;
      Scan scan = tx.scan(default_keyspace);
      for (const Entry& entry : scan) {
        const std::string text(entry.value.substr(0, entry.value.find('.')));
        if (rows++ == 0) number = text;
        if (text != number) return Status(Code::corrupt, std::string(entry.key) + " has " + text + " beside " + number);
      }
      if (!scan.status().ok()) return scan.status();
      return number.ends_with("/" + std::to_string(rows)) ? Status() : Status(Code::corrupt, std::to_string(rows) + " rows of " + number);
    });
  }

  TestMachine machine_;
  Database db_;
  Atomic<bool> done_{false};
  Atomic<bool> failed_{false};
  Atomic<std::uint64_t> compacted_{0};
  os::Mutex mutex_;
  std::string failure_ QUIRE_GUARDED_BY(mutex_);
};

TEST(compact_threads, moves_pages_under_readers_and_a_writer) { Scene().run(); }

}  // namespace
}  // namespace quire::kv
