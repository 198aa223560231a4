// Database and Keyspace: the public handles.
//
// Calls that only read make a Visit; calls that change something make a transaction of their own. All the work is done
// by the layers below.
#include "quire/database.hpp"

#include "base/contain.hpp"
#include "base/try.hpp"
#include "btree/verify.hpp"
#include "engine/registry.hpp"
#include "kv/open.hpp"
#include "kv/state.hpp"
#include "os/mem/mem_file_system.hpp"

namespace quire {

using kv::DatabaseState;
using kv::TransactionState;
using kv::Visit;

namespace {

constexpr std::uint64_t us_per_ms = 1000;
constexpr std::uint32_t doublings_max = 20;

Result<std::shared_ptr<DatabaseState>> open_state(os::Environment& environment, const std::string& path, const Options& options) {
  auto state = std::make_shared<DatabaseState>();
  QUIRE_ASSIGN(state->engine, engine::open_shared(environment, path, options));
  state->read_only = options.mode == Mode::read_only;
  state->lock_timeout_us = options.lock_timeout_ms * us_per_ms;
  state->isolation = options.isolation;
  return state;
}

}  // namespace

// ---- Database

Database::Database(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const std::string& path, const Options& options) {
  return kv::open_database(os::system_environment(), path, options);
}

Result<Database> Database::open_in_memory(const Options& options) {
  return contain_no_memory([&]() -> Result<Database> {
    auto files = std::make_unique<os::MemFileSystem>();
    os::Environment& system = os::system_environment();
    auto environment = std::make_unique<os::Environment>(os::Environment{*files, system.clock, system.entropy, false, false});
    Options in_memory = options;
    in_memory.mode = Mode::create;
    QUIRE_ASSIGN(std::shared_ptr<DatabaseState> state, open_state(*environment, "/memory.qdb", in_memory));
    state->own_files = std::move(files);
    state->own_environment = std::move(environment);
    return Database(std::make_shared<Impl>(Impl{std::move(state)}));
  });
}

Status Database::close() {
  return contain_no_memory([&] { return impl_->state->close(); });
}

Result<Transaction> Database::begin(Access access) { return begin(TransactionOptions{.access = access}); }

Result<Transaction> Database::begin(const TransactionOptions& options) {
  return contain_no_memory([&]() -> Result<Transaction> {
    QUIRE_ASSIGN(std::shared_ptr<TransactionState> state, TransactionState::begin(impl_->state, options));
    return Transaction(std::make_unique<Transaction::Impl>(Transaction::Impl{std::move(state)}));
  });
}

bool Database::wait_to_retry(const Status& status, std::uint32_t attempt, const RetryOptions& options) {
  if (status != Code::deadlock && status != Code::conflict && status != Code::timeout && status != Code::busy) return false;
  const std::uint64_t longest = std::uint64_t{options.longest_delay_ms} * us_per_ms;
  const std::uint64_t doubled = std::uint64_t{options.first_delay_ms} * us_per_ms << std::min(attempt - 1, doublings_max);
  const std::uint64_t delay = std::min(longest, doubled);
  // Those who met each other should not meet again: half of it, and up to as much again.
  os::sleep_us(delay / 2 + os::system_environment().entropy.next() % (delay / 2 + 1));
  return true;
}

Result<Keyspace> Database::keyspace(std::string_view name) const {
  return contain_no_memory([&]() -> Result<Keyspace> {
    QUIRE_ASSIGN(const Visit visit, Visit::begin(*impl_->state));
    QUIRE_TRY(visit.find(name).status());
    auto impl = std::make_shared<Keyspace::Impl>();
    impl->database = impl_->state;
    impl->name = name;
    return Keyspace(std::move(impl));
  });
}

Status Database::create_keyspace(std::string_view name, const Schema& schema) {
  return update([&](Transaction& tx) { return tx.create_keyspace(name, schema); });
}

Status Database::drop_keyspace(std::string_view name) {
  return update([&](Transaction& tx) { return tx.drop_keyspace(name); });
}

Result<std::vector<KeyspaceInfo>> Database::keyspaces() const {
  return contain_no_memory([&]() -> Result<std::vector<KeyspaceInfo>> {
    QUIRE_ASSIGN(std::shared_ptr<TransactionState> state, TransactionState::begin(impl_->state, {.access = Access::read}));
    Transaction tx(std::make_unique<Transaction::Impl>(Transaction::Impl{std::move(state)}));
    return tx.keyspaces();
  });
}

std::size_t Database::key_bytes_max() const noexcept {
  const Result<Visit> visit = Visit::begin(*impl_->state);
  return visit.ok() ? btree::key_bytes_max(visit->engine().page_bytes()) : 0;
}

Result<VerifyReport> Database::verify() const {
  return contain_no_memory([&]() -> Result<VerifyReport> {
    QUIRE_ASSIGN(const Visit visit, Visit::begin(*impl_->state));
    return contain_no_memory([&] { return visit.engine().verify(impl_->state->lock_timeout_us); }, [&]() noexcept { visit.engine().poison(); });
  });
}

Status Database::checkpoint() {
  return contain_no_memory([&]() -> Status {
    QUIRE_ASSIGN(const Visit visit, Visit::begin(*impl_->state));
    return contain_no_memory([&] { return visit.engine().checkpoint(); }, [&]() noexcept { visit.engine().poison(); });
  });
}

Status Database::bulk_load(std::string_view keyspace, const std::function<bool(Entry&)>& next) {
  return update([&](Transaction& tx) {
    return tx.bulk_load(keyspace, [&](Entry& row) -> Result<bool> { return next(row); }).status();
  });
}

Status Database::backup(const std::string& path) const {
  return contain_no_memory([&]() -> Status {
    QUIRE_ASSIGN(const Visit visit, Visit::begin(*impl_->state));
    return visit.engine().backup(path);
  });
}

Result<RestoreReport> Database::restore(const std::string& backup, const std::string& archive_dir, const std::string& target,
                                        const RestorePoint& point) {
  return contain_no_memory([&] { return engine::Engine::restore(os::system_environment(), backup, archive_dir, target, point); });
}

Status Database::compact() {
  return contain_no_memory([&]() -> Status {
    QUIRE_ASSIGN(const Visit visit, Visit::begin(*impl_->state));
    return contain_no_memory([&] { return visit.engine().compact(); }, [&]() noexcept { visit.engine().poison(); });
  });
}

Result<Statistics> Database::statistics() const {
  return contain_no_memory([&]() -> Result<Statistics> {
    QUIRE_ASSIGN(const Visit visit, Visit::begin(*impl_->state));
    return visit.engine().statistics();
  });
}

Result<std::vector<TransactionInfo>> Database::transactions() const {
  return contain_no_memory([&]() -> Result<std::vector<TransactionInfo>> {
    QUIRE_ASSIGN(const Visit visit, Visit::begin(*impl_->state));
    return visit.engine().transactions();
  });
}

Result<std::vector<LockInfo>> Database::locks() const {
  return contain_no_memory([&]() -> Result<std::vector<LockInfo>> {
    QUIRE_ASSIGN(const Visit visit, Visit::begin(*impl_->state));
    return visit.engine().locks_and_waits();
  });
}

Result<std::vector<SnapshotInfo>> Database::snapshots() const {
  return contain_no_memory([&]() -> Result<std::vector<SnapshotInfo>> {
    QUIRE_ASSIGN(const Visit visit, Visit::begin(*impl_->state));
    return visit.engine().registered_snapshots();
  });
}

Result<TreeStatistics> Database::tree_statistics(std::string_view keyspace) const {
  return contain_no_memory([&]() -> Result<TreeStatistics> {
    QUIRE_ASSIGN(const Visit visit, Visit::begin(*impl_->state));
    TreeStatistics s;
    QUIRE_TRY(visit.engine().undisturbed(impl_->state->lock_timeout_us, [&]() -> Status {
      QUIRE_ASSIGN(const catalog::KeyspaceRecord record, visit.find(keyspace));
      QUIRE_ASSIGN(const btree::Survey survey, btree::survey(visit.engine().tree(record), {.read_large_values = false}));
      s = btree::statistics_of(survey);
      return Status();
    }));
    s.keyspace = keyspace;
    return s;
  });
}

namespace kv {

Result<Database> open_database(os::Environment& environment, const std::string& path, const Options& options) {
  return contain_no_memory([&]() -> Result<Database> {
    QUIRE_ASSIGN(std::shared_ptr<DatabaseState> state, open_state(environment, path, options));
    return Database(std::make_shared<Database::Impl>(Database::Impl{std::move(state)}));
  });
}

}  // namespace kv

// ---- Keyspace

Keyspace::Keyspace(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

const std::string& Keyspace::name() const noexcept { return impl_->name; }

Result<Keyspace::Impl::Place> Keyspace::Impl::place(const Visit& visit) {
  const std::uint64_t version = visit.engine().catalog_version();
  const Place* known = place_.load(acquire);
  if (known != nullptr && known->version == version) return *known;
  QUIRE_ASSIGN(const catalog::KeyspaceRecord record, visit.find(name));
  auto fresh = std::make_unique<Place>(Place{version, record.tree, record.root});
  const Place found = *fresh;
  os::Lock lock(places_mutex_);
  places_.push_back(std::move(fresh));
  place_.store(places_.back().get(), release);
  return found;
}

// One read of what is committed now. It needs no snapshot of its own unless it meets a row that is being changed.
Status Keyspace::Impl::read(std::string_view key, std::string* value) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database));
  QUIRE_TRY(visit.check_key(key));
  engine::Engine& engine = visit.engine();
  for (;;) {
    QUIRE_ASSIGN(const Place where, place(visit));
    const btree::Tree tree = engine.tree(where.tree, where.root);
    Result<btree::Tree::Found> found = tree.read(key, value, engine.visible_now());
    if (found.ok() && *found == btree::Tree::Found::needs_snapshot) {
      QUIRE_ASSIGN(const engine::Reader snapshot, engine.begin_read());
      found = tree.read(key, value, snapshot.view());
    }
    // The keyspace may have been dropped, and its pages freed, in the meantime.
    if (!found.ok() && engine.catalog_version() != where.version) continue;
    QUIRE_TRY(found.status());
    return *found == btree::Tree::Found::yes ? Status() : Status(Code::not_found);
  }
}

