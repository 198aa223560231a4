// SQLite as an engine of the benchmark, with tuned settings and with its own.
//
// The table is WITHOUT ROWID, so that it is one B-tree of the keys. One connection per session, statements
// prepared once. WAL in both settings; synchronous FULL is durable, OFF what promises less. Writers queue at a mutex: a
// connection that finds the file locked would sleep and try again.
#ifdef QUIRE_HAVE_SQLITE

#include <sqlite3.h>

#include <mutex>

#include "bench/engine.hpp"

namespace quire::bench {

namespace {

enum class Settings : std::uint8_t { tuned, own };

constexpr int busy_timeout_ms = 60'000;

// Some moments of the log's life answer busy at once, whatever the timeout: then again, for as long as the timeout would.
template <class Call>
int patiently(Call&& call) {
  for (int waited_ms = 0;; ++waited_ms) {
    const int code = call();
    if ((code & 0xFF) != SQLITE_BUSY || waited_ms >= busy_timeout_ms) return code;
    sqlite3_sleep(1);
  }
}

class Connection {
 public:
  explicit Connection(const std::string& path) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    require(sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr));
  }
  ~Connection() { sqlite3_close_v2(handle_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void require(int code) const {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
    throw BenchError(std::string("sqlite: ") + (handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code)));
  }
  void run(const char* sql) const {
    require(patiently([&] { return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr); }));
  }

  void prepare(Settings settings, Promise promise, std::uint64_t cache_bytes) const {
    require(sqlite3_busy_timeout(handle_, busy_timeout_ms));
    run("PRAGMA page_size = 4096");
    run("PRAGMA journal_mode = WAL");
    run(promise == Promise::durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
    if (settings == Settings::tuned) {
      run(("PRAGMA cache_size = -" + std::to_string(cache_bytes >> 10)).c_str());
      run("PRAGMA secure_delete = OFF");
      run("PRAGMA wal_autocheckpoint = 16384");
    }
  }

  sqlite3* handle() const noexcept { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

class Statement {
 public:
  Statement(const Connection& connection, const char* sql) : connection_(connection) {
    connection.require(sqlite3_prepare_v3(connection.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr));
  }
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int parameter, std::string_view bytes) {
    connection_.require(
        sqlite3_bind_blob(handle_, parameter, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC));
  }
  void bind(int parameter, std::int64_t number) { connection_.require(sqlite3_bind_int64(handle_, parameter, number)); }
  // True when there is a row.
  bool step() {
    const int code = patiently([&] { return sqlite3_step(handle_); });
    connection_.require(code);
    return code == SQLITE_ROW;
  }
  void reset() { connection_.require(sqlite3_reset(handle_)); }
  void run() {
    step();
    reset();
  }
  std::string_view column(int index) {
    const void* bytes = sqlite3_column_blob(handle_, index);
    return {static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(handle_, index))};
  }

 private:
  const Connection& connection_;
  sqlite3_stmt* handle_ = nullptr;
};

class SqliteSession final : public Session {
 public:
  SqliteSession(const std::string& path, Settings settings, Promise promise, std::uint64_t cache_bytes,
                std::mutex& writing)
      : connection_(path), writing_(writing) {
    connection_.prepare(settings, promise, cache_bytes);
  }

  void begin(KeyOrder /*order*/) override { begin_.run(); }
  void put(std::string_view key, std::string_view value) override {
    put_.bind(1, key);
    put_.bind(2, value);
    put_.run();
  }
  void commit() override { commit_.run(); }
  void put_alone(std::string_view key, std::string_view value) override {
    const std::lock_guard lock(writing_);
    put(key, value);
  }

  bool get(std::string_view key, std::string& value) override {
    get_.bind(1, key);
    const bool found = get_.step();
    if (found) value.assign(get_.column(0));
    get_.reset();
    return found;
  }

