// A log in words: its segments, records and operations, as text for people or one JSON object a line for programs.
//
// Reads the files only.
//
//   segment /x/app.qdb-wal.0000000000000001: LSN 0 to 4194304, incarnation 1
//             64  RESTART      the log before ended at LSN 0
//            104  COMMIT       xid 7  timestamp 3  2026-03-01T12:00:00.000000Z  2 operations
//                   put tree 16 #1 key 'a' value 'b'
//                   rows tree 16 #2 +1
//   end at LSN 216: nothing was written there
//
// Threads   functions without state
// Errors    those of the file system, and what the sink returns; corrupt
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "os/file.hpp"
#include "wal/log_reader.hpp"
#include "wal/record.hpp"

namespace quire::wal {

struct PrintOptions {
  bool json = false;
  bool ops = false;           // what the transactions did
  std::optional<Lsn> from{};  // records that begin here or later
  std::optional<Lsn> to{};    // and before this
  std::size_t value_bytes_max = 40;  // of keys and values that are shown as text; JSON has all of them
};

// One line without its end; with operations of a record several lines of text, or a longer one of JSON.
std::string record_text(const Record& record, const PrintOptions& options);
std::string record_json(const Record& record, const PrintOptions& options);

// "2026-03-01T12:00:00.000000Z"; "-" for 0.
std::string utc_text(std::uint64_t wall_us);

using LineSink = std::function<Status(std::string_view line)>;

// A log and where to look at it.
struct PrintedLog {
  LogIdentity identity{};
  LogSegments segments;
  std::optional<Lsn> checkpoint{};  // where recovery would begin
  bool growing = false;             // somebody appends: an end is no news, and no sign of damage
};

// The log that belongs to a superblock: from the oldest segment on that joins the one of the checkpoint. Corrupt, as
// choose_segments says, when it is missing, foreign, stale or does not reach back so far.
Result<PrintedLog> find_log(os::FileSystem& files, const std::string& database, const LogIdentity& identity, Lsn checkpoint);

// Damage is printed where it is found, and is the status.
Status print_log(os::FileSystem& files, PrintedLog log, const PrintOptions& options, const LineSink& sink);

// Whatever segment files of the database at this path there are, without knowing its superblock: what belongs together says
// the segments' own identity. Damage is printed where it is found, and the next incarnation follows.
Status print_segments(os::FileSystem& files, const std::string& database, const PrintOptions& options, const LineSink& sink);

// The lines that frame records.
std::string segment_line(const SegmentFile& segment, bool json);
std::string end_line(const LogEnd& end, bool json);

}  // namespace quire::wal
