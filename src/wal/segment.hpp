// Segments: names, headers, and which files beside a database are its log.
//
// A segment's header is durable before its first record is written, and so is its name. So a file whose header is unreadable,
// or names another number than its name does, was never in use or is damaged; the reader decides which (WAL-4).
//
// Threads   functions without state
// Errors    of choose_segments, each naming the file, what was found and what was expected:
//             corrupt      another database's log; a log newer than the superblock (SB-2); an older incarnation's where
//                          this one's is needed; a segment that is missing or shorter than it was made
//             unsupported  a newer version of the log
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "os/file.hpp"
#include "wal/layout.hpp"

namespace quire::wal {

struct SegmentHeader {
  std::uint64_t number = 0;
  Lsn start{};
  LogIdentity identity{};
  std::uint64_t bytes = 0;  // of the file
  Lsn previous_end{};       // where the log before this segment ends
};

// The segment_header_bytes of a header.
void encode_segment_header(const SegmentHeader& header, MutableBytes into);
Result<SegmentHeader> decode_segment_header(Bytes bytes, const std::string& path);

// "/x/app.qdb-wal.000000000000002a".
std::string segment_path(const std::string& database, std::uint64_t number);
// The number in the name of a file (without directory) that is a segment of the database (likewise); else nothing.
std::optional<std::uint64_t> segment_number(std::string_view name, std::string_view database);

// 16 bytes in hexadecimal.
std::string uuid_text(const Uuid& uuid);

// A file that has a segment's name.
struct SegmentFile {
  std::string path;
  std::uint64_t number = 0;  // of the name
  std::uint64_t bytes = 0;
  Status state;              // of the header
  SegmentHeader header{};    // when the state is ok

  Lsn start() const noexcept { return header.start; }
  Lsn end() const noexcept { return Lsn{header.start.raw + std::min(bytes, header.bytes)}; }
};

// All of them, by number. The directory may be another one than the database's (an archive).
Result<std::vector<SegmentFile>> list_segments(os::FileSystem& files, const std::string& database);
// The segment that the file at `path` claims to be.
Result<SegmentFile> look_at_segment(os::FileSystem& files, const std::string& path, std::uint64_t number);

struct LogSegments {
  std::vector<SegmentFile> usable;   // of the identity, by LSN; there may be gaps, which the reader notices
  std::vector<SegmentFile> suspect;  // unreadable header: unused or damaged
  std::vector<SegmentFile> leftover; // of an earlier incarnation, or begun by a recovery that was cut short
};

struct LogChoice {
  LogIdentity identity{};       // of the superblock in use
  std::optional<Lsn> from{};    // what must be there: the checkpoint's LSN. Nothing: anything goes
  bool shortened = false;       // files may end early: copies of open segments
  std::string database{};       // whose log it is, for messages
};
Result<LogSegments> choose_segments(os::FileSystem& files, std::vector<SegmentFile> found, const LogChoice& choice);

// Number and LSN for the first segment of the next incarnation: above all that is on disk (WAL-5).
struct LogStart {
  std::uint64_t number = 1;
  Lsn start{};
};
LogStart next_start(const std::vector<SegmentFile>& found, Lsn at_least);

// Index of the first segment of the last run without a gap; what lies before it is kept for another use. `usable` is not empty.
std::size_t last_run(const std::vector<SegmentFile>& usable);

// Makes durable what reading shows, before it is trusted (RC-1).
Status settle_segments(os::FileSystem& files, const std::vector<SegmentFile>& segments);

// Removes files that are not needed any more, and makes that durable. `why` is for the trace.
Status remove_segments(os::FileSystem& files, const std::vector<SegmentFile>& segments, std::string_view why = "recovery");

}  // namespace quire::wal
