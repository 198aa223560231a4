// kill -9 of a program with several threads, also while it recovers.
//
// Goal     what is found is a prefix of the commits in their one order, whole transactions only, and holds every commit that was
//          acknowledged to the classes sync and process
// Method   a child process whose threads number their commits, of every class, and tell a pipe what is acknowledged; it is
//          killed at random moments, some rounds right after its start; then this process reads everything. QUIRE_KILL_ROUNDS
//          (default 30) rounds from QUIRE_KILL_SEED
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "base/random.hpp"
#include "base/try.hpp"
#include "os/environment.hpp"
#include "os/sync.hpp"
#include "quire/database.hpp"
#include "support/environment.hpp"

namespace quire::test {
namespace {

constexpr const char* path = "kill_process.qdb";
constexpr int threads_count = 4;
constexpr std::uint64_t toggled_rows = 50;

Options child_options() {
  // Checkpoints because the log is full come all the time.
  return {.page_size = 4096, .memory_limit = std::uint64_t{4} << 20, .log_limit = std::uint64_t{256} << 10};
}

struct Acknowledged {
  std::uint64_t number = 0;
  Durability durability = Durability::sync;
};

std::string key_of(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return "n" + std::string(10 - digits.size(), '0') + digits;
}

// Commit `number`: its row, the counter, and a row that comes and goes.
Status fill(Transaction& tx, std::uint64_t number, Random& random) {
  QUIRE_TRY(tx.put("default", key_of(number), std::string(random.below(random.chance(1, 20) ? 30000 : 200), 'v')));
  if (random.chance(1, 5)) {
    QUIRE_ASSIGN(const Savepoint savepoint, tx.savepoint());
    for (std::uint64_t i = random.below(6); i > 0; --i) QUIRE_TRY(tx.put("default", key_of(number + i), std::string(random.below(20000), 'x')));
    QUIRE_TRY(tx.rollback_to(savepoint));
  }
  const std::string toggled = "row" + std::to_string(number % toggled_rows);
  if (number / toggled_rows % 2 == 0) {
    QUIRE_TRY(tx.put("other", toggled, "there"));
  } else {
    const Status erased = tx.erase("other", toggled);
    if (!erased.ok() && erased != Code::not_found) return erased;
  }
  return tx.put("default", "counter", std::to_string(number));
}

Status write_one(Database& database, Random& random, int pipe_end) {
  QUIRE_ASSIGN(Transaction tx, database.begin());
  Result<std::string> counter = tx.get_for_update("default", "counter");
  if (!counter.ok() && counter != Code::not_found) return counter.status();
  Acknowledged told{counter.ok() ? std::stoull(*counter) + 1 : 1, static_cast<Durability>(random.below(3))};
  QUIRE_TRY(fill(tx, told.number, random));
  if (random.chance(1, 10)) return tx.rollback();
  tx.set_durability(told.durability);
  QUIRE_TRY(tx.commit());
  return write(pipe_end, &told, sizeof told) == sizeof told ? Status() : Status(Code::io, "the pipe");
}

// Ends by being killed; an exit code says what went wrong.
[[noreturn]] void run_child(std::uint64_t seed, int pipe_end) {
  Result<Database> database = Database::open(path, child_options());
  if (!database.ok()) {
    std::fprintf(stderr, "open: %s\n", database.status().to_string().c_str());
    _exit(2);
  }
  Status made = database->create_keyspace("other");
  if (!made.ok() && made != Code::exists) _exit(3);
  std::vector<os::Thread> threads;
  for (int i = 0; i < threads_count; ++i) {
    threads.emplace_back([&, i] {
      Random random(seed * 100 + static_cast<std::uint64_t>(i));
      for (;;) {
        Status status = i == 0 && random.chance(1, 8) ? database->checkpoint() : write_one(*database, random, pipe_end);
        if (status.ok() || status == Code::busy) continue;
        std::fprintf(stderr, "thread %d: %s\n", i, status.to_string().c_str());
        _exit(4);
      }
    });
  }
  for (os::Thread& thread : threads) thread.join();
  _exit(5);
}

class Killing {
 public:
  explicit Killing(std::uint64_t seed) : random_(seed) {
    for (const auto& entry : std::filesystem::directory_iterator(".")) {
      if (entry.path().filename().string().starts_with(path)) std::filesystem::remove(entry.path());
    }
  }

