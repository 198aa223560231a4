// Background: the thread, and what a step is.
//
// In order of urgency: what was committed `lazy` is handed to the system, the log gets its next segment ahead of need, the
// archive its copies; then everything committed is synced, once in a while; then checkpoints, when replaying the log would take
// long or it is old; then, when nobody commits, purge and shrinking.
#include "engine/background.hpp"

#include <algorithm>

#include "base/contain.hpp"
#include "base/try.hpp"
#include "engine/engine.hpp"

namespace quire::engine {

namespace {

constexpr std::uint64_t tick_us = 10'000;
constexpr std::uint64_t sync_interval_us = 1'000'000;

// A checkpoint is due when the log behind the last one is so long, so slow to replay, or so old.
constexpr std::uint64_t checkpoint_log_bytes = std::uint64_t{256} << 20;
constexpr std::uint64_t checkpoint_share_of_limit = 2;
constexpr std::uint64_t checkpoint_operations = 1'000'000;  // about two seconds
constexpr std::uint64_t checkpoint_interval_us = 60'000'000;

// Bytes of data synced at once: commits in the log wait behind such a sync. Measured beside a loop of log syncs, 512 MiB of data:
// synced at once one of these waits 150 to 200 ms, by 8 MiB 8 to 12 ms, by 4 MiB 5 to 9 ms; by 2 MiB the data take twice the time.
constexpr std::uint64_t slice_bytes = std::uint64_t{4} << 20;

// A sync, a MARK, and the sync of that.
constexpr int idle_steps = 4;

// Records that purge looks at, and pages that shrinking moves, in one step.
constexpr std::uint64_t step_budget = 256;

}  // namespace

Background::Background(Engine& engine) : engine_(engine), thread_([this] { run(); }) {}

Background::~Background() {
  {
    os::Lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Background::wake_up() {
  { os::Lock lock(mutex_); }  // not between its look and its sleep
  changed_.notify_all();
}

void Background::run() {
  os::Lock lock(mutex_);
  while (!stop_) {
    mutex_.unlock();
    const Result<std::uint64_t> next =
        contain_no_memory([&] { return engine_.background_step(); }, [&]() noexcept { engine_.poison(); });
    mutex_.lock();
    const std::uint64_t wait_us = next.ok() ? *next : Engine::no_background_work;
    if (stop_) break;
    if (wait_us <= tick_us) {
      changed_.wait_for(mutex_, wait_us);
      continue;
    }
    asleep_.store(true, seq_cst);
    // Whoever commits from here on sees that; who committed before is seen here.
    if (engine_.has_background_work()) {
      changed_.wait_for(mutex_, tick_us);
    } else if (wait_us == Engine::no_background_work) {
      changed_.wait(mutex_);
    } else {
      changed_.wait_for(mutex_, wait_us);
    }
    asleep_.store(false, seq_cst);
  }
}

bool Engine::has_background_work() const {
  const wal::LogWriter* log = this->log();
  if (log == nullptr || !usable().ok()) return false;
  return commits_.load(seq_cst) != commits_done_with_ || log->durable_lsn() < log->tail();
}

bool Engine::checkpoint_is_due(const wal::LogWriter& log, std::uint64_t now_us) {
  if (checkpoint_due_us_ == 0) checkpoint_due_us_ = now_us + checkpoint_interval_us;
  const std::uint64_t behind = log.tail().raw - checkpoint_.published().checkpoint_lsn.raw;
  if (behind >= std::min(checkpoint_log_bytes, options_.log_limit / checkpoint_share_of_limit)) return true;
  if (commits_.load(relaxed) == commits_at_checkpoint_) {
    checkpoint_due_us_ = now_us + checkpoint_interval_us;
    return false;
  }
  if (operations_.load(relaxed) - operations_at_checkpoint_ >= checkpoint_operations) return true;
  return now_us >= checkpoint_due_us_;
}

// While nobody commits: those who do purge behind themselves.
Status Engine::tidy_up(bool& more) {
  if (!maintenance_mutex_.try_lock()) {
    more = true;
    return Status();
  }
  const os::Lock alone(maintenance_mutex_, os::Lock::Locked{});
  QUIRE_TRY(purge_step(step_budget));
  QUIRE_TRY(shrink_step(step_budget, Shrink::when_worth_it));
  resources_.give_spare_units();
  more = !to_move_.empty();
  if (move_behind_ == 0 || more) return Status();
  // The old places are free, and can be cut off, when the pages are somewhere else in what is published. What that does not
  // gain waits for the next commit: another plan would find the same.
  QUIRE_TRY(publish());
  return cut_file();
}

Result<std::uint64_t> Engine::background_step() {
  wal::LogWriter* log = this->log();
  if (log == nullptr || closing_.load(relaxed)) return no_background_work;
  QUIRE_TRY(usable());
  const std::uint64_t now = environment_.clock.monotonic_us();
  const std::uint64_t commits = commits_.load(seq_cst);
  const bool busy = commits != commits_seen_;
  commits_seen_ = commits;
  Status status = serve_log(*log, !busy);
  if (archiver_) archive_step();
  if (busy) pool_.prefault();
  if (status.ok()) status = checkpoint_.sync_evicted(slice_bytes);
  if (status.ok() && checkpoint_is_due(*log, now)) {
    commits_at_checkpoint_ = commits_.load(relaxed);
    operations_at_checkpoint_ = operations_.load(relaxed);
    checkpoint_due_us_ = now + checkpoint_interval_us;
    // It may take long. Who commits needs the log served meanwhile; a failure is met again by the next step.
    status = publish(nullptr, {.slice_bytes = slice_bytes, .between = [&] { (void)serve_log(*log, false).ok(); }});
  }
  // A full disk is met again by the next step, and told by the next commit.
  if (!status.ok() && status != Code::full) {
    poison();
    return status;
  }
  if (busy) return tick_us;
  bool more = false;
  (void)tidy_up(more).ok();
  commits_done_with_.store(commits, seq_cst);
  if (more) return tick_us;
  return commits_at_checkpoint_ == commits ? no_background_work : checkpoint_due_us_ - std::min(now, checkpoint_due_us_) + tick_us;
}

Status Engine::serve_log(wal::LogWriter& log, bool idle) {
  QUIRE_TRY(log.write_to(log.tail()));
  for (bool more = true; more;) {
    QUIRE_ASSIGN(more, log.maintain());
  }
  const std::uint64_t now = environment_.clock.monotonic_us();
  if (!idle && now < sync_due_us_) return Status();
  sync_due_us_ = now + sync_interval_us;
  QUIRE_TRY(log.sync_to(log.tail()));
  // The last sync leaves a MARK behind that says so. Whoever commits meanwhile does not keep this thread here.
  bool more = idle;
  for (int i = 0; more && i < idle_steps; ++i) {
    QUIRE_ASSIGN(more, log.step());
  }
  visibility_.advance(log.durable_lsn());
  return Status();
}

// An archive that cannot be written to holds nobody up: the log keeps what it lacks, and the next step, closing or recovery
// copies it. Recovery says so if it cannot.
void Engine::archive_step() {
  Result<bool> more = true;
  while (more.ok() && *more) more = archiver_->step();
}

}  // namespace quire::engine
