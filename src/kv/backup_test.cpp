// Backups of one database: what is in them, and what failures leave.
//
// Goal     a backup holds what was committed when it began and is a database like any other; the target is absent or
//          complete, the source is not harmed and keeps nothing for it, whatever fails
// Method   copies opened and compared with the source; a fault at every operation, full disks, a second backup inside the
//          first, power cuts at every operation
#include "base/random.hpp"
#include "kv/state.hpp"
#include "kv/test_database.hpp"
#include "os/hook.hpp"
#include "os/sim/sim_environment.hpp"
#include "support/crash_points.hpp"

namespace quire::kv {
namespace {

using testing::HasSubstr;

constexpr const char* target = "/data/copy.qdb";
const Options options{.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0, .journal = Journal::copy_on_write};
const Options existing{.mode = Mode::open, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0, .journal = Journal::copy_on_write};

using Content = std::map<std::string, Model>;

Content content_of(Database& db) {
  Content content;
  for (const KeyspaceInfo& keyspace : db.keyspaces().value()) content[keyspace.name] = entries_of(db, keyspace.name);
  return content;
}

bool pinned(const Database& db) { return db.impl()->state->engine->blocks().pinned(); }

// Rows over some leaves, large values, two keyspaces; different for every round.
Status change(Database& db, std::uint64_t round) {
  return db.update([&](Transaction& tx) {
    Status status;
    for (std::uint64_t i = 0; status.ok() && i < 40; ++i) {
      status = tx.put(default_keyspace, "key" + std::to_string(1000 + round * 25 + i), std::string(i == 7 ? 9000 : 60 + i, static_cast<char>('a' + round % 26)));
    }
    if (status.ok() && !tx.keyspace("other").ok()) status = tx.create_keyspace("other");
    return status.ok() ? tx.put("other", "round", std::to_string(round)) : status;
  });
}

Status fill(Database& db) {
  Status status;
  for (std::uint64_t round = 0; status.ok() && round < 4; ++round) status = change(db, round);
  return status;
}

// Also changes and closes it.
void expect_copy(Result<Database> copy, const Content& content) {
  ASSERT_TRUE(copy.ok()) << copy.status().to_string();
  EXPECT_EQ(copy->verify().status().to_string(), "ok");
  EXPECT_TRUE(content_of(*copy) == content);
  EXPECT_EQ(copy->statistics()->undo_pages, 0u);
  EXPECT_EQ(copy->keyspace()->put("only in", "the copy").to_string(), "ok");
  EXPECT_EQ(copy->verify().status().to_string(), "ok");
  EXPECT_TRUE(copy->close().ok());
}

TEST(backup, is_a_database_with_everything_committed) {
  for (const std::uint32_t page_bytes : {4096u, 8192u, 65536u}) {
    TestMachine machine;
    Options own = options;
    own.page_size = page_bytes;
    Database db = machine.open(own).value();
    ASSERT_TRUE(fill(db).ok());
    const Content content = content_of(db);
    ASSERT_EQ(db.backup(target).to_string(), "ok");
    EXPECT_FALSE(pinned(db));
    ASSERT_TRUE(change(db, 9).ok());
    ASSERT_TRUE(db.close().ok());
    expect_copy(machine.open_at(target, existing), content);
    EXPECT_EQ(machine.names().size(), 2u);
  }
}

// What checkpoints have published of a transaction is in the copy with its undo, and goes when the copy is opened.
TEST(backup, holds_nothing_of_a_transaction_that_has_not_ended) {
  TestMachine machine;
  Database db = machine.open(options).value();
  ASSERT_TRUE(fill(db).ok());
  const Content content = content_of(db);
  Transaction tx = db.begin().value();
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(tx.put(default_keyspace, "key" + std::to_string(1000 + i), std::string(i == 20 ? 30000 : 90, 'u')).ok());
  ASSERT_TRUE(tx.erase("other", "round").ok());
  ASSERT_TRUE(tx.create_keyspace("not yet").ok());
  ASSERT_TRUE(db.checkpoint().ok());
  std::uint64_t row = 0;
  std::string key;
  const std::string value(400, 'b');
  ASSERT_TRUE(tx.bulk_load("not yet", [&](Entry& next) -> Result<bool> {
    if (row == 100) {
      EXPECT_TRUE(db.checkpoint().ok());
      EXPECT_EQ(db.backup("/data/inside.qdb").to_string(), "ok");
    }
    if (row == 200) return false;
    key = "row" + std::to_string(1000 + row++);
    next = {key, value};
    return true;
  }).ok());
  ASSERT_TRUE(db.checkpoint().ok());
  ASSERT_EQ(db.backup(target).to_string(), "ok");
  ASSERT_TRUE(tx.commit().ok());
  expect_copy(machine.open_at(target, existing), content);
  expect_copy(machine.open_at("/data/inside.qdb", existing), content);
  EXPECT_EQ(db.keyspace("not yet")->count().value(), 200u);
  // A read-only open takes nothing back, but sees the same.
  ASSERT_EQ(db.backup("/data/third.qdb").to_string(), "ok");
  Options reading = existing;
  reading.mode = Mode::read_only;
  EXPECT_TRUE(machine.open_at("/data/third.qdb", reading)->verify().ok());
}

TEST(backup, never_replaces_a_file) {
  TestMachine machine;
  Database db = machine.open(options).value();
  ASSERT_TRUE(fill(db).ok());
  ASSERT_TRUE(db.backup(target).ok());
  ASSERT_TRUE(change(db, 7).ok());
  const Status again = db.backup(target);
  EXPECT_EQ(again, Code::exists);
  EXPECT_THAT(std::string(again.message()), HasSubstr("/data/copy.qdb exists already"));
  EXPECT_EQ(db.backup(test_path), Code::exists);
  EXPECT_FALSE(pinned(db));
  EXPECT_EQ(machine.open_at(target, existing)->keyspace("other")->get("round").value(), "3");
  EXPECT_EQ(content_of(db)["other"]["round"], "7");
}

// A second backup to the same path, while the first one writes: one of them gets the name, neither removes the other's file.
TEST(backup, leaves_a_backup_alone_that_is_under_way) {
  TestMachine machine;
  Database db = machine.open(options).value();
  ASSERT_TRUE(fill(db).ok());
  struct Second {
    Database& db;
    bool begun = false;
    Status status = {};
  } second{db};
  os::set_hook_handler(
      [](std::string_view name, void* context) {
        auto& inner = *static_cast<Second*>(context);
        if (name != "backup.before_write" || inner.begun) return Status();
        inner.begun = true;
        inner.status = inner.db.backup(target);
        return Status();
      },
      &second);
  const Status first = db.backup(target);
  os::set_hook_handler(nullptr, nullptr);
  EXPECT_EQ(second.status.to_string(), "ok");
  EXPECT_EQ(first, Code::exists) << first.to_string();
  EXPECT_EQ(machine.names(), (std::vector<std::string>{"app.qdb", "copy.qdb"}));
  EXPECT_FALSE(pinned(db));
  expect_copy(machine.open_at(target, existing), content_of(db));
}

// ---- failures

class Sim {
 public:
  explicit Sim(std::uint64_t seed) : machine({.seed = seed}), db(open_database(machine.environment(), test_path, options).value()) {
    EXPECT_TRUE(fill(db).ok());
    content = content_of(db);
  }
  bool target_exists() { return machine.environment().files.exists(target).value(); }
  Result<Database> open_target() { return open_database(machine.environment(), target, existing); }
  // The source goes on as if nothing had been, and the path takes a backup.
  void expect_unharmed() {
    EXPECT_FALSE(pinned(db));
    EXPECT_EQ(db.verify().status().to_string(), "ok");
    EXPECT_TRUE(content_of(db) == content);
    if (target_exists()) {
      ASSERT_TRUE(machine.files().remove(target).ok());
    }
    ASSERT_EQ(db.backup(target).to_string(), "ok");
    expect_copy(open_target(), content);
    std::vector<std::string> both{test_path, target};
    std::sort(both.begin(), both.end());
    EXPECT_EQ(machine.files().files(), both);
  }

