// LogWriter: the end of the log, where transactions append and make durable what they appended.
//
//   QUIRE_ASSIGN(LogRoom room, log.reserve(commit_record_bytes(ops.bytes().size())));   // may wait and do I/O
//   Appended appended;
//   {
//     LogLock lock(log);                                                                // one atomic step with
//     QUIRE_ASSIGN(appended, log.append(lock, room, xid, CommitRecord{...}));           // what else is done here
//   }
//   QUIRE_TRY(log.sync_to(appended.end));           // class sync; write_to for process; nothing for lazy, step() comes
//
// Room is promised before anything is changed (AC-1), so that an append finds room, does no I/O and does not wait (AC-3): in
// segments that exist and in the buffer. One MARK and one CKPT always have room beside all that is promised (WAL-6).
//
// Group commit: whoever needs durability and finds nobody syncing is the leader. It writes everything pending, syncs, and
// wakes those who wait. Others append meanwhile, into the other buffer. A MARK with the LSN that became durable goes before
// the next record, so it costs no write of its own.
//
// States   open -> failed (a write or a sync failed; for good) ; open | failed -> closed
//
// Invariants   1. oldest segment <= release <= durable <= written <= tail; segments are contiguous
//              2. bytes of segments in use by the last checkpoint and later never exceed log_limit
//              3. what is promised fits in the segments that exist, in any order
// Threads      any; the log mutex is a leaf (BP-1). A thread holds one LogRoom at most, and not for long
// Errors       busy             log_limit is reached: a checkpoint must release segments
//              full             the disk is; nothing has changed, try again later
//              poisoned         failed earlier; tells the first failure. What was asked for did not happen
//              unknown_outcome  of sync_to and write_to: what was appended may or may not be in the log
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/atomic.hpp"
#include "os/file.hpp"
#include "os/sync.hpp"
#include "wal/record.hpp"
#include "wal/segment_files.hpp"
#include "wal/tail_buffer.hpp"

namespace quire::wal {

class LogLock;
class LogWriter;

// Always kept beside what is promised (WAL-6).
inline constexpr std::uint64_t kept_bytes = mark_bytes + checkpoint_bytes;

struct LogOptions {
  LogIdentity identity{};
  LogStart start{};
  Lsn previous_end{};                            // of the log of the incarnation before
  std::uint64_t first_segment_bytes = 4 << 20;   // until the log first fills one
  std::uint64_t segment_bytes = 64 << 20;
  std::uint64_t log_limit = std::uint64_t{1} << 30;
  std::uint64_t buffer_bytes = 4 << 20;          // of records, in each of the two buffers
  std::uint32_t spare_segments = 4;
};

// A promise of room for one record. Given back on destruction when it was not used.
class [[nodiscard]] LogRoom {
 public:
  LogRoom() = default;
  LogRoom(LogRoom&& other) noexcept : log_(std::exchange(other.log_, nullptr)), bytes_(other.bytes_) {}
  LogRoom& operator=(LogRoom&& other) noexcept;
  ~LogRoom();
  bool used() const noexcept { return log_ == nullptr; }

 private:
  friend class LogWriter;
  LogRoom(LogWriter* log, std::uint32_t bytes) noexcept : log_(log), bytes_(bytes) {}
  LogWriter* log_ = nullptr;
  std::uint32_t bytes_ = 0;
};

// Holds the log from an LSN on, for a backup, an archive or a replica.
class [[nodiscard]] LogPin {
 public:
  LogPin() = default;
  LogPin(LogPin&& other) noexcept : log_(std::exchange(other.log_, nullptr)), lsn_(other.lsn_) {}
  LogPin& operator=(LogPin&& other) noexcept;
  ~LogPin();
  Lsn lsn() const noexcept { return lsn_; }
  // Only forwards.
  void advance(Lsn lsn);

 private:
  friend class LogWriter;
  LogPin(LogWriter* log, Lsn lsn) noexcept : log_(log), lsn_(lsn) {}
  LogWriter* log_ = nullptr;
  Lsn lsn_{};
};

struct Appended {
  Lsn lsn{};  // of the record: for back links
  Lsn end{};  // for sync_to and write_to
};

// A segment that other readers may copy: its first `durable_bytes` never change any more.
struct DurableSegment {
  std::string path;
  std::uint64_t number = 0;
  Lsn start{};
  Lsn end{};
  std::uint64_t durable_bytes = 0;
  std::uint64_t used_bytes = 0;  // of them, up to the end of the last record or PAD; then bytes that mean nothing
  bool sealed = false;  // durable as a whole; the log goes on elsewhere
};

struct LogStatistics {
  Lsn oldest{};
  Lsn release{};
  Lsn durable{};
  Lsn written{};
  Lsn tail{};
  std::uint64_t live_bytes = 0;    // of segments that the last checkpoint does not release
  std::uint64_t pinned_bytes = 0;  // of segments that only pins hold
  std::uint64_t spare_bytes = 0;
  std::uint64_t writes = 0;        // of batches
  std::uint64_t syncs = 0;
};

class LogWriter {
 public:
  // Makes the first segment, header only (SB-3). It is durable when this returns; append a RESTART first of all.
  static Result<std::unique_ptr<LogWriter>> start(os::FileSystem& files, const std::string& database, const LogOptions& options);
  // Leaves the files as they are, like a crash of the process.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // ---- appending

