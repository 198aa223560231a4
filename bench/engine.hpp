// The engines of the benchmark behind one interface.
//
// An Engine is one database in a folder; a Session is what one thread does with it. The call order of writes is
// (begin put* commit | put_alone)*. Everything throws BenchError when the engine reports a failure.
//
// Threads   an Engine belongs to one thread; each thread opens, uses and destroys its own Session
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/workload.hpp"

namespace quire::bench {

// What a commit promises: that it survives the loss of power, or only that of the process.
enum class Promise : std::uint8_t { durable, no_sync };

std::string_view promise_name(Promise promise) noexcept;

// Whether the puts of a transaction come in ascending order behind all keys there are, so that an engine may
// use a cheaper call where it has one.
enum class KeyOrder : std::uint8_t { any, ascending };

class Session {
 public:
  virtual ~Session() = default;

  virtual void begin(KeyOrder order) = 0;
  virtual void put(std::string_view key, std::string_view value) = 0;
  virtual void commit() = 0;
  // A transaction of its own.
  virtual void put_alone(std::string_view key, std::string_view value) = 0;

  // A read of its own; copies the value. False when there is no such key.
  virtual bool get(std::string_view key, std::string& value) = 0;
  // All entries, each shown to `check`.
  virtual void scan(Direction direction, ScanCheck& check) = 0;
  // Up to `count` entries from the first key at or after `key`.
  virtual void scan_from(std::string_view key, std::uint64_t count, ScanCheck& check) = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Opens or creates the database in a folder that exists.
  virtual void open(const std::string& folder, Promise promise) = 0;
  // All sessions are gone. Afterwards the main file holds everything, whatever the promise was.
  virtual void close() = 0;
  virtual std::unique_ptr<Session> session() = 0;
};

// An engine that this program was built with.
struct EngineKind {
  std::string name;    // of the settings, such as "sqlite-default"
  std::string column;  // in the table: kinds of the same column compete, the better one counts
  std::string version;
  std::string settings;
  std::vector<Promise> promises;  // of its writing rows; the file of the last is the one that is read
  std::unique_ptr<Engine> (*make)();
};

// Quire first. Those that were not found when the program was built are absent.
std::vector<EngineKind> engine_kinds();

std::vector<EngineKind> quire_kinds();
std::vector<EngineKind> lmdb_kinds();
std::vector<EngineKind> sqlite_kinds();

}  // namespace quire::bench