  // Starts the program and kills it after so many microseconds.
  void round(std::uint64_t seed, std::uint64_t life_us) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      run_child(seed, ends[1]);
    }
    close(ends[1]);
    os::Clock& clock = os::system_environment().clock;
    const std::uint64_t end = clock.monotonic_us() + life_us;
    for (std::uint64_t now = clock.monotonic_us(); now < end; now = clock.monotonic_us()) {
      pollfd waiting{ends[0], POLLIN, 0};
      const timespec left{static_cast<time_t>((end - now) / 1000000), static_cast<long>((end - now) % 1000000 * 1000)};
      if (ppoll(&waiting, 1, &left, nullptr) > 0) listen(ends[0]);
    }
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    while (listen(ends[0])) {
    }
    close(ends[0]);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself with code " << WEXITSTATUS(status);
    unchecked_ += threads_count;
  }

  void check() {
    if (!std::filesystem::exists(path)) {
      ASSERT_EQ(newest_, 0u);
      return;
    }
    Result<Database> database = Database::open(path, child_options());
    ASSERT_TRUE(database.ok()) << database.status().to_string();
    const Result<VerifyReport> verified = database->verify();
    ASSERT_TRUE(verified.ok()) << verified.status().to_string();
    const Transaction tx = database->begin(Access::read).value();
    const Result<std::string> counter = tx.get("default", "counter");
    const std::uint64_t number = counter.ok() ? std::stoull(*counter) : 0;
    ASSERT_GE(number, kept_) << "an acknowledged commit is lost";
    // Each thread of each program may have died between a commit and its acknowledgement.
    ASSERT_LE(number, newest_ + unchecked_);
    std::uint64_t found = 0;
    Scan scan = tx.scan("default");
    for (const Entry& entry : scan) {
      if (entry.key == "counter") continue;
      ASSERT_EQ(entry.key, key_of(++found));
    }
    ASSERT_TRUE(scan.status().ok()) << scan.status().to_string();
    ASSERT_EQ(found, number) << "not a prefix of the commits";
    ASSERT_EQ(tx.count("default").value(), number + (number > 0 ? 1 : 0));
    if (number > 0) {
      ASSERT_NO_FATAL_FAILURE(check_toggled(tx, number));
    }
    // From here on this is what is committed, and the next program goes on behind it.
    kept_ = newest_ = number;
    unchecked_ = 0;
  }

  std::uint64_t acknowledged() const { return acknowledged_; }
  Random& random() { return random_; }

 private:
  // One acknowledgement; false when there is none and never will be.
  bool listen(int pipe_end) {
    Acknowledged told;
    if (read(pipe_end, &told, sizeof told) != sizeof told) return false;
    newest_ = std::max(newest_, told.number);
    if (told.durability != Durability::lazy) kept_ = std::max(kept_, told.number);
    ++acknowledged_;
    return true;
  }

  void check_toggled(const Transaction& tx, std::uint64_t number) {
    std::uint64_t there = 0;
    for (std::uint64_t row = 0; row < toggled_rows; ++row) {
      const std::uint64_t last = number - (number + toggled_rows - row) % toggled_rows;  // the newest commit of that row
      const bool expected = last != 0 && last <= number && last / toggled_rows % 2 == 0;
      const Result<std::string> value = tx.get("other", "row" + std::to_string(row));
      ASSERT_EQ(value.ok(), expected) << "row" << row << " after commit " << number;
      there += expected ? 1 : 0;
    }
    ASSERT_EQ(tx.count("other").value(), there);
  }

  Random random_;
  std::uint64_t newest_ = 0;        // acknowledged to any class
  std::uint64_t kept_ = 0;          // acknowledged to a class that survives
  std::uint64_t unchecked_ = 0;     // commits that may be there without an acknowledgement
  std::uint64_t acknowledged_ = 0;  // commits, over all rounds
};

TEST(kill_process, leaves_a_prefix_of_the_commits_with_all_that_was_promised) {
  const std::uint64_t rounds = number_from_environment("QUIRE_KILL_ROUNDS", 30);
  const std::uint64_t seed = number_from_environment("QUIRE_KILL_SEED", static_cast<std::uint64_t>(getpid()));
  Killing killing(seed);
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    SCOPED_TRACE("QUIRE_KILL_SEED=" + std::to_string(seed) + ", round " + std::to_string(i));
    // One in three dies while it opens what the one before has left.
    const bool early = killing.random().chance(1, 3);
    ASSERT_NO_FATAL_FAILURE(killing.round(seed + i, 500 + killing.random().below(early ? 6000 : 120000)));
    if (early && killing.random().chance(2, 3)) continue;
    ASSERT_NO_FATAL_FAILURE(killing.check());
  }
  ASSERT_NO_FATAL_FAILURE(killing.check());
  std::printf("%llu kills, %llu commits acknowledged\n", static_cast<unsigned long long>(rounds), static_cast<unsigned long long>(killing.acknowledged()));
  EXPECT_GT(killing.acknowledged(), rounds);
}

}  // namespace
}  // namespace quire::test
