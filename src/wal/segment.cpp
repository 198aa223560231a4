// Segments: headers, listing, choosing.
//
// Choosing looks at headers only, except that a segment of a higher incarnation than the superblock's is read for a first
// record: a recovery that was cut short leaves a header, but a record proves that a newer superblock was published.
#include "wal/segment.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/try.hpp"
#include "wal/log_trace.hpp"
#include "wal/record.hpp"

namespace quire::wal {

namespace f = segment_field;

namespace {

constexpr std::string_view name_infix = "-wal.";
constexpr std::size_t number_digits = 16;
constexpr std::string_view digits = "0123456789abcdef";

std::string name_of(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

std::uint32_t header_checksum(Bytes header) {
  std::array<std::byte, segment_header_bytes> copy;
  std::copy(header.begin(), header.end(), copy.begin());
  f::checksum.set(copy.data(), 0);
  return static_cast<std::uint32_t>(hash64(copy));
}

Status damaged(const std::string& path, const std::string& why) { return Status(Code::corrupt, "log segment " + path + " " + why); }

// Whether a record of the segment's own identity begins it.
Result<bool> holds_record(os::FileSystem& files, const SegmentFile& segment) {
  QUIRE_ASSIGN(const std::unique_ptr<os::File> file, files.open(segment.path, {}));
  const Lsn lsn{segment.start().raw + segment_header_bytes};
  std::vector<std::byte> bytes(record_header_bytes);
  QUIRE_ASSIGN(std::size_t got, file->read_at(segment_header_bytes, bytes));
  if (got < record_header_bytes) return false;
  const Result<RecordHead> head = check_record_header(bytes, lsn, segment.header.identity);
  if (!head.ok()) return false;
  bytes.resize(head->checked_bytes);
  QUIRE_ASSIGN(got, file->read_at(segment_header_bytes, bytes));
  return got == bytes.size() && checksum_is_right(bytes, segment.header.identity);
}

Status check_contains(const LogSegments& log, const LogChoice& choice) {
  if (!choice.from) return Status();
  const std::string wanted = "the log from LSN " + std::to_string(choice.from->raw) + " of incarnation " +
                             std::to_string(choice.identity.incarnation) + " is needed to open " + (choice.database.empty() ? "the database" : choice.database);
  for (const SegmentFile& segment : log.usable) {
    if (segment.start() < *choice.from && *choice.from < segment.end()) return Status();
  }
  if (!log.suspect.empty()) {
    return Status(Code::corrupt, wanted + ", but " + std::string(log.suspect.front().state.message()));
  }
  if (!log.usable.empty()) {
    const SegmentFile& first = log.usable.front();
    return damaged(first.path, "begins at LSN " + std::to_string(first.start().raw) + ", but " + wanted);
  }
  if (!log.leftover.empty()) {
    const SegmentFile& last = log.leftover.back();
    return damaged(last.path, "is a stale log of incarnation " + std::to_string(last.header.identity.incarnation) + ", but " + wanted);
  }
  return Status(Code::corrupt, wanted + ", but the log is missing: at least one file " + choice.database + std::string(name_infix) +
                                   "N is expected (N: " + std::to_string(number_digits) + " hexadecimal digits), and there is none");
}

}  // namespace

void encode_segment_header(const SegmentHeader& header, MutableBytes into) {
  QUIRE_ASSERT(into.size() == segment_header_bytes);
  QUIRE_ASSERT(header.bytes % segment_block_bytes == 0 && header.bytes / segment_block_bytes <= 0xFFFFFFFF);
  std::byte* p = into.data();
  copy_bytes(p, segment_magic);
  f::version.set(p, static_cast<std::uint32_t>(newest_log_version));
  f::number.set(p, header.number);
  f::start.set(p, header.start.raw);
  std::copy(header.identity.uuid.begin(), header.identity.uuid.end(), p + f::uuid_offset);
  f::incarnation.set(p, header.identity.incarnation);
  f::blocks.set(p, static_cast<std::uint32_t>(header.bytes / segment_block_bytes));
  f::previous_end.set(p, header.previous_end.raw);
  f::checksum.set(p, header_checksum(into));
}

Result<SegmentHeader> decode_segment_header(Bytes bytes, const std::string& path) {
  const std::byte* p = bytes.data();
  if (bytes.size() < segment_header_bytes) return damaged(path, "ends within its header");
  if (std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; })) {
    return damaged(path, "has no header: zeros where one is expected");
  }
  if (as_text(bytes.first(segment_magic.size())) != segment_magic) return damaged(path, "does not begin with the magic of a log");
  if (f::checksum.get(p) != header_checksum(bytes)) return damaged(path, "has a header that fails its checksum");
  if (f::version.get(p) != static_cast<std::uint32_t>(newest_log_version)) {
    return Status(Code::unsupported, "log segment " + path + " has version " + std::to_string(f::version.get(p)) +
                                         "; this Quire reads version " +
                                         std::to_string(static_cast<std::uint32_t>(newest_log_version)) + ", use a newer one");
  }
  SegmentHeader header;
  header.number = f::number.get(p);
  header.start = Lsn{f::start.get(p)};
  std::copy_n(p + f::uuid_offset, header.identity.uuid.size(), header.identity.uuid.begin());
  header.identity.incarnation = f::incarnation.get(p);
  header.bytes = std::uint64_t{f::blocks.get(p)} * segment_block_bytes;
  header.previous_end = Lsn{f::previous_end.get(p)};
  if (header.start.raw % 8 != 0 || header.start.raw > ~std::uint64_t{0} - header.bytes) {
    return damaged(path, "has an impossible start, LSN " + std::to_string(header.start.raw));
  }
  return header;
}

