// Writer: the ways to commit.
//
// Through the log: timestamp, COMMIT, the end of being active, the counts and the place in the order of visibility are one
// step, inside the gate and under the log mutex: split, a flip in between would undo a commit that is acknowledged later.
// Through a checkpoint: the flip is that step. In memory: nothing outlives the process, so being committed is all.
#include <algorithm>

#include "base/contain.hpp"
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "engine/writer.hpp"
#include "os/hook.hpp"

namespace quire::engine {

namespace {

// What a commit leaves for purge, in records looked at: enough to keep up with any sequence of transactions.
constexpr std::uint64_t purge_work_per_commit = 4;
constexpr std::uint64_t purge_work_per_change = 2;

// Pages moved to the front of the file after a commit by a checkpoint, when it shrinks.
constexpr std::uint64_t pages_moved_min = 64;
constexpr std::uint64_t pages_moved_per_change = 2;

// What has logged so much commits through a checkpoint: its pages are written anyway, the rest of its log is not.
constexpr std::uint64_t logged_bytes_max = std::uint64_t{64} << 20;
constexpr std::uint64_t logged_share_of_limit = 4;

// Inside the gate for a scope.
class InGate {
 public:
  explicit InGate(buffer::Gate& gate) : gate_(gate) { gate_.enter(); }
  ~InGate() { gate_.leave(); }
  InGate(const InGate&) = delete;
  InGate& operator=(const InGate&) = delete;

