// TestMachine: files in memory with a quota, and the system's clock, for the tests of this folder.
//
//   TestMachine machine;
//   Database db = machine.open({.lock_timeout_ms = 0}).value();
//
// Owner     must outlive the databases opened in it
#pragma once

#include <map>
#include <string>

#include "kv/open.hpp"
#include "os/mem/manual_clock.hpp"
#include "os/mem/mem_file_system.hpp"

namespace quire::kv {

inline constexpr const char* test_path = "/data/app.qdb";

class TestMachine {
 public:
  Result<Database> open(const Options& options = {}) { return open_at(test_path, options); }
  Result<Database> open_at(const std::string& path, const Options& options = {}) { return open_database(environment_, path, options); }
  os::MemFileSystem& files() noexcept { return files_; }
  // What lies beside the database, and itself.
  std::vector<std::string> names() { return files_.list("/data").value(); }

 private:
  os::MemFileSystem files_;
  os::SeededEntropy entropy_{1};
  os::Environment environment_{files_, os::system_environment().clock, entropy_};
};

// Does not wait for other transactions.
inline const Options impatient{.mode = Mode::create, .page_size = 0, .memory_limit = std::uint64_t{16} << 20, .lock_timeout_ms = 0};

using Model = std::map<std::string, std::string>;

// All entries of a keyspace, or what kept them from being read, under the key "failed".
inline Model entries_of(const Transaction& tx, std::string_view keyspace = default_keyspace) {
  Model all;
  Scan scan = tx.scan(keyspace);
  for (const Entry& entry : scan) all.emplace_hint(all.end(), entry.key, entry.value);
  if (!scan.status().ok()) all["failed"] = scan.status().to_string();
  return all;
}

inline Model entries_of(Database& db, std::string_view keyspace = default_keyspace) {
  Model all;
  const Status viewed = db.view([&](Transaction& tx) {
    all = entries_of(tx, keyspace);
    return Status();
  });
  if (!viewed.ok()) all["failed"] = viewed.to_string();
  return all;
}

}  // namespace quire::kv
