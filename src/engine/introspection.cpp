// Introspection: who is at work in an engine, for people and for Database.
//
// Transactions come from the places they work in, waits from the lock table. A row that a transaction has changed is locked by the
// number in its header and by nothing else (LK-1), so such locks are known only while somebody waits for one: then they are listed too.
//
// Threads   any; each list is a picture of one moment, two of them may be of different ones
#include <algorithm>

#include "engine/engine.hpp"

namespace quire::engine {

namespace {

constexpr lock::Mode exclusive = lock::Mode::exclusive;

Range range_of(const lock::Interval& interval) {
  Range range;
  if (!interval.lower.empty() || !interval.lower_inclusive) range.lower = interval.lower;
  if (interval.has_upper) range.upper = interval.upper;
  range.lower_inclusive = interval.lower_inclusive;
  range.upper_inclusive = interval.upper_inclusive;
  return range;
}

std::string name_of(const catalog::Catalog& catalog, TreeId tree) {
  if (tree == catalog::names_tree) return {};
  for (const auto& [name, record] : catalog.keyspaces) {
    if (record.tree == tree) return name;
  }
  return "tree " + std::to_string(tree.raw);  // made by a transaction that has not committed, or being dropped
}

bool before(const LockInfo& one, const LockInfo& other) {
  if (one.keyspace != other.keyspace) return one.keyspace < other.keyspace;
  if (one.range.lower != other.range.lower) return one.range.lower < other.range.lower;
  if (one.held != other.held) return one.held;
  return one.waited_us > other.waited_us;
}

}  // namespace

std::map<Xid, std::uint64_t> Engine::numbers_by_xid() const {
  std::map<Xid, std::uint64_t> numbers;
  writers_.for_each([&](const Writers::Place& place) {
    const txn::WriteTransaction* transaction = place.transaction.load(acquire);
    if (transaction != nullptr) numbers.emplace(transaction->xid(), place.number);
  });
  return numbers;
}

std::vector<TransactionInfo> Engine::transactions() const {
  std::vector<TransactionInfo> all;
  const std::uint64_t now_us = environment_.clock.monotonic_us();
  writers_.for_each([&](const Writers::Place& place) {
    TransactionInfo& info = all.emplace_back();
    info.number = place.number;
    info.thread = place.thread.load(relaxed);
    info.isolation = place.isolation;
    info.age_us = now_us - std::min(now_us, place.begun_us);
    const txn::WriteTransaction* transaction = place.transaction.load(acquire);
    if (transaction != nullptr) {
      info.xid = transaction->xid().raw;
      info.changes = transaction->operations();
    }
    const char* doing = place.doing.load(relaxed);
    info.doing = doing == nullptr ? "idle" : doing;
  });
  std::sort(all.begin(), all.end(), [](const TransactionInfo& one, const TransactionInfo& other) { return one.number < other.number; });
  for (const lock::LockInfo& wait : locks_.list()) {
    if (wait.granted) continue;
    const auto found = std::find_if(all.begin(), all.end(), [&](const TransactionInfo& info) { return info.number == wait.owner; });
    if (found == all.end()) continue;
    const auto holder = std::find_if(all.begin(), all.end(), [&](const TransactionInfo& info) { return info.xid != 0 && info.xid == wait.waits_for_xid.raw; });
    found->waiting = true;
    found->waits_for = holder != all.end() ? holder->number : wait.waits_for_owner;
    found->waited_us = wait.waited_us;
    found->wants = std::string(lock::describe(wait.mode)) + " lock on " + lock::describe(wait.interval()) + " of " + describe_tree(wait.tree);
    if (found->doing == "idle") found->doing = "waiting";  // in a call that does not say what it is
  }
  return all;
}

std::vector<LockInfo> Engine::locks_and_waits() const {
  const std::map<Xid, std::uint64_t> numbers = numbers_by_xid();
  const CatalogPointer catalog = committed_catalog();
  std::vector<LockInfo> all;
  std::vector<LockInfo> rows;
  for (const lock::LockInfo& lock : locks_.list()) {
    LockInfo& info = all.emplace_back();
    info.keyspace = name_of(*catalog, lock.tree);
    info.range = range_of(lock.interval());
    info.mode = lock.mode == exclusive ? LockMode::exclusive : LockMode::shared;
    info.transaction = lock.owner;
    info.held = lock.granted;
    if (lock.granted) continue;
    info.waited_us = lock.waited_us;
    info.waits_for = lock.waits_for_owner;
    const auto holder = numbers.find(lock.waits_for_xid);
    if (holder == numbers.end()) continue;
    info.waits_for = holder->second;
    if (!info.is_key()) continue;
    LockInfo row{.keyspace = info.keyspace, .range = info.range, .mode = LockMode::exclusive, .transaction = holder->second, .held = true};
    const auto same = [&](const LockInfo& other) { return other.transaction == row.transaction && other.keyspace == row.keyspace && other.range.lower == row.range.lower; };
    if (std::none_of(rows.begin(), rows.end(), same)) rows.push_back(std::move(row));
  }
  all.insert(all.end(), rows.begin(), rows.end());
  std::stable_sort(all.begin(), all.end(), before);
  return all;
}

std::vector<SnapshotInfo> Engine::registered_snapshots() const {
  std::vector<SnapshotInfo> all;
  const std::uint64_t now_us = environment_.clock.monotonic_us();
  const std::vector<txn::Snapshots::Registered> registered = snapshots_.list();
  const std::uint64_t committed = std::max(snapshots_.committed(), snapshots_.newest()).raw;
  for (const txn::Snapshots::Registered& snapshot : registered) {
    SnapshotInfo& info = all.emplace_back();
    info.transaction = snapshot.transaction;
    info.thread = snapshot.thread;
    info.age_us = now_us - std::min(now_us, snapshot.since_us);
    info.commits_behind = committed - std::min(committed, snapshot.limit.raw);
    info.oldest = all.size() == 1;
  }
  return all;
}

void Engine::add_activity(Statistics& s) const {
  writers_.for_each([&](const Writers::Place&) { ++s.transactions; });
  s.snapshots = snapshots_.registered();
  const lock::LockCounts counts = locks_.counts();
  s.locks = counts.entries;
  s.lock_memory = counts.memory_bytes;
  s.waiting = counts.waiting;
  s.lock_waits = counts.waits;
  s.lock_timeouts = counts.timeouts;
  s.lock_escalations = counts.escalations;
  s.deadlocks = counts.deadlocks;
}

}  // namespace quire::engine