 private:
  buffer::Gate& gate_;
};

}  // namespace

Status Writer::begin_logging() {
  Status started = engine_.begin_log();
  if (started == Code::full && !engine_.archives()) {
    logs_ = false;
    return Status();
  }
  if (started == Code::poisoned) engine_.poison();
  QUIRE_TRY(std::move(started));
  std::function<Status()> make_room;
  if (engine_.archives()) {
    make_room = [this] {
      engine_.resources_.give_spare_units();
      return engine_.publish();
    };
  }
  log_.open(*engine_.log(), transaction_.xid(), std::move(make_room));
  return Status();
}

Status Writer::logged(Status added) {
  if (added == Code::poisoned) engine_.poison();
  if (engine_.archives()) return added;
  const bool no_room = added == Code::busy || added == Code::full;
  const bool enough = log_.bytes() > std::min(logged_bytes_max, engine_.options_.log_limit / logged_share_of_limit);
  if (no_room || (added.ok() && enough)) {
    logs_ = false;
    return Status();
  }
  return added;
}

Status Writer::check_counts() const {
  for (const auto& [tree, change] : changed_) {
    if (change.rows >= 0 || engine_.counts_.rows(tree) >= static_cast<std::uint64_t>(-change.rows)) continue;
    return Status(Code::corrupt, "tree " + std::to_string(tree.raw) + " of " + engine_.path() + " has more rows than its count says");
  }
  return Status();
}

// Into the COMMIT, all of them: a CHUNK before a checkpoint is not replayed, and the counts of a checkpoint are without a
// transaction that has not ended.
Status Writer::log_counts() {
  if (changed_.empty()) return Status();
  Result<bool> together = log_.keep_together(changed_.size() * (wal::op_header_bytes + wal::rows_value_bytes));
  if (together.ok() && !*together) {
    together = Status(engine_.archives() ? Code::limit : Code::full, "a transaction with an archive changes too many keyspaces: " + std::to_string(changed_.size()));
  }
  QUIRE_TRY(log([&] { return together.status(); }));
  for (const auto& [tree, change] : changed_) {
    if (change.rows == 0) continue;
    std::byte value[wal::rows_value_bytes];
    store_le(value, static_cast<std::uint64_t>(change.rows));
    QUIRE_TRY(log([&, id = tree] { return log_.add({wal::OpKind::rows, false, id, transaction_.operations(), {}, value}); }));
  }
  return Status();
}

Status Writer::commit() {
  QUIRE_ASSERT(!ended_);
  if (!transaction_.changed_anything()) {
    if (transaction_.begun() && engine_.usable().ok()) set_aborted();
    const bool sure = durability_ == Durability::sync;
    Engine& engine = engine_;
    end();
    QUIRE_TRY(engine.usable());
    // Nobody is told what a crash can take back.
    return sure ? engine.await_visible() : Status();
  }
  Status status = engine_.usable();
  if (status.ok()) status = check_counts();
  if (status.ok() && logs_) status = log_counts();
  if (!status.ok()) {
    (void)rollback().ok();
    return status;
  }
  if (logs_) return commit_to_log();
  return engine_.environment_.lasting ? commit_by_checkpoint() : commit_in_memory();
}

Status Writer::commit_to_log() {
  Status hooked = os::hook("commit.before_log");
  Result<wal::LogRoom> room = log_.reserve_commit();
  if (!hooked.ok() || (!room.ok() && (engine_.archives() || (room != Code::busy && room != Code::full)))) {
    (void)rollback().ok();
    return hooked.ok() ? room.status() : hooked;
  }
  if (!room.ok()) return commit_by_checkpoint();
  wal::LogWriter& log = *engine_.log();
  const std::uint64_t now = engine_.environment_.clock.wall_us();
  const bool synced = durability_ == Durability::sync && !seeded_bug("show_before_durable");
  Result<wal::Appended> appended = wal::Appended{};
  Status noted;
  Timestamp at{};
  {
    const InGate in_gate(engine_.pool_.gate());
    const wal::LogLock lock(log);
    const os::Lock in_order(engine_.commit_mutex_);
    at = Timestamp{engine_.clock_.load(relaxed) + 1};
    appended = log.append(lock, *room, transaction_.xid(), log_.commit_record(at.raw, now));
    if (appended.ok()) {
      engine_.clock_.store(at.raw, relaxed);
      transaction_.set_ended();
      const auto note = [&] {
        take_effect(at, synced ? appended->end : wal::no_lsn, false);
        return Status();
      };
      // Half of it may not be published: poisoned before the gate opens.
      noted = contain_no_memory(note, [&]() noexcept { engine_.poison(); }, Code::unknown_outcome);
    }
  }
  if (!appended.ok()) {
    (void)rollback().ok();
    return appended.status();
  }
  if (!noted.ok()) {
    end();
    return noted;
  }
  engine_.clean_.store(false, release);
  const Durability durability = durability_;
  Engine& engine = engine_;
  after_commit(at);
  engine.note_own_commit(at, appended->end);
  return engine.make_durable(durability, appended->end);
}

Status Writer::commit_by_checkpoint() {
  // From here on it must not be taken back, also when memory runs out: then only reopening tells what was committed.
  struct NoWayBack {
    Writer& writer;
    ~NoWayBack() {
      if (writer.ended_) return;
      writer.engine_.poison();
      writer.end();
    }
  } const no_way_back{*this};
  const Engine::Committing committing{transaction_, changed_};
  Status status = engine_.publish(&committing);
  if (!status.ok()) {
    end();
    return status;
  }
  Timestamp at{};
  Lsn before{};
  const auto show = [&] {
    const os::Lock in_order(engine_.commit_mutex_);
    at = Timestamp{engine_.clock_.fetch_add(1, relaxed) + 1};
    take_effect(at, before, true);
  };
  wal::LogWriter* const log = engine_.log();
  if (log == nullptr) {
    show();
  } else {
    const wal::LogLock lock(*log);
    before = log->tail(lock);
    show();
  }
  Engine& engine = engine_;
  const std::uint64_t budget = pages_moved_min + pages_moved_per_change * transaction_.operations();
  after_commit(at);
  // Others have committed through the log since the flip: none of them may be lost while this one is there.
  if (log != nullptr) {
    engine.note_own_commit(at, before);
    QUIRE_TRY(engine.make_durable(Durability::sync, before));
  }
  if (!engine.maintenance_mutex_.try_lock()) return Status();
  const os::Lock alone(engine.maintenance_mutex_, os::Lock::Locked{});
  if (engine.cut_file().ok()) (void)engine.shrink_step(budget, Engine::Shrink::when_worth_it).ok();
  return Status();
}

Status Writer::commit_in_memory() {
  Timestamp at{};
  {
    const InGate in_gate(engine_.pool_.gate());
    const os::Lock in_order(engine_.commit_mutex_);
    at = Timestamp{engine_.clock_.fetch_add(1, relaxed) + 1};
    transaction_.set_ended();
    take_effect(at, wal::no_lsn, false);
  }
  engine_.clean_.store(false, release);
  after_commit(at);
  return Status();
}

// What can fail for want of memory comes first.
void Writer::take_effect(Timestamp at, Lsn durable, bool counted) {
  if (counted) {
    engine_.counts_.show(at, changed_);
  } else {
    engine_.counts_.commit(at, changed_, Timestamp{engine_.horizon_.load(relaxed)});
  }
  const auto commit = [&] {
    engine_.status_.committed(transaction_.xid(), at);
    engine_.snapshots_.set_committed(Timestamp{at.raw + 1});
  };
  if (own_catalog_ == nullptr) {
    commit();
  } else {
    // Whoever takes the catalog takes a limit with it.
    os::Lock lock(engine_.catalog_mutex_);
    engine_.committed_catalog_ = own_catalog_;
    engine_.committed_catalog_version_.fetch_add(1, seq_cst);
    commit();
  }
  engine_.visibility_.commit(at, durable, own_catalog_);
}

// What was left for older snapshots goes into the queue before another transaction takes the undo log over.
void Writer::after_commit(Timestamp at) {
  Engine& engine = engine_;
  const std::uint64_t work = purge_work_per_commit + purge_work_per_change * transaction_.operations();
  engine.operations_.fetch_add(transaction_.operations(), relaxed);
  engine.commits_.fetch_add(1, seq_cst);
  engine.purge_queue_.add(transaction_, at);
  end();
  engine.purge_after_commit(work);
}

}  // namespace quire::engine
