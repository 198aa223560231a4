// Backups beside a writer, checkpoints and a second backup.
//
// Goal     every copy is one committed state and verifies, whatever becomes of the source's blocks meanwhile; the writer does
//          not wait for a backup
// Method   a writer that rewrites all rows with its number, in two keyspaces; backups until it has done enough; each copy is
//          opened, verified and asked for one number everywhere
#include "kv/test_database.hpp"

#include "os/sync.hpp"

namespace quire::kv {
namespace {

constexpr int keys = 120;
constexpr int backups = 12;

class Scene {
 public:
  Scene() : db_(machine_.open({.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 2000}).value()) {
    note(db_.create_keyspace("other"));
    note(write(0));
  }

  void run() {
    std::vector<os::Thread> threads;
    threads.emplace_back([this] { write_on(); });
    threads.emplace_back([this] { back_up("first", backups); });
    threads.emplace_back([this] { back_up("second", backups); });
    threads[1].join();
    threads[2].join();
    enough_.store(true, release);
    threads[0].join();
    {
      const os::Lock lock(mutex_);
      EXPECT_EQ(failure_, "");
    }
    EXPECT_GT(written_, 3u) << "the writer has waited for the backups";
    EXPECT_EQ(db_.verify().status().to_string(), "ok");
    ASSERT_TRUE(db_.close().ok());
    EXPECT_EQ(machine_.names().size(), 1u + 2 * backups);
  }

 private:
  void note(const Status& status) {
    if (status.ok()) return;
    os::Lock lock(mutex_);
    failure_ = status.to_string();
    enough_.store(true, release);
  }

  Status write(std::uint64_t number) {
    return db_.update([&](Transaction& tx) {
      const std::string text = std::to_string(number);
      Status status = tx.put("other", "n", text);
      for (int i = 0; status.ok() && i < keys; ++i) {
        // Large now and then, so that pages come and go.
        status = tx.put(default_keyspace, "key" + std::to_string(1000 + i), text + std::string((number + static_cast<std::uint64_t>(i)) % 17 == 0 ? 5000 : 40, '.'));
      }
      return status;
    });
  }

  void write_on() {
    while (!enough_.load(acquire)) note(write(++written_));
  }

  void back_up(const std::string& name, int count) {
    for (int i = 0; i < count && !enough_.load(acquire); ++i) {
      const std::string path = "/data/" + name + std::to_string(i) + ".qdb";
      note(db_.backup(path));
      note(check(path));
    }
  }

  Status check(const std::string& path) {
    Result<Database> copy = machine_.open_at(path, {.mode = Mode::open, .memory_limit = std::uint64_t{1} << 20});
    if (!copy.ok()) return copy.status();
    Status verified = copy->verify().status();
    if (!verified.ok()) return verified;
    const std::string number = copy->keyspace("other")->get("n").value_or("none") + ".";
    const Model rows = entries_of(*copy);
    if (rows.size() != keys) return Status(Code::corrupt, path + " has " + std::to_string(rows.size()) + " rows");
    for (const auto& [key, value] : rows) {
      if (!value.starts_with(number)) return Status(Code::corrupt, path + ": " + key + " is not of commit " + number);
    }
    return Status();
  }

  TestMachine machine_;
  Database db_;
  std::uint64_t written_ = 0;
  Atomic<bool> enough_{false};
  os::Mutex mutex_;
  std::string failure_ QUIRE_GUARDED_BY(mutex_);
};

TEST(backup_threads, copies_one_commit_beside_a_writer) { Scene().run(); }

}  // namespace
}  // namespace quire::kv
