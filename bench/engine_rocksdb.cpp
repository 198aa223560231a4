// RocksDB as an engine of the benchmark.
//
// Block cache of the size asked for, bloom filters of 10 bits, no compression, write buffer 64 MiB, log on; or all that as
// shipped. Durable is sync per write; who promises less leaves the log to the system. A bulk load writes a sorted table file and ingests it. Who
// asks for transactions gets a TransactionDB, whose gets take shared locks and whose deadlocks are found at once. Closing
// flushes and waits until compactions rest, so that they do not run into other rows; none is asked for.
#ifdef QUIRE_HAVE_ROCKSDB

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/transaction_db.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

#include "bench/sorted_table.hpp"
#include "os/sync.hpp"

namespace quire::bench {

namespace {

void require(const rocksdb::Status& status) {
  if (!status.ok()) throw BenchError("rocksdb: " + status.ToString());
}

rocksdb::Slice slice_of(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

enum class Settings : std::uint8_t { tuned, own };

rocksdb::Options settings_of(const OpenOptions& options, Settings chosen) {
  rocksdb::Options settings;
  settings.create_if_missing = true;
  if (chosen == Settings::own) return settings;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  settings.compression = rocksdb::kNoCompression;
  settings.write_buffer_size = std::size_t{64} << 20;
  settings.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return settings;
}

class RocksdbSession final : public Session {
 public:
  // `locking` is null or the same database.
  RocksdbSession(rocksdb::DB& database, rocksdb::TransactionDB* locking, Promise promise)
      : database_(database), locking_(locking) {
    write_.sync = promise == Promise::durable;
  }

  void begin(KeyOrder /*order*/) override { batch_.Clear(); }
  void put(std::string_view key, std::string_view value) override {
    require(batch_.Put(slice_of(key), slice_of(value)));
  }
  void commit() override { require(database_.Write(write_, &batch_)); }
  void put_alone(std::string_view key, std::string_view value) override {
    require(database_.Put(write_, slice_of(key), slice_of(value)));
  }

  bool get(std::string_view key, std::string& value) override {
    pinned_.Reset();
    const rocksdb::Status status = database_.Get(read_, database_.DefaultColumnFamily(), slice_of(key), &pinned_);
    if (status.IsNotFound()) return false;
    require(status);
    value.assign(pinned_.data(), pinned_.size());
    return true;
  }

  void multi_get(std::span<const std::string_view> keys, std::vector<std::optional<std::string>>& values) override {
    keys_.clear();
    for (const std::string_view key : keys) keys_.push_back(slice_of(key));
    many_.resize(keys.size());
    states_.resize(keys.size());
    values.resize(keys.size());
    for (rocksdb::PinnableSlice& one : many_) one.Reset();
    database_.MultiGet(read_, database_.DefaultColumnFamily(), keys.size(), keys_.data(), many_.data(), states_.data());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (states_[i].IsNotFound()) {
        values[i].reset();
        continue;
      }
      require(states_[i]);
      if (!values[i]) values[i].emplace();
      values[i]->assign(many_[i].data(), many_[i].size());
    }
  }

  void scan(Direction direction, ScanCheck& check) override {
    const std::unique_ptr<rocksdb::Iterator> at(database_.NewIterator(read_));
    sorted_table::scan(*at, direction, check);
    require(at->status());
  }

  void scan_from(std::string_view key, std::uint64_t count, ScanCheck& check) override {
    const std::unique_ptr<rocksdb::Iterator> at(database_.NewIterator(read_));
    sorted_table::scan_from<rocksdb::Slice>(*at, key, count, check);
    require(at->status());
  }

 protected:
  bool try_transact(ReadWrite& work) override { return locking_ != nullptr ? try_locked(work) : run_batch(work); }

 private:
  // Not a transaction: others may put between the gets and the puts, which are one batch.
  bool run_batch(ReadWrite& work) {
    begin(KeyOrder::any);
    run(
        work, [&](std::string_view key, std::string& value) { return get(key, value); },
        [&](std::string_view key, std::string_view value) { put(key, value); });
    commit();
    return true;
  }

  bool try_locked(ReadWrite& work) {
    rocksdb::TransactionOptions how;
    how.deadlock_detect = true;
    transaction_.reset(locking_->BeginTransaction(write_, how, transaction_.release()));
    rocksdb::Status status;
    for (std::size_t i = 0; i < work.gets.size() && status.ok(); ++i) {
      status = transaction_->GetForUpdate(read_, slice_of(work.gets[i]), &work.got[i], /*exclusive=*/false);
    }
    if (status.ok()) work.between();
    for (std::size_t i = 0; i < work.puts.size() && status.ok(); ++i) {
      status = transaction_->Put(slice_of(work.puts[i]), slice_of(work.values[i]));
    }
    if (status.ok()) status = transaction_->Commit();
    if (status.ok()) return true;
    require(transaction_->Rollback());
    if (!status.IsBusy() && !status.IsTimedOut() && !status.IsTryAgain()) require(status);
    return false;
  }

  rocksdb::DB& database_;
  rocksdb::TransactionDB* locking_;
  std::unique_ptr<rocksdb::Transaction> transaction_;  // used again and again
  rocksdb::ReadOptions read_;
  rocksdb::WriteOptions write_;
  rocksdb::WriteBatch batch_;
  rocksdb::PinnableSlice pinned_;
  std::vector<rocksdb::Slice> keys_;
  std::vector<rocksdb::PinnableSlice> many_;
  std::vector<rocksdb::Status> states_;
};

class RocksdbEngine final : public Engine {
 public:
  explicit RocksdbEngine(Settings settings) : settings_(settings) {}

