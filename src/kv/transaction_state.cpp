// Entering a handle, and the state of one transaction.
//
// A transaction is a user of its handle, so that closing cannot take the engine away; it stops being one in end(), whichever
// way it ends.
#include "base/contain.hpp"
#include "base/try.hpp"
#include "kv/cursor_state.hpp"

namespace quire::kv {

using catalog::KeyspaceRecord;

namespace {

constexpr std::uint64_t us_per_ms = 1000;

// True for as long as it lives.
class Asking {
 public:
  explicit Asking(bool& flag) noexcept : flag_(flag) { flag_ = true; }
  ~Asking() { flag_ = false; }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

 private:
  bool& flag_;
};

}  // namespace

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

Status check_value(std::string_view value) {
  if (value.size() <= value_bytes_max) return Status();
  return Status(Code::limit, "a value of " + std::to_string(value.size()) + " bytes exceeds the limit of " + std::to_string(value_bytes_max));
}

lock::Interval interval_of(const Range& range) noexcept {
  const lock::Bound lower = range.lower ? lock::Bound{*range.lower, range.lower_inclusive} : lock::Bound{};
  if (!range.upper) return lock::Interval::from(lower);
  return lock::Interval::between(lower, lock::Bound{*range.upper, range.upper_inclusive});
}

// enter() counts and then looks at the phase, close() sets the phase and then looks at the counts; of two that meet
// at least one gives way. A close that is turned down was never seen: whoever meets it waits for its outcome.
Result<std::uint32_t> DatabaseState::enter() {
  const auto slot = static_cast<std::uint32_t>(os::this_thread_number() % slot_count);
  for (;;) {
    slots_[slot].users.fetch_add(1, seq_cst);
    const Phase phase = phase_.load(seq_cst);
    if (phase == Phase::open) break;
    leave(slot);
    if (phase == Phase::closed) return Status(Code::invalid, "the database handle is closed");
    os::yield_thread();
  }
  Status status = engine->usable();
  if (status.ok()) return slot;
  leave(slot);
  return status;
}

Status DatabaseState::close() {
  Phase open = Phase::open;
  while (!phase_.compare_exchange_strong(open, Phase::closing, seq_cst, relaxed)) {
    if (open == Phase::closed) return Status(Code::invalid, "the database handle is closed already");
    open = Phase::open;
    os::yield_thread();
  }
  std::uint64_t users = 0;
  for (const Slot& slot : slots_) users += slot.users.load(seq_cst);
  if (users != 0) {
    phase_.store(Phase::open, seq_cst);
    return Status(Code::busy, "the database cannot be closed: " + std::to_string(users) + " of its transactions still open");
  }
  phase_.store(Phase::closed, seq_cst);
  Status kept = engine->keep_commits();
  const std::shared_ptr<const engine::CloseReport> report = engine->close_report();
  engine.reset();
  return kept.ok() ? report->get() : kept;
}

Result<Visit> Visit::begin(DatabaseState& database) {
  QUIRE_ASSIGN(const std::uint32_t slot, database.enter());
  Visit visit(&database, slot);
  QUIRE_TRY(database.engine->await_own_commit());
  return visit;
}

Result<KeyspaceRecord> Visit::find(std::string_view keyspace) const {
  const std::shared_ptr<const catalog::Catalog> now = engine().catalog();
  QUIRE_ASSIGN(const KeyspaceRecord* record, find_keyspace(*now, keyspace));
  return *record;
}

Status Visit::check_key(std::string_view key) const { return kv::check_key(key, engine().page_bytes()); }

Result<std::shared_ptr<TransactionState>> TransactionState::begin(std::shared_ptr<DatabaseState> database, const TransactionOptions& options) {
  auto state = std::make_shared<TransactionState>(std::move(database), options);
  QUIRE_TRY(state->start());
  return state;
}

Status TransactionState::start() {
  QUIRE_ASSIGN(Visit visit, Visit::begin(*database_));
  QUIRE_TRY(begin_inside());
  slot_ = visit.slot();
  active_ = true;
  visit.hand_over();
  return Status();
}

Status TransactionState::begin_inside() {
  if (access() == Access::read) {
    QUIRE_ASSIGN(engine::Reader reader, engine().begin_read());
    reader_.emplace(std::move(reader));
    return Status();
  }
  if (database_->read_only) return Status(Code::read_only, engine().path() + " is open for reading only");
  const engine::Writer::Begin how{
      .isolation = isolation(),
      .lock_timeout_us = options_.lock_timeout_ms ? std::uint64_t{*options_.lock_timeout_ms} * us_per_ms : database_->lock_timeout_us};
  QUIRE_TRY(engine::Writer::begin(engine(), how, writer_));
  number_ = writer_->number();
  if (options_.durability) writer_->set_durability(*options_.durability);
  return Status();
}

TransactionState::~TransactionState() {
  if (active_) (void)contain_no_memory([&] { return rollback(); }).ok();
}

void TransactionState::end() noexcept {
  active_ = false;
  savepoints_.clear();
  for (CursorSnapshot& snapshot : cursor_snapshots_) snapshot.reset();
  reader_.reset();
  writer_.reset();
  database_->leave(slot_);
}

// The lock table has chosen this one of those who wait for each other in a circle.
void TransactionState::give_up(const Status& why) {
  lost_ = Status(why.code(), "the transaction was rolled back: " + std::string(why.message()));
  const Ending ending{*this};
  (void)contain_no_memory([&] { return writer_->rollback(); }, [&]() noexcept { engine().poison(); }).ok();
}

Status TransactionState::usable() const {
  if (!lost_.ok()) return lost_;
  if (!active_) return Status(Code::invalid, "the transaction has ended");
  return engine().usable();
}

Status TransactionState::writable() const {
  QUIRE_TRY(usable());
  if (access() == Access::read) return Status(Code::read_only, "a read transaction cannot change anything");
  return can_end();
}

Status TransactionState::can_end() const {
  if (!lost_.ok()) return lost_;
  if (!active_) return Status(Code::invalid, "the transaction has ended");
  if (asking_) return Status(Code::invalid, "the callback of a bulk load can read in its transaction, but neither change nor end it");
  return Status();
}

Result<const KeyspaceRecord*> TransactionState::find(std::string_view keyspace) { return find_keyspace(catalog(), keyspace); }

Result<txn::View> TransactionState::cursor_view(TreeId tree, CursorSnapshot& snapshot) {
  if (writer_) return writer_->cursor_view(tree, snapshot);
  return reader_->view();
}

Result<bool> TransactionState::contains(std::string_view keyspace, std::string_view key) {
  QUIRE_TRY(usable());
  QUIRE_TRY(check_key(key, engine().page_bytes()));
  return in_keyspace(keyspace, [&](const KeyspaceRecord& record) -> Result<bool> {
    return writer_ ? writer_->contains(record, key) : engine().tree(record).contains(key, reader_->view());
  });
}

Status TransactionState::get(std::string_view keyspace, std::string_view key, std::string& value) {
  QUIRE_TRY(usable());
  QUIRE_TRY(check_key(key, engine().page_bytes()));
  return in_keyspace(keyspace, [&](const KeyspaceRecord& record) {
    return writer_ ? writer_->get(record, key, value) : engine().tree(record).get(key, value, reader_->view());
  });
}

Status TransactionState::get_for_update(std::string_view keyspace, std::string_view key, std::string& value) {
  QUIRE_TRY(writable());
  QUIRE_TRY(check_key(key, engine().page_bytes()));
  return in_keyspace(keyspace, [&](const KeyspaceRecord& record) { return writer_->get_for_update(record, key, value); });
}

Status TransactionState::lock(std::string_view keyspace, const lock::Interval& interval, LockMode mode) {
  QUIRE_TRY(writable());
  const lock::Mode wanted = mode == LockMode::exclusive ? lock::Mode::exclusive : lock::Mode::shared;
  return in_keyspace(keyspace, [&](const KeyspaceRecord& record) { return writer_->lock(record, interval, wanted); });
}

Result<std::unique_ptr<Cursor::Impl>> TransactionState::make_cursor(std::string_view keyspace, std::shared_ptr<TransactionState> self) {
  return in_keyspace(keyspace, [&](const KeyspaceRecord& record) -> Result<std::unique_ptr<Cursor::Impl>> {
    CursorSnapshot& snapshot = lend_snapshot();
    const Result<txn::View> view = cursor_view(record.tree, snapshot);
    if (view.ok()) return std::make_unique<Cursor::Impl>(std::move(self), record, *view, snapshot);
    give_back(snapshot);
    return view.status();
  });
}

Result<std::uint64_t> TransactionState::count(std::string_view keyspace) {
  QUIRE_TRY(usable());
  return in_keyspace(keyspace, [&](const KeyspaceRecord& record) { return count(record); });
}

Result<std::uint64_t> TransactionState::count(const KeyspaceRecord& record) {
  if (writer_) return writer_->rows(record);
  return engine().rows(record.tree, reader_->view().limit);
}

Status TransactionState::put(std::string_view keyspace, std::string_view key, std::string_view value, bool only_new) {
  QUIRE_TRY(writable());
  QUIRE_TRY(check_key(key, engine().page_bytes()));
  QUIRE_TRY(check_value(value));
  return in_keyspace(keyspace, [&](const KeyspaceRecord& record) -> Status {
    if (!only_new) return writer_->put(record, key, value).status();
    QUIRE_ASSIGN(const bool added, writer_->insert(record, key, value));
    return added ? Status() : Status(Code::exists, "the key is in keyspace '" + std::string(keyspace) + "' already");
  });
}

Status TransactionState::erase(std::string_view keyspace, std::string_view key) {
  QUIRE_TRY(writable());
  QUIRE_TRY(check_key(key, engine().page_bytes()));
  return in_keyspace(keyspace, [&](const KeyspaceRecord& record) -> Status {
    QUIRE_ASSIGN(const bool erased, writer_->erase(record, key));
    return erased ? Status() : Status(Code::not_found);
  });
}

Status TransactionState::create_keyspace(std::string_view name, const Schema& schema) {
  QUIRE_TRY(writable());
  return writer_->create_keyspace(name, schema);
}

Status TransactionState::drop_keyspace(std::string_view name) {
  QUIRE_TRY(writable());
  return writer_->drop_keyspace(name);
}

Result<std::uint64_t> TransactionState::put_in_order(std::string_view keyspace, const std::function<Result<bool>(Entry&)>& next) {
  std::uint64_t rows = 0;
  std::string last;
  for (Entry row;; ++rows) {
    QUIRE_ASSIGN(const bool more, next(row));
    if (!more) return rows;
    if (rows > 0 && row.key <= last) {
      return Status(Code::invalid, "row " + std::to_string(rows + 1) + " of the bulk load is not above the one before it");
    }
    last = row.key;
    QUIRE_TRY(put(keyspace, row.key, row.value, false));
  }
}

Result<std::uint64_t> TransactionState::bulk_load(std::string_view keyspace, const std::function<Result<bool>(Entry&)>& next) {
  QUIRE_TRY(writable());
  const std::uint32_t page_bytes = engine().page_bytes();
  // The emptiness of a keyspace that is about to be filled anew is locked; row by row it does not matter.
  QUIRE_ASSIGN(const bool empty, writer_->lock_if_empty(keyspace));
  const auto ask = [&](Entry& row) -> Result<bool> {
    const Asking asking(asking_);
    return next(row);
  };
  if (empty) {
    return writer_->bulk_load(keyspace, [&](Entry& row) -> Result<bool> {
      QUIRE_ASSIGN(const bool more, ask(row));
      if (!more) return false;
      QUIRE_TRY(check_key(row.key, page_bytes));
      QUIRE_TRY(check_value(row.value));
      return true;
    });
  }
  const engine::Writer::Savepoint before = writer_->savepoint();
  // Also when the callback throws.
  struct TakeBack {
    engine::Engine& engine;
    engine::Writer& writer;
    const engine::Writer::Savepoint& before;
    bool armed = true;
    ~TakeBack() {
      if (!armed) return;
      (void)contain_no_memory([&] { return writer.undo_call(before); }, [&]() noexcept { engine.poison(); }).ok();
    }
  } take_back{engine(), *writer_, before};
  Result<std::uint64_t> rows = put_in_order(keyspace, ask);
  take_back.armed = false;
  if (!rows.ok()) QUIRE_TRY(writer_->undo_call(before));
  return rows;
}

Result<std::uint64_t> TransactionState::savepoint() {
  QUIRE_TRY(writable());
  savepoints_.push_back({next_savepoint_, writer_->savepoint()});
  return next_savepoint_++;
}

Result<std::size_t> TransactionState::find_savepoint(std::uint64_t savepoint) const {
  for (std::size_t i = savepoints_.size(); i-- > 0;) {
    if (savepoints_[i].number == savepoint) return i;
  }
  return Status(Code::not_found, "savepoint " + std::to_string(savepoint) + " is not one of this transaction, or was released or rolled over");
}

Status TransactionState::rollback_to(std::uint64_t savepoint) {
  QUIRE_TRY(writable());
  QUIRE_ASSIGN(const std::size_t index, find_savepoint(savepoint));
  QUIRE_TRY(writer_->rollback_to(savepoints_[index].savepoint));
  savepoints_.resize(index + 1);
  return Status();
}

Status TransactionState::release(std::uint64_t savepoint) {
  QUIRE_TRY(writable());
  QUIRE_ASSIGN(const std::size_t index, find_savepoint(savepoint));
  savepoints_.resize(index);
  return Status();
}

Status TransactionState::commit() {
  QUIRE_TRY(can_end());
  const Ending ending{*this};
  if (!writer_) return engine().usable();
  // Its record may be in the log, or its flip be done: it is not taken back.
  return contain_no_memory([&] { return writer_->commit(); }, [&]() noexcept { engine().poison(); }, Code::unknown_outcome);
}

Status TransactionState::rollback() {
  QUIRE_TRY(can_end());
  const Ending ending{*this};
  if (!writer_) return Status();
  return contain_no_memory([&] { return writer_->rollback(); }, [&]() noexcept { engine().poison(); });
}

}  // namespace quire::kv
