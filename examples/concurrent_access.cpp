// Many threads at one database: writers that move money, readers that always see all of it, and a deadlock that is run again.
//
//   example_concurrent_access [FILE]
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "quire/database.hpp"

namespace {

constexpr int accounts = 20;
constexpr int start_money = 100;

void require(const quire::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  std::exit(1);
}

std::string account(int number) { return "account " + std::to_string(number); }

// Reads both accounts and then changes both. Two that do this crosswise wait for each other: one of them is `deadlock`, and retry()
// runs it again. (Reading with get_for_update would make the second one wait at once instead.)
quire::Status move_money(quire::Transaction& tx, int from, int to) {
  const auto here = tx.get("default", account(from));
  if (!here.ok()) return here.status();
  const auto there = tx.get("default", account(to));
  if (!there.ok()) return there.status();
  const int money = std::atoi(here->c_str());
  if (money == 0) return {};
  quire::Status put = tx.put("default", account(from), std::to_string(money - 1));
  if (put.ok()) put = tx.put("default", account(to), std::to_string(std::atoi(there->c_str()) + 1));
  return put;
}

// One snapshot: whatever is being moved meanwhile, nothing is missing.
quire::Result<int> all_money(quire::Database& db) {
  int sum = 0;
  const quire::Status viewed = db.view([&](quire::Transaction& tx) -> quire::Status {
    sum = 0;
    quire::Scan scan = tx.scan("default", quire::Range::prefix("account "));
    for (const quire::Entry& entry : scan) sum += std::atoi(std::string(entry.value).c_str());
    return scan.status();
  });
  if (!viewed.ok()) return viewed;
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  quire::Options options;
  options.durability = quire::Durability::process;
  auto db = quire::Database::open(argc > 1 ? argv[1] : "concurrent.qdb", options);
  require(db.status());
  require(db->update([](quire::Transaction& tx) {
    quire::Status put;
    for (int i = 0; put.ok() && i < accounts; ++i) put = tx.put("default", account(i), std::to_string(start_money));
    return put;
  }));

  std::atomic<int> attempts{0};
  std::atomic<bool> done{false};
  std::atomic<int> sums{0};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 4; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < 500; ++i) {
        const int from = (writer * 7 + i * 3) % accounts;
        const int to = (from + 1 + i % (accounts - 1)) % accounts;
        require(db->retry([&](quire::Transaction& tx) {
          attempts.fetch_add(1);
          return move_money(tx, from, to);
        }, {.attempts = 100}));
      }
    });
  }
  std::thread reader([&] {
    while (!done.load()) {
      const auto sum = all_money(*db);
      require(sum.status());
      if (*sum != accounts * start_money) require(quire::Status(quire::Code::corrupt, "money is missing"));
      sums.fetch_add(1);
    }
  });
  for (std::thread& thread : threads) thread.join();
  done.store(true);
  reader.join();
  const auto sum = all_money(*db);
  require(sum.status());
  std::printf("2000 transfers by 4 threads; a reader beside them found all of the money every time it looked: %s\n", sums.load() > 0 ? "yes" : "it never looked");
  std::printf("some of the transfers were run again after a deadlock: %s\n", attempts.load() > 2000 ? "yes" : "none met another");
  std::printf("money at the end: %d\n", *sum);
  return *sum == accounts * start_money ? 0 : 1;
}
