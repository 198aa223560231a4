// The background thread beside threads that commit, read, write checkpoints and open and close.
//
// Goal     nothing is lost and nothing hangs when its checkpoints, syncs and purges come at any time
// Method   files in memory, but with the thread that real databases have; a log so small that checkpoints never cease
#include "kv/open.hpp"
#include "os/mem/manual_clock.hpp"
#include "os/mem/mem_file_system.hpp"
#include "os/sync.hpp"
#include "quire/database.hpp"

namespace quire::test {
namespace {

constexpr int writers = 3;
constexpr int commits_per_life = 150;
constexpr int lives = 4;
constexpr const char* path = "/data/app.qdb";

class Machine {
 public:
  Result<Database> open() {
    return kv::open_database(environment_, path, {.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 60000, .log_limit = std::uint64_t{256} << 10});
  }
  std::vector<std::string> names() { return files_.list("/data").value(); }

 private:
  os::MemFileSystem files_;
  os::SeededEntropy entropy_{1};
  os::Environment environment_{files_, os::system_environment().clock, entropy_, true};
};

void write(Database& db, int writer, int life, Atomic<int>& failures) {
  Keyspace rows = db.keyspace().value();
  for (int i = 0; i < commits_per_life; ++i) {
    const std::string key = std::to_string(writer) + "/" + std::to_string(life) + "/" + std::to_string(i);
    const Status done = db.update([&](Transaction& tx) {
      tx.set_durability(static_cast<Durability>(i % 3));
      Status status = tx.put(default_keyspace, key, std::string(i % 40 == 0 ? 9000 : 300, 'v'));
      if (status.ok() && i % 5 == 4) status = tx.erase(default_keyspace, std::to_string(writer) + "/" + std::to_string(life) + "/" + std::to_string(i - 2));
      return status;
    });
    if (!done.ok() || !rows.get(key).ok()) failures.fetch_add(1, relaxed);
    if (i % 50 == 49 && !db.checkpoint().ok()) failures.fetch_add(1, relaxed);
    if (i % 60 == 59) os::sleep_us(15'000);  // so that it falls idle now and then
  }
}

TEST(background, serves_writers_and_readers_over_several_lives) {
  Machine machine;
  Atomic<int> failures{0};
  for (int life = 0; life < lives; ++life) {
    Database db = machine.open().value();
    {
      std::vector<os::Thread> threads;
      for (int writer = 0; writer < writers; ++writer) threads.emplace_back([&, writer] { write(db, writer, life, failures); });
      for (int round = 0; round < 20; ++round) {
        const Status read = db.view([&](Transaction& tx) {
          const std::uint64_t counted = tx.count(default_keyspace).value();
          if (counted != tx.count(default_keyspace, Range::all()).value()) failures.fetch_add(1, relaxed);
          return Status();
        });
        if (!read.ok()) failures.fetch_add(1, relaxed);
        os::sleep_us(1000);
      }
    }
    ASSERT_EQ(failures.load(relaxed), 0);
    ASSERT_EQ(db.verify().status().to_string(), "ok");
    ASSERT_EQ(db.close().to_string(), "ok");
    ASSERT_EQ(machine.names(), std::vector<std::string>{"app.qdb"}) << "a clean close leaves one file";
  }
  Database db = machine.open().value();
  EXPECT_EQ(db.keyspace()->count().value(), static_cast<std::uint64_t>(lives * writers * (commits_per_life - commits_per_life / 5)));
}

}  // namespace
}  // namespace quire::test
