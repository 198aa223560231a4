// Printing a log: which segments, from where, and how it ends.
//
// A segment's line comes before its first record, so that what follows is known to be in that file; the place where recovery
// begins is a line of its own, before the record there or before the end.
#include "wal/print.hpp"

#include <algorithm>

#include "base/try.hpp"

namespace quire::wal {

namespace {

std::string quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      result += "\\u00";
      result += digits[static_cast<unsigned char>(c) >> 4];
      result += digits[static_cast<unsigned char>(c) & 15];
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string member(const char* name, std::uint64_t value) { return ",\"" + std::string(name) + "\":" + std::to_string(value); }
std::string member(const char* name, std::string_view value) { return ",\"" + std::string(name) + "\":" + quoted(value); }

constexpr Lsn anywhere{~std::uint64_t{0}};

// Index of the first segment of the run without a gap that holds `lsn`; the last run when none does.
std::size_t run_of(const std::vector<SegmentFile>& usable, Lsn lsn) {
  std::size_t first = usable.size() - 1;
  while (first > 0 && lsn < usable[first].start()) --first;
  while (first > 0 && usable[first - 1].end() == usable[first].start()) --first;
  return first;
}

std::string end_of_growing(Lsn end, bool json) {
  if (json) return "{\"end\":" + std::to_string(end.raw) + ",\"growing\":true}";
  return "end so far at LSN " + std::to_string(end.raw) + ": the log is being written";
}

std::string checkpoint_line(Lsn lsn, bool json) {
  if (json) return "{\"recovery_from\":" + std::to_string(lsn.raw) + "}";
  return "recovery begins at LSN " + std::to_string(lsn.raw);
}

// One incarnation, from the segment with index `first` on.
class Printing {
 public:
  Printing(os::FileSystem& files, const PrintOptions& options, const LineSink& sink) : files_(files), options_(options), sink_(sink) {}

  Status print(PrintedLog log, std::size_t first) {
    const std::vector<SegmentFile> run(log.segments.usable.begin() + static_cast<std::ptrdiff_t>(first), log.segments.usable.end());
    LogReader reader(files_, std::move(log.segments), log.identity, Lsn{run.front().start().raw + segment_header_bytes});
    Record record;
    while (true) {
      const Result<bool> more = reader.next(record);
      if (log.growing && more == Code::not_found) break;  // a checkpoint of the other process released what comes next
      if (!more.ok()) return more.status();
      if (!*more) break;
      while (printed_ < run.size() && run[printed_].start() < record.lsn) QUIRE_TRY(line_of(run[printed_++]));
      if (log.checkpoint && record.lsn >= *log.checkpoint) QUIRE_TRY(show_checkpoint(log.checkpoint));
      if (options_.to && record.lsn >= *options_.to) return Status();
      if (options_.from && record.lsn < *options_.from) continue;
      QUIRE_TRY(sink_(options_.json ? record_json(record, options_) : record_text(record, options_)));
    }
    while (printed_ < run.size()) QUIRE_TRY(line_of(run[printed_++]));
    QUIRE_TRY(show_checkpoint(log.checkpoint));
    if (log.growing) return sink_(end_of_growing(reader.position(), options_.json));
    QUIRE_ASSIGN(const LogEnd end, reader.end());
    damage_ = end.check();
    return sink_(end_line(end, options_.json));
  }

  const Status& damage() const noexcept { return damage_; }

 private:
  // Segments behind or before what is asked for are not of interest.
  Status line_of(const SegmentFile& segment) {
    if (options_.from && segment.end() <= *options_.from) return Status();
    if (options_.to && segment.start() >= *options_.to) return Status();
    return sink_(segment_line(segment, options_.json));
  }

  // Once.
  Status show_checkpoint(std::optional<Lsn>& lsn) {
    if (!lsn) return Status();
    const bool is_outside = (options_.from && *lsn < *options_.from) || (options_.to && *lsn >= *options_.to);
    const std::string line = checkpoint_line(*lsn, options_.json);
    lsn.reset();
    return is_outside ? Status() : sink_(line);
  }

  os::FileSystem& files_;
  const PrintOptions& options_;
  const LineSink& sink_;
  std::size_t printed_ = 0;  // segments of the run
  Status damage_;
};

}  // namespace

std::string segment_line(const SegmentFile& segment, bool json) {
  const SegmentHeader& h = segment.header;
  if (json) {
    return "{\"segment\":" + quoted(segment.path) + member("number", segment.number) + member("start", h.start.raw) +
           member("end", segment.end().raw) + member("incarnation", h.identity.incarnation) + member("uuid", uuid_text(h.identity.uuid)) +
           member("previous_end", h.previous_end.raw) + "}";
  }
  return "segment " + segment.path + ": LSN " + std::to_string(h.start.raw) + " to " + std::to_string(segment.end().raw) + ", incarnation " +
         std::to_string(h.identity.incarnation);
}

std::string end_line(const LogEnd& end, bool json) {
  if (json) {
    return "{\"end\":" + std::to_string(end.lsn.raw) + ",\"damaged\":" + (end.damaged ? "true" : "false") + member("segment", end.path) +
           member("offset", end.offset) + member("reason", end.reason) + (end.proof ? member("durable", end.proof->durable.raw) : "") + "}";
  }
  return end.damaged ? "damage: " + std::string(end.check().message()) : "end at LSN " + std::to_string(end.lsn.raw) + ": " + end.reason;
}

Result<PrintedLog> find_log(os::FileSystem& files, const std::string& database, const LogIdentity& identity, Lsn checkpoint) {
  QUIRE_ASSIGN(std::vector<SegmentFile> found, list_segments(files, database));
  QUIRE_ASSIGN(LogSegments segments, choose_segments(files, std::move(found), {.identity = identity, .from = checkpoint, .database = database}));
  return PrintedLog{.identity = identity, .segments = std::move(segments), .checkpoint = checkpoint};
}

Status print_log(os::FileSystem& files, PrintedLog log, const PrintOptions& options, const LineSink& sink) {
  if (log.segments.usable.empty()) return Status();
  const std::size_t first = run_of(log.segments.usable, log.checkpoint.value_or(anywhere));
  Printing printing(files, options, sink);
  QUIRE_TRY(printing.print(std::move(log), first));
  return printing.damage();
}

Status print_segments(os::FileSystem& files, const std::string& database, const PrintOptions& options, const LineSink& sink) {
  QUIRE_ASSIGN(const std::vector<SegmentFile> found, list_segments(files, database));
  std::vector<LogIdentity> identities;
  LogSegments segments;
  for (const SegmentFile& segment : found) {
    if (!segment.state.ok()) {
      QUIRE_TRY(sink(options.json ? "{\"unreadable\":" + quoted(segment.path) + member("reason", segment.state.message()) + "}"
                                  : "unreadable: " + std::string(segment.state.message())));
      segments.suspect.push_back(segment);
    } else if (identities.empty() || identities.back() != segment.header.identity) {
      identities.push_back(segment.header.identity);
    }
  }
  for (const LogIdentity& identity : identities) {
    segments.usable.clear();
    for (const SegmentFile& segment : found) {
      if (segment.state.ok() && segment.header.identity == identity) segments.usable.push_back(segment);
    }
    std::sort(segments.usable.begin(), segments.usable.end(), [](const auto& a, const auto& b) { return a.start() < b.start(); });
    const std::size_t first = run_of(segments.usable, options.from.value_or(anywhere));
    QUIRE_TRY(Printing(files, options, sink).print({.identity = identity, .segments = segments}, first));
  }
  return Status();
}

}  // namespace quire::wal