Status Keyspace::get(std::string_view key, std::string& value) const {
  return contain_no_memory([&] { return impl_->read(key, &value); });
}

Result<std::string> Keyspace::get(std::string_view key) const {
  return contain_no_memory([&]() -> Result<std::string> {
    std::string value;
    QUIRE_TRY(get(key, value));
    return value;
  });
}

Result<bool> Keyspace::contains(std::string_view key) const {
  return contain_no_memory([&]() -> Result<bool> {
    Status found = impl_->read(key, nullptr);
    if (found.ok()) return true;
    if (found == Code::not_found && found.message().empty()) return false;
    return found;
  });
}

Status Keyspace::Impl::read_many(std::span<const std::string_view> keys, std::vector<std::optional<std::string>>& values) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database));
  for (const std::string_view key : keys) QUIRE_TRY(visit.check_key(key));
  values.resize(keys.size());
  QUIRE_ASSIGN(const engine::Reader snapshot, visit.engine().begin_read());
  QUIRE_ASSIGN(const catalog::KeyspaceRecord* record, kv::find_keyspace(snapshot.catalog(), name));
  return visit.engine().tree(*record).get_many(keys, snapshot.view(), [&](std::size_t i, std::optional<std::string_view> value) {
    if (!value) {
      values[i].reset();
    } else if (values[i]) {
      values[i]->assign(*value);  // its memory serves again
    } else {
      values[i].emplace(*value);
    }
  });
}