std::string segment_path(const std::string& database, std::uint64_t number) {
  std::string path = database + std::string(name_infix);
  for (int shift = 60; shift >= 0; shift -= 4) path += digits[number >> shift & 15];
  return path;
}

std::optional<std::uint64_t> segment_number(std::string_view name, std::string_view database) {
  if (name.size() != database.size() + name_infix.size() + number_digits || !name.starts_with(database)) return std::nullopt;
  if (name.substr(database.size(), name_infix.size()) != name_infix) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : name.substr(database.size() + name_infix.size())) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    number = number << 4 | digit;
  }
  return number;
}

std::string uuid_text(const Uuid& uuid) {
  std::string text;
  for (const std::byte b : uuid) {
    text += digits[static_cast<std::size_t>(b >> 4)];
    text += digits[static_cast<std::size_t>(b & std::byte{15})];
  }
  return text;
}

Result<SegmentFile> look_at_segment(os::FileSystem& files, const std::string& path, std::uint64_t number) {
  QUIRE_ASSIGN(const std::unique_ptr<os::File> file, files.open(path, {}));
  SegmentFile segment{path, number, 0, Status(), {}};
  QUIRE_ASSIGN(segment.bytes, file->size());
  std::array<std::byte, segment_header_bytes> bytes{};
  QUIRE_ASSIGN(const std::size_t got, file->read_at(0, bytes));
  tell_log("read", path, 0, got, "open");
  Result<SegmentHeader> header = decode_segment_header(Bytes(bytes).first(got), path);
  if (!header.ok()) {
    segment.state = header.status();
  } else if (header->number != number) {
    segment.state = damaged(path, "has a header of segment number " + std::to_string(header->number));
  } else {
    segment.header = *header;
  }
  return segment;
}

