// Workers of the stage `mixed`: see mixed_workers.hpp.
#include "bench/mixed_workers.hpp"

#include <algorithm>

namespace quire::bench {

void MixedWorker::run(Session& session, double seconds_max) {
  constexpr std::uint64_t operations_between_looks = 256;
  meter_.start();
  for (std::uint64_t i = 0; i < count(); ++i) {
    if (!act(session, i)) break;
    meter_.lap();
    if ((i + 1) % operations_between_looks == 0 && meter_.seconds_so_far() > seconds_max) break;
  }
  meter_.stop();
  retries_ = session.retries();
}

YcsbWorker::YcsbWorker(const Workload& workload, Inserts& inserts, const Mix& mix, std::vector<Operation> operations,
                       unsigned thread)
    : MixedWorker(workload, thread), inserts_(inserts), latest_(mix.latest), operations_(std::move(operations)) {
  // Ranks of the newest are turned into rows when it is known which those are.
  for (Operation& one : operations_) {
    if (!latest_) one.rank = workload.order()[one.rank];
  }
  change_.got.resize(1);
  change_.values.resize(1);
  change_.between = [this] {
    const std::uint64_t counter = this->workload().counter_of(changed_, change_.got[0]);
    this->workload().make_counted(changed_, counter + 1, change_.values[0]);
  };
}

bool YcsbWorker::act(Session& session, std::uint64_t operation) {
  const Operation& one = operations_[operation];
  switch (one.action) {
    case Action::read: read(session, key_of(one)); return true;
    case Action::update: update(session, key_of(one)); return true;
    case Action::modify: modify(session, key_of(one)); return true;
    case Action::scan: scan(session, one); return true;
    case Action::insert: return insert(session);
  }
  return false;
}

Key YcsbWorker::key_of(const Operation& operation) const {
  if (!latest_) return Key::present(operation.rank);
  // In the order in which they came: the rows of the workload, then those that were inserted.
  const std::uint64_t rows = workload().rows();
  const std::uint64_t at = rows + inserts_.end() - 1 - operation.rank;
  return at < rows ? Key::present(workload().order()[at]) : inserts_.key(at - rows);
}

void YcsbWorker::read(Session& session, const Key& key) {
  if (!session.get(key, value_)) throw BenchError("a key is missing: " + std::string(key.view()));
  workload().counter_of(key, value_);
}

void YcsbWorker::update(Session& session, const Key& key) {
  workload().make_counted(key, next_stamp(), value_);
  session.put_alone(key, value_);
}

void YcsbWorker::modify(Session& session, const Key& key) {
  changed_ = key;
  change_.gets.assign(1, changed_.view());
  change_.puts.assign(1, changed_.view());
  session.transact(change_);
  ++added_;
}

void YcsbWorker::scan(Session& session, const Operation& operation) {
  ScanCheck check;
  session.scan_from(Key::present(operation.rank), operation.entries, check);
  // More than were loaded may follow, since others are inserted.
  const std::uint64_t least = std::min<std::uint64_t>(operation.entries, workload().rows() - operation.rank);
  if (check.right() && check.count() >= least && check.count() <= operation.entries) return;
  throw BenchError("a scan of " + std::to_string(operation.entries) + " met " + std::to_string(check.count()) +
                   " entries" + (check.right() ? "" : ", or out of order"));
}

bool YcsbWorker::insert(Session& session) {
  const std::optional<std::uint64_t> row = inserts_.claim();
  if (!row) return false;
  update(session, inserts_.key(*row));
  inserts_.note(*row);
  return true;
}

TransactionWorker::TransactionWorker(const Workload& workload, std::uint64_t transactions, std::uint64_t seed,
                                     unsigned thread)
    : MixedWorker(workload, thread),
      rows_(transactions * 2 * rows_each),
      gets_(rows_each, Key::present(0)),
      puts_(rows_each, Key::present(0)) {
  Random random(seed);
  for (std::uint32_t& row : rows_) row = static_cast<std::uint32_t>(random.below(workload.rows()));
  work_.gets.resize(rows_each);
  work_.puts.resize(rows_each);
  work_.got.resize(rows_each);
  work_.values.resize(rows_each);
  work_.between = [this] {
    for (std::size_t i = 0; i < rows_each; ++i) {
      this->workload().counter_of(gets_[i], work_.got[i]);
      this->workload().make_counted(puts_[i], next_stamp(), work_.values[i]);
    }
  };
}

bool TransactionWorker::act(Session& session, std::uint64_t operation) {
  const std::uint32_t* rows = &rows_[operation * 2 * rows_each];
  for (std::size_t i = 0; i < rows_each; ++i) {
    gets_[i] = Key::present(rows[i]);
    puts_[i] = Key::present(rows[rows_each + i]);
    work_.gets[i] = gets_[i].view();
    work_.puts[i] = puts_[i].view();
  }
  session.transact(work_);
  return true;
}

}  // namespace quire::bench
