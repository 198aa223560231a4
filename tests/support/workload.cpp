// Workload: random transactions and the model's copy of them.
#include "support/workload.hpp"

#include <iterator>

#include "base/try.hpp"

namespace quire::test {

namespace {

constexpr std::uint64_t keyspaces_max = 4;

std::string name_of(std::uint64_t i) { return "space" + std::to_string(i); }

}  // namespace

State fresh_state() { return {{std::string(default_keyspace), {}}}; }

Result<State> read_state(const Transaction& transaction) {
  State state;
  QUIRE_ASSIGN(const std::vector<KeyspaceInfo> all, transaction.keyspaces());
  for (const KeyspaceInfo& info : all) {
    auto& rows = state[info.name];
    Scan scan = transaction.scan(info.name);
    for (const Entry& entry : scan) rows.emplace_hint(rows.end(), entry.key, entry.value);
    QUIRE_TRY(scan.status());
    if (rows.size() != info.count) {
      return Status(Code::corrupt, info.name + " counts " + std::to_string(info.count) + " rows and has " + std::to_string(rows.size()));
    }
  }
  return state;
}

Result<State> read_state(Database& database) {
  QUIRE_ASSIGN(const Transaction transaction, database.begin(Access::read));
  return read_state(transaction);
}

std::string Workload::some_keyspace(const State& state) {
  return std::next(state.begin(), static_cast<std::ptrdiff_t>(random_.below(state.size())))->first;
}

std::string Workload::some_key() {
  std::string key = "key" + std::to_string(random_.below(options_.keys));
  if (random_.chance(1, 10)) key += std::string(random_.below(200), 'x');
  return key;
}

std::string Workload::some_value() {
  const bool large = random_.chance(1, options_.large_value_chance);
  const std::uint64_t bytes = random_.below(large ? options_.large_value_bytes_max : options_.value_bytes_max);
  std::string value(bytes, '\0');
  for (char& c : value) c = static_cast<char>('a' + random_.below(26));
  return value;
}

Status Workload::change(Transaction& transaction, State& state) {
  const std::uint64_t choice = random_.below(100);
  if (choice < 3 && state.size() < keyspaces_max) {
    const std::string name = name_of(random_.below(keyspaces_max));
    if (state.contains(name)) return Status();
    state[name];
    return transaction.create_keyspace(name);
  }
  if (choice < 5 && state.size() > 1) {
    const std::string name = some_keyspace(state);
    if (name == default_keyspace) return Status();
    state.erase(name);
    return transaction.drop_keyspace(name);
  }
  const std::string keyspace = some_keyspace(state);
  auto& rows = state[keyspace];
  const std::string key = some_key();
  if (choice < 30) {
    const Status erased = transaction.erase(keyspace, key);
    if (!erased.ok() && erased != Code::not_found) return erased;
    const bool there = rows.erase(key) != 0;
    if (erased.ok() != there) return Status(Code::corrupt, "erase and the model disagree on " + key);
    return there ? erased : Status();
  }
  const std::string value = some_value();
  rows[key] = value;
  return transaction.put(keyspace, key, value);
}

Status Workload::move_between_savepoints(Transaction& transaction, State& state, std::vector<Point>& points) {
  if (options_.savepoint_chance == 0) return Status();
  if (random_.chance(1, options_.savepoint_chance)) {
    QUIRE_ASSIGN(const Savepoint savepoint, transaction.savepoint());
    points.push_back({savepoint, state});
  }
  if (points.empty() || !random_.chance(1, options_.savepoint_chance)) return Status();
  points.resize(1 + random_.below(points.size()));
  state = points.back().state;
  return transaction.rollback_to(points.back().savepoint);
}

Status Workload::fill(Transaction& transaction, State& state, std::uint64_t number, Database* database) {
  const std::uint64_t changes = 1 + random_.below(options_.operations_max);
  std::vector<Point> points;
  for (std::uint64_t i = 0; i < changes; ++i) {
    QUIRE_TRY(change(transaction, state));
    QUIRE_TRY(move_between_savepoints(transaction, state, points));
    if (database != nullptr && options_.checkpoint_chance != 0 && random_.chance(1, options_.checkpoint_chance)) QUIRE_TRY(database->checkpoint());
  }
  const std::string n = std::to_string(number);
  state[std::string(default_keyspace)]["n"] = n;
  return transaction.put(default_keyspace, "n", n);
}

std::string difference(const State& found, const State& expected) {
  for (const auto& [name, rows] : expected) {
    const auto other = found.find(name);
    if (other == found.end()) return "keyspace " + name + " is missing";
    for (const auto& [key, value] : rows) {
      const auto row = other->second.find(key);
      if (row == other->second.end()) return name + "/" + key + " is missing";
      if (row->second != value) return name + "/" + key + " has another value";
    }
    if (rows.size() != other->second.size()) return name + " has rows that do not belong there";
  }
  return found.size() == expected.size() ? "no difference" : "there are keyspaces that do not belong there";
}

}  // namespace quire::test
