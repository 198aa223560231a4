// Shorthand of the tests of archives: a database's log over several incarnations, archived, and what a reader makes of it.
//
// Recovery is played as the engine will do it: scan, archive the rest, begin the next incarnation, remove the old segments.
#pragma once

#include <gtest/gtest.h>

#include "wal/archive_reader.hpp"
#include "wal/test_log.hpp"

namespace quire::wal {

inline constexpr const char* test_archive = "/archive";

inline std::vector<SegmentFile> all_segments(os::FileSystem& files) {
  std::vector<SegmentFile> found = list_segments(files, test_database).value();
  for (SegmentFile& file : files_of(list_archive(files, test_archive, test_database).value())) found.push_back(std::move(file));
  return found;
}

// A process that writes the log. Its end without close() is a crash of it.
class Life {
 public:
  Life(os::FileSystem& files, std::uint32_t incarnation, Lsn previous_end, std::uint64_t segment_bytes = 4096) {
    LogOptions options = small_log(segment_bytes);
    options.identity = test_identity(incarnation);
    options.previous_end = previous_end;
    options.start = next_start(all_segments(files), previous_end);
    const std::vector<SegmentFile> old = list_segments(files, test_database).value();
    log = LogWriter::start(files, test_database, options).value();
    begin_ = log->tail();
    EXPECT_TRUE(log->sync_to(append(*log, Xid{}, RestartRecord{previous_end}).value().end).ok());
    EXPECT_TRUE(remove_segments(files, old).ok());
    archiver = Archiver::attach(files, *log, test_archive, begin_).value();
  }

  // Durable commits with these timestamps.
  void commit(std::uint64_t first, std::uint64_t count, std::size_t value_bytes = 300) {
    for (std::uint64_t n = first; n < first + count; ++n) {
      const Appended at = append_commit(*log, n, value_bytes).value();
      EXPECT_TRUE(log->sync_to(at.end).ok());
      last_ = at.lsn;
    }
  }
  void archive() {
    while (archiver->step().value()) {
    }
  }
  // Where the log ends, for the next incarnation.
  Lsn close() {
    EXPECT_TRUE(archiver->finish().ok());
    const Lsn end = log->tail();
    archiver.reset();
    EXPECT_TRUE(log->close().ok());
    return end;
  }

  Lsn begin() const { return begin_; }  // of the RESTART
  Lsn last() const { return last_; }    // of the last commit

  std::unique_ptr<LogWriter> log;
  std::optional<Archiver> archiver;

 private:
  Lsn begin_{};
  Lsn last_{};
};

// What recovery does with the log of an incarnation that crashed: finds its end, and archives the rest.
inline Lsn recover_log(os::FileSystem& files, std::uint32_t incarnation, Lsn checkpoint) {
  LogSegments chosen = choose_segments(files, list_segments(files, test_database).value(),
                                       {.identity = test_identity(incarnation), .from = checkpoint})
                           .value();
  const std::vector<SegmentFile> usable = chosen.usable;
  EXPECT_TRUE(settle_segments(files, usable).ok());
  LogReader reader(files, std::move(chosen), test_identity(incarnation), checkpoint);
  Record record;
  while (reader.next(record).value()) {
  }
  const LogEnd end = reader.end().value();
  EXPECT_TRUE(end.check().ok()) << end.check().to_string();
  EXPECT_TRUE(archive_rest(files, usable, end.lsn, test_archive).ok());
  return end.lsn;
}

// The archive as one sequence.
struct ReadArchive {
  Status status;
  Status before;
  std::vector<std::uint64_t> commits;
  std::vector<std::uint32_t> incarnations;  // of the commits
  std::vector<SeenRecord> records;
  Lsn begin{};
  Lsn end{};
};

inline ReadArchive read_archive(os::FileSystem& files, ArchiveReader::Options options = {}) {
  ReadArchive read;
  options.window_bytes = 512;
  Result<ArchiveReader> reader = ArchiveReader::open(files, test_archive, test_database, options);
  if (!reader.ok()) {
    read.status = reader.status();
    return read;
  }
  read.begin = reader->begin();
  read.end = reader->end();
  read.before = reader->before();
  Record record;
  while (true) {
    const Result<bool> more = reader->next(record);
    if (!more.ok()) read.status = more.status();
    if (!more.ok() || !*more) return read;
    read.records.push_back(seen(record));
    if (record.type() != RecordType::commit) continue;
    read.commits.push_back(read.records.back().number);
    read.incarnations.push_back(reader->identity().incarnation);
  }
}

inline std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t n = first; n <= last; ++n) all.push_back(n);
  return all;
}

}  // namespace quire::wal
