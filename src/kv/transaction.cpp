// Transaction: the public face of TransactionState.
//
// The state outlives the Transaction while cursors hold it, so a call after the end finds out that it has ended and
// says so.
#include "base/contain.hpp"
#include "base/try.hpp"
#include "kv/cursor_state.hpp"
#include "kv/state.hpp"

namespace quire {

Transaction::Transaction(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Transaction::Transaction(Transaction&&) noexcept = default;

Transaction::~Transaction() {
  if (impl_ != nullptr && impl_->state->active()) (void)rollback().ok();
}

Result<std::string> Transaction::get(std::string_view keyspace, std::string_view key) const {
  return impl_->state->call([&]() -> Result<std::string> {
    std::string value;
    QUIRE_TRY(impl_->state->get(keyspace, key, value));
    return value;
  });
}

Status Transaction::get(std::string_view keyspace, std::string_view key, std::string& value) const {
  return impl_->state->call([&] { return impl_->state->get(keyspace, key, value); });
}

Result<bool> Transaction::contains(std::string_view keyspace, std::string_view key) const {
  return impl_->state->call([&] { return impl_->state->contains(keyspace, key); });
}

Result<std::string> Transaction::get_for_update(std::string_view keyspace, std::string_view key) {
  return impl_->state->call([&]() -> Result<std::string> {
    std::string value;
    QUIRE_TRY(impl_->state->get_for_update(keyspace, key, value));
    return value;
  });
}

Status Transaction::lock(std::string_view keyspace, std::string_view key, LockMode mode) {
  return impl_->state->call([&] { return impl_->state->lock(keyspace, lock::Interval::point(key), mode); });
}

Status Transaction::lock(std::string_view keyspace, const Range& range, LockMode mode) {
  return impl_->state->call([&] { return impl_->state->lock(keyspace, kv::interval_of(range), mode); });
}

Result<std::uint64_t> Transaction::count(std::string_view keyspace) const {
  return impl_->state->call([&] { return impl_->state->count(keyspace); });
}

Result<std::uint64_t> Transaction::count(std::string_view keyspace, const Range& range) const {
  return contain_no_memory([&]() -> Result<std::uint64_t> {
    std::uint64_t seen = 0;
    Scan entries = scan(keyspace, range, {.keys_only = true});
    for (const Entry& entry : entries) {
      static_cast<void>(entry);
      ++seen;
    }
    QUIRE_TRY(entries.status());
    return seen;
  });
}

Status Transaction::put(std::string_view keyspace, std::string_view key, std::string_view value) {
  return impl_->state->change([&] { return impl_->state->put(keyspace, key, value, false); });
}

Status Transaction::insert(std::string_view keyspace, std::string_view key, std::string_view value) {
  return impl_->state->change([&] { return impl_->state->put(keyspace, key, value, true); });
}

Status Transaction::erase(std::string_view keyspace, std::string_view key) {
  return impl_->state->change([&] { return impl_->state->erase(keyspace, key); });
}

Result<Cursor> Transaction::cursor(std::string_view keyspace) const {
  return impl_->state->call([&]() -> Result<Cursor> {
    QUIRE_TRY(impl_->state->usable());
    QUIRE_ASSIGN(std::unique_ptr<Cursor::Impl> cursor, impl_->state->make_cursor(keyspace, impl_->state));
    return Cursor(std::move(cursor));
  });
}

Scan Transaction::scan(std::string_view keyspace, Range range, ScanOptions options) const {
  return Scan(cursor(keyspace), std::move(range), options);
}

Status Transaction::create_keyspace(std::string_view name, const Schema& schema) {
  return impl_->state->change([&] { return impl_->state->create_keyspace(name, schema); });
}

Status Transaction::drop_keyspace(std::string_view name) {
  return impl_->state->change([&] { return impl_->state->drop_keyspace(name); });
}

Result<std::vector<KeyspaceInfo>> Transaction::keyspaces() const {
  return impl_->state->call([&]() -> Result<std::vector<KeyspaceInfo>> {
    QUIRE_TRY(impl_->state->usable());
    std::vector<KeyspaceInfo> all;
    const catalog::Catalog now = impl_->state->catalog();
    for (const auto& [name, record] : now.keyspaces) {
      QUIRE_ASSIGN(const std::uint64_t rows, impl_->state->count(record));
      all.push_back({name, record.schema, rows});
    }
    return all;
  });
}

Result<KeyspaceInfo> Transaction::keyspace(std::string_view name) const {
  return impl_->state->call([&]() -> Result<KeyspaceInfo> {
    QUIRE_TRY(impl_->state->usable());
    QUIRE_ASSIGN(const catalog::KeyspaceRecord* found, impl_->state->find(name));
    const catalog::KeyspaceRecord record = *found;
    QUIRE_ASSIGN(const std::uint64_t rows, impl_->state->count(record));
    return KeyspaceInfo{std::string(name), record.schema, rows};
  });
}

Result<Schema> Transaction::schema(std::string_view keyspace) const {
  return impl_->state->call([&]() -> Result<Schema> {
    QUIRE_TRY(impl_->state->usable());
    QUIRE_ASSIGN(const catalog::KeyspaceRecord* found, impl_->state->find(keyspace));
    return found->schema;
  });
}

Result<std::uint64_t> Transaction::bulk_load(std::string_view keyspace, const std::function<Result<bool>(Entry&)>& next) {
  // What `next` throws passes through.
  Result<std::uint64_t> rows = impl_->state->bulk_load(keyspace, next);
  impl_->state->settle(rows.status());
  return rows;
}

void Transaction::set_durability(Durability durability) noexcept { impl_->state->set_durability(durability); }

Status Transaction::commit() {
  return contain_no_memory([&] { return impl_->state->commit(); });
}

Status Transaction::rollback() {
  return contain_no_memory([&] { return impl_->state->rollback(); });
}

Result<Savepoint> Transaction::savepoint() {
  return contain_no_memory([&]() -> Result<Savepoint> {
    QUIRE_ASSIGN(const std::uint64_t number, impl_->state->savepoint());
    return Savepoint{number};
  });
}

Status Transaction::rollback_to(Savepoint savepoint) {
  return impl_->state->change([&] { return impl_->state->rollback_to(savepoint.number); });
}
Status Transaction::release(Savepoint savepoint) {
  return contain_no_memory([&] { return impl_->state->release(savepoint.number); });
}

bool Transaction::active() const noexcept { return impl_ != nullptr && impl_->state->active(); }
std::uint64_t Transaction::number() const noexcept { return impl_->state->number(); }
Access Transaction::access() const noexcept { return impl_->state->access(); }
Isolation Transaction::isolation() const noexcept { return impl_->state->isolation(); }
Status Transaction::lost() const { return impl_->state->lost(); }

}  // namespace quire