  // The longest record that can be appended, and the operations that fit in a CHUNK or COMMIT of that length.
  std::uint32_t longest_record() const noexcept { return longest_record_; }
  std::uint32_t longest_ops() const noexcept { return std::min(chunk_ops_bytes, longest_record_ - commit_bytes); }

  Result<LogRoom> reserve(std::uint32_t record_bytes) QUIRE_EXCLUDES(mutex_);
  // The record may be shorter than its room. Fails only when the log has failed; then nothing was appended.
  Result<Appended> append(const LogLock& lock, LogRoom& room, Xid xid, const RecordBody& body) QUIRE_REQUIRES(mutex_);
  // The same as a step of its own.
  Result<Appended> append(LogRoom& room, Xid xid, const RecordBody& body) QUIRE_EXCLUDES(mutex_);
  // CKPT needs no promise: its room is always kept.
  Result<Appended> append_checkpoint(const CheckpointRecord& record) QUIRE_EXCLUDES(mutex_);

  // ---- durability

  // Durable, respectively handed to the operating system, up to `lsn`, which is at most the tail.
  Status sync_to(Lsn lsn) QUIRE_EXCLUDES(mutex_);
  Status write_to(Lsn lsn) QUIRE_EXCLUDES(mutex_);

  // One piece of background work: durability of what is pending, the next segment, recycling what a pin held, a MARK for an
  // idle log. False when there was nothing to do.
  Result<bool> step() QUIRE_EXCLUDES(mutex_);
  // The part of it that does not make anything durable: the next segment, recycling. False when there was nothing to do.
  Result<bool> maintain() QUIRE_EXCLUDES(mutex_);

  Lsn tail(const LogLock& lock) const QUIRE_REQUIRES(mutex_);
  Lsn tail() const QUIRE_EXCLUDES(mutex_);
  Lsn written_lsn() const noexcept { return Lsn{written_.load(acquire)}; }
  Lsn durable_lsn() const noexcept { return Lsn{durable_.load(acquire)}; }
  // Ok, or what every call fails with.
  Status health() const QUIRE_EXCLUDES(mutex_);
  // Memory of both buffers, with the little that is kept beside records.
  std::uint64_t buffer_bytes() const noexcept;
  const LogIdentity& identity() const noexcept { return options_.identity; }
  const std::string& database() const noexcept { return files_.database(); }

  // ---- segments

  // A checkpoint is durable that needs the log from `lsn` on only.
  Status release_before(Lsn lsn) QUIRE_EXCLUDES(mutex_);
  // not_found when the log no longer reaches back so far.
  Result<LogPin> pin(Lsn lsn) QUIRE_EXCLUDES(mutex_);
  // Those that hold something durable at or above `from`, by LSN. Pin `from` while using them.
  std::vector<DurableSegment> durable_segments(Lsn from) const QUIRE_EXCLUDES(mutex_);
  LogStatistics statistics() const QUIRE_EXCLUDES(mutex_);

  // Ends the segment that the tail is in, if it holds any record but a MARK, so that the log goes on in the next one; durable
  // when it returns ok. All of the log below the LSN is in sealed segments then. busy at the limit, as reserve.
  Result<Lsn> seal() QUIRE_EXCLUDES(mutex_);

  // Removes all files of the log, which a clean superblock has made superfluous. Nothing may follow but destruction.
  Status close() QUIRE_EXCLUDES(mutex_);

 private:
  friend class LogLock;
  friend class LogRoom;
  friend class LogPin;

  LogWriter(os::FileSystem& files, const std::string& database, const LogOptions& options);

  // Appending, log_writer.cpp.
  Appended put(std::uint32_t bytes, Xid xid, const RecordBody& body) QUIRE_REQUIRES(mutex_);
  void put_mark() QUIRE_REQUIRES(mutex_);
  void next_segment() QUIRE_REQUIRES(mutex_);
  void give_back(std::uint32_t bytes) QUIRE_REQUIRES(mutex_);
  struct PreparedRoom {
    std::uint64_t segments = 0;
    std::uint64_t bytes = 0;  // for records
  };
  PreparedRoom prepared_room() const QUIRE_REQUIRES(mutex_);
  std::uint64_t wasted_at_most(std::uint64_t largest) const QUIRE_REQUIRES(mutex_);
  bool segments_hold(std::uint64_t extra_bytes, std::uint64_t largest) const QUIRE_REQUIRES(mutex_);
  bool prepared_hold(std::uint64_t extra_bytes, std::uint64_t largest) const QUIRE_REQUIRES(mutex_);
  bool buffer_holds(std::uint64_t extra_bytes) const QUIRE_REQUIRES(mutex_);
  Status make_segment_room(std::uint32_t bytes) QUIRE_REQUIRES(mutex_);
  void make_buffer_room() QUIRE_REQUIRES(mutex_);