Status Keyspace::multi_get(std::span<const std::string_view> keys, std::vector<std::optional<std::string>>& values) const {
  return contain_no_memory([&] { return impl_->read_many(keys, values); });
}

Result<std::uint64_t> Keyspace::count() const {
  return contain_no_memory([&]() -> Result<std::uint64_t> {
    QUIRE_ASSIGN(const Visit visit, Visit::begin(*impl_->database));
    QUIRE_ASSIGN(const catalog::KeyspaceRecord record, visit.find(impl_->name));
    return visit.engine().rows(record.tree, visit.engine().visible_now().limit);
  });
}

Status Keyspace::put(std::string_view key, std::string_view value) {
  return contain_no_memory([&]() -> Status {
    TransactionState state(impl_->database, {});
    QUIRE_TRY(state.start());
    QUIRE_TRY(state.change([&] { return state.put(impl_->name, key, value, false); }));
    return state.commit();
  });
}

Status Keyspace::insert(std::string_view key, std::string_view value) {
  return contain_no_memory([&]() -> Status {
    TransactionState state(impl_->database, {});
    QUIRE_TRY(state.start());
    QUIRE_TRY(state.change([&] { return state.put(impl_->name, key, value, true); }));
    return state.commit();
  });
}

Status Keyspace::erase(std::string_view key) {
  return contain_no_memory([&]() -> Status {
    TransactionState state(impl_->database, {});
    QUIRE_TRY(state.start());
    QUIRE_TRY(state.change([&] { return state.erase(impl_->name, key); }));
    return state.commit();
  });
}

}  // namespace quire
