// quire log: the records of a database's log, or of an archive of it.
//
// Works from the superblock and the segment files, without opening the database, and changes no byte. A database that another
// process has open for writing can be looked at too: what is shown then ends where the other process had come to.
//
// Threads   one
// Errors    not_found, corrupt and others of the log's own (wal/segment.hpp, wal/archive_reader.hpp); corrupt also when the
//           end of the log turns out to be damage, after everything before it was printed
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "os/file.hpp"
#include "tools/printer.hpp"

namespace quire::tools {

struct LogRequest {
  std::string file;                          // of the database
  std::string archive = {};                  // a directory; empty: the log beside the file
  std::optional<std::uint64_t> from = {};    // LSNs
  std::optional<std::uint64_t> to = {};
  bool ops = false;
};
Status show_log(os::FileSystem& files, const LogRequest& request, Printer& printer);

}  // namespace quire::tools
