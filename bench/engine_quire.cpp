// Quire as an engine of the benchmark, through its public interface alone.
//
// Single reads and puts are the calls of a keyspace handle, each a transaction of its own. Transactions have the default
// isolation; who loses against another one begins anew. The promise is the durability
// of the options. `quire-cow` commits every transaction by a checkpoint, without a log.
#include <algorithm>
#include <optional>

#include "bench/engine.hpp"
#include "quire/database.hpp"

#ifndef QUIRE_VERSION
#define QUIRE_VERSION "0.1.0"
#endif

namespace quire::bench {

namespace {

void require(const Status& status) {
  if (!status.ok()) throw BenchError("quire: " + status.to_string());
}

template <class T>
T take(Result<T> result) {
  require(result.status());
  return std::move(result).value();
}

// Whether a transaction that failed like this may succeed when it is begun anew.
bool lost(const Status& status) {
  return status == Code::conflict || status == Code::deadlock || status == Code::timeout || status == Code::busy;
}

// True when the call is done, false when it may be done again.
bool settle(const Status& status) {
  if (lost(status)) return false;
  require(status);
  return true;
}

class QuireSession final : public Session {
 public:
  explicit QuireSession(Database& database) : database_(database), keyspace_(take(database.keyspace())) {}

  void begin(KeyOrder /*order*/) override { transaction_.emplace(take(database_.begin())); }
  void put(std::string_view key, std::string_view value) override {
    require(transaction_->put(default_keyspace, key, value));
  }
  void commit() override {
    require(transaction_->commit());
    transaction_.reset();
  }
  void put_alone(std::string_view key, std::string_view value) override {
    until_done([&] { return settle(keyspace_.put(key, value)); });
  }

  bool get(std::string_view key, std::string& value) override {
    const Status status = keyspace_.get(key, value);
    if (status == Code::not_found) return false;
    require(status);
    return true;
  }

  void multi_get(std::span<const std::string_view> keys, std::vector<std::optional<std::string>>& values) override {
    require(keyspace_.multi_get(keys, values));
  }

  void scan(Direction direction, ScanCheck& check) override {
    run_scan(Range::all(), {.reverse = direction == Direction::reverse}, check);
  }

  void scan_from(std::string_view key, std::uint64_t count, ScanCheck& check) override {
    run_scan(Range::from(key), {.limit = count}, check);
  }

 protected:
  bool try_transact(ReadWrite& work) override {
    return settle(database_.update([&](Transaction& transaction) -> Status {
      for (std::size_t i = 0; i < work.gets.size(); ++i) {
        const Status got = read(transaction, work, i);
        if (!got.ok()) return got;
      }
      work.between();
      for (std::size_t i = 0; i < work.puts.size(); ++i) {
        const Status put = transaction.put(default_keyspace, work.puts[i], work.values[i]);
        if (!put.ok()) return put;
      }
      return {};
    }));
  }

 private:
  // What will be put is locked for that at once: two that read it and then want to change it would wait for each other.
  static Status read(Transaction& transaction, ReadWrite& work, std::size_t i) {
    const bool will_be_put = std::find(work.puts.begin(), work.puts.end(), work.gets[i]) != work.puts.end();
    if (!will_be_put) return transaction.get(default_keyspace, work.gets[i], work.got[i]);
    Result<std::string> got = transaction.get_for_update(default_keyspace, work.gets[i]);
    if (got.ok()) work.got[i] = std::move(got).value();
    return got.status();
  }

  void run_scan(Range range, ScanOptions options, ScanCheck& check) {
    require(database_.view([&](Transaction& transaction) -> Status {
      Scan entries = transaction.scan(default_keyspace, std::move(range), options);
      for (const Entry& entry : entries) check.add(entry.key, entry.value);
      return entries.status();
    }));
  }

  Database& database_;
  Keyspace keyspace_;
  std::optional<Transaction> transaction_;
};

Durability durability_of(Promise promise) noexcept {
  switch (promise) {
    case Promise::durable: return Durability::sync;
    case Promise::process: return Durability::process;
    case Promise::lazy: return Durability::lazy;
  }
  return Durability::sync;
}

// Page size in KiB; 0 is the default.
template <std::uint32_t page_kib, Journal journal>
class QuireEngine final : public Engine {
 public:
  void open(const OpenOptions& options) override {
    Options settings;
    settings.memory_limit = options.cache_bytes;
    settings.page_size = page_kib << 10;
    settings.journal = options.without_log ? Journal::copy_on_write : journal;
    settings.durability = durability_of(options.promise);
    if (options.log_bytes != 0) settings.log_limit = options.log_bytes;
    database_.emplace(take(Database::open(options.folder + "/quire.qdb", settings)));
  }
  void close() override {
    require(database_->close());
    database_.reset();
  }
  std::unique_ptr<Session> session() override { return std::make_unique<QuireSession>(*database_); }
  void bulk_load(const Source& source) override {
    require(database_->bulk_load(default_keyspace, [&](Entry& next) { return source(next.key, next.value); }));
  }

 private:
  std::optional<Database> database_;
};

template <std::uint32_t page_kib, Journal journal = Journal::log>
EngineKind kind() {
  constexpr bool logs = journal == Journal::log;
  std::string name = page_kib == 0 ? "quire" : "quire-" + std::to_string(page_kib) + "k";
  if (!logs) name += "-cow";
  const std::string pages = page_kib == 0 ? "default page size" : "pages of " + std::to_string(page_kib) + " KiB";
  std::vector<Promise> promises{Promise::durable};
  if (logs) promises.assign(all_promises.begin(), all_promises.end());
  return {name,
          name,
          QUIRE_VERSION,
          "memory_limit 1 GiB, " + pages + ", " +
              (logs ? "journal log, durability sync (durable), process or lazy" : "journal copy_on_write") +
              "; bulk_load",
          Family::b_tree,
          logs ? Log::optional : Log::never,
          Transactions::always,
          Part::always,
          std::move(promises),
          [] { return std::unique_ptr<Engine>(std::make_unique<QuireEngine<page_kib, journal>>()); }};
}

}  // namespace

std::vector<EngineKind> quire_kinds() {
  return {kind<0>(), kind<4>(), kind<8>(), kind<16>(), kind<32>(), kind<64>(), kind<0, Journal::copy_on_write>()};
}

}  // namespace quire::bench