  void open(const OpenOptions& options) override {
    options_ = options;
    const rocksdb::Options settings = settings_of(options, settings_);
    rocksdb::DB* database = nullptr;
    if (options.transactions) {
      require(rocksdb::TransactionDB::Open(settings, rocksdb::TransactionDBOptions(), options.folder, &locking_));
      database = locking_;
    } else {
      require(rocksdb::DB::Open(settings, options.folder, &database));
    }
    database_.reset(database);
  }
  void close() override {
    require(database_->Flush(rocksdb::FlushOptions()));
    while (is_busy()) os::sleep_us(20'000);
    require(database_->Close());
    database_.reset();
    locking_ = nullptr;
  }
  std::unique_ptr<Session> session() override {
    return std::make_unique<RocksdbSession>(*database_, locking_, options_.promise);
  }

  void bulk_load(const Source& source) override {
    const std::string path = options_.folder + "/bulk.sst";
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), settings_of(options_, settings_));
    require(writer.Open(path));
    std::string_view key;
    std::string_view value;
    while (source(key, value)) require(writer.Put(slice_of(key), slice_of(value)));
    require(writer.Finish());
    rocksdb::IngestExternalFileOptions how;
    how.move_files = true;
    require(database_->IngestExternalFile({path}, how));
  }

 private:
  bool is_busy() {
    for (const char* name :
         {"rocksdb.num-running-compactions", "rocksdb.compaction-pending", "rocksdb.num-running-flushes"}) {
      std::uint64_t number = 0;
      if (database_->GetIntProperty(name, &number) && number != 0) return true;
    }
    return false;
  }

  Settings settings_;
  OpenOptions options_;
  std::unique_ptr<rocksdb::DB> database_;
  rocksdb::TransactionDB* locking_ = nullptr;  // the same when it was opened for transactions
};

}  // namespace

std::vector<EngineKind> rocksdb_kinds() {
  const std::string version =
      std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR) + "." + std::to_string(ROCKSDB_PATCH);
  const std::vector<Promise> both{Promise::durable, Promise::process};
  return {{"rocksdb", "rocksdb", version,
           "LRU block cache 1 GiB, bloom filter 10 bits, no compression, write buffer 64 MiB, log on, sync per write "
           "(durable) or not (process); bulk load ingests a table file; TransactionDB for read-write transactions",
           Family::log_structured, Log::always, Transactions::if_opened_for_them, Part::always, both,
           [] { return std::unique_ptr<Engine>(std::make_unique<RocksdbEngine>(Settings::tuned)); }},
          {"rocksdb-default", "rocksdb", version, "as shipped, sync per write (durable) or not (process)",
           Family::log_structured, Log::always, Transactions::if_opened_for_them, Part::full, both,
           [] { return std::unique_ptr<Engine>(std::make_unique<RocksdbEngine>(Settings::own)); }}};
}

}  // namespace quire::bench

#endif
