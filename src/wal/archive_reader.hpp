// ArchiveReader: an archive of a database's log, of all its incarnations, as one sequence of records.
//
//   QUIRE_ASSIGN(ArchiveReader reader, ArchiveReader::open(files, "/archive", "app.qdb", {.from = backup_lsn}));
//   Record record;
//   while (true) {
//     QUIRE_ASSIGN(const bool more, reader.next(record));
//     if (!more) break;
//     ...                          // a COMMIT's chunks: reader.read(commit.last_chunk)
//   }
//
// The header of an incarnation's first segment says where the log before it ended. That is where the incarnation before ends
// here too: what it wrote beyond was never part of the database's history, or was given up by a restore. So the sequence is
// found from the newest incarnation backwards, and incarnations that nobody continued are passed over.
//
// An archive has durable bytes only, so there is no torn tail: a segment goes to its PAD, and a partial one to the end of its
// file. Anything else is damage.
//
// Invariants   1. open() has found every segment from `from` to the end; only damage inside one stops next()
//              2. records of one incarnation follow each other without a gap; a RESTART begins the next
// Threads      one
// Errors       not_found  nothing is archived under this name
//              corrupt    a segment that is missing, with the LSNs and the file that were expected; another database's; damage,
//                         with file and offset
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wal/archive.hpp"
#include "wal/log_reader.hpp"

namespace quire::wal {

class ArchiveReader final : public RecordSource {
 public:
  struct Options {
    std::optional<Uuid> uuid{};                        // whose archive it must be; unset: of the newest segment
    std::optional<Lsn> from{};                         // unset: as far back as there is no gap
    std::optional<std::uint32_t> last_incarnation{};   // to follow the history of an earlier one than the newest
    std::size_t window_bytes = 256 << 10;
  };
  // The file system outlives the reader.
  static Result<ArchiveReader> open(os::FileSystem& files, const std::string& directory, const std::string& database, const Options& options);

  // False at the end. PADs are passed over. The record's views are good until the next call of next().
  Result<bool> next(Record& record) override;
  // Of the last record.
  const LogIdentity& identity() const noexcept { return stretches_[current_].identity; }
  // The record at `lsn` of the same incarnation, for following back links. Its views are good until the next call of read() or
  // next().
  Result<Record> read(Lsn lsn) override;

  // Where the sequence begins and ends.
  Lsn begin() const noexcept { return stretches_.front().begin; }
  Lsn end() const noexcept { return stretches_.back().files.back().end(); }
  // Ok if it begins where the database's log did or was asked for; else what keeps it from reaching further back.
  const Status& before() const noexcept { return before_; }
  // All segments that belong to it, in order.
  std::vector<SegmentFile> segments() const;

 private:
  // What counts of one incarnation.
  struct Stretch {
    LogIdentity identity{};
    std::vector<SegmentFile> files;  // by LSN; those before `begin` may have gaps
    Lsn begin{};                     // of the first record
    std::optional<Lsn> until{};      // where the next one continues it; unset: it is the last
  };
  class Finder;

  ArchiveReader(os::FileSystem& files, std::size_t window_bytes) : files_(&files), window_bytes_(window_bytes) {}
  void enter(std::size_t stretch);
  Status check_end() const;

  os::FileSystem* files_;
  std::size_t window_bytes_;
  std::vector<Stretch> stretches_;  // not empty
  Status before_;
  std::size_t current_ = 0;
  std::unique_ptr<LogReader> reader_;  // of the current one
};

}  // namespace quire::wal
