// quire log: see log.hpp.
//
// Beside a running writer a superblock and the segments that it needs may change between two looks, so they are looked at
// again when they do not fit; what is read afterwards stays valid, because a record that is overwritten fails its checksum.
#include "tools/log.hpp"

#include <fmt/format.h>

#include <memory>

#include "base/try.hpp"
#include "space/superblock.hpp"
#include "wal/archive_reader.hpp"
#include "wal/print.hpp"

namespace quire::tools {

namespace {

constexpr int looks_max = 5;

wal::PrintOptions print_options(const LogRequest& request, const Printer& printer) {
  wal::PrintOptions options;
  options.json = printer.json();
  options.ops = request.ops;
  if (request.from) options.from = Lsn{*request.from};
  if (request.to) options.to = Lsn{*request.to};
  return options;
}

wal::LineSink sink_of(Printer& printer) {
  return [&printer](std::string_view line) {
    printer.line(line);
    return printer.failed() ? printer.flush() : Status();
  };
}

void print_head(Printer& printer, const std::string& path, const space::Superblock& superblock) {
  if (printer.json()) {
    printer.document({{"log", path}, {"uuid", wal::uuid_text(superblock.uuid)}, {"incarnation", superblock.incarnation},
                      {"generation", superblock.generation.raw}, {"checkpoint_lsn", superblock.checkpoint_lsn.raw}});
  } else {
    printer.line(fmt::format("log of {}: uuid {}, incarnation {}, generation {}", path, wal::uuid_text(superblock.uuid),
                             superblock.incarnation, superblock.generation.raw));
  }
}

void print_none(Printer& printer, const std::string& path, const std::string& reason) {
  if (printer.json()) {
    printer.document({{"log", nullptr}, {"database", path}, {"reason", reason}});
  } else {
    printer.line(fmt::format("{} has no log: {}", path, reason));
  }
}

// Only files that are no threat to the database may lie beside one that needs no log.
Status check_leftovers(os::FileSystem& files, const std::string& path, const space::Superblock& superblock, Printer& printer) {
  QUIRE_ASSIGN(std::vector<wal::SegmentFile> found, wal::list_segments(files, path));
  const std::size_t count = found.size();
  const wal::LogIdentity identity{superblock.uuid, superblock.incarnation};
  QUIRE_TRY(wal::choose_segments(files, std::move(found), {.identity = identity}).status());
  if (count > 0) printer.note(fmt::format("note: {} segment file{} of an earlier log lie{} beside it", count, count == 1 ? "" : "s", count == 1 ? "s" : ""));
  return Status();
}

Status show_live(os::FileSystem& files, const std::string& path, const LogRequest& request, Printer& printer) {
  QUIRE_ASSIGN(const std::unique_ptr<os::File> file, files.open(path, {}));
  const Status locked = file->lock(os::LockMode::shared);
  const bool growing = locked == Code::busy;
  if (!locked.ok() && !growing) return locked;
  if (growing) printer.note(fmt::format("note: {}; its log is shown as far as it is written", locked.message()));
  for (int look = 1;; ++look) {
    QUIRE_ASSIGN(const space::Superblock superblock, space::read_superblock(*file, path));
    const bool clean = (superblock.flags & space::superblock_flag::clean) != 0;
    if (clean || superblock.checkpoint_lsn == wal::no_lsn) {
      QUIRE_TRY(check_leftovers(files, path, superblock, printer));
      print_none(printer, path, clean ? "it is clean, everything is in the file" : "it commits through checkpoints only");
      return Status();
    }
    Result<wal::PrintedLog> log = wal::find_log(files, path, {superblock.uuid, superblock.incarnation}, superblock.checkpoint_lsn);
    if (!log.ok() && growing && look < looks_max) continue;
    if (!log.ok()) return log.status();
    log->growing = growing;
    print_head(printer, path, superblock);
    return wal::print_log(files, std::move(*log), print_options(request, printer), sink_of(printer));
  }
}

// The uuid, when there is a database; an archive can be all that is left of it.
Result<std::optional<wal::Uuid>> uuid_of(os::FileSystem& files, const std::string& path) {
  QUIRE_ASSIGN(const bool there, files.exists(path));
  if (!there) return std::optional<wal::Uuid>();
  QUIRE_ASSIGN(const std::unique_ptr<os::File> file, files.open(path, {}));
  QUIRE_ASSIGN(const space::Superblock superblock, space::read_superblock(*file, path));
  return std::optional<wal::Uuid>(superblock.uuid);
}

void print_begin(Printer& printer, const wal::ArchiveReader& reader) {
  if (printer.json()) {
    printer.document({{"begin", reader.begin().raw}, {"reason", reader.before().message()}});
  } else {
    printer.line(fmt::format("begin at LSN {}: {}", reader.begin().raw, reader.before().message()));
  }
}

Status print_archived(wal::ArchiveReader& reader, const wal::PrintOptions& options, const wal::LineSink& sink) {
  const std::vector<wal::SegmentFile> segments = reader.segments();
  std::size_t printed = 0;
  wal::Record record;
  while (true) {
    QUIRE_ASSIGN(const bool more, reader.next(record));
    const bool past = more && options.to && record.lsn >= *options.to;
    while (printed < segments.size() && (!more || segments[printed].start() < record.lsn) &&
           !(options.to && segments[printed].start() >= *options.to)) {
      QUIRE_TRY(sink(wal::segment_line(segments[printed++], options.json)));
    }
    if (!more || past) break;
    QUIRE_TRY(sink(options.json ? wal::record_json(record, options) : wal::record_text(record, options)));
  }
  if (options.to && *options.to <= reader.end()) return Status();
  return sink(options.json ? fmt::format("{{\"end\":{}}}", reader.end().raw) : fmt::format("end of the archive at LSN {}", reader.end().raw));
}

Status show_archive(os::FileSystem& files, const std::string& path, const LogRequest& request, Printer& printer) {
  const wal::PrintOptions options = print_options(request, printer);
  wal::ArchiveReader::Options reading;
  QUIRE_ASSIGN(reading.uuid, uuid_of(files, path));
  reading.from = options.from;
  QUIRE_ASSIGN(const std::string directory, files.resolve(request.archive));
  QUIRE_ASSIGN(wal::ArchiveReader reader, wal::ArchiveReader::open(files, directory, path, reading));
  if (!reader.before().ok()) print_begin(printer, reader);
  return print_archived(reader, options, sink_of(printer));
}

}  // namespace

Status show_log(os::FileSystem& files, const LogRequest& request, Printer& printer) {
  QUIRE_ASSIGN(const std::string path, files.resolve(request.file));
  if (!request.archive.empty()) return show_archive(files, path, request, printer);
  QUIRE_ASSIGN(const bool there, files.exists(path));
  if (!there) return Status(Code::not_found, fmt::format("no database '{}'", request.file));
  return show_live(files, path, request, printer);
}

}  // namespace quire::tools