  os::SimEnvironment machine;
  Database db;
  Content content;
};

TEST(backup, is_complete_or_absent_after_a_failure_of_any_operation) {
  using os::FaultKind;
  std::map<Code, int> failures;
  for (const FaultKind kind : {FaultKind::io_error, FaultKind::no_space, FaultKind::no_descriptors, FaultKind::short_write, FaultKind::short_read}) {
    bool done = false;
    for (std::uint64_t operation = 0; !done && !testing::Test::HasFailure(); ++operation) {
      SCOPED_TRACE("kind " + std::to_string(static_cast<int>(kind)) + ", operation " + std::to_string(operation));
      Sim sim(operation + 1);
      sim.machine.files().inject({.kind = kind, .operation = sim.machine.files().operation_count() + operation});
      const Status status = sim.db.backup(target);
      done = sim.machine.files().faults_fired() == 0;
      sim.machine.files().clear_faults();
      if (!status.ok()) ++failures[status.code()];
      const bool complete = status.ok() || std::string(status.message()).find("is complete, but") != std::string::npos;
      ASSERT_EQ(sim.target_exists(), complete) << status.to_string();
      if (complete) expect_copy(sim.open_target(), sim.content);
      sim.expect_unharmed();
    }
  }
  EXPECT_GT(failures[Code::io], 20);
  EXPECT_GT(failures[Code::full], 3);
}

TEST(backup, says_what_is_true_when_its_name_cannot_be_made_durable) {
  Sim sim(3);
  const std::uint64_t count = sim.machine.files().operation_count();
  sim.machine.files().observe([&](const os::Operation& operation) {
    if (operation.kind == os::OperationKind::sync_directory && operation.number > count) {
      sim.machine.files().inject({.kind = os::FaultKind::io_error, .operation = operation.number});
    }
  });
  const Status status = sim.db.backup(target);
  sim.machine.files().observe(nullptr);
  sim.machine.files().clear_faults();
  EXPECT_EQ(status, Code::io);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the backup /data/copy.qdb is complete, but a power cut may take its name away"));
  EXPECT_EQ(sim.db.backup(target), Code::exists);
  expect_copy(sim.open_target(), sim.content);
}

TEST(backup, gives_back_the_room_that_it_took_of_a_full_disk) {
  int failures = 0;
  for (std::uint64_t room = 0;; room += 8192) {
    SCOPED_TRACE(room);
    TestMachine machine;
    Database db = machine.open(options).value();
    ASSERT_TRUE(fill(db).ok());
    const std::uint64_t used = machine.files().used_bytes();
    machine.files().set_quota(used + room);
    const Status status = db.backup(target);
    if (status.ok()) break;
    ++failures;
    ASSERT_EQ(status, Code::full) << status.to_string();
    EXPECT_EQ(machine.files().used_bytes(), used);
    EXPECT_EQ(machine.names(), std::vector<std::string>{"app.qdb"});
    EXPECT_FALSE(pinned(db));
    machine.files().set_quota(os::MemFileSystem::no_quota);
    ASSERT_EQ(db.backup(target).to_string(), "ok");
    expect_copy(machine.open_at(target, existing), content_of(db));
  }
  EXPECT_GT(failures, 5);
}

TEST(backup, survives_a_power_cut_at_every_operation) {
  std::uint64_t leftovers = 0;
  std::uint64_t copies = 0;
  for (std::uint64_t seed = 1; seed <= 4 && !HasFailure(); ++seed) {
    Sim sim(seed);
    test::CrashPoints points(sim.machine.files(), {.seed = seed, .images = 8}, [&](std::unique_ptr<os::SimFileSystem> image, const std::string& which) {
      if (testing::Test::HasFailure()) return;
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + which);
      os::SimEnvironment machine(std::move(image));
      Result<Database> source = open_database(machine.environment(), test_path, existing);
      ASSERT_TRUE(source.ok()) << source.status().to_string();
      ASSERT_EQ(source->verify().status().to_string(), "ok");
      ASSERT_TRUE(content_of(*source) == sim.content);
      if (machine.environment().files.exists(target).value()) {
        ++copies;
        expect_copy(open_database(machine.environment(), target, existing), sim.content);
      } else {
        leftovers += machine.files().files().size() > 1 ? 1 : 0;
        ASSERT_EQ(source->backup(target).to_string(), "ok");
        expect_copy(open_database(machine.environment(), target, existing), sim.content);
      }
      EXPECT_EQ(machine.files().files().size(), 2u) << "a leftover stays";
    });
    ASSERT_EQ(sim.db.backup(target).to_string(), "ok");
    EXPECT_GT(points.images(), 20u);
  }
  EXPECT_GT(leftovers, 10u);
  EXPECT_GT(copies, 4u);
}

}  // namespace
}  // namespace quire::kv
