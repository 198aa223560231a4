// Memory that runs out, at every allocation there is.
//
// Goal     std::bad_alloc leaves no public call: it says no_memory, or for a commit unknown_outcome; nothing hangs afterwards, and
//          the file holds a committed state with everything that was acknowledged
// Method   this program's operator new, which fails once, at the n-th allocation of a small workload, or from there on for a while;
//          every n; after each run the database is opened again, verified and compared with the model
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <new>
#include <string>

#include "base/atomic.hpp"
#include "kv/open.hpp"
#include "os/mem/manual_clock.hpp"
#include "os/mem/mem_file_system.hpp"
#include "support/environment.hpp"

namespace quire::test {
namespace {

// Allocations of the machine under the database count for nobody.
thread_local bool counts = false;
thread_local std::uint64_t left_until_failure = 0;  // 0: none fails
thread_local std::uint64_t failures_left = 0;
thread_local std::uint64_t allocations = 0;

bool fails() noexcept {
  if (!counts) return false;
  ++allocations;
  if (left_until_failure == 0 || --left_until_failure > 0) return false;
  if (--failures_left > 0) left_until_failure = 1;
  return true;
}

void* allocate(std::size_t bytes, std::size_t alignment) {
  void* memory = nullptr;
  if (!fails()) memory = alignment > alignof(std::max_align_t) ? std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment) : std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace
}  // namespace quire::test

// Not inlined: the compiler would take free() for a mistake.
[[gnu::noinline]] void* operator new(std::size_t bytes) { return quire::test::allocate(bytes, 0); }
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) { return quire::test::allocate(bytes, static_cast<std::size_t>(alignment)); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace quire::test {
namespace {

using Model = std::map<std::string, std::string>;

void fail_at(std::uint64_t number, std::uint64_t times) {
  allocations = 0;
  left_until_failure = number;
  failures_left = times;
}

// Allocations of the scope count; the test's own do not.
struct Counting {
  Counting() { counts = true; }
  ~Counting() { counts = false; }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;
};

// What a public call returns.
template <class Call>
auto of(Call&& call) {
  const Counting counting;
  return call();
}

struct Machine {
  os::MemFileSystem files;
  os::ManualClock clock{{.step_us = 1}};
  os::SeededEntropy entropy{1};
  os::Environment environment{files, clock, entropy};

  Result<Database> open(Journal journal) {
    return kv::open_database(environment, "/data/app.qdb",
                             {.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0, .journal = journal, .log_limit = std::uint64_t{256} << 10});
  }
};

// Runs calls one after the other and keeps the states that the file may hold.
class Run {
 public:
  Run(Machine& machine, Journal journal) : machine_(machine), journal_(journal) {}

  void work() {
    Result<Database> opened = of([&] { return machine_.open(journal_); });
    if (!note("open", opened.status())) return;
    Database db = std::move(opened).value();
    commit(db, "a", 30, 40);
    commit(db, "b", 3, 9000);
    read(db);
    note("checkpoint", of([&] { return db.checkpoint(); }));
    roll_back(db);
    keyspaces(db);
    commit(db, "a", 20, 60);
    note("compact", of([&] { return db.compact(); }));
    note("verify", of([&] { return db.verify(); }).status());
    note("close", of([&] { return db.close(); }));
    const Counting counting;  // the last handle goes
    [[maybe_unused]] const Database gone = std::move(db);
  }

  // What the file may hold: the last state acknowledged, or one of those whose outcome is unknown.
  bool may_be(const Model& found) const {
    return found == acknowledged_ || std::find(possible_.begin(), possible_.end(), found) != possible_.end();
  }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t exhausted() const { return exhausted_; }
  const std::string& failure() const { return failure_; }

 private:
  bool note(const std::string& what, const Status& status) {
    const std::string place = what + ": ";
    if (status.ok()) return true;
    if (status == Code::no_memory || status == Code::unknown_outcome || status == Code::io) ++exhausted_;
    if (status == Code::poisoned) ++refused_;
    // A write of the log that lacked memory is a write that failed, and says io where no commit is in question.
    const bool expected = status == Code::no_memory || status == Code::unknown_outcome || status == Code::poisoned || status == Code::io;
    if (!expected && failure_.empty()) failure_ = place + status.to_string();
    return false;
  }

  void commit(Database& db, const std::string& prefix, int rows, std::size_t bytes) {
    Model next = acknowledged_;
    Result<Transaction> tx = of([&] { return db.begin(); });
    if (!note("begin", tx.status())) return;
    for (int i = 0; i < rows; ++i) {
      const std::string key = prefix + std::to_string(i);
      const std::string value(bytes, static_cast<char>('a' + i % 26));
      if (!note("put", of([&] { return tx->put(default_keyspace, key, value); }))) return;
      next[key] = value;
    }
    if (next.count("a7") != 0) {
      if (!note("erase", of([&] { return tx->erase(default_keyspace, "a7"); }))) return;
      next.erase("a7");
    }
    const Status committed = of([&] { return tx->commit(); });
    if (committed == Code::unknown_outcome) possible_.push_back(next);
    if (note("commit", committed)) acknowledged_ = next;
  }

  void read(Database& db) {
    Result<Transaction> tx = of([&] { return db.begin(Access::read); });
    if (!note("begin to read", tx.status())) return;
    const Result<std::string> value = of([&] { return tx->get(default_keyspace, "b1"); });
    if (value != Code::not_found) note("get", value.status());
    Result<Cursor> cursor = of([&] { return tx->cursor(default_keyspace); });
    if (!note("cursor", cursor.status())) return;
    Status at = of([&] { return cursor->first(); });
    for (int i = 0; at.ok() && i < 50; ++i) {
      note("value", of([&] { return cursor->value(); }).status());
      at = of([&] { return cursor->next(); });
    }
    if (at != Code::not_found && at != Code::invalid) note("next", at);
    Result<Keyspace> keyspace = of([&] { return db.keyspace(); });
    if (!note("keyspace", keyspace.status())) return;
    const Result<std::string> single = of([&] { return keyspace->get("a3"); });
    if (single != Code::not_found) note("single get", single.status());
    note("statistics", of([&] { return db.statistics(); }).status());
  }

  void roll_back(Database& db) {
    Result<Transaction> tx = of([&] { return db.begin(); });
    if (!note("begin", tx.status())) return;
    for (const char* key : {"c1", "c2", "c3"}) note("put", of([&] { return tx->put(default_keyspace, key, "never"); }));
    const std::string large(6000, 'n');
    const Result<Savepoint> savepoint = of([&] { return tx->savepoint(); });
    if (note("savepoint", savepoint.status())) {
      note("put", of([&] { return tx->put(default_keyspace, "d", large); }));
      note("roll back to", of([&] { return tx->rollback_to(*savepoint); }));
    }
    note("rollback", of([&] { return tx->rollback(); }));
  }

  void keyspaces(Database& db) {
    note("create", of([&] { return db.create_keyspace("other"); }));
    note("list", of([&] { return db.keyspaces(); }).status());
    const Status dropped = of([&] { return db.drop_keyspace("other"); });
    if (dropped != Code::not_found) note("drop", dropped);
  }

  Machine& machine_;
  const Journal journal_;
  Model acknowledged_;
  std::vector<Model> possible_;
  std::uint64_t refused_ = 0;
  std::uint64_t exhausted_ = 0;
  std::string failure_;
};

Result<Model> rows_of(Database& db) {
  Model rows;
  const Result<Transaction> tx = db.begin(Access::read);
  if (!tx.ok()) return tx.status();
  Scan scan = tx->scan(default_keyspace);
  for (const Entry& entry : scan) rows.emplace(entry.key, entry.value);
  if (!scan.status().ok()) return scan.status();
  return rows;
}

void run_with_failure_at(std::uint64_t n, std::uint64_t failures, Journal journal, std::uint64_t& exhausted, bool& reached) {
  SCOPED_TRACE("allocation " + std::to_string(n));
  Machine machine;
  Run run(machine, journal);
  fail_at(n, failures);
  run.work();
  reached = allocations >= n;
  fail_at(0, 0);
  ASSERT_EQ(run.failure(), "");
  exhausted += run.exhausted();
  Result<Database> db = machine.open(journal);
  ASSERT_EQ(db.status().to_string(), "ok");
  ASSERT_EQ(db->verify().status().to_string(), "ok");
  const Result<Model> rows = rows_of(*db);
  ASSERT_EQ(rows.status().to_string(), "ok");
  ASSERT_TRUE(run.may_be(*rows)) << rows->size() << " rows";
  ASSERT_EQ(db->close().to_string(), "ok");
}

class out_of_memory : public testing::TestWithParam<Journal> {};

TEST_P(out_of_memory, at_any_allocation_is_an_answer_and_loses_nothing) {
  const std::uint64_t stride = number_from_environment("QUIRE_STRIDE", 1);
  std::uint64_t runs = 0;
  std::uint64_t exhausted = 0;
  bool reached = true;
  for (std::uint64_t n = 1; reached && !HasFatalFailure(); n += stride, ++runs) run_with_failure_at(n, 1, GetParam(), exhausted, reached);
  EXPECT_GT(runs, 500 / stride);
  EXPECT_GT(exhausted, runs / 2);
}

TEST_P(out_of_memory, that_lasts_is_an_answer_and_loses_nothing) {
  std::uint64_t exhausted = 0;
  bool reached = true;
  for (std::uint64_t n = 1; reached && !HasFatalFailure(); n += 17) run_with_failure_at(n, 40, GetParam(), exhausted, reached);
  EXPECT_GT(exhausted, 30u);
}

INSTANTIATE_TEST_SUITE_P(journals, out_of_memory, testing::Values(Journal::log, Journal::copy_on_write),
                         [](const auto& journal) { return journal.param == Journal::log ? "log" : "copy_on_write"; });

}  // namespace
}  // namespace quire::test
