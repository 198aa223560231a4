// Archiver: copying, and what is in an archive already.
//
// Copies go through a small buffer, and under a name of their own until they are whole. What is behind the PAD is not copied:
// the file is made as long as the segment, with a hole. A step that failed is done again from its beginning, so that no sync
// is trusted that failed before (WAL-7).
#include "wal/archive.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/try.hpp"
#include "os/io_trace.hpp"

namespace quire::wal {

namespace {

constexpr std::size_t copy_bytes_max = 1 << 20;
constexpr std::string_view partial_suffix = ".partial";
constexpr std::string_view copying_suffix = ".copying";

std::string name_of(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

struct Copy {
  const std::string& source;
  std::string target;
  std::uint64_t bytes = 0;       // to be copied
  std::uint64_t file_bytes = 0;  // of the target
};

Status copy_segment(os::FileSystem& files, const Copy& copy) {
  const std::string unfinished = copy.target + std::string(copying_suffix);
  QUIRE_ASSIGN(const std::unique_ptr<os::File> from, files.open(copy.source, {}));
  QUIRE_ASSIGN(std::unique_ptr<os::File> into, files.open(unfinished, {.write = true, .create = true}));
  QUIRE_TRY(into->truncate(0));
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(copy_bytes_max, copy.bytes)));
  for (std::uint64_t at = 0; at < copy.bytes; at += bytes.size()) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), copy.bytes - at));
    QUIRE_ASSIGN(const std::size_t got, from->read_at(at, MutableBytes(bytes).first(wanted)));
    if (got < wanted) return Status(Code::corrupt, "log segment " + copy.source + " ends at byte " + std::to_string(at + got));
    QUIRE_TRY(into->write_at(at, Bytes(bytes).first(wanted)));
  }
  if (copy.file_bytes > copy.bytes) QUIRE_TRY(into->truncate(copy.file_bytes));
  QUIRE_TRY(into->sync());
  into.reset();
  QUIRE_TRY(files.rename(unfinished, copy.target));
  os::tell_io([&] { return os::IoEvent{.operation = "write", .kind = "archive", .name = copy.target, .bytes = copy.bytes, .reason = "archive"}; });
  return files.sync_directory(os::directory_of(copy.target));
}

// A partial copy that a whole one has replaced. It does no harm, so its removal need not be durable.
Status remove_partial(os::FileSystem& files, const std::string& target) {
  const std::string partial = target + std::string(partial_suffix);
  QUIRE_ASSIGN(const bool has_partial, files.exists(partial));
  return has_partial ? files.remove(partial) : Status();
}

// Copies that were cut short, by a crash or a failure.
Status remove_unfinished(os::FileSystem& files, const std::string& directory, const std::string& base) {
  QUIRE_ASSIGN(const std::vector<std::string> names, files.list(directory));
  for (std::string_view name : names) {
    const std::string path = directory + "/" + std::string(name);
    if (!name.ends_with(copying_suffix)) continue;
    name.remove_suffix(copying_suffix.size());
    if (name.ends_with(partial_suffix)) name.remove_suffix(partial_suffix.size());
    if (segment_number(name, base)) QUIRE_TRY(files.remove(path));
  }
  return Status();
}

bool is_whole(const ArchivedSegment& segment, const LogIdentity& identity) {
  return !segment.partial && segment.file.state.ok() && segment.file.header.identity == identity &&
         segment.file.bytes == segment.file.header.bytes;
}

// Whether the directory can be this log's. A damaged file is for those to tell who read it.
Status check_archive(const std::vector<ArchivedSegment>& archived, const LogWriter& log, std::uint64_t first_number) {
  const LogIdentity& own = log.identity();
  for (const ArchivedSegment& segment : archived) {
    if (!segment.file.state.ok()) continue;
    const LogIdentity& other = segment.file.header.identity;
    const std::string what = "archived log segment " + segment.file.path;
    if (other.uuid != own.uuid) {
      return Status(Code::corrupt, what + " belongs to another database, uuid " + uuid_text(other.uuid) + ", expected " + uuid_text(own.uuid));
    }
    if (other.incarnation > own.incarnation) {
      return Status(Code::corrupt, what + " is of incarnation " + std::to_string(other.incarnation) + ", but the log of " + log.database() +
                                       " is of incarnation " + std::to_string(own.incarnation) +
                                       ": an older database file beside a newer archive");
    }
    if (other.incarnation < own.incarnation && segment.file.number >= first_number) {
      return Status(Code::corrupt, what + " has a number that the log of " + log.database() + " uses again, from " +
                                       std::to_string(first_number) + " on; give it another archive");
    }
  }
  return Status();
}

}  // namespace

