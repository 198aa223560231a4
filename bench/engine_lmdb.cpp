// LMDB as an engine of the benchmark.
//
// The read transaction and the cursor of a session are made once and renewed for every read, as LMDB's manual
// advises. Ascending imports and the bulk load, which is one transaction, use MDB_APPEND. Who promises less than durable
// sets MDB_NOSYNC; closing then syncs. The second kind writes through the map, with MDB_WRITEMAP.
#ifdef QUIRE_HAVE_LMDB

#include <lmdb.h>

#include <utility>

#include "bench/engine.hpp"

namespace quire::bench {

namespace {

constexpr std::size_t map_bytes = std::size_t{64} << 30;

void require(int code) {
  if (code != MDB_SUCCESS) throw BenchError(std::string("lmdb: ") + mdb_strerror(code));
}

// LMDB does not write through the pointers it is given for keys, nor for values without MDB_RESERVE.
MDB_val val_of(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

std::string_view view_of(const MDB_val& val) { return {static_cast<const char*>(val.mv_data), val.mv_size}; }

class LmdbSession final : public Session {
 public:
  LmdbSession(MDB_env* env, MDB_dbi table) : env_(env), table_(table) {}
  LmdbSession(const LmdbSession&) = delete;
  LmdbSession& operator=(const LmdbSession&) = delete;
  ~LmdbSession() override {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
    if (reader_ != nullptr) mdb_txn_abort(reader_);
    if (writer_ != nullptr) mdb_txn_abort(writer_);
  }

  void begin(KeyOrder order) override {
    require(mdb_txn_begin(env_, nullptr, 0, &writer_));
    flags_ = order == KeyOrder::ascending ? MDB_APPEND : 0;
  }
  void put(std::string_view key, std::string_view value) override {
    MDB_val k = val_of(key);
    MDB_val v = val_of(value);
    require(mdb_put(writer_, table_, &k, &v, flags_));
  }
  void commit() override { require(mdb_txn_commit(std::exchange(writer_, nullptr))); }
  void put_alone(std::string_view key, std::string_view value) override {
    begin(KeyOrder::any);
    put(key, value);
    commit();
  }

  bool get(std::string_view key, std::string& value) override {
    const Reading reading(*this);
    return find_in(reader_, key, value);
  }

  void multi_get(std::span<const std::string_view> keys, std::vector<std::optional<std::string>>& values) override {
    const Reading reading(*this);
    values.resize(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!values[i]) values[i].emplace();
      if (!find_in(reader_, keys[i], *values[i])) values[i].reset();
    }
  }

  void scan(Direction direction, ScanCheck& check) override {
    const Reading reading(*this);
    open_cursor();
    const bool forward = direction == Direction::forward;
    MDB_val k;
    MDB_val v;
    int code = mdb_cursor_get(cursor_, &k, &v, forward ? MDB_FIRST : MDB_LAST);
    for (; code == MDB_SUCCESS; code = mdb_cursor_get(cursor_, &k, &v, forward ? MDB_NEXT : MDB_PREV)) {
      check.add(view_of(k), view_of(v));
    }
    if (code != MDB_NOTFOUND) require(code);
  }

  void scan_from(std::string_view key, std::uint64_t count, ScanCheck& check) override {
    const Reading reading(*this);
    open_cursor();
    MDB_val k = val_of(key);
    MDB_val v;
    int code = mdb_cursor_get(cursor_, &k, &v, MDB_SET_RANGE);
    for (std::uint64_t seen = 0; code == MDB_SUCCESS; code = mdb_cursor_get(cursor_, &k, &v, MDB_NEXT)) {
      check.add(view_of(k), view_of(v));
      if (++seen == count) return;
    }
    if (code != MDB_NOTFOUND) require(code);
  }

 protected:
  bool try_transact(ReadWrite& work) override {
    begin(KeyOrder::any);
    run(
        work, [&](std::string_view key, std::string& value) { return find_in(writer_, key, value); },
        [&](std::string_view key, std::string_view value) { put(key, value); });
    commit();
    return true;
  }

 private:
  // A read transaction while this lives.
  class Reading {
   public:
    explicit Reading(LmdbSession& session) : session_(session) {
      if (session.reader_ == nullptr) {
        require(mdb_txn_begin(session.env_, nullptr, MDB_RDONLY, &session.reader_));
      } else {
        require(mdb_txn_renew(session.reader_));
      }
    }
    ~Reading() { mdb_txn_reset(session_.reader_); }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

   private:
    LmdbSession& session_;
  };

  bool find_in(MDB_txn* transaction, std::string_view key, std::string& value) {
    MDB_val k = val_of(key);
    MDB_val v;
    const int code = mdb_get(transaction, table_, &k, &v);
    if (code == MDB_NOTFOUND) return false;
    require(code);
    value.assign(view_of(v));
    return true;
  }

  void open_cursor() {
    if (cursor_ == nullptr) {
      require(mdb_cursor_open(reader_, table_, &cursor_));
    } else {
      require(mdb_cursor_renew(reader_, cursor_));
    }
  }

  MDB_env* env_;
  MDB_dbi table_;
  MDB_txn* writer_ = nullptr;
  MDB_txn* reader_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
  unsigned flags_ = 0;
};

class LmdbEngine final : public Engine {
 public:
  // `flags` are added to those that the options ask for.
  explicit LmdbEngine(unsigned flags) : flags_(flags) {}
  LmdbEngine(const LmdbEngine&) = delete;
  LmdbEngine& operator=(const LmdbEngine&) = delete;
  ~LmdbEngine() override {
    if (env_ != nullptr) mdb_env_close(env_);
  }

  void open(const OpenOptions& options) override {
    unsigned flags = flags_;
    if (options.promise != Promise::durable) flags |= MDB_NOSYNC;
    if (!options.read_ahead) flags |= MDB_NORDAHEAD;
    require(mdb_env_create(&env_));
    require(mdb_env_set_mapsize(env_, map_bytes));
    require(mdb_env_open(env_, options.folder.c_str(), flags, 0644));
    MDB_txn* txn = nullptr;
    require(mdb_txn_begin(env_, nullptr, 0, &txn));
    require(mdb_dbi_open(txn, nullptr, 0, &table_));
    require(mdb_txn_commit(txn));
  }
  void close() override {
    require(mdb_env_sync(env_, 1));
    mdb_env_close(std::exchange(env_, nullptr));
  }
  std::unique_ptr<Session> session() override { return std::make_unique<LmdbSession>(env_, table_); }

 private:
  unsigned flags_;
  MDB_env* env_ = nullptr;
  MDB_dbi table_ = 0;
};

}  // namespace

std::vector<EngineKind> lmdb_kinds() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  mdb_version(&major, &minor, &patch);
  const std::string version = std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  const std::vector<Promise> promises{Promise::durable, Promise::process};
  return {
      {"lmdb", "lmdb", version,
       "64 GiB map; default flags (durable), MDB_NOSYNC (process); MDB_APPEND in sequential imports and the bulk "
       "load; read transaction renewed; MDB_NORDAHEAD where the data is larger than memory",
       Family::b_tree, Log::never, Transactions::always, Part::always, promises,
       [] { return std::unique_ptr<Engine>(std::make_unique<LmdbEngine>(0)); }},
      {"lmdb-writemap", "lmdb", version, "the same with MDB_WRITEMAP", Family::b_tree, Log::never, Transactions::always,
       Part::commits, promises, [] { return std::unique_ptr<Engine>(std::make_unique<LmdbEngine>(MDB_WRITEMAP)); }}};
}

}  // namespace quire::bench

#endif
