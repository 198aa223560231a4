// Pictures, dumps and descriptions beside a writer.
//
// Goal     nobody who looks inside takes what a writer has half moved for damage, whether trees grow, shrink or go
// Method   a writer that fills, empties, drops and creates; checkpoints; three threads that look at everything
#include "kv/inspect.hpp"

#include "kv/test_database.hpp"
#include "os/sync.hpp"

namespace quire::kv {
namespace {

constexpr int rounds = 25;

class Scene {
 public:
  Scene() : db_(machine_.open({.page_size = 4096, .memory_limit = std::uint64_t{2} << 20, .lock_timeout_ms = 5000}).value()) {}

  void run() {
    std::vector<os::Thread> threads;
    threads.emplace_back([this] { write(); });
    threads.emplace_back([this] {
      look([this] { return picture_tree(db_, "changing").status(); });
    });
    threads.emplace_back([this] {
      look([this] {
        Status status = dump_tree(db_, "changing").status();
        return status.ok() ? db_.tree_statistics("changing").status() : status;
      });
    });
    threads.emplace_back([this] {
      std::uint64_t page = 0;
      look([this, &page] {
        const std::uint64_t limit = page_number_limit(db_).value();
        page = page + 1 < limit ? page + 1 : 1;
        Status status = describe_page(db_, page).status();
        return status.ok() ? picture_page(db_, page).status() : status;
      });
    });
    for (os::Thread& thread : threads) thread.join();
    {
      const os::Lock lock(mutex_);
      EXPECT_EQ(failure_, "");
    }
    EXPECT_GT(looks_.load(acquire), 20u);
    EXPECT_EQ(db_.verify().status().to_string(), "ok");
  }

 private:
  void note(const Status& status) {
    if (status.ok() || status == Code::busy || status == Code::not_found) return;
    os::Lock lock(mutex_);
    failure_ = status.to_string();
    done_.store(true, release);
  }

  template <class Look>
  void look(Look&& one) {
    while (!done_.load(acquire)) {
      note(one());
      looks_.fetch_add(1, acq_rel);
    }
  }

  void write() {
    for (int round = 0; round < rounds && !done_.load(acquire); ++round) {
      note(db_.create_keyspace("changing"));
      for (const bool fills : {true, false}) {
        note(db_.update([&](Transaction& tx) {
          Status status;
          for (int i = 0; (status.ok() || status == Code::not_found) && i < 400; ++i) {
            const std::string key = "key" + std::to_string(1000 + i * 7919 % 400);
            if (fills) {
              status = tx.put("changing", key, std::string(i % 50 == 0 ? 6000 : 60, 'v'));
            } else if (i % 8 != 0) {
              status = tx.erase("changing", key);
            }
          }
          return status;
        }));
        note(db_.checkpoint());
      }
      note(db_.drop_keyspace("changing"));
    }
    done_.store(true, release);
  }

  TestMachine machine_;
  Database db_;
  Atomic<bool> done_{false};
  Atomic<std::uint64_t> looks_{0};
  os::Mutex mutex_;
  std::string failure_ QUIRE_GUARDED_BY(mutex_);
};

TEST(inspect_threads, see_no_damage_beside_a_writer) { Scene().run(); }

}  // namespace
}  // namespace quire::kv
