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

// Records that purge looks at after a commit: enough to keep up with any sequence of transactions.
constexpr std::uint64_t purge_budget_min = 64;
constexpr std::uint64_t purge_budget_per_change = 2;
constexpr std::uint64_t commits_per_purge = 16;

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
  if (engine_.log() == nullptr) {
    Status started = engine_.start_log();
    if (started == Code::full && !engine_.archives()) {
      logs_ = false;
      return Status();
    }
    if (started == Code::poisoned) engine_.poison();
    QUIRE_TRY(std::move(started));
  }
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
    end();
    return engine_.usable();
  }
  Status status = engine_.usable();
  if (status.ok()) status = check_counts();
  if (status.ok() && logs_) status = log_counts();
  if (!status.ok()) {
    (void)rollback().ok();
    return status;
  }
  engine_.resources_.give_spare_units();
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
  {
    const InGate in_gate(engine_.pool_.gate());
    const wal::LogLock lock(log);
    const std::uint64_t timestamp = engine_.clock_.load(relaxed) + 1;
    appended = log.append(lock, *room, transaction_.xid(), log_.commit_record(timestamp, now));
    if (appended.ok()) {
      engine_.clock_.store(timestamp, relaxed);
      take_off_active_list();
      const auto note = [&] {
        engine_.counts_.commit(transaction_.xid(), changed_, transaction_.horizon());
        show_when(synced ? appended->end : wal::no_lsn);
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
  after_commit();
  const Durability durability = durability_;
  Engine& engine = engine_;
  const Xid xid = transaction_.xid();
  end();
  engine.note_own_commit(xid, appended->end);
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
  show_when(wal::no_lsn);
  engine_.purge_due_ = purge_budget_min;
  after_commit();
  const std::uint64_t budget = purge_budget_min + purge_budget_per_change * transaction_.operations();
  if (engine_.cut_file().ok()) (void)engine_.shrink_step(budget, Engine::Shrink::when_worth_it).ok();
  end();
  return Status();
}

Status Writer::commit_in_memory() {
  {
    const InGate in_gate(engine_.pool_.gate());
    take_off_active_list();
    engine_.counts_.commit(transaction_.xid(), changed_, transaction_.horizon());
    show_when(wal::no_lsn);
  }
  engine_.clean_.store(false, release);
  after_commit();
  end();
  return Status();
}

void Writer::show_when(Lsn durable) {
  if (own_catalog_ != nullptr) engine_.committed_catalog_ = own_catalog_;
  engine_.visibility_.commit(transaction_.xid(), durable, own_catalog_);
}

// What purge cannot do now it meets again. Small transactions leave it to every few of them.
void Writer::after_commit() {
  engine_.operations_.fetch_add(transaction_.operations(), relaxed);
  engine_.commits_.fetch_add(1, seq_cst);
  engine_.purge_queue_.add(transaction_);
  engine_.purge_due_ += purge_budget_per_change * transaction_.operations() + purge_budget_min / commits_per_purge;
  if (engine_.purge_due_ < purge_budget_min) return;
  (void)engine_.purge_step(engine_.purge_due_).ok();
  engine_.purge_due_ = 0;
}

}  // namespace quire::engine