Result<std::vector<SegmentFile>> list_segments(os::FileSystem& files, const std::string& database) {
  const std::string directory = os::directory_of(database);
  const std::string base = name_of(database);
  QUIRE_ASSIGN(const std::vector<std::string> names, files.list(directory));
  std::vector<SegmentFile> found;
  for (const std::string& name : names) {  // sorted, so by number
    const std::optional<std::uint64_t> number = segment_number(name, base);
    if (!number) continue;
    QUIRE_ASSIGN(SegmentFile segment, look_at_segment(files, segment_path(database, *number), *number));
    found.push_back(std::move(segment));
  }
  return found;
}

Result<LogSegments> choose_segments(os::FileSystem& files, std::vector<SegmentFile> found, const LogChoice& choice) {
  LogSegments log;
  for (SegmentFile& segment : found) {
    if (segment.state == Code::unsupported) return segment.state;
    if (!segment.state.ok()) {
      log.suspect.push_back(std::move(segment));
      continue;
    }
    const LogIdentity& identity = segment.header.identity;
    if (identity.uuid != choice.identity.uuid) {
      return damaged(segment.path, "belongs to another database, uuid " + uuid_text(identity.uuid) + ", expected " +
                                       uuid_text(choice.identity.uuid));
    }
    if (identity.incarnation == choice.identity.incarnation) {
      if (segment.bytes < segment.header.bytes && !choice.shortened) {
        return damaged(segment.path, "is truncated: " + std::to_string(segment.bytes) + " bytes, expected " +
                                         std::to_string(segment.header.bytes));
      }
      log.usable.push_back(std::move(segment));
      continue;
    }
    if (identity.incarnation > choice.identity.incarnation) {
      QUIRE_ASSIGN(const bool used, holds_record(files, segment));
      if (used) {
        return damaged(segment.path, "holds records of incarnation " + std::to_string(identity.incarnation) +
                                         ", but the superblock in use is of incarnation " +
                                         std::to_string(choice.identity.incarnation) + ": an older database file beside a newer log");
      }
    }
    log.leftover.push_back(std::move(segment));
  }
  std::sort(log.usable.begin(), log.usable.end(), [](const auto& a, const auto& b) { return a.start() < b.start(); });
  for (std::size_t i = 1; i < log.usable.size(); ++i) {
    if (log.usable[i].start() < log.usable[i - 1].end()) {
      return damaged(log.usable[i].path, "begins at LSN " + std::to_string(log.usable[i].start().raw) + ", within " + log.usable[i - 1].path);
    }
  }
  QUIRE_TRY(check_contains(log, choice));
  return log;
}

LogStart next_start(const std::vector<SegmentFile>& found, Lsn at_least) {
  LogStart next{1, at_least};
  for (const SegmentFile& segment : found) {
    next.number = std::max(next.number, segment.number + 1);
    if (!segment.state.ok()) continue;
    next.start = std::max({next.start, segment.end(), Lsn{segment.start().raw + segment.header.bytes}});
  }
  next.start.raw = (next.start.raw + segment_block_bytes - 1) / segment_block_bytes * segment_block_bytes;
  return next;
}

std::size_t last_run(const std::vector<SegmentFile>& usable) {
  std::size_t first = usable.size() - 1;
  while (first > 0 && usable[first - 1].end() == usable[first].start()) --first;
  return first;
}

Status settle_segments(os::FileSystem& files, const std::vector<SegmentFile>& segments) {
  for (const SegmentFile& segment : segments) {
    QUIRE_ASSIGN(const std::unique_ptr<os::File> file, files.open(segment.path, {.write = true}));
    QUIRE_TRY(told_log(file->sync(), "sync", segment.path, "settle"));
  }
  return segments.empty() ? Status() : sync_log_directory(files, os::directory_of(segments.front().path), "settle");
}

Status remove_segments(os::FileSystem& files, const std::vector<SegmentFile>& segments, std::string_view why) {
  for (const SegmentFile& segment : segments) QUIRE_TRY(told_log(files.remove(segment.path), "remove", segment.path, why));
  return segments.empty() ? Status() : sync_log_directory(files, os::directory_of(segments.front().path), why);
}

}  // namespace quire::wal
