// Archiver: copying.
//
// Copies go through a small buffer, and under a name of their own until they are whole.
#include "wal/archive.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/try.hpp"

namespace quire::wal {

namespace {

constexpr std::size_t copy_bytes_max = 1 << 20;

std::string name_of(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

}  // namespace

Result<Archiver> Archiver::attach(os::FileSystem& files, LogWriter& log, std::string directory, Lsn from) {
  QUIRE_ASSIGN(LogPin pin, log.pin(from));
  return Archiver(files, log, std::move(directory), std::move(pin));
}

Result<bool> Archiver::step() {
  const std::vector<DurableSegment> segments = log_->durable_segments(pin_.lsn());
  if (segments.empty() || !segments.front().sealed) return false;
  const DurableSegment& segment = segments.front();
  QUIRE_TRY(copy(segment, ""));
  const std::string partial = directory_ + "/" + name_of(segment.path) + ".partial";
  QUIRE_ASSIGN(const bool has_partial, files_->exists(partial));
  if (has_partial) QUIRE_TRY(files_->remove(partial));
  pin_.advance(segment.end);
  return true;
}

Status Archiver::copy_open() {
  const std::vector<DurableSegment> segments = log_->durable_segments(pin_.lsn());
  if (segments.empty() || segments.back().sealed) return Status();
  return copy(segments.back(), ".partial");
}

Status Archiver::copy(const DurableSegment& segment, const std::string& suffix) {
  const std::string target = directory_ + "/" + name_of(segment.path) + suffix;
  const std::string unfinished = target + ".copying";
  QUIRE_ASSIGN(const std::unique_ptr<os::File> from, files_->open(segment.path, {}));
  QUIRE_ASSIGN(std::unique_ptr<os::File> into, files_->open(unfinished, {.write = true, .create = true}));
  QUIRE_TRY(into->truncate(0));
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(copy_bytes_max, segment.durable_bytes)));
  for (std::uint64_t at = 0; at < segment.durable_bytes; at += bytes.size()) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), segment.durable_bytes - at));
    QUIRE_ASSIGN(const std::size_t got, from->read_at(at, MutableBytes(bytes).first(wanted)));
    if (got < wanted) return Status(Code::corrupt, "log segment " + segment.path + " ends at byte " + std::to_string(at + got));
    QUIRE_TRY(into->write_at(at, Bytes(bytes).first(wanted)));
  }
  QUIRE_TRY(into->sync());
  into.reset();
  QUIRE_TRY(files_->rename(unfinished, target));
  return files_->sync_directory(directory_);
}

}  // namespace quire::wal
