// quire restore: a database from a backup and the archived log, as it was after a commit.
//
// Times are UTC, as quire log shows them.
//
// Threads   one
// Errors    those of Database::restore
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "quire/database.hpp"
#include "tools/printer.hpp"

namespace quire::tools {

struct RestoreRequest {
  std::string backup;
  std::string archive;  // a directory
  std::string target;   // a file that is not there
  RestorePoint point;
};
Status restore_database(const RestoreRequest& request, Printer& printer);

// "2026-03-01 12:00:00", with up to six decimals, a T for the blank and a Z behind it if one likes; or microseconds since
// 1970 as a plain number. Microseconds; invalid for anything else and for days that there are not.
Result<std::uint64_t> parse_utc(std::string_view text);

}  // namespace quire::tools
