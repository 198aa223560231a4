// Machine: a database for one history: in memory alone, or with files, a log and, if wanted, the background thread that real ones have.
//
// Small pages and little memory, so that a few large values make pages leave it; a log so small that checkpoints come by themselves.
//
// Threads   as the database
#pragma once

#include "kv/open.hpp"
#include "os/mem/manual_clock.hpp"
#include "os/mem/mem_file_system.hpp"
#include "quire/database.hpp"

namespace quire::test {

class Machine {
 public:
  enum class Kind : std::uint8_t { memory, log, log_and_background };
  explicit Machine(Kind kind) : environment_{files_, os::system_environment().clock, entropy_, kind == Kind::log_and_background}, kind_(kind) {}

  Database open() {
    const Options options{.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 60'000, .log_limit = std::uint64_t{256} << 10};
    return (kind_ == Kind::memory ? Database::open_in_memory(options) : kv::open_database(environment_, "/data/lists.qdb", options)).value();
  }

 private:
  os::MemFileSystem files_;
  os::SeededEntropy entropy_{1};
  os::Environment environment_;
  const Kind kind_;
};

}  // namespace quire::test
