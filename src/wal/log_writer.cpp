// LogWriter, appending: promises of room, and records into the buffer.
//
// Why what is promised fits in any order: with P bytes promised, none longer than m, changing the segment wastes less than m,
// because a record that had not fitted was no longer. So P fits if it fits in the current segment alone; or in the k
// prepared ones alone, less k-1 changes; or in all of them, less k changes. The second holds when the current one is sealed.
#include "wal/log_writer.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/try.hpp"

namespace quire::wal {

namespace {

LogOptions within_limits(LogOptions options) {
  const auto blocks = [](std::uint64_t bytes) {
    return std::max<std::uint64_t>(bytes / segment_block_bytes, 1) * segment_block_bytes;
  };
  // Four segments at least, so that a checkpoint always finds some to release.
  options.segment_bytes = blocks(std::min(options.segment_bytes, options.log_limit / 4));
  options.first_segment_bytes = blocks(std::min(options.first_segment_bytes, options.segment_bytes));
  // A small log needs no large buffer.
  options.buffer_bytes = std::min(options.buffer_bytes, blocks(options.log_limit));
  return options;
}

std::uint32_t longest_record_of(const LogOptions& options) {
  const std::uint64_t longest = std::min({std::uint64_t{record_bytes_max}, options.first_segment_bytes / 2, options.buffer_bytes / 2});
  return static_cast<std::uint32_t>(longest / 8 * 8);
}

// Beside records that were promised room: a PAD for every change of segment, MARK and CKPT.
std::size_t buffer_bytes_of(const LogOptions& options) {
  return options.buffer_bytes + (options.buffer_bytes / options.first_segment_bytes + 4) * pad_bytes + 4 * kept_bytes;
}

}  // namespace

std::uint64_t LogWriter::buffer_bytes() const noexcept { return 2 * (buffer_bytes_of(options_) + segment_block_bytes); }

LogRoom& LogRoom::operator=(LogRoom&& other) noexcept {
  std::swap(log_, other.log_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

LogRoom::~LogRoom() {
  if (log_ == nullptr) return;
  LogLock lock(*log_);
  log_->give_back(bytes_);
}

LogWriter::LogWriter(os::FileSystem& files, const std::string& database, const LogOptions& options)
    : options_(within_limits(options)),
      longest_record_(longest_record_of(options_)),
      files_(files, database,
             {.identity = options_.identity,
              .next_number = options_.start.number,
              .spare_bytes = options_.segment_bytes,
              .spares_max = options_.spare_segments}),
      active_(std::make_unique<TailBuffer>(buffer_bytes_of(options_))),
      flight_(std::make_unique<TailBuffer>(buffer_bytes_of(options_))) {}

LogWriter::~LogWriter() {
  LogLock lock(*this);
  QUIRE_ASSERT(promised_bytes_ == 0 && pins_.empty() && !writing_ && !syncing_ && !preparing_);
}

Result<std::unique_ptr<LogWriter>> LogWriter::start(os::FileSystem& files, const std::string& database, const LogOptions& options) {
  std::unique_ptr<LogWriter> log(new LogWriter(files, database, options));
  QUIRE_ASSIGN(std::unique_ptr<OpenSegment> first, log->files_.make({.start = options.start.start,
                                                                     .bytes = log->options_.first_segment_bytes,
                                                                     .previous_end = options.previous_end}));
  LogLock lock(*log);
  log->tail_ = first->first_record();
  log->release_ = first->start;
  log->written_.store(log->tail_.raw, release);
  log->durable_.store(log->tail_.raw, release);
  log->segments_.push_back(std::move(first));
  return log;
}

Result<LogRoom> LogWriter::reserve(std::uint32_t record_bytes) {
  QUIRE_ASSERT(record_bytes >= record_header_bytes && record_bytes % 8 == 0 && record_bytes <= longest_record_);
  LogLock lock(*this);
  while (true) {
    QUIRE_TRY(refusal());
    if (!segments_hold(record_bytes + kept_bytes, record_bytes)) {
      QUIRE_TRY(make_segment_room(record_bytes));
    } else if (!buffer_holds(record_bytes)) {
      make_buffer_room();
    } else {
      break;
    }
  }
  promised_bytes_ += record_bytes;
  promised_largest_ = std::max<std::uint64_t>(promised_largest_, record_bytes);
  return LogRoom(this, record_bytes);
}

// Leaves the mutex. Ok means: look again.
Status LogWriter::make_segment_room(std::uint32_t bytes) {
  if (preparing_) {
    progress_.wait(mutex_);
    return Status();
  }
  Status prepared = prepare_segment();
  // Somebody may have made room meanwhile.
  return segments_hold(bytes + kept_bytes, bytes) ? Status() : prepared;
}

// Leaves the mutex. A writer that outruns the disk writes itself, or waits for whom it outran.
void LogWriter::make_buffer_room() {
  if (!active_->empty() && !writing_) {
    write_pending();
    return;
  }
  ++room_waiters_;
  progress_.wait(mutex_);
  --room_waiters_;
}

LogWriter::PreparedRoom LogWriter::prepared_room() const {
  PreparedRoom room;
  for (std::size_t i = current_ + 1; i < segments_.size(); ++i, ++room.segments) {
    room.bytes += segments_[i]->records_end().raw - segments_[i]->first_record().raw;
  }
  return room;
}

std::uint64_t LogWriter::wasted_at_most(std::uint64_t largest) const { return std::max({promised_largest_, largest, kept_bytes}); }

bool LogWriter::buffer_holds(std::uint64_t extra_bytes) const {
  return active_->used() + promised_bytes_ + extra_bytes <= options_.buffer_bytes;
}

bool LogWriter::segments_hold(std::uint64_t extra_bytes, std::uint64_t largest) const {
  const std::uint64_t wanted = promised_bytes_ + extra_bytes;
  const std::uint64_t here = segments_[current_]->records_end().raw - tail_.raw;
  if (wanted <= here) return true;
  const PreparedRoom room = prepared_room();
  return prepared_hold(extra_bytes, largest) ||
         (room.segments > 0 && wanted + room.segments * wasted_at_most(largest) <= here + room.bytes);
}

// What is promised, and so many bytes more, fit without the rest of the current segment.
bool LogWriter::prepared_hold(std::uint64_t extra_bytes, std::uint64_t largest) const {
  const PreparedRoom room = prepared_room();
  return room.segments > 0 && promised_bytes_ + extra_bytes + (room.segments - 1) * wasted_at_most(largest) <= room.bytes;
}

void LogWriter::give_back(std::uint32_t bytes) {
  QUIRE_ASSERT(promised_bytes_ >= bytes);
  promised_bytes_ -= bytes;
  if (promised_bytes_ == 0) promised_largest_ = 0;
  if (room_waiters_ > 0) progress_.notify_all();
}

Result<Appended> LogWriter::append(const LogLock& lock, LogRoom& room, Xid xid, const RecordBody& body) {
  QUIRE_ASSERT(&lock.log_ == this && room.log_ == this);
  const std::uint32_t bytes = record_bytes(body);
  QUIRE_ASSERT(bytes <= room.bytes_ && type_of(body) != RecordType::pad);
  if (!failure_.ok() || closed_) return refusal();
  if (mark_due_) put_mark();
  const Appended appended = put(bytes, xid, body);
  room.log_ = nullptr;
  give_back(room.bytes_);
  return appended;
}

Result<Appended> LogWriter::append(LogRoom& room, Xid xid, const RecordBody& body) {
  LogLock lock(*this);
  return append(lock, room, xid, body);
}

Result<Appended> LogWriter::append_checkpoint(const CheckpointRecord& record) {
  LogLock lock(*this);
  while (true) {
    QUIRE_TRY(refusal());
    const bool fits = segments_hold(checkpoint_bytes, checkpoint_bytes);
    // The buffer has room for four of them beside everything else; more were appended only if nobody wrote.
    if (fits && active_->used() + promised_bytes_ + checkpoint_bytes <= options_.buffer_bytes + 2 * kept_bytes) break;
    if (!fits) {
      Status made = preparing_ ? Status() : prepare_segment();
      if (!made.ok() && !segments_hold(checkpoint_bytes, checkpoint_bytes)) return made;
      if (preparing_) progress_.wait(mutex_);
    } else {
      make_buffer_room();
    }
  }
  return put(checkpoint_bytes, Xid{}, record);
}

// If there is room for it beside what is promised and a CKPT; a MARK that is left out is missed by nobody.
void LogWriter::put_mark() {
  if (!segments_hold(kept_bytes, kept_bytes)) return;
  mark_due_ = false;
  put(mark_bytes, Xid{}, MarkRecord{durable()});
}

Appended LogWriter::put(std::uint32_t bytes, Xid xid, const RecordBody& body) {
  if (tail_.raw + bytes > segments_[current_]->records_end().raw) next_segment();
  const Lsn lsn = tail_;
  encode_record(active_->extend(*segments_[current_], lsn, bytes), {.lsn = lsn, .xid = xid}, body, options_.identity);
  tail_.raw += bytes;
  return {lsn, tail_};
}

void LogWriter::next_segment() {
  OpenSegment& full = *segments_[current_];
  QUIRE_ASSERT(current_ + 1 < segments_.size() && segments_[current_ + 1]->start == full.end);
  encode_record(active_->extend(full, tail_, pad_bytes),
                {.lsn = tail_, .xid = {}, .pad_length = static_cast<std::uint32_t>(full.end.raw - tail_.raw)}, PadRecord{},
                options_.identity);
  full.used_end = Lsn{tail_.raw + pad_bytes};
  ++current_;
  tail_ = segments_[current_]->first_record();
}

Lsn LogWriter::tail(const LogLock& lock) const {
  QUIRE_ASSERT(&lock.log_ == this);
  return tail_;
}

}  // namespace quire::wal
