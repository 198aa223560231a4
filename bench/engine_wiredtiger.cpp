// WiredTiger as an engine of the benchmark.
//
// Cache of the size asked for, log on, a checkpoint every 60 s or 2 GB of log; or the log alone and all else as shipped.
// Durable is transaction_sync with method fsync, process is method none: the log is written to the system at commit. Lazy
// is a log that is written when its buffer is full or its server comes by. The table is as shipped: a row
// store, leaves of 32 KiB, no compression. A bulk load uses a bulk cursor and ends with a checkpoint. Read-write
// transactions have snapshot isolation, the strongest that there is.
#ifdef QUIRE_HAVE_WIREDTIGER

#include <wiredtiger.h>

#include <utility>

#include "bench/engine.hpp"

namespace quire::bench {

namespace {

constexpr char table_name[] = "table:kv";

enum class Settings : std::uint8_t { tuned, own };

std::string settings_text(const OpenOptions& options, Settings settings) {
  std::string text = "create,log=(enabled=true)";
  if (settings == Settings::tuned) {
    text += ",checkpoint=(wait=60,log_size=2GB),cache_size=" + std::to_string(options.cache_bytes);
  }
  switch (options.promise) {
    case Promise::durable: return text + ",transaction_sync=(enabled=true,method=fsync)";
    case Promise::process: return text + ",transaction_sync=(enabled=true,method=none)";
    // Said, because what a database was made with holds where nothing is said.
    case Promise::lazy: return text + ",transaction_sync=(enabled=false)";
  }
  return text;
}

void require(int code) {
  if (code != 0) throw BenchError(std::string("wiredtiger: ") + wiredtiger_strerror(code));
}

WT_ITEM item_of(std::string_view bytes) {
  WT_ITEM item{};
  item.data = bytes.data();
  item.size = bytes.size();
  return item;
}

std::string_view view_of(const WT_ITEM& item) { return {static_cast<const char*>(item.data), item.size}; }

class WiredtigerSession final : public Session {
 public:
  explicit WiredtigerSession(WT_CONNECTION* connection) {
    require(connection->open_session(connection, nullptr, nullptr, &session_));
    require(session_->open_cursor(session_, table_name, nullptr, nullptr, &cursor_));
  }
  WiredtigerSession(const WiredtigerSession&) = delete;
  WiredtigerSession& operator=(const WiredtigerSession&) = delete;
  ~WiredtigerSession() override { session_->close(session_, nullptr); }

  void begin(KeyOrder /*order*/) override { require(session_->begin_transaction(session_, nullptr)); }
  void put(std::string_view key, std::string_view value) override { require(insert(key, value)); }
  void commit() override { require(session_->commit_transaction(session_, nullptr)); }
  void put_alone(std::string_view key, std::string_view value) override { put(key, value); }

  bool get(std::string_view key, std::string& value) override {
    const bool found = search(key, value);
    require(cursor_->reset(cursor_));
    return found;
  }

  void multi_get(std::span<const std::string_view> keys, std::vector<std::optional<std::string>>& values) override {
    require(session_->begin_transaction(session_, nullptr));
    values.resize(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!values[i]) values[i].emplace();
      if (!search(keys[i], *values[i])) values[i].reset();
    }
    require(cursor_->reset(cursor_));
    require(session_->commit_transaction(session_, nullptr));
  }

  void scan(Direction direction, ScanCheck& check) override {
    const auto step = direction == Direction::forward ? cursor_->next : cursor_->prev;
    int code = 0;
    while ((code = step(cursor_)) == 0) show(check);
    if (code != WT_NOTFOUND) require(code);
    require(cursor_->reset(cursor_));
  }

  void scan_from(std::string_view key, std::uint64_t count, ScanCheck& check) override {
    const WT_ITEM k = item_of(key);
    int side = 0;
    cursor_->set_key(cursor_, &k);
    int code = cursor_->search_near(cursor_, &side);
    if (code == 0 && side < 0) code = cursor_->next(cursor_);
    for (std::uint64_t seen = 0; code == 0; code = cursor_->next(cursor_)) {
      show(check);
      if (++seen == count) break;
    }
    if (code != WT_NOTFOUND) require(code);
    require(cursor_->reset(cursor_));
  }

