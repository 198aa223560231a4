// LogWriter, segments: the next one, releasing those that a checkpoint made superfluous, pins, sealing, closing.
//
// The limit counts what the last checkpoint does not release: from the segment of its LSN to the last prepared one. Segments
// that only a pin holds do not count, else writers would wait for a backup instead of a checkpoint.
#include "base/assert.hpp"
#include "base/contain.hpp"
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "wal/log_writer.hpp"

namespace quire::wal {

LogPin& LogPin::operator=(LogPin&& other) noexcept {
  std::swap(log_, other.log_);
  std::swap(lsn_, other.lsn_);
  return *this;
}

LogPin::~LogPin() {
  if (log_ == nullptr) return;
  os::Lock held(log_->mutex_);
  log_->pins_.erase(log_->pins_.find(lsn_.raw));  // step() recycles
}

void LogPin::advance(Lsn lsn) {
  QUIRE_ASSERT(log_ != nullptr && lsn >= lsn_);
  os::Lock held(log_->mutex_);
  log_->pins_.insert(lsn.raw);
  log_->pins_.erase(log_->pins_.find(lsn_.raw));
  lsn_ = lsn;
}

// Leaves the mutex while it makes the file. busy at the limit.
Status LogWriter::prepare_segment() {
  QUIRE_ASSERT(!preparing_);
  const std::uint64_t bytes = options_.segment_bytes;
  if (live_bytes() + bytes > options_.log_limit) {
    return Status(Code::busy, "the log of " + files_.database() + " has reached its limit of " + std::to_string(options_.log_limit) +
                                  " bytes; a checkpoint must release some of it");
  }
  preparing_ = true;
  const Lsn start = segments_.back()->end;
  mutex_.unlock();
  // With its flag set this thread must come back with the mutex.
  Result<std::unique_ptr<OpenSegment>> made =
      contain_no_memory([&] { return files_.make({.start = start, .bytes = bytes, .previous_end = start}); });
  mutex_.lock();
  preparing_ = false;
  progress_.notify_all();
  if (made.ok()) {
    segments_.push_back(std::move(*made));
    return Status();
  }
  if (made == Code::poisoned) {
    fail(made.status());
    return refusal();
  }
  return made.status();
}

// Ahead of need, so that no commit waits for a file to be made.
bool LogWriter::wants_segment() const {
  if (preparing_ || current_ + 1 < segments_.size()) return false;
  const OpenSegment& current = *segments_[current_];
  return (current.end.raw - tail_.raw) < current.bytes() / 4;
}

std::uint64_t LogWriter::live_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& segment : segments_) {
    if (segment->end > release_) bytes += segment->bytes();
  }
  return bytes;
}

Lsn LogWriter::held_from() const { return pins_.empty() ? release_ : std::min(release_, Lsn{*pins_.begin()}); }

OpenSegments LogWriter::take_released() {
  OpenSegments released;
  const std::uint64_t too_much = seeded_bug("release_one_segment_early") ? options_.segment_bytes : 0;
  while (current_ > 0 && segments_.front()->end.raw <= held_from().raw + too_much) {
    released.push_back(std::move(segments_.front()));
    segments_.pop_front();
    --current_;
  }
  return released;
}

Status LogWriter::release_before(Lsn lsn) {
  OpenSegments released;
  {
    LogLock lock(*this);
    QUIRE_TRY(refusal());
    QUIRE_ASSERT(lsn <= durable());
    release_ = std::max(release_, lsn);
    released = take_released();
    progress_.notify_all();
  }
  return files_.retire(std::move(released));
}

Result<LogPin> LogWriter::pin(Lsn lsn) {
  LogLock lock(*this);
  QUIRE_TRY(refusal());
  if (lsn < segments_.front()->start) {
    return Status(Code::not_found, "the log of " + files_.database() + " begins at LSN " + std::to_string(segments_.front()->start.raw) +
                                       "; LSN " + std::to_string(lsn.raw) + " is no longer there");
  }
  QUIRE_ASSERT(lsn <= tail_);
  pins_.insert(lsn.raw);
  return LogPin(this, lsn);
}

std::vector<DurableSegment> LogWriter::durable_segments(Lsn from) const {
  os::Lock held(mutex_);
  std::vector<DurableSegment> found;
  for (const auto& segment : segments_) {
    if (segment->end <= from || segment->first_record() > durable()) continue;
    // The PAD is durable when a record behind it is.
    const bool sealed = segment->end < durable();
    const Lsn used_end = sealed ? segment->used_end : durable();
    found.push_back({segment->path, segment->number, segment->start, segment->end,
                     sealed ? segment->bytes() : durable().raw - segment->start.raw, used_end.raw - segment->start.raw, sealed});
  }
  return found;
}

LogStatistics LogWriter::statistics() const {
  os::Lock held(mutex_);
  LogStatistics s;
  s.release = release_;
  s.durable = durable();
  s.written = written();
  s.tail = tail_;
  s.live_bytes = live_bytes();
  for (const auto& segment : segments_) s.pinned_bytes += segment->bytes();
  s.pinned_bytes -= s.live_bytes;
  s.spare_bytes = files_.spare_bytes();
  s.writes = writes_;
  s.syncs = syncs_;
  if (!segments_.empty()) s.oldest = segments_.front()->start;
  return s;
}

Lsn LogWriter::tail() const {
  os::Lock held(mutex_);
  return tail_;
}

// A MARK of an idle log alone is not worth a segment.
bool LogWriter::holds_records() const {
  const Lsn first = segments_[current_]->first_record();
  return tail_ != first && !(tail_ == idle_mark_end_ && tail_.raw == first.raw + mark_bytes);
}

Result<Lsn> LogWriter::seal() {
  Lsn sealed{};
  Lsn wanted{};
  {
    LogLock lock(*this);
    while (true) {
      QUIRE_TRY(refusal());
      if (!holds_records()) break;
      if (!prepared_hold(kept_bytes, kept_bytes)) {
        Status made = preparing_ ? Status() : prepare_segment();
        if (!made.ok() && !prepared_hold(kept_bytes, kept_bytes)) return made;
        if (preparing_) progress_.wait(mutex_);
      } else if (!buffer_holds(pad_bytes)) {
        make_buffer_room();
      } else {
        next_segment();
        break;
      }
    }
    sealed = segments_[current_]->start;
    wanted = tail_;
  }
  QUIRE_TRY(sync_to(wanted));
  return sealed;
}

Status LogWriter::close() {
  OpenSegments all;
  {
    LogLock lock(*this);
    closing_ = true;
    while (writing_ || syncing_ || preparing_) progress_.wait(mutex_);
    QUIRE_TRY(refusal());
    QUIRE_ASSERT(promised_bytes_ == 0 && pins_.empty());
    closed_ = true;
    for (auto& segment : segments_) all.push_back(std::move(segment));
    segments_.clear();
    current_ = 0;
    progress_.notify_all();
    synced_.notify_all();
  }
  return files_.remove_all(std::move(all));
}

}  // namespace quire::wal
