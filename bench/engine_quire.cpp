// Quire as an engine of the benchmark, through its public interface alone.
//
// Single reads are the calls of a keyspace handle, each a transaction of its own. Every commit is durable: there
// is no cheaper promise to measure.
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
  void put_alone(std::string_view key, std::string_view value) override { require(keyspace_.put(key, value)); }

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

 private:
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

// Page size in KiB; 0 is the default.
template <std::uint32_t page_kib>
class QuireEngine final : public Engine {
 public:
  void open(const OpenOptions& options) override {
    Options settings;
    settings.memory_limit = options.cache_bytes;
    settings.page_size = page_kib << 10;
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

}  // namespace

namespace {

template <std::uint32_t page_kib>
EngineKind kind() {
  const std::string name = page_kib == 0 ? "quire" : "quire-" + std::to_string(page_kib) + "k";
  const std::string pages = page_kib == 0 ? "default page size" : "pages of " + std::to_string(page_kib) + " KiB";
  return {name,
          name,
          QUIRE_VERSION,
          "memory_limit 1 GiB, " + pages + "; every commit is durable; bulk_load",
          Family::b_tree,
          {Promise::durable},
          [] { return std::unique_ptr<Engine>(std::make_unique<QuireEngine<page_kib>>()); }};
}

}  // namespace

std::vector<EngineKind> quire_kinds() { return {kind<0>(), kind<4>(), kind<8>(), kind<16>(), kind<32>(), kind<64>()}; }

}  // namespace quire::bench
