// Engine: beginning and ending the log, and waiting for it.
//
// The log begins with the first change after opening: a segment with a header only, then a superblock that names the new
// incarnation and says that there is a log, and only then the first record (SB-3). So a superblock that names a log has one,
// and a log whose superblock was never published has no record. That superblock has no CKPT: until RESTART is durable nothing
// but its two copies protects it from rot (CK-7).
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "engine/engine.hpp"

namespace quire::engine {

namespace {

constexpr std::uint64_t buffer_bytes_beside_records = 8192;  // PADs, MARKs, the rest of a block

// What this thread has committed last that not everybody sees yet. Engines are told apart by a number, since another one may
// come to lie at the same address.
struct OwnCommit {
  std::uint64_t engine = 0;
  Timestamp at{};
  Lsn lsn{};
};
thread_local OwnCommit own_commit;

}  // namespace

Status Engine::begin_log() {
  // Flips know of it earlier, but nobody appends before a superblock names it (SB-3).
  if (log_begun_.load(acquire)) return Status();
  os::Lock lock(log_begin_mutex_);
  return log_begun_.load(acquire) ? Status() : start_log();
}

Status Engine::start_log() {
  os::FileSystem& files = environment_.files;
  QUIRE_ASSIGN(std::vector<wal::SegmentFile> old, wal::list_segments(files, path()));
  std::vector<wal::SegmentFile> known = old;
  if (archives()) {
    QUIRE_ASSIGN(const std::vector<wal::ArchivedSegment> archived, wal::list_archive(files, options_.archive_dir, path()));
    for (wal::SegmentFile& file : wal::files_of(archived)) known.push_back(std::move(file));
  }
  const Lsn from = checkpoint_.published().checkpoint_lsn;
  const std::uint32_t incarnation = incarnation_.load(relaxed) + 1;
  wal::LogOptions options;
  options.identity = {file_.uuid(), incarnation};
  options.start = wal::next_start(known, from);
  options.previous_end = from;
  options.log_limit = options_.log_limit;
  options.buffer_bytes = log_buffer_bytes_ - buffer_bytes_beside_records;
  QUIRE_ASSIGN(log_, wal::LogWriter::start(files, path(), options));
  if (archives()) {
    QUIRE_ASSIGN(archiver_, wal::Archiver::attach(files, *log_, options_.archive_dir, options.start.start));
  }
  incarnation_.store(incarnation, release);
  // Who finds the log finds the thread as well.
  if (environment_.background && background_ == nullptr) background_ = std::make_unique<Background>(*this);
  log_now_.store(log_.get(), release);
  QUIRE_TRY(publish());
  // Nothing may fail from here on without poisoning: what is published says that there is a log.
  const auto begin = [&]() -> Status {
    QUIRE_ASSIGN(wal::LogRoom room, log_->reserve(wal::restart_bytes));
    QUIRE_TRY(log_->append(room, Xid{}, wal::RestartRecord{from}).status());
    return Status();
  };
  Status begun = checkpoint_.attach(*log_, begin);
  if (begun.ok()) begun = wal::remove_segments(files, old, "leftover");
  if (!begun.ok()) poison();
  if (begun.ok()) log_begun_.store(true, release);
  return begun;
}

Status Engine::close_log() {
  if (log_ == nullptr) return Status();
  checkpoint_.detach();
  archiver_.reset();
  return log_->close();
}

// Once closing publishes its checkpoint the archive has everything. A segment that holds a header only has nothing for it.
Status Engine::check_archive(const Status& why) const {
  if (!archiver_ || closing_.load(relaxed) || log_now_.load(acquire) == nullptr) return Status();
  const Lsn end = log_->tail();
  const Lsn archived = archiver_->archived();
  if (end.raw <= archived.raw + wal::segment_header_bytes) return Status();
  const Code code = why.ok() ? Code::io : why.code();
  return Status(code, "the archive " + options_.archive_dir + " lacks the log of " + path() + " from LSN " + std::to_string(archived.raw) + " to LSN " +
                          std::to_string(end.raw) + (why.ok() ? "" : ": " + std::string(why.message())) +
                          "; the log stays beside the database, and the next opening with this archive copies it");
}

Status Engine::make_durable(Durability wanted, Lsn lsn) {
  Status done;
  if (wanted == Durability::sync) done = log_->sync_to(lsn);
  if (wanted == Durability::process) done = log_->write_to(lsn);
  if (background_ != nullptr) background_->wake();
  if (done.ok() && wanted == Durability::sync) visibility_.advance(log_->durable_lsn());
  if (!done.ok()) poison();
  return done;
}

Status Engine::keep_commits() {
  const wal::LogWriter* running = log();
  return running != nullptr && usable().ok() ? make_durable(Durability::sync, running->tail()) : Status();
}

void Engine::note_own_commit(Timestamp at, Lsn lsn) {
  if (visibility_.waiting()) own_commit = {number_, at, lsn};
}

Status Engine::await_visible() {
  const wal::LogWriter* running = log();
  if (running == nullptr || !visibility_.waiting()) return Status();
  return make_durable(Durability::sync, running->tail());
}

// Others may be waiting for the disk with earlier commits; one sync at most. When theirs fails, what this thread has committed
// after them never becomes visible.
Status Engine::await_own_waiting_commit() {
  if (own_commit.engine != number_ || snapshots_.newest() > own_commit.at) return Status();
  if (!make_durable(Durability::sync, own_commit.lsn).ok()) return usable();
  own_commit = OwnCommit{};
  return Status();
}

}  // namespace quire::engine
