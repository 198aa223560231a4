// The isolation levels side by side: what a transaction sees of another one, and what it may then change.
//
//   example_isolation_levels [FILE]
#include <cstdio>
#include <cstdlib>
#include <string>

#include "quire/database.hpp"

namespace {

void require(const quire::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  std::exit(1);
}

std::string seen(quire::Transaction& tx) {
  const auto value = tx.get("default", "x");
  return value.ok() ? *value : std::string(quire::code_name(value.status().code()));
}

std::string outcome(const quire::Status& status) { return status.ok() ? "ok" : std::string(quire::code_name(status.code())); }

}  // namespace

int main(int argc, char** argv) {
  auto db = quire::Database::open(argc > 1 ? argv[1] : "levels.qdb");
  require(db.status());
  std::printf("%-18s %-14s %-14s %-10s\n", "reader", "uncommitted 2", "committed 2", "puts 3");
  for (const auto& [level, name] : {std::pair(quire::Isolation::read_uncommitted, "read_uncommitted"), std::pair(quire::Isolation::read_committed, "read_committed"),
                                    std::pair(quire::Isolation::repeatable_read, "repeatable_read"), std::pair(quire::Isolation::serializable, "serializable")}) {
    require(db->update([](quire::Transaction& tx) { return tx.put("default", "x", "1"); }));
    // Two transactions of one thread: whoever would have to wait for the other is told so at once.
    auto writer = db->begin(quire::TransactionOptions{.lock_timeout_ms = 0});
    require(writer.status());
    auto reader = db->begin(quire::TransactionOptions{.isolation = level, .lock_timeout_ms = 0});
    require(reader.status());
    require(writer->put("default", "x", "2"));
    const std::string uncommitted = seen(*reader);
    require(writer->commit());
    const std::string committed = seen(*reader);
    const std::string put = outcome(reader->put("default", "x", "3"));
    require(reader->rollback());
    std::printf("%-18s %-14s %-14s %-10s\n", name, uncommitted.c_str(), committed.c_str(), put.c_str());
  }
  return 0;
}
