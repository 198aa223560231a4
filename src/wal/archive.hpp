// Archiver: copies of sealed segments in another directory, for restoring to a later point than a backup.
//
// A segment is copied whole when it is sealed, that is, when all of it is durable and the log goes on elsewhere (WAL-8). Until
// its copy is durable a pin holds it, so that no checkpoint recycles it. The open segment is copied on request, as far as it
// is durable, with `.partial` behind its name; the whole copy replaces that later.
//
//   copy:   <name>.copying -> sync -> rename to <name> -> sync directory -> pin advances
//
// Numbers of segments stay unique in the archive if each incarnation starts above those in it: give next_start both listings.
//
// Invariants   a file in the archive that has a segment's name is that segment, whole
// Threads      one at a time, beside all use of the log
// Errors       the file system's; nothing is lost by one, the next step tries again
#pragma once

#include <string>

#include "wal/log_writer.hpp"

namespace quire::wal {

class Archiver {
 public:
  // Archives `log` from `from` on. The file system and the log outlive the archiver.
  static Result<Archiver> attach(os::FileSystem& files, LogWriter& log, std::string directory, Lsn from);

  // Copies the next sealed segment; false when there is none.
  Result<bool> step();
  // Copies what is durable of the open segment.
  Status copy_open();
  // All of the log below is in the archive.
  Lsn archived() const noexcept { return pin_.lsn(); }

 private:
  Archiver(os::FileSystem& files, LogWriter& log, std::string directory, LogPin pin)
      : files_(&files), log_(&log), directory_(std::move(directory)), pin_(std::move(pin)) {}
  Status copy(const DurableSegment& segment, const std::string& suffix);

  os::FileSystem* files_;
  LogWriter* log_;
  std::string directory_;
  LogPin pin_;
};

}  // namespace quire::wal
