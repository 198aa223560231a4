// The engines of the benchmark behind one interface.
//
// An Engine is one database in a folder; a Session is what one thread does with it. The call order of writes is
// (begin put* commit | put_alone | transact)*. Everything throws BenchError when the engine reports a failure.
//
// Threads   an Engine belongs to one thread; each thread opens, uses and destroys its own Session
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/promise.hpp"
#include "bench/workload.hpp"

namespace quire::bench {

// Whether the puts of a transaction come in ascending order behind all keys there are, so that an engine may
// use a cheaper call where it has one.
enum class KeyOrder : std::uint8_t { any, ascending };

// The next entry of a bulk load, in ascending order, valid until the next call; false at the end.
using Source = std::function<bool(std::string_view& key, std::string_view& value)>;

// A transaction that gets rows, which exist, and then puts rows.
struct ReadWrite {
  std::vector<std::string_view> gets;
  std::vector<std::string> got;   // as many
  std::function<void()> between;  // after the gets and before the puts; again in each attempt
  std::vector<std::string_view> puts;
  std::vector<std::string> values;  // as many
};

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
  // The values of many keys as of one moment, copied; `values` is as long as `keys`.
  virtual void multi_get(std::span<const std::string_view> keys, std::vector<std::optional<std::string>>& values) = 0;
  // All entries, each shown to `check`.
  virtual void scan(Direction direction, ScanCheck& check) = 0;
  // Up to `count` entries from the first key at or after `key`.
  virtual void scan_from(std::string_view key, std::uint64_t count, ScanCheck& check) = 0;

  // Does the work as one transaction, again and again until no other one is in its way; see EngineKind::transactions.
  void transact(ReadWrite& work) {
    until_done([&] { return try_transact(work); });
  }
  // Transactions that the engine took back because of others, so that they were begun anew.
  std::uint64_t retries() const noexcept { return retries_; }

 protected:
  // False when the engine took it back.
  virtual bool try_transact(ReadWrite& work) = 0;

  // Calls attempt() until it returns true.
  template <class Attempt>
  void until_done(Attempt&& attempt) {
    constexpr unsigned attempts_max = 100'000;
    for (unsigned i = 0; !attempt(); ++i) {
      ++retries_;
      if (i == attempts_max) throw BenchError("a transaction was taken back 100 000 times");
    }
  }
  // The gets, what is between, and the puts, with the calls of an engine: get(key, value), false when there is no such
  // key, and put(key, value).
  template <class Get, class Put>
  static void run(ReadWrite& work, Get&& get, Put&& put) {
    for (std::size_t i = 0; i < work.gets.size(); ++i) {
      if (!get(work.gets[i], work.got[i])) throw BenchError("a key is missing in a transaction");
    }
    work.between();
    for (std::size_t i = 0; i < work.puts.size(); ++i) put(work.puts[i], work.values[i]);
  }

 private:
  std::uint64_t retries_ = 0;
};

inline constexpr std::uint64_t default_cache_bytes = std::uint64_t{1} << 30;

struct OpenOptions {
  std::string folder;  // exists
  Promise promise = Promise::durable;
  std::uint64_t cache_bytes = default_cache_bytes;  // of the whole process; LMDB has no cache of its own
  unsigned sessions = 1;                            // that read at once and share the cache; for small caches only
  bool read_ahead = true;                           // false where the database is larger than memory
  bool without_log = false;                         // only for an engine that can choose; see Log
  bool transactions = false;                        // needed by some for `transact`; see Transactions
  std::uint64_t log_bytes =
      0;  // that Quire may keep in its log; 0 is its default. The others have settings of their own
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Opens or creates the database.
  virtual void open(const OpenOptions& options) = 0;
  // All sessions are gone. Afterwards the files hold everything, whatever the promise was.
  virtual void close() = 0;
  virtual std::unique_ptr<Session> session() = 0;
  // Fills the empty, open database in the fastest way that the engine has; durable at the end. Without a
  // way of its own: one transaction of ascending puts.
  virtual void bulk_load(const Source& source);
};

enum class Family : std::uint8_t { b_tree, log_structured };

// Whether an engine commits through a log.
enum class Log : std::uint8_t { always, optional, never };

// Whether `transact` is a transaction, isolated from others at least by a snapshot whose conflicts are found; or only the
// same gets and puts.
enum class Transactions : std::uint8_t { none, if_opened_for_them, always };

// What a kind takes part in. Those with unusual settings cost time and are left out where they do not lead, and of
// what takes minutes.
enum class Part : std::uint8_t {
  always,
  commits,  // the stages of that name and `mixed` and the fill of the stage `random`; with --full the other stages too
  full,     // all stages with --full
};

// An engine that this program was built with.
struct EngineKind {
  std::string name;    // of the settings, such as "sqlite-default"
  std::string column;  // in the table: kinds of the same column compete, the better one counts
  std::string version;
  std::string settings;
  Family family;
  Log log;
  Transactions transactions;
  Part part;
  std::vector<Promise> promises;  // that its commits can give
  std::unique_ptr<Engine> (*make)();
};

// The columns that this program knows, whether it was built with them or not. Quire first.
const std::vector<std::string>& engine_columns();

// In the order of the columns. Those that were not found when the program was built are absent. Quire with other page
// sizes and without a log has columns of its own, quire-4k to quire-64k and quire-cow, which nobody sees who does not
// ask for them.
std::vector<EngineKind> engine_kinds();

std::vector<EngineKind> quire_kinds();
std::vector<EngineKind> lmdb_kinds();
std::vector<EngineKind> sqlite_kinds();
std::vector<EngineKind> rocksdb_kinds();
std::vector<EngineKind> leveldb_kinds();
std::vector<EngineKind> wiredtiger_kinds();

}  // namespace quire::bench
