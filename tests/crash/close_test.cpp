// Power cuts while a file is made shorter at its close.
//
// Goal     whatever moment the power fails while the end of the file moves to its front and is cut off, the next open finds
//          every row, and a second close gives the space back
// Method   two keyspaces in a row, the first dropped, so that the second lies behind free places; at every operation of the
//          close, crash images are opened, verified and read
#include "kv/open.hpp"
#include "os/sim/crash_images.hpp"
#include "support/crash_harness.hpp"
#include "support/environment.hpp"

namespace quire::test {
namespace {

constexpr int rows = 700;

std::string row_key(int i) { return "row" + std::to_string(10000 + i); }
std::string row_value(int i) { return std::string(static_cast<std::size_t>(700 + i % 50), static_cast<char>('a' + i % 26)); }

Status fill(Database& database, const std::string& keyspace) {
  return database.update([&](Transaction& tx) {
    Status status = tx.create_keyspace(keyspace);
    for (int i = 0; status.ok() && i < rows; ++i) status = tx.put(keyspace, row_key(i), row_value(i));
    return status;
  });
}

// Empty when every row is there.
std::string wrong_in(Database& database) {
  const Result<VerifyReport> verified = database.verify();
  if (!verified.ok()) return verified.status().to_string();
  int found = 0;
  const Status status = database.view([&](Transaction& tx) {
    Scan scan = tx.scan("second");
    for (const Entry& entry : scan) {
      if (entry.key != row_key(found) || entry.value != row_value(found)) return Status(Code::corrupt, "another row");
      ++found;
    }
    return scan.status();
  });
  if (!status.ok()) return status.to_string();
  return found == rows ? "" : std::to_string(found) + " rows";
}

class Closing {
 public:
  explicit Closing(std::uint64_t seed) : machine_(os::SimOptions{.seed = seed}) {}

  void run() {
    Result<Database> database = open(machine_);
    ASSERT_TRUE(database.ok()) << database.status().to_string();
    ASSERT_TRUE(fill(*database, "first").ok());
    ASSERT_TRUE(fill(*database, "second").ok());
    ASSERT_TRUE(database->drop_keyspace("first").ok());
    const std::uint64_t before = machine_.files().contents(crash_test_path)->size();
    machine_.files().observe([&](const os::Operation& operation) {
      if (operation.changes && failure_.empty()) look(operation.number);
    });
    ASSERT_TRUE(database->close().ok());
    machine_.files().observe(nullptr);
    look(0);
    EXPECT_EQ(failure_, "");
    const std::uint64_t after = machine_.files().contents(crash_test_path)->size();
    EXPECT_LT(after, before * 3 / 4) << "nothing was moved, so nothing was tested";
    EXPECT_GT(images_, 40u);
  }

 private:
  static Result<Database> open(os::SimEnvironment& machine) {
    return kv::open_database(machine.environment(), crash_test_path, crash_test_options(4096));
  }

  void look(std::uint64_t number) {
    os::CrashImages images(machine_.files(), {.seed = number, .budget = 8});
    while (std::unique_ptr<os::SimFileSystem> image = images.next()) {
      ++images_;
      os::SimEnvironment machine(std::move(image));
      for (int opening = 0; opening < 2 && failure_.empty(); ++opening) {
        Result<Database> database = open(machine);
        const std::string wrong = database.ok() ? wrong_in(*database) : database.status().to_string();
        if (!wrong.empty()) failure_ = "operation " + std::to_string(number) + ", " + images.description() + ": " + wrong;
        if (opening == 0 && failure_.empty()) {
          // What it closes is made shorter, too.
          EXPECT_TRUE(database->update([](Transaction& tx) { return tx.put("default", "k", "v"); }).ok());
        }
      }
    }
  }

  os::SimEnvironment machine_;
  std::string failure_;
  std::uint64_t images_ = 0;
};

TEST(close, loses_nothing_when_the_power_fails_while_the_file_is_made_shorter) {
  const std::uint64_t count = number_from_environment("QUIRE_SEEDS", 1);
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Closing(seed).run();
  }
}

}  // namespace
}  // namespace quire::test
