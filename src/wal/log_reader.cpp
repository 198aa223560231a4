// LogReader: windows over the files, scanning, reading by LSN.
//
// A reason for not being a record is no failure of reading, so find() separates the two: corrupt is a reason, every other code
// comes from the file system.
#include "wal/log_reader.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/try.hpp"
#include "wal/log_trace.hpp"

namespace quire::wal {

LogReader::LogReader(os::FileSystem& files, LogSegments segments, const LogIdentity& identity, Lsn from, const Options& options)
    : files_(files), segments_(std::move(segments)), identity_(identity), options_(options), position_(from) {
  segment_ = segment_of(from);
}

const SegmentFile* LogReader::segment_of(Lsn lsn) const {
  for (const SegmentFile& segment : segments_.usable) {
    if (segment.start().raw + segment_header_bytes <= lsn.raw && lsn < segment.end()) return &segment;
  }
  return nullptr;
}

Result<Bytes> LogReader::view(Window& window, const SegmentFile& segment, std::uint64_t offset, std::size_t bytes) {
  if (window.segment != &segment) {
    QUIRE_ASSIGN(window.file, files_.open(segment.path, {}));
    window.segment = &segment;
    window.bytes.clear();
  }
  if (offset < window.offset || offset + bytes > window.offset + window.bytes.size()) {
    if (offset >= segment.bytes) return Bytes();  // a copy that ends where a record does
    window.bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(std::max(bytes, options_.window_bytes), segment.bytes - offset)));
    QUIRE_ASSIGN(const std::size_t got, window.file->read_at(offset, window.bytes));
    os::tell_io([&] {
      return os::IoEvent{.operation = "read", .kind = options_.archived ? "archive" : "log", .name = segment.path, .offset = offset, .bytes = got, .reason = "recovery"};
    });
    window.offset = offset;
    window.bytes.resize(got);
  }
  const Bytes rest = Bytes(window.bytes).subspan(static_cast<std::size_t>(offset - window.offset));
  return rest.first(std::min(bytes, rest.size()));
}

Result<LogReader::Found> LogReader::find(Window& window, const SegmentFile& segment, Lsn lsn) {
  const std::uint64_t offset = lsn.raw - segment.start().raw;
  QUIRE_ASSIGN(Bytes bytes, view(window, segment, offset, record_header_bytes));
  if (bytes.size() < record_header_bytes) return Status(Code::corrupt, "the file ends there");
  QUIRE_ASSIGN(const RecordHead head, check_record_header(bytes, lsn, identity_));
  const std::uint64_t room = segment.start().raw + segment.header.bytes - lsn.raw;
  const bool fits = head.type == RecordType::pad ? head.bytes == room : head.bytes + pad_bytes <= room;
  if (!fits) return Status(Code::corrupt, "a record of " + std::to_string(head.bytes) + " bytes does not fit there");
  QUIRE_ASSIGN(bytes, view(window, segment, offset, head.checked_bytes));
  if (bytes.size() < head.checked_bytes) return Status(Code::corrupt, "the file ends within the record");
  if (!checksum_is_right(bytes, identity_)) return Status(Code::corrupt, "the record fails its checksum");
  return Found{head, bytes};
}

void LogReader::stop(const SegmentFile& segment, const std::string& reason, bool damaged) {
  end_ = LogEnd{position_, segment.path, position_.raw - segment.start().raw, reason, damaged, {}};
}

Result<bool> LogReader::next(Record& record) {
  while (!end_) {
    if (segment_ == nullptr) {
      end_ = LogEnd{position_, {}, 0, "no segment holds it", false, {}};
      break;
    }
    Result<Found> found = find(forward_, *segment_, position_);
    if (!found.ok()) {
      if (found.code() != Code::corrupt) return found.status();
      stop(*segment_, std::string(found.message()), false);
      break;
    }
    Result<Record> parsed = parse_record(found->bytes);
    if (!parsed.ok()) {
      stop(*segment_, "the record has a right checksum, but " + std::string(parsed.message()), true);
      break;
    }
    position_ = parsed->end;
    if (found->head.type != RecordType::pad) {
      record = *parsed;
      return true;
    }
    const SegmentFile* next = segment_of(Lsn{position_.raw + segment_header_bytes});
    if (next == nullptr || next->start() != position_) {
      // The next segment is durable before a PAD is written, so it has been there.
      stop(*segment_, "the segment that continues the log there is missing or unreadable", !options_.archived);
      break;
    }
    segment_ = next;
    position_.raw += segment_header_bytes;
  }
  return false;
}

Result<Record> LogReader::read(Lsn lsn) {
  const SegmentFile* segment = segment_of(lsn);
  const std::string where = "log record at LSN " + std::to_string(lsn.raw);
  if (segment == nullptr) return Status(Code::corrupt, where + " is in no segment");
  const std::string place = where + ", offset " + std::to_string(lsn.raw - segment->start().raw) + " of " + segment->path + ": ";
  Result<Found> found = find(random_, *segment, lsn);
  if (!found.ok()) {
    return found.code() == Code::corrupt ? Status(Code::corrupt, place + std::string(found.message())) : found.status();
  }
  Result<Record> parsed = parse_record(found->bytes);
  return parsed.ok() ? parsed : Result<Record>(Status(Code::corrupt, place + std::string(parsed.message())));
}

}  // namespace quire::wal
