// The segment files that a writer makes, keeps for another use, and removes.
//
// A new file is reserved, filled with zeros once and synced, so that a later fdatasync of it writes data and nothing else.
// A segment that is not needed any more is renamed to the next number and gets a new header; its old records do not count,
// for they name other LSNs. A segment is handed out when its header and its name are durable.
//
//   make:   [rename | create, zeros, sync] -> header -> sync -> sync directory
//
// Threads   make by one thread at a time, beside retire by another
// Errors    of make: full and others of the file system, after which nothing is left behind; poisoned when a sync failed,
//           after which the writer must not go on (WAL-7)
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "os/file.hpp"
#include "os/sync.hpp"
#include "wal/segment.hpp"

namespace quire::wal {

// A segment that is open for writing.
struct OpenSegment {
  std::string path;
  std::uint64_t number = 0;
  Lsn start{};
  Lsn end{};
  Lsn used_end{};  // behind its PAD; no_lsn: it has none yet
  std::unique_ptr<os::File> file;

  std::uint64_t bytes() const noexcept { return end.raw - start.raw; }
  Lsn first_record() const noexcept { return Lsn{start.raw + segment_header_bytes}; }
  // Records end here at the latest, so that a PAD always fits behind them.
  Lsn records_end() const noexcept { return Lsn{end.raw - pad_bytes}; }
};

using OpenSegments = std::vector<std::unique_ptr<OpenSegment>>;

class SegmentFiles {
 public:
  struct Options {
    LogIdentity identity{};
    std::uint64_t next_number = 1;
    std::uint64_t spare_bytes = 0;  // the size of files that are worth keeping
    std::uint32_t spares_max = 4;   // so many of them
  };

  SegmentFiles(os::FileSystem& files, std::string database, const Options& options)
      : files_(files), database_(std::move(database)), options_(options), next_number_(options.next_number) {}

  struct Wanted {
    Lsn start{};
    std::uint64_t bytes = 0;
    Lsn previous_end{};
  };
  Result<std::unique_ptr<OpenSegment>> make(const Wanted& wanted) QUIRE_EXCLUDES(mutex_);

  // These are not needed any more: kept for make, or removed.
  Status retire(OpenSegments segments) QUIRE_EXCLUDES(mutex_);
  // Removes these and all that were kept; durable when it returns ok.
  Status remove_all(OpenSegments segments) QUIRE_EXCLUDES(mutex_);

  std::uint64_t spare_bytes() const QUIRE_EXCLUDES(mutex_);
  const std::string& database() const noexcept { return database_; }

 private:
  std::unique_ptr<OpenSegment> take_spare(std::uint64_t bytes) QUIRE_EXCLUDES(mutex_);
  Status prepare(OpenSegment& segment, const Wanted& wanted, bool is_new);
  Status publish(OpenSegment& segment, const Wanted& wanted, std::string_view why);

  // Constant.
  os::FileSystem& files_;
  const std::string database_;
  const Options options_;

  std::uint64_t next_number_;  // of make
  mutable os::Mutex mutex_;
  OpenSegments spares_ QUIRE_GUARDED_BY(mutex_);
};

}  // namespace quire::wal