 protected:
  bool try_transact(ReadWrite& work) override {
    require(session_->begin_transaction(session_, "isolation=snapshot"));
    int code = 0;
    for (std::size_t i = 0; i < work.gets.size() && code == 0; ++i) code = find(work.gets[i], work.got[i]);
    if (code == 0) work.between();
    for (std::size_t i = 0; i < work.puts.size() && code == 0; ++i) code = insert(work.puts[i], work.values[i]);
    if (code == 0)
      code = session_->commit_transaction(session_, nullptr);  // takes everything back when it fails
    else
      require(session_->rollback_transaction(session_, nullptr));
    if (code == WT_ROLLBACK) return false;
    require(code);
    return true;
  }

 private:
  bool search(std::string_view key, std::string& value) {
    const int code = find(key, value);
    if (code == WT_NOTFOUND) return false;
    require(code);
    return true;
  }

  int find(std::string_view key, std::string& value) {
    const WT_ITEM k = item_of(key);
    cursor_->set_key(cursor_, &k);
    const int code = cursor_->search(cursor_);
    if (code != 0) return code;
    WT_ITEM v;
    require(cursor_->get_value(cursor_, &v));
    value.assign(view_of(v));
    return 0;
  }

  int insert(std::string_view key, std::string_view value) {
    const WT_ITEM k = item_of(key);
    const WT_ITEM v = item_of(value);
    cursor_->set_key(cursor_, &k);
    cursor_->set_value(cursor_, &v);
    return cursor_->insert(cursor_);
  }

  void show(ScanCheck& check) {
    WT_ITEM k;
    WT_ITEM v;
    require(cursor_->get_key(cursor_, &k));
    require(cursor_->get_value(cursor_, &v));
    check.add(view_of(k), view_of(v));
  }

  WT_SESSION* session_ = nullptr;
  WT_CURSOR* cursor_ = nullptr;
};

class WiredtigerEngine final : public Engine {
 public:
  explicit WiredtigerEngine(Settings settings) : settings_(settings) {}
  WiredtigerEngine(const WiredtigerEngine&) = delete;
  WiredtigerEngine& operator=(const WiredtigerEngine&) = delete;
  ~WiredtigerEngine() override {
    if (connection_ != nullptr) connection_->close(connection_, nullptr);
  }

  void open(const OpenOptions& options) override {
    const std::string settings = settings_text(options, settings_);
    require(wiredtiger_open(options.folder.c_str(), nullptr, settings.c_str(), &connection_));
    with_session(
        [](WT_SESSION* session) { require(session->create(session, table_name, "key_format=u,value_format=u")); });
  }
  void close() override { require(connection_->close(std::exchange(connection_, nullptr), nullptr)); }
  std::unique_ptr<Session> session() override { return std::make_unique<WiredtigerSession>(connection_); }

  void bulk_load(const Source& source) override {
    with_session([&](WT_SESSION* session) {
      WT_CURSOR* cursor = nullptr;
      require(session->open_cursor(session, table_name, nullptr, "bulk", &cursor));
      std::string_view key;
      std::string_view value;
      while (source(key, value)) {
        const WT_ITEM k = item_of(key);
        const WT_ITEM v = item_of(value);
        cursor->set_key(cursor, &k);
        cursor->set_value(cursor, &v);
        require(cursor->insert(cursor));
      }
      require(cursor->close(cursor));
      require(session->checkpoint(session, nullptr));
    });
  }

 private:
  template <class Fn>
  void with_session(Fn&& fn) {
    WT_SESSION* session = nullptr;
    require(connection_->open_session(connection_, nullptr, nullptr, &session));
    fn(session);
    require(session->close(session, nullptr));
  }

  Settings settings_;
  WT_CONNECTION* connection_ = nullptr;
};

}  // namespace

std::vector<EngineKind> wiredtiger_kinds() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  wiredtiger_version(&major, &minor, &patch);
  const std::string version = std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  const std::vector<Promise> all(all_promises.begin(), all_promises.end());
  return {
      {"wiredtiger", "wiredtiger", version,
       "cache 1 GiB, log on, checkpoint every 60 s or 2 GB of log, transaction_sync fsync (durable), none (process) "
       "or off (lazy); row store as shipped; bulk load with a bulk cursor and a checkpoint",
       Family::b_tree, Log::always, Transactions::always, Part::always, all,
       [] { return std::unique_ptr<Engine>(std::make_unique<WiredtigerEngine>(Settings::tuned)); }},
      {"wiredtiger-default", "wiredtiger", version, "log on, transaction_sync as above, all else as shipped",
       Family::b_tree, Log::always, Transactions::always, Part::full, all,
       [] { return std::unique_ptr<Engine>(std::make_unique<WiredtigerEngine>(Settings::own)); }}};
}

}  // namespace quire::bench

#endif