Result<std::vector<ArchivedSegment>> list_archive(os::FileSystem& files, const std::string& directory, const std::string& database) {
  const std::string base = name_of(database);
  QUIRE_ASSIGN(const std::vector<std::string> names, files.list(directory));
  std::vector<ArchivedSegment> found;
  for (std::string_view name : names) {  // sorted: by number, whole before partial
    const std::string path = directory + "/" + std::string(name);
    const bool partial = name.ends_with(partial_suffix);
    if (partial) name.remove_suffix(partial_suffix.size());
    const std::optional<std::uint64_t> number = segment_number(name, base);
    if (!number || (!found.empty() && found.back().file.number == *number)) continue;
    QUIRE_ASSIGN(SegmentFile file, look_at_segment(files, path, *number));
    if (file.state.ok() && !partial && file.bytes < file.header.bytes) {
      file.state = Status(Code::corrupt, "archived log segment " + path + " is truncated: " + std::to_string(file.bytes) +
                                             " bytes, expected " + std::to_string(file.header.bytes));
    }
    found.push_back({std::move(file), partial});
  }
  return found;
}

std::vector<SegmentFile> files_of(const std::vector<ArchivedSegment>& archived) {
  std::vector<SegmentFile> found;
  for (const ArchivedSegment& segment : archived) found.push_back(segment.file);
  return found;
}

Status archive_rest(os::FileSystem& files, const std::vector<SegmentFile>& segments, Lsn end, const std::string& directory) {
  if (segments.empty()) return Status();
  const std::string base = name_of(segments.front().path.substr(0, segments.front().path.rfind("-wal.")));
  QUIRE_TRY(remove_unfinished(files, directory, base));
  QUIRE_ASSIGN(const std::vector<ArchivedSegment> archived, list_archive(files, directory, base));
  QUIRE_TRY(files.sync_directory(directory));  // names may be seen that a kill left to the cache
  for (const SegmentFile& segment : segments) {
    if (end.raw <= segment.start().raw + segment_header_bytes) break;
    const bool has_it = std::any_of(archived.begin(), archived.end(), [&](const ArchivedSegment& other) {
      return other.file.number == segment.number && is_whole(other, segment.header.identity);
    });
    if (has_it) continue;
    const std::string target = directory + "/" + name_of(segment.path);
    const bool whole = end >= segment.end();
    const std::uint64_t bytes = whole ? segment.header.bytes : end.raw - segment.start().raw;
    QUIRE_TRY(copy_segment(files, {segment.path, whole ? target : target + std::string(partial_suffix), bytes, bytes}));
    if (whole) QUIRE_TRY(remove_partial(files, target));
  }
  return Status();
}

Result<Archiver> Archiver::attach(os::FileSystem& files, LogWriter& log, std::string directory, Lsn from) {
  QUIRE_ASSIGN(LogPin pin, log.pin(from));
  const std::vector<DurableSegment> own = log.durable_segments(from);
  QUIRE_TRY(remove_unfinished(files, directory, name_of(log.database())));
  QUIRE_ASSIGN(const std::vector<ArchivedSegment> archived, list_archive(files, directory, log.database()));
  QUIRE_TRY(check_archive(archived, log, own.empty() ? ~std::uint64_t{0} : own.front().number));
  QUIRE_TRY(files.sync_directory(directory));
  for (const DurableSegment& segment : own) {
    const bool has_it = std::any_of(archived.begin(), archived.end(), [&](const ArchivedSegment& other) {
      return is_whole(other, log.identity()) && other.file.number == segment.number && other.file.start() == segment.start;
    });
    if (!segment.sealed || !has_it) break;
    pin.advance(segment.end);
  }
  return Archiver(files, log, std::move(directory), std::move(pin));
}

Result<bool> Archiver::step() {
  const std::vector<DurableSegment> segments = log_->durable_segments(pin_.lsn());
  if (segments.empty() || !segments.front().sealed) return false;
  const DurableSegment& segment = segments.front();
  const std::string target = directory_ + "/" + name_of(segment.path);
  QUIRE_TRY(copy_segment(*files_, {segment.path, target, segment.used_bytes, segment.durable_bytes}));
  QUIRE_TRY(remove_partial(*files_, target));
  pin_.advance(segment.end);
  return true;
}

Status Archiver::copy_open() {
  const std::vector<DurableSegment> segments = log_->durable_segments(pin_.lsn());
  if (segments.empty() || segments.back().sealed) return Status();
  const DurableSegment& open = segments.back();
  const std::string target = directory_ + "/" + name_of(open.path) + std::string(partial_suffix);
  return copy_segment(*files_, {open.path, target, open.used_bytes, open.used_bytes});
}

Status Archiver::finish() {
  QUIRE_ASSIGN(const Lsn end, log_->seal());
  while (archived() < end) {
    QUIRE_ASSIGN(const bool copied, step());
    QUIRE_ASSERT(copied);
  }
  return Status();
}

}  // namespace quire::wal
