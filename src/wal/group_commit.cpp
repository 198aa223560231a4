// LogWriter, durability: group commit, and what a failure means.
//
// Writing and syncing are two flags, each held by one thread while it is outside the mutex: a writer of class `process` can
// hand its batch to the system while a leader waits for the disk. What a sync makes durable is what was written when it
// began. Segments are synced in order; a later one may still reach the disk first, which only costs a torn tail.
//
// Why followers need no promise of fairness: a leader takes everything that is pending when it starts, so whoever appended
// before it is durable after it, and whoever came later leads next or follows that one.
//
// Why nobody leads at once: those whom a sync lets go come back with their next commit a moment later. If the first of them
// led, it would carry itself alone, and make the others wait for that. So the sync begins with the arrival of as many as
// wanted one when the last sync ended, or after a moment; when that was in vain, the next few begin at once.
#include "base/assert.hpp"
#include "base/contain.hpp"
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "os/hook.hpp"
#include "wal/log_trace.hpp"
#include "wal/log_writer.hpp"

namespace quire::wal {

namespace {

constexpr std::uint64_t company_wait_us = 50;
constexpr std::uint32_t syncs_without_waiting = 16;  // after a wait in vain

// With its flags set a thread must come back from here.
Status note_segments(const TailBuffer& written, std::vector<OpenSegment*>& unsynced) {
  return contain_no_memory([&] {
    written.note_segments(unsynced);
    return Status();
  });
}

}  // namespace

Status LogWriter::sync_to(Lsn lsn) {
  if (durable_lsn() >= lsn) return Status();
  LogLock lock(*this);
  QUIRE_ASSERT(lsn <= tail_);
  if (seeded_bug("acknowledge_log_before_sync")) return Status();
  while (durable() < lsn) {
    if (!failure_.ok() || closed_) return unknown_outcome();
    if (syncing_ || followers_ + 1 < company_) {
      follow();
    } else {
      syncing_ = true;
      sync_pending();
    }
  }
  return Status();
}

// Leaves the mutex. While nobody syncs one of those who wait keeps the time, and leads if the others stay away: whenever there
// are followers, somebody syncs or somebody keeps the time.
void LogWriter::follow() {
  const std::uint64_t round = rounds_;
  ++followers_;
  if (syncing_ || timekeeper_) {
    synced_.wait(mutex_);
  } else {
    timekeeper_ = true;
    const bool in_vain = !synced_.wait_for(mutex_, company_wait_us);
    if (rounds_ == round) {
      timekeeper_ = false;
      if (in_vain && !syncing_) {
        company_ = 1;
        no_waiting_ = syncs_without_waiting;
      }
    }
  }
  if (rounds_ == round) --followers_;
}

Status LogWriter::write_to(Lsn lsn) {
  if (written_lsn() >= lsn) return Status();
  LogLock lock(*this);
  QUIRE_ASSERT(lsn <= tail_);
  while (written() < lsn) {
    if (!failure_.ok() || closed_) return unknown_outcome();
    if (writing_) {
      progress_.wait(mutex_);
    } else {
      write_pending(TailBuffer::Way::store);
    }
  }
  return Status();
}

// Leaves the mutex while it writes.
void LogWriter::write_pending(TailBuffer::Way way) {
  QUIRE_ASSERT(!writing_);
  if (active_->empty()) return;
  writing_ = true;
  std::swap(active_, flight_);
  const Lsn end = tail_;
  mutex_.unlock();
  Status status = os::hook("log.before_write");
  if (status.ok()) status = contain_no_memory([&] { return flight_->write_out(way); });
  mutex_.lock();
  if (status.ok()) status = note_segments(*flight_, unsynced_);
  if (status.ok()) {
    written_.store(end.raw, release);
    ++writes_;
  } else {
    fail(status);
  }
  flight_->clear();
  writing_ = false;
  progress_.notify_all();
}

// Leaves the mutex while it writes and syncs.
void LogWriter::sync_pending() {
  QUIRE_ASSERT(syncing_);
  while (writing_) progress_.wait(mutex_);
  if (failure_.ok()) write_pending();
  if (failure_.ok()) {
    const Lsn target = written();
    std::swap(unsynced_, being_synced_);
    mutex_.unlock();
    const Status status = contain_no_memory([&] { return sync_segments(); });
    mutex_.lock();
    being_synced_.clear();
    if (status.ok()) {
      durable_.store(target.raw, release);
      mark_due_ = target != idle_mark_end_;
      ++syncs_;
    } else {
      fail(status);
    }
  }
  syncing_ = false;
  ++rounds_;
  if (no_waiting_ > 0) --no_waiting_;
  company_ = no_waiting_ > 0 ? 1 : followers_ + 1;
  timekeeper_ = false;
  followers_ = 0;  // all are woken; whom it came too early for counts itself again
  synced_.notify_all();
  if (closing_) progress_.notify_all();
}

Status LogWriter::sync_segments() {
  QUIRE_TRY(os::hook("log.before_sync"));
  if (seeded_bug("skip_log_sync")) return Status();
  for (OpenSegment* segment : being_synced_) {
    Status synced = segment->file->sync();
    if (!synced.ok() && seeded_bug("retry_failed_log_sync")) synced = segment->file->sync();
    QUIRE_TRY(told_log(std::move(synced), "sync", segment->path, "append"));
  }
  return Status();
}

Result<bool> LogWriter::step() {
  {
    LogLock lock(*this);
    QUIRE_TRY(refusal());
    if (durable() < tail_) {
      if (syncing_) return true;
      syncing_ = true;
      sync_pending();
      QUIRE_TRY(refusal());
      return true;
    }
  }
  QUIRE_ASSIGN(const bool done, maintain());
  if (done) return true;
  LogLock lock(*this);
  if (!mark_due_) return false;
  put_mark();
  idle_mark_end_ = tail_;
  return !mark_due_;
}

Result<bool> LogWriter::maintain() {
  LogLock lock(*this);
  QUIRE_TRY(refusal());
  if (wants_segment()) {
    Status prepared = prepare_segment();
    if (prepared.ok()) return true;
    if (prepared.code() != Code::busy) return prepared;
  }
  OpenSegments released = take_released();
  if (released.empty()) return false;
  mutex_.unlock();
  Status retired = contain_no_memory([&] { return files_.retire(std::move(released)); });
  mutex_.lock();
  QUIRE_TRY(std::move(retired));
  return true;
}

// The first failure is the one that counts.
void LogWriter::fail(Status status) {
  if (failure_.ok()) failure_ = std::move(status);
  progress_.notify_all();
  synced_.notify_all();
}

Status LogWriter::refusal() const {
  if (!failure_.ok()) {
    return Status(Code::poisoned, "the log of " + files_.database() + " failed earlier, reopen the database: " + std::string(failure_.message()));
  }
  return closed_ ? Status(Code::invalid, "the log of " + files_.database() + " is closed") : Status();
}

Status LogWriter::unknown_outcome() const {
  return Status(Code::unknown_outcome, "whether this reached the log of " + files_.database() +
                                           " is known only when the database is reopened: " +
                                           (failure_.ok() ? "the log was closed" : std::string(failure_.message())));
}

Status LogWriter::health() const {
  os::Lock held(mutex_);
  return refusal();
}

}  // namespace quire::wal
