// A bulk load beside checkpoints and readers of other threads.
//
// Goal     nobody waits for the callback of a bulk load: checkpoints end while it waits for them (BP-2), readers see the
//          keyspace as it was or with all rows, and a checkpoint that falls anywhere does no harm
// Method   a callback that waits until another thread has published a checkpoint; checkpoints at full speed beside a load
#include "kv/test_database.hpp"

#include "os/sync.hpp"

namespace quire::kv {
namespace {

constexpr std::uint64_t rows = 6000;

std::string key_of(std::uint64_t i) { return "key" + std::to_string(1000000 + i); }

class Scene {
 public:
  Scene() : db_(machine_.open({.page_size = 4096, .memory_limit = std::uint64_t{2} << 20, .lock_timeout_ms = 0}).value()) {}

  // `wait_every`: rows between two moments at which the callback waits for a checkpoint; 0: it never does.
  void run(std::uint64_t wait_every) {
    std::vector<os::Thread> threads;
    threads.emplace_back([this] { write_checkpoints(); });
    threads.emplace_back([this] { read(); });
    std::uint64_t next = 0;
    std::string key;
    const std::string small(90, 's');
    const std::string large(9000, 'l');
    note(db_.bulk_load(default_keyspace, [&](Entry& row) {
      begun_.store(true, release);
      if (next == rows) return false;
      if (wait_every != 0 && next % wait_every == 0) await_checkpoint();
      key = key_of(next);
      row = {key, next % 100 == 3 ? large : small};
      ++next;
      return true;
    }));
    begun_.store(true, release);
    loaded_.store(true, release);
    for (os::Thread& thread : threads) thread.join();
    {
      const os::Lock lock(mutex_);
      EXPECT_EQ(failure_, "");
    }
    EXPECT_EQ(entries_of(db_).size(), rows);
    EXPECT_EQ(db_.verify().status().to_string(), "ok");
  }

 private:
  void note(const Status& status) {
    if (status.ok() || status == Code::busy || status == Code::timeout || status == Code::deadlock) return;
    os::Lock lock(mutex_);
    failure_ = status.to_string();
    failed_.store(true, release);
  }

  // The first one may have begun before; the second one began inside the callback.
  void await_checkpoint() {
    const std::uint64_t begun = checkpoints_.load(acquire);
    while (checkpoints_.load(acquire) < begun + 2 && !failed_.load(acquire)) os::yield_thread();
  }

  void write_checkpoints() {
    // Nothing but the load is to have the writer's place.
    while (!begun_.load(acquire)) os::yield_thread();
    while (!loaded_.load(acquire) && !failed_.load(acquire)) {
      note(db_.checkpoint());
      checkpoints_.fetch_add(1, acq_rel);
    }
  }

  void read() {
    while (!loaded_.load(acquire) && !failed_.load(acquire)) {
      note(db_.view([&](Transaction& tx) {
        std::uint64_t seen = 0;
        Scan scan = tx.scan(default_keyspace);
        for (const Entry& entry : scan) {
          (void)entry;
          ++seen;
        }
        if (!scan.status().ok()) return scan.status();
        return seen == 0 || seen == rows ? Status() : Status(Code::corrupt, "a reader saw " + std::to_string(seen) + " rows");
      }));
    }
  }

  TestMachine machine_;
  Database db_;
  Atomic<std::uint64_t> checkpoints_{0};
  Atomic<bool> begun_{false};
  Atomic<bool> loaded_{false};
  Atomic<bool> failed_{false};
  os::Mutex mutex_;
  std::string failure_ QUIRE_GUARDED_BY(mutex_);
};

TEST(bulk_load_threads, keeps_no_checkpoint_waiting_for_its_callback) { Scene().run(500); }

TEST(bulk_load_threads, goes_on_beside_checkpoints) {
  for (int round = 0; round < 3; ++round) Scene().run(0);
}

}  // namespace
}  // namespace quire::kv
