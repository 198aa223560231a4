// Script: planning and running.
//
// A list is a row of its numbers in decimal, each with a comma, and padding behind a bar when it shall be large. An empty one has no row.
#include "isolation/script.hpp"

#include <array>
#include <charconv>

#include "base/try.hpp"

namespace quire::test {

namespace {

constexpr std::uint64_t values_per_transaction = 100;
constexpr std::uint64_t padding_max = 12'000;
constexpr std::array<const char*, 13> kind_names{"begin",  "read",       "scan",      "look",        "look, locking", "write",   "replace",
                                                 "insert", "lock range", "savepoint", "rollback to", "commit",        "rollback"};
constexpr std::array<const char*, 4> level_names{"read_uncommitted", "read_committed", "repeatable_read", "serializable"};

Result<List> decode(std::string_view row) {
  List list;
  const char* at = row.data();
  const char* const end = row.data() + row.size();
  while (at != end && *at != '|') {
    std::uint64_t value = 0;
    const auto [after, error] = std::from_chars(at, end, value);
    if (error != std::errc() || after == end || *after != ',') return Status(Code::corrupt, "not a list: " + std::string(row.substr(0, 60)));
    list.push_back(value);
    at = after + 1;
  }
  return list;
}

std::string encode(const List& list, std::uint64_t padding) {
  std::string row;
  for (const std::uint64_t value : list) row += std::to_string(value) + ",";
  return padding == 0 ? row : row + "|" + std::string(padding, 'p');
}

// Does nothing, and the transaction goes on.
bool is_refusal(const Status& status) { return status == Code::timeout || status == Code::conflict; }

}  // namespace

std::string key_of(std::size_t key) { return "key" + std::to_string(100 + key); }

Result<std::vector<List>> read_lists(Database& database, std::size_t keys) {
  std::vector<List> lists(keys);
  QUIRE_ASSIGN(const Transaction transaction, database.begin(Access::read));
  for (std::size_t key = 0; key < keys; ++key) {
    const Result<std::string> row = transaction.get(default_keyspace, key_of(key));
    if (!row.ok() && row.status() != Code::not_found) return row.status();
    if (row.ok()) {
      QUIRE_ASSIGN(lists[key], decode(*row));
    }
  }
  return lists;
}

Script::Script(Database& database, std::uint64_t seed, std::uint64_t number, const ScriptOptions& options, Atomic<std::uint64_t>& moments)
    : database_(database), number_(number), moments_(moments) {
  Random random(seed * 1000003 + number);
  const Isolation level = options.levels[random.below(options.levels.size())];
  const bool only_reads = random.chance(1, options.snapshot_one_in);
  how_ = {.access = only_reads ? Access::read : Access::write,
          .isolation = level,
          .lock_timeout_ms = random.chance(1, options.impatient_one_in) ? 0 : options.lock_timeout_ms};
  record_.level = level;
  record_.reads_only = only_reads;
  record_.name = "T" + std::to_string(number) + (only_reads ? " (a reader)" : options.levels.size() > 1 ? std::string(" (") + level_names[static_cast<std::size_t>(level)] + ")" : "");
  plan(random, options);
}

void Script::plan(Random& random, const ScriptOptions& options) {
  add({.kind = Step::Kind::begin});
  const bool writes = how_.access == Access::write;
  const std::uint64_t actions = 1 + random.below(options.actions_max);
  bool has_point = false;
  for (std::uint64_t i = 0; i < actions; ++i) {
    const std::size_t key = random.below(options.keys);
    const std::size_t end = key + random.below(options.keys - key);
    const bool gives_up = random.chance(1, 2);
    const std::uint64_t choice = random.below(100);
    if (writes && choice < 50) {
      plan_append(random, options, key);
    } else if (choice < 70) {
      add({.kind = Step::Kind::scan, .key = key, .end = end, .limit = random.below(3), .flag = random.chance(1, 3), .gives_up = gives_up});
    } else if (writes && choice < 74) {
      add({.kind = Step::Kind::lock_range, .key = key, .end = end, .flag = random.chance(1, 2), .gives_up = gives_up});
    } else {
      add({.kind = Step::Kind::read, .key = key, .gives_up = gives_up});
    }
    if (!writes || !random.chance(1, options.savepoint_one_in)) continue;
    add({.kind = has_point && random.chance(2, 3) ? Step::Kind::rollback_to : Step::Kind::savepoint});
    has_point = true;
  }
  add({.kind = writes && random.chance(1, options.rollback_one_in) ? Step::Kind::rollback : Step::Kind::commit});
}

void Script::plan_append(Random& random, const ScriptOptions& options, std::size_t key) {
  const bool locking = options.look == ScriptOptions::Look::locking || (options.look == ScriptOptions::Look::either && random.chance(1, 2));
  const bool gives_up = random.chance(1, 2);
  add({.kind = locking ? Step::Kind::look_locking : Step::Kind::look, .key = key, .gives_up = gives_up});
  const std::uint64_t how = random.below(6);
  add({.kind = how == 0 ? Step::Kind::replace : how == 1 ? Step::Kind::insert : Step::Kind::write,
       .key = key,
       .value = number_ * values_per_transaction + steps_.size(),
       .flag = random.chance(1, options.large_one_in),
       .gives_up = gives_up});
}

std::string Script::describe_next() const {
  const Step& step = steps_[next_];
  std::string text = record_.name + " " + kind_names[static_cast<std::size_t>(step.kind)];
  if (step.kind == Step::Kind::begin || step.kind >= Step::Kind::savepoint) return text;
  text += " " + key_of(step.key);
  if (step.kind == Step::Kind::scan || step.kind == Step::Kind::lock_range) text += " to " + key_of(step.end);
  if (step.kind == Step::Kind::scan) text += (step.flag ? " backwards" : "") + (step.limit == 0 ? std::string() : ", at most " + std::to_string(step.limit));
  if (step.kind == Step::Kind::lock_range) text += step.flag ? " shared" : " exclusive";
  if (step.value != 0) text += " with " + std::to_string(step.value) + (step.flag ? " (large)" : "");
  return text;
}

std::string Script::step() {
  const Step& step = steps_[next_];
  ++next_;
  told_.clear();
  const Status done = run(step);
  settle(step, done);
  return done.ok() ? told_.empty() ? "ok" : told_ : done.to_string();
}

void Script::settle(const Step& step, const Status& done) {
  if (done.ok() || !trouble_.empty()) return;
  const bool ends = step.kind == Step::Kind::commit || step.kind == Step::Kind::rollback || step.kind == Step::Kind::begin;
  if (done == Code::deadlock && !ends && !transaction_->active()) return end(false);
  if (!is_refusal(done) || ends) {
    trouble_ = record_.name + ": " + kind_names[static_cast<std::size_t>(step.kind)] + " failed: " + done.to_string();
    return end(false);
  }
  if (!step.gives_up) return;
  const Status rolled_back = transaction_->rollback();
  if (!rolled_back.ok()) trouble_ = record_.name + ": rollback failed: " + rolled_back.to_string();
  end(false);
}

void Script::end(bool committed) {
  transaction_.reset();
  record_.committed = committed;
  record_.ended = moments_.fetch_add(1, seq_cst);
  next_ = steps_.size();
}

Status Script::begin() {
  record_.begun = moments_.fetch_add(1, seq_cst);
  QUIRE_ASSIGN(Transaction begun, database_.begin(how_));
  transaction_.emplace(std::move(begun));
  return Status();
}

Status Script::run(const Step& step) {
  switch (step.kind) {
    case Step::Kind::begin:
      return begin();
    case Step::Kind::read:
    case Step::Kind::look:
    case Step::Kind::look_locking:
      return look(step);
    case Step::Kind::write:
    case Step::Kind::replace:
    case Step::Kind::insert:
      return write(step);
    case Step::Kind::scan:
      return scan(step);
    case Step::Kind::lock_range:
      return transaction_->lock(default_keyspace, Range::closed(key_of(step.key), key_of(step.end)), step.flag ? LockMode::shared : LockMode::exclusive);
    case Step::Kind::savepoint: {
      QUIRE_ASSIGN(const Savepoint savepoint, transaction_->savepoint());
      points_.push_back({savepoint, record_.events.size()});
      return Status();
    }
    case Step::Kind::rollback_to:
      return rollback_to();
    case Step::Kind::commit: {
      const Status done = transaction_->commit();
      if (done.ok()) end(true);
      return done;
    }
    case Step::Kind::rollback: {
      const Status done = transaction_->rollback();
      if (done.ok()) end(false);
      return done;
    }
  }
  return Status();
}

Status Script::look(const Step& step) {
  looked_.reset();
  const std::string key = key_of(step.key);
  const Result<std::string> row = step.kind == Step::Kind::look_locking ? transaction_->get_for_update(default_keyspace, key) : transaction_->get(default_keyspace, key);
  if (!row.ok() && row.status() != Code::not_found) return row.status();
  looked_.emplace();
  if (row.ok()) {
    QUIRE_ASSIGN(*looked_, decode(*row));
  }
  told_ = describe(*looked_);
  note_read(step.key, *looked_);
  return Status();
}

Status Script::write(const Step& step) {
  if (!looked_) return Status();
  List list = *std::exchange(looked_, std::nullopt);
  const bool was_there = !list.empty();
  list.push_back(step.value);
  const std::string key = key_of(step.key);
  const std::string row = encode(list, step.flag ? padding_max : 0);
  if (step.kind == Step::Kind::insert && !was_there) {
    const Status inserted = transaction_->insert(default_keyspace, key, row);
    // Somebody may have been there since it looked, where what is read is not locked.
    if (inserted == Code::exists && record_.level < Isolation::repeatable_read) return Status();
    QUIRE_TRY(inserted);
  } else if (step.kind == Step::Kind::replace && was_there) {
    const Status erased = transaction_->erase(default_keyspace, key);
    if (!erased.ok() && erased != Code::not_found) return erased;
    // The row is this transaction's now.
    if (const Status put = transaction_->put(default_keyspace, key, row); !put.ok()) return put == Code::deadlock ? put : Status(Code::corrupt, "an erased row cannot be put again: " + put.to_string());
  } else {
    QUIRE_TRY(transaction_->put(default_keyspace, key, row));
  }
  record_.events.push_back({.kind = Event::Kind::append, .key = step.key, .value = step.value});
  return Status();
}

// What is passed over is read as well: it is not there.
Status Script::scan(const Step& step) {
  std::map<std::string, List> found;
  const std::uint64_t limit = step.limit == 0 ? ScanOptions().limit : step.limit;
  Scan scan = transaction_->scan(default_keyspace, Range::closed(key_of(step.key), key_of(step.end)), {.reverse = step.flag, .limit = limit});
  std::string last;
  for (const Entry& entry : scan) {
    last = entry.key;
    QUIRE_ASSIGN(found[last], decode(entry.value));
  }
  QUIRE_TRY(scan.status());
  const bool cut_off = found.size() == limit;
  for (std::size_t key = step.key; key <= step.end; ++key) {
    const std::string name = key_of(key);
    if (cut_off && (step.flag ? name < last : name > last)) continue;
    told_ += name + describe(found[name]) + " ";
    note_read(key, found[name]);
  }
  return Status();
}

Status Script::rollback_to() {
  if (points_.empty()) return Status();
  looked_.reset();
  const Point point = points_.back();
  QUIRE_TRY(transaction_->rollback_to(point.savepoint));
  for (std::size_t i = point.events; i < record_.events.size(); ++i) {
    record_.events[i].undone_at = std::min(record_.events[i].undone_at, record_.events.size());
  }
  return Status();
}

}  // namespace quire::test