  // Segments, log_segments.cpp.
  Status prepare_segment() QUIRE_REQUIRES(mutex_);
  bool wants_segment() const QUIRE_REQUIRES(mutex_);
  bool holds_records() const QUIRE_REQUIRES(mutex_);
  std::uint64_t live_bytes() const QUIRE_REQUIRES(mutex_);
  Lsn held_from() const QUIRE_REQUIRES(mutex_);
  OpenSegments take_released() QUIRE_REQUIRES(mutex_);

  // Durability, group_commit.cpp.
  void write_pending(TailBuffer::Way way = TailBuffer::Way::write) QUIRE_REQUIRES(mutex_);
  void follow() QUIRE_REQUIRES(mutex_);
  void sync_pending() QUIRE_REQUIRES(mutex_);
  Status sync_segments();
  void fail(Status status) QUIRE_REQUIRES(mutex_);
  Status refusal() const QUIRE_REQUIRES(mutex_);
  Status unknown_outcome() const QUIRE_REQUIRES(mutex_);

  Lsn durable() const noexcept { return Lsn{durable_.load(relaxed)}; }
  Lsn written() const noexcept { return Lsn{written_.load(relaxed)}; }

  // Constant.
  const LogOptions options_;
  const std::uint32_t longest_record_;

  SegmentFiles files_;  // by whoever set preparing_; retiring has a mutex of its own

  mutable os::Mutex mutex_;
  os::Condition progress_;  // room, written, or one of the flags below changed
  os::Condition synced_;    // durable changed, or nobody syncs any more
  std::deque<std::unique_ptr<OpenSegment>> segments_ QUIRE_GUARDED_BY(mutex_);  // by LSN; pinned ones first, prepared ones last
  std::size_t current_ QUIRE_GUARDED_BY(mutex_) = 0;                            // index of the one that the tail is in
  Lsn tail_ QUIRE_GUARDED_BY(mutex_){};
  Lsn release_ QUIRE_GUARDED_BY(mutex_){};
  std::multiset<std::uint64_t> pins_ QUIRE_GUARDED_BY(mutex_);
  std::uint64_t promised_bytes_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::uint64_t promised_largest_ QUIRE_GUARDED_BY(mutex_) = 0;  // of those outstanding, or more
  std::uint32_t room_waiters_ QUIRE_GUARDED_BY(mutex_) = 0;
  bool mark_due_ QUIRE_GUARDED_BY(mutex_) = false;  // durable advanced over a record that is no MARK
  Lsn idle_mark_end_ QUIRE_GUARDED_BY(mutex_){};
  bool preparing_ QUIRE_GUARDED_BY(mutex_) = false;
  bool writing_ QUIRE_GUARDED_BY(mutex_) = false;
  bool syncing_ QUIRE_GUARDED_BY(mutex_) = false;
  std::uint64_t rounds_ QUIRE_GUARDED_BY(mutex_) = 0;      // syncs that have ended
  std::uint32_t followers_ QUIRE_GUARDED_BY(mutex_) = 0;   // wait since the last of them
  std::uint32_t company_ QUIRE_GUARDED_BY(mutex_) = 1;     // the next one begins when so many want it
  bool timekeeper_ QUIRE_GUARDED_BY(mutex_) = false;       // one of them looks at the clock
  std::uint32_t no_waiting_ QUIRE_GUARDED_BY(mutex_) = 0;  // syncs that begin at once
  bool closing_ QUIRE_GUARDED_BY(mutex_) = false;  // close() waits for whoever is at work
  bool closed_ QUIRE_GUARDED_BY(mutex_) = false;
  Status failure_ QUIRE_GUARDED_BY(mutex_);
  std::unique_ptr<TailBuffer> active_ QUIRE_GUARDED_BY(mutex_);
  std::unique_ptr<TailBuffer> flight_;                          // of whoever set writing_
  std::vector<OpenSegment*> unsynced_ QUIRE_GUARDED_BY(mutex_);  // written to since their last sync
  std::vector<OpenSegment*> being_synced_;                       // of whoever set syncing_
  std::uint64_t writes_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::uint64_t syncs_ QUIRE_GUARDED_BY(mutex_) = 0;
  Atomic<std::uint64_t> written_{0};  // changed under the mutex
  Atomic<std::uint64_t> durable_{0};  // likewise
};

// The log mutex for a scope: what is done while it lives is one step for everybody who also holds it.
class [[nodiscard]] QUIRE_ANNOTATE(scoped_lockable) LogLock {
 public:
  explicit LogLock(LogWriter& log) QUIRE_ANNOTATE(acquire_capability(log.mutex_)) : log_(log) { log_.mutex_.lock(); }
  ~LogLock() QUIRE_ANNOTATE(release_capability()) { log_.mutex_.unlock(); }
  LogLock(const LogLock&) = delete;
  LogLock& operator=(const LogLock&) = delete;

 private:
  friend class LogWriter;
  LogWriter& log_;
};

}  // namespace quire::wal
