// Many threads that change the same leaves at once, beside readers and everything that tidies up.
//
// Goal     no change is lost, half there, or another's; the trees stay whole while nodes split, merge, move and lose headers under many hands; what
//          is rolled back leaves nothing
// Method   each thread owns every n-th key, so that all leaves are shared, and keeps a model of its rows: small and large values, erased rows, transactions of
//          several rows, savepoints, rollbacks. Beside them checkpoints, compaction, verify, snapshots. Then the models together are the database, also when
//          it is opened again
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/try.hpp"
#include "kv/open.hpp"
#include "os/mem/manual_clock.hpp"
#include "os/mem/mem_file_system.hpp"

namespace quire {
namespace {

constexpr std::uint64_t writers = 4;
constexpr const char* path = "/data/many.qdb";

using Model = std::map<std::string, std::string>;

class Scene {
 public:
  Scene(std::uint64_t seed, Isolation isolation) : seed_(seed), isolation_(isolation), environment_{files_, os::system_environment().clock, entropy_, true} {}

  std::string run(std::uint64_t transactions) {
    Result<Database> opened = kv::open_database(environment_, path, options());
    if (!opened.ok()) return opened.status().to_string();
    {
      Database db = std::move(opened).value();
      std::vector<os::Thread> threads;
      Atomic<std::uint64_t> left{writers};
      for (std::uint64_t i = 0; i < writers; ++i) {
        threads.emplace_back([&, i] {
          note("writer", write(db, i, transactions));
          left.fetch_sub(1, release);
        });
      }
      threads.emplace_back([&] {
        while (left.load(acquire) != 0) note("beside", tidy(db));
      });
      threads.emplace_back([&] {
        while (left.load(acquire) != 0) note("reader", walk(db));
      });
      for (os::Thread& thread : threads) thread.join();
      note("verify", db.verify().status());
      compare(db);
    }
    opened = kv::open_database(environment_, path, options());
    note("reopen", opened.status());
    if (opened.ok()) compare(*opened);
    os::Lock lock(mutex_);
    return failure_;
  }

 private:
  Options options() const {
    Options options{.page_size = 4096, .memory_limit = std::uint64_t{2} << 20, .lock_timeout_ms = 20000, .isolation = isolation_};
    options.durability = Durability::lazy;
    return options;
  }
  void note(const std::string& who, const Status& status) {
    if (status.ok()) return;
    os::Lock lock(mutex_);
    if (failure_.empty()) failure_ = who + ": " + status.to_string() + " (seed " + std::to_string(seed_) + ")";
  }
  bool failed() {
    os::Lock lock(mutex_);
    return !failure_.empty();
  }

  static std::string key_of(std::uint64_t number) {
    std::string digits = std::to_string(number * 7919 % 100003);
    return std::string(6 - digits.size(), '0') + digits + "-" + std::to_string(number);
  }

  Status write(Database& db, std::uint64_t which, std::uint64_t transactions) {
    Random random(seed_ * 100 + which);
    Model& model = models_[which];
    for (std::uint64_t i = 0; i < transactions && !failed(); ++i) {
      Model next = model;
      QUIRE_ASSIGN(Transaction tx, db.begin());
      for (std::uint64_t changes = 1 + random.below(6); changes > 0; --changes) QUIRE_TRY(change(tx, random, which, next));
      if (random.chance(1, 6)) {
        Model unwanted = next;
        QUIRE_ASSIGN(const Savepoint savepoint, tx.savepoint());
        for (std::uint64_t changes = random.below(6); changes > 0; --changes) QUIRE_TRY(change(tx, random, which, unwanted));
        QUIRE_TRY(tx.rollback_to(savepoint));
      }
      const auto [key, value] = next.empty() ? Model::value_type() : *next.lower_bound(std::prev(next.end())->first);
      if (!key.empty()) {
        QUIRE_ASSIGN(const std::string got, tx.get(default_keyspace, key));
        if (got != value) return Status(Code::corrupt, "another value at " + key);
      }
      if (random.chance(1, 8)) {
        QUIRE_TRY(tx.rollback());
      } else {
        QUIRE_TRY(tx.commit());
        model = std::move(next);
      }
    }
    return Status();
  }

  static Status change(Transaction& tx, Random& random, std::uint64_t which, Model& model) {
    const std::string key = key_of(random.below(400) * writers + which);
    if (random.chance(1, 3)) {
      const Status erased = tx.erase(default_keyspace, key);
      const bool there = model.erase(key) > 0;
      if (erased.ok() != there && (erased.ok() || erased == Code::not_found)) return Status(Code::corrupt, "erase of " + key + " is " + erased.to_string());
      return erased == Code::not_found ? Status() : erased;
    }
    const std::string value(random.chance(1, 30) ? 9000 : random.below(150), static_cast<char>('a' + random.below(26)));
    QUIRE_TRY(tx.put(default_keyspace, key, value));
    model[key] = value;
    return Status();
  }

  Status tidy(Database& db) {
    QUIRE_TRY(db.checkpoint());
    QUIRE_TRY(db.compact());
    const Status verified = db.verify().status();
    return verified == Code::busy ? Status() : verified;
  }

  // A snapshot counts what it shows, in order.
  static Status walk(Database& db) {
    return db.view([](Transaction& tx) -> Status {
      QUIRE_ASSIGN(const std::uint64_t expected, tx.count(default_keyspace));
      std::uint64_t seen = 0;
      std::string last;
      Scan scan = tx.scan(default_keyspace);
      for (const Entry& entry : scan) {
        if (seen > 0 && entry.key <= last) return Status(Code::corrupt, "out of order at " + std::string(entry.key));
        last = entry.key;
        ++seen;
      }
      QUIRE_TRY(scan.status());
      if (seen != expected) return Status(Code::corrupt, std::to_string(seen) + " rows, the count says " + std::to_string(expected));
      return Status();
    });
  }

  void compare(Database& db) {
    Model all;
    for (const Model& model : models_) all.insert(model.begin(), model.end());
    note("compare", db.view([&](Transaction& tx) -> Status {
      auto expected = all.begin();
      Scan scan = tx.scan(default_keyspace);
      for (const Entry& entry : scan) {
        if (expected == all.end() || expected->first != entry.key) return Status(Code::corrupt, "not expected: " + std::string(entry.key));
        if (expected->second != entry.value) return Status(Code::corrupt, "another value at " + std::string(entry.key));
        ++expected;
      }
      QUIRE_TRY(scan.status());
      return expected == all.end() ? Status() : Status(Code::corrupt, "lost: " + expected->first);
    }));
  }

  const std::uint64_t seed_;
  const Isolation isolation_;
  os::MemFileSystem files_;
  os::SeededEntropy entropy_{1};
  os::Environment environment_;
  Model models_[writers];
  os::Mutex mutex_;
  std::string failure_ QUIRE_GUARDED_BY(mutex_);
};

class many_writers : public testing::TestWithParam<Isolation> {};

TEST_P(many_writers, lose_nothing_of_what_they_do_in_the_same_leaves) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    Scene scene(seed, GetParam());
    ASSERT_EQ(scene.run(250), "");
  }
}

INSTANTIATE_TEST_SUITE_P(levels, many_writers,
                         testing::Values(Isolation::read_uncommitted, Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable));

}  // namespace
}  // namespace quire
