// Archiver: copies of sealed segments in another directory, for restoring to a later point than a backup.
//
// A segment is copied whole when it is sealed, that is, when all of it is durable and the log goes on elsewhere (WAL-8). Until
// its copy is durable a pin holds it, so that no checkpoint recycles it. The open segment is copied on request, as far as it
// is durable, with `.partial` behind its name; the whole copy replaces that later. Of the log of a process that crashed,
// recovery copies the rest (archive_rest); its last segment stays `.partial`.
//
//   copy:   <name>.copying -> sync -> rename to <name> -> sync directory -> pin advances
//
// Numbers of segments stay unique in the archive if each incarnation starts above those in it: give next_start both listings.
//
// Invariants   a file in the archive that has a segment's name is that segment, whole; bytes behind its PAD may be zeros
// Threads      one at a time, beside all use of the log
// Errors       the file system's; nothing is lost by one, the next step tries again.
//              corrupt, of attach: the directory has another database's log, or a later one than this
#pragma once

#include <string>

#include "wal/log_writer.hpp"

namespace quire::wal {

// A file of an archive.
struct ArchivedSegment {
  SegmentFile file;      // named as it is
  bool partial = false;  // ends where it was copied
};

// All segments of the database in the directory, by number. A partial copy beside the whole one is left out.
Result<std::vector<ArchivedSegment>> list_archive(os::FileSystem& files, const std::string& directory, const std::string& database);

// What next_start must know of an archive.
std::vector<SegmentFile> files_of(const std::vector<ArchivedSegment>& archived);

// Copies what the archive lacks of a log that nobody writes any more, up to `end`. `segments` are those of one incarnation, by
// LSN, and settled. Recovery does it once it knows the end, before it removes them.
Status archive_rest(os::FileSystem& files, const std::vector<SegmentFile>& segments, Lsn end, const std::string& directory);

class Archiver {
 public:
  // Archives `log` from `from` on, or from where the archive ends that is already there. The file system and the log outlive
  // the archiver.
  static Result<Archiver> attach(os::FileSystem& files, LogWriter& log, std::string directory, Lsn from);

  // Copies the next sealed segment; false when there is none.
  Result<bool> step();
  // Copies what is durable of the open segment.
  Status copy_open();
  // Seals the log and copies all of it. What is appended later is not in the archive: for a clean close the last record of
  // the log has to be written before.
  Status finish();
  // All of the log below is in the archive.
  Lsn archived() const noexcept { return pin_.lsn(); }

 private:
  Archiver(os::FileSystem& files, LogWriter& log, std::string directory, LogPin pin)
      : files_(&files), log_(&log), directory_(std::move(directory)), pin_(std::move(pin)) {}

  os::FileSystem* files_;
  LogWriter* log_;
  std::string directory_;
  LogPin pin_;
};

}  // namespace quire::wal
