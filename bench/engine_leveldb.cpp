// LevelDB as an engine of the benchmark.
//
// Cache of the size asked for, bloom filters of 10 bits, no compression, write buffer 64 MiB; or all that as shipped.
// Durable is sync per write. Closing writes the memory table out and waits until compactions rest, so that they do not run into other rows.
#ifdef QUIRE_HAVE_LEVELDB

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include "bench/sorted_table.hpp"
#include "os/sync.hpp"

namespace quire::bench {

namespace {

void require(const leveldb::Status& status) {
  if (!status.ok()) throw BenchError("leveldb: " + status.ToString());
}

leveldb::Slice slice_of(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

enum class Settings : std::uint8_t { tuned, own };

class LeveldbSession final : public Session {
 public:
  LeveldbSession(leveldb::DB& database, Promise promise) : database_(database) {
    write_.sync = promise == Promise::durable;
  }

  void begin(KeyOrder /*order*/) override { batch_.Clear(); }
  void put(std::string_view key, std::string_view value) override { batch_.Put(slice_of(key), slice_of(value)); }
  void commit() override { require(database_.Write(write_, &batch_)); }
  void put_alone(std::string_view key, std::string_view value) override {
    require(database_.Put(write_, slice_of(key), slice_of(value)));
  }

  bool get(std::string_view key, std::string& value) override { return get_with(read_, key, value); }

  void multi_get(std::span<const std::string_view> keys, std::vector<std::optional<std::string>>& values) override {
    leveldb::ReadOptions together;
    together.snapshot = database_.GetSnapshot();
    values.resize(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!values[i]) values[i].emplace();
      if (!get_with(together, keys[i], *values[i])) values[i].reset();
    }
    database_.ReleaseSnapshot(together.snapshot);
  }

  void scan(Direction direction, ScanCheck& check) override {
    const std::unique_ptr<leveldb::Iterator> at(database_.NewIterator(read_));
    sorted_table::scan(*at, direction, check);
    require(at->status());
  }

  void scan_from(std::string_view key, std::uint64_t count, ScanCheck& check) override {
    const std::unique_ptr<leveldb::Iterator> at(database_.NewIterator(read_));
    sorted_table::scan_from<leveldb::Slice>(*at, key, count, check);
    require(at->status());
  }

 protected:
  // Not a transaction: others may put between the gets and the puts, which are one batch.
  bool try_transact(ReadWrite& work) override {
    begin(KeyOrder::any);
    run(
        work, [&](std::string_view key, std::string& value) { return get(key, value); },
        [&](std::string_view key, std::string_view value) { put(key, value); });
    commit();
    return true;
  }

 private:
  bool get_with(const leveldb::ReadOptions& how, std::string_view key, std::string& value) {
    const leveldb::Status status = database_.Get(how, slice_of(key), &value);
    if (status.IsNotFound()) return false;
    require(status);
    return true;
  }

  leveldb::DB& database_;
  leveldb::ReadOptions read_;
  leveldb::WriteOptions write_;
  leveldb::WriteBatch batch_;
};

class LeveldbEngine final : public Engine {
 public:
  explicit LeveldbEngine(Settings settings) : settings_(settings) {}

  void open(const OpenOptions& options) override {
    promise_ = options.promise;
    leveldb::Options settings;
    settings.create_if_missing = true;
    if (settings_ == Settings::tuned) {
      cache_.reset(leveldb::NewLRUCache(options.cache_bytes));
      filter_.reset(leveldb::NewBloomFilterPolicy(10));
      settings.compression = leveldb::kNoCompression;
      settings.write_buffer_size = std::size_t{64} << 20;
      settings.block_cache = cache_.get();
      settings.filter_policy = filter_.get();
    }
    leveldb::DB* database = nullptr;
    require(leveldb::DB::Open(settings, options.folder, &database));
    database_.reset(database);
  }
  void close() override {
    flush();
    wait_for_compactions();
    database_.reset();
    cache_.reset();
    filter_.reset();
  }
  std::unique_ptr<Session> session() override { return std::make_unique<LeveldbSession>(*database_, promise_); }

  void bulk_load(const Source& source) override {
    constexpr std::uint64_t batch_rows = 1000;
    LeveldbSession loader(*database_, Promise::process);
    std::string_view key;
    std::string_view value;
    bool more = true;
    while (more) {
      loader.begin(KeyOrder::ascending);
      for (std::uint64_t i = 0; i < batch_rows && (more = source(key, value)); ++i) loader.put(key, value);
      loader.commit();
    }
    flush();
  }

 private:
  // Compacting a range behind all keys does the first half of its work only: the memory table becomes a synced file.
  void flush() {
    const leveldb::Slice from("~");
    const leveldb::Slice to("~~");
    database_->CompactRange(&from, &to);
  }

  // There is no call that tells; the statistics change with each compaction that ends.
  void wait_for_compactions() {
    std::string before;
    std::string now;
    do {
      before = now;
      os::sleep_us(200'000);
      database_->GetProperty("leveldb.stats", &now);
    } while (now != before);
  }

  Settings settings_;
  Promise promise_ = Promise::durable;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> database_;
};

}  // namespace

std::vector<EngineKind> leveldb_kinds() {
  const std::string version = std::to_string(leveldb::kMajorVersion) + "." + std::to_string(leveldb::kMinorVersion);
  const std::vector<Promise> both{Promise::durable, Promise::process};
  return {{"leveldb", "leveldb", version,
           "LRU cache 1 GiB, bloom filter 10 bits, no compression, write buffer 64 MiB, sync per write (durable) or "
           "not (process); bulk load in batches of 1000",
           Family::log_structured, Log::always, Transactions::none, Part::always, both,
           [] { return std::unique_ptr<Engine>(std::make_unique<LeveldbEngine>(Settings::tuned)); }},
          {"leveldb-default", "leveldb", version, "as shipped, sync per write (durable) or not (process)",
           Family::log_structured, Log::always, Transactions::none, Part::commits, both,
           [] { return std::unique_ptr<Engine>(std::make_unique<LeveldbEngine>(Settings::own)); }}};
}

}  // namespace quire::bench

#endif