  void multi_get(std::span<const std::string_view> keys, std::vector<std::optional<std::string>>& values) override {
    read_.run();
    values.resize(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!values[i]) values[i].emplace();
      if (!get(keys[i], *values[i])) values[i].reset();
    }
    commit_.run();
  }

  void scan(Direction direction, ScanCheck& check) override {
    Statement& statement = direction == Direction::forward ? forward_ : reverse_;
    while (statement.step()) check.add(statement.column(0), statement.column(1));
    statement.reset();
  }

  void scan_from(std::string_view key, std::uint64_t count, ScanCheck& check) override {
    range_.bind(1, key);
    range_.bind(2, static_cast<std::int64_t>(count));
    while (range_.step()) check.add(range_.column(0), range_.column(1));
    range_.reset();
  }

 protected:
  bool try_transact(ReadWrite& work) override {
    const std::lock_guard lock(writing_);
    begin_.run();
    run(
        work, [&](std::string_view key, std::string& value) { return get(key, value); },
        [&](std::string_view key, std::string_view value) { put(key, value); });
    commit_.run();
    return true;
  }

 private:
  Connection connection_;
  std::mutex& writing_;
  Statement begin_{connection_, "BEGIN IMMEDIATE"};
  Statement read_{connection_, "BEGIN"};
  Statement commit_{connection_, "COMMIT"};
  Statement put_{connection_, "INSERT INTO kv VALUES (?1, ?2) ON CONFLICT (k) DO UPDATE SET v = excluded.v"};
  Statement get_{connection_, "SELECT v FROM kv WHERE k = ?1"};
  Statement forward_{connection_, "SELECT k, v FROM kv ORDER BY k"};
  Statement reverse_{connection_, "SELECT k, v FROM kv ORDER BY k DESC"};
  Statement range_{connection_, "SELECT k, v FROM kv WHERE k >= ?1 ORDER BY k LIMIT ?2"};
};

class SqliteEngine final : public Engine {
 public:
  explicit SqliteEngine(Settings settings) : settings_(settings) {}

  void open(const OpenOptions& options) override {
    path_ = options.folder + "/sqlite.db";
    promise_ = options.promise;
    // Each connection has a cache of its own. One of 1 GiB holds everything; smaller ones share what there is.
    cache_bytes_ = options.cache_bytes / options.sessions;
    const Connection connection(path_);
    connection.prepare(settings_, promise_, cache_bytes_);
    connection.run("CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID");
  }
  void close() override {
    const Connection connection(path_);
    connection.prepare(settings_, Promise::durable, cache_bytes_);
    connection.run("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  std::unique_ptr<Session> session() override {
    // Setting the journal mode fails without waiting when two connections that open do it at once.
    const std::lock_guard lock(writing_);
    return std::make_unique<SqliteSession>(path_, settings_, promise_, cache_bytes_, writing_);
  }

 private:
  Settings settings_;
  Promise promise_ = Promise::durable;
  std::uint64_t cache_bytes_ = 0;
  std::string path_;
  std::mutex writing_;
};

}  // namespace

std::vector<EngineKind> sqlite_kinds() {
  const std::vector<Promise> both{Promise::durable, Promise::process};
  return {{"sqlite", "sqlite", sqlite3_libversion(),
           "WAL, synchronous FULL (durable) or OFF (process), cache_size 1 GiB, secure_delete off, wal_autocheckpoint "
           "64 MiB, NOMUTEX; bulk load in one transaction",
           Family::b_tree, Log::always, Transactions::always, Part::always, both,
           [] { return std::unique_ptr<Engine>(std::make_unique<SqliteEngine>(Settings::tuned)); }},
          {"sqlite-default", "sqlite", sqlite3_libversion(),
           "WAL, synchronous FULL (durable) or OFF (process), NOMUTEX; cache, checkpoint and secure_delete as shipped",
           Family::b_tree, Log::always, Transactions::always, Part::full, both,
           [] { return std::unique_ptr<Engine>(std::make_unique<SqliteEngine>(Settings::own)); }}};
}

}  // namespace quire::bench

#endif
