// TransactionState: entering, reading through one's own changes, and ending.
//
// Whoever is inside the turnstile is also a user of the handle, so that closing cannot take the engine away; both are
// given back in end(), whichever way the transaction ends.
#include "base/try.hpp"
#include "kv/state.hpp"

namespace quire::kv {

using catalog::KeyspaceRecord;

Result<const KeyspaceRecord*> find_keyspace(const catalog::Catalog& catalog, std::string_view name) {
  const KeyspaceRecord* record = catalog.find(name);
  if (record == nullptr) return Status(Code::not_found, "there is no keyspace '" + std::string(name) + "'");
  return record;
}

Status check_key(std::string_view key, std::uint32_t page_bytes) {
  if (key.empty()) return Status(Code::invalid, "an empty key; keys have at least one byte");
  const std::size_t most = btree::key_bytes_max(page_bytes);
  if (key.size() > most) {
    return Status(Code::limit, "a key of " + std::to_string(key.size()) + " bytes exceeds the limit of " + std::to_string(most) +
                                   " bytes for pages of " + std::to_string(page_bytes) + " bytes");
  }
  return Status();
}

// enter() counts and then looks whether the handle is closed, close() says closed and then looks at the count; of
// two that meet at least one gives way.
Status DatabaseState::enter() {
  users.fetch_add(1, seq_cst);
  Status status;
  if (closed.load(seq_cst)) {
    status = Status(Code::invalid, "the database handle is closed");
  } else {
    status = engine->usable();
  }
  if (!status.ok()) leave();
  return status;
}

Status DatabaseState::close() {
  if (closed.exchange(true, seq_cst)) return Status(Code::invalid, "the database handle is closed already");
  const std::uint64_t open = users.load(seq_cst);
  if (open != 0) {
    closed.store(false, seq_cst);
    return Status(Code::busy, "the database cannot be closed: " + std::to_string(open) + " of its transactions still open");
  }
  engine.reset();
  return Status();
}

Result<Visit> Visit::begin(DatabaseState& database) {
  QUIRE_TRY(database.enter());
  Result<std::uint32_t> slot = database.engine->turnstile().enter_reader(database.lock_timeout_us);
  if (!slot.ok()) {
    database.leave();
    return std::move(slot).status();
  }
  Visit visit(&database, *slot);
  // A commit may have failed while this one waited for it.
  QUIRE_TRY(database.engine->usable());
  return visit;
}

Visit::~Visit() {
  if (database_ == nullptr) return;
  database_->engine->turnstile().leave_reader(slot_);
  database_->leave();
}

Result<const KeyspaceRecord*> Visit::find(std::string_view keyspace) const {
  return find_keyspace(engine().catalog_inside(), keyspace);
}

Status Visit::check_key(std::string_view key) const { return kv::check_key(key, engine().page_bytes()); }

Result<std::shared_ptr<TransactionState>> TransactionState::begin(std::shared_ptr<DatabaseState> database, Access access) {
  QUIRE_TRY(database->enter());
  std::shared_ptr<TransactionState> state(new TransactionState(std::move(database), access));
  Status entered = state->enter_turnstile();
  if (!entered.ok()) {
    state->database_->leave();
    return entered;
  }
  state->active_ = true;
  QUIRE_TRY(state->engine().usable());
  state->catalog_ = state->engine().catalog();
  return state;
}

Status TransactionState::enter_turnstile() {
  txn::Turnstile& turnstile = engine().turnstile();
  if (access_ == Access::read) {
    QUIRE_ASSIGN(reader_slot_, turnstile.enter_reader(database_->lock_timeout_us));
    return Status();
  }
  if (database_->read_only) return Status(Code::read_only, engine().path() + " is open for reading only");
  QUIRE_TRY(turnstile.enter_writer(database_->lock_timeout_us));
  writes_ = std::make_unique<txn::WriteSet>(engine().memory_limit());
  return Status();
}

TransactionState::~TransactionState() { end(); }

void TransactionState::end() noexcept {
  if (!active_) return;
  active_ = false;
  writes_.reset();
  own_catalog_.reset();
  txn::Turnstile& turnstile = engine().turnstile();
  if (access_ == Access::read) {
    turnstile.leave_reader(reader_slot_);
  } else {
    turnstile.leave_writer();
  }
  database_->leave();
}

Status TransactionState::usable() const {
  if (!active_) return Status(Code::invalid, "the transaction has ended");
  return engine().usable();
}

Status TransactionState::writable() const {
  QUIRE_TRY(usable());
  if (access_ == Access::read) return Status(Code::read_only, "a read transaction cannot change anything");
  return Status();
}

Result<const KeyspaceRecord*> TransactionState::find(std::string_view keyspace) const {
  return find_keyspace(catalog(), keyspace);
}

Result<bool> TransactionState::in_tree(const KeyspaceRecord& record, std::string_view key) const {
  if (record.root == no_page) return false;
  return engine().tree(record).contains(key);
}

Result<bool> TransactionState::contains(const KeyspaceRecord& record, std::string_view key) const {
  if (writes_ != nullptr) {
    if (const txn::Change* change = writes_->find(record.tree, key)) return change->value.has_value();
  }
  return in_tree(record, key);
}

Result<bool> TransactionState::contains(std::string_view keyspace, std::string_view key) const {
  QUIRE_TRY(usable());
  QUIRE_TRY(check_key(key, engine().page_bytes()));
  QUIRE_ASSIGN(const KeyspaceRecord* record, find(keyspace));
  return contains(*record, key);
}

Status TransactionState::get(std::string_view keyspace, std::string_view key, std::string& value) const {
  QUIRE_TRY(usable());
  QUIRE_TRY(check_key(key, engine().page_bytes()));
  QUIRE_ASSIGN(const KeyspaceRecord* record, find(keyspace));
  if (writes_ != nullptr) {
    if (const txn::Change* change = writes_->find(record->tree, key)) {
      if (!change->value) return Status(Code::not_found);
      value = *change->value;
      return Status();
    }
  }
  if (record->root == no_page) return Status(Code::not_found);
  return engine().tree(*record).get(key, value);
}

Result<std::uint64_t> TransactionState::count(const KeyspaceRecord& record) const {
  std::uint64_t rows = record.rows;
  txn::TreeChanges* own = changes(record.tree);
  if (own == nullptr) return rows;
  for (auto& [key, change] : *own) {
    if (!change.was_there) {
      QUIRE_ASSIGN(change.was_there, in_tree(record, key));
    }
    if (change.value && !*change.was_there) ++rows;
    if (!change.value && *change.was_there) --rows;
  }
  return rows;
}

Status TransactionState::put(std::string_view keyspace, std::string_view key, std::string_view value, bool only_new) {
  QUIRE_TRY(writable());
  QUIRE_TRY(check_key(key, engine().page_bytes()));
  if (value.size() > value_bytes_max) {
    return Status(Code::limit, "a value of " + std::to_string(value.size()) + " bytes exceeds the limit of " +
                                   std::to_string(value_bytes_max));
  }
  QUIRE_ASSIGN(const KeyspaceRecord* record, find(keyspace));
  std::optional<bool> was_there;
  if (only_new) {
    QUIRE_ASSIGN(const bool present, contains(*record, key));
    if (present) return Status(Code::exists, "the key is in keyspace '" + std::string(keyspace) + "' already");
    if (changes(record->tree) == nullptr) was_there = false;
  }
  return writes_->record(record->tree, {key, value, was_there});
}

Status TransactionState::erase(std::string_view keyspace, std::string_view key) {
  QUIRE_TRY(writable());
  QUIRE_TRY(check_key(key, engine().page_bytes()));
  QUIRE_ASSIGN(const KeyspaceRecord* record, find(keyspace));
  QUIRE_ASSIGN(const bool present, contains(*record, key));
  if (!present) return Status(Code::not_found);
  return writes_->record(record->tree, {key, std::nullopt, std::nullopt});
}

catalog::Catalog& TransactionState::own_catalog() {
  if (own_catalog_ == nullptr) own_catalog_ = std::make_unique<catalog::Catalog>(*catalog_);
  return *own_catalog_;
}

Status TransactionState::create_keyspace(std::string_view name, const Schema& schema) {
  QUIRE_TRY(writable());
  QUIRE_TRY(catalog::check_new_keyspace(name, schema));
  if (catalog().find(name) != nullptr) return Status(Code::exists, "keyspace '" + std::string(name) + "' exists already");
  catalog::Catalog& own = own_catalog();
  own.keyspaces.emplace(name, KeyspaceRecord{.tree = own.next_tree, .schema = schema});
  ++own.next_tree.raw;
  return Status();
}

Status TransactionState::drop_keyspace(std::string_view name) {
  QUIRE_TRY(writable());
  if (name == default_keyspace) return Status(Code::invalid, "the keyspace 'default' cannot be dropped");
  QUIRE_ASSIGN(const KeyspaceRecord* record, find(name));
  writes_->forget(record->tree);
  catalog::Catalog& own = own_catalog();
  own.keyspaces.erase(own.keyspaces.find(name));
  return Status();
}

Status TransactionState::commit() {
  if (!active_) return Status(Code::invalid, "the transaction has ended");
  Status status = engine().usable();
  if (!status.ok() || access_ == Access::read || (writes_->empty() && own_catalog_ == nullptr)) {
    end();
    return status;
  }
  txn::Turnstile& turnstile = engine().turnstile();
  status = turnstile.begin_commit(database_->lock_timeout_us);
  if (status.ok()) {
    engine::Commit commit{own_catalog_.get(), *writes_};
    status = engine().commit(commit);
    turnstile.end_commit();
  }
  end();
  return status;
}

}  // namespace quire::kv
