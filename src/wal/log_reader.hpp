// LogReader: the records of one incarnation, forwards from an LSN, and single ones by LSN.
//
//   LogReader reader(files, segments, identity, checkpoint_lsn);
//   Record record;
//   while (true) {
//     QUIRE_ASSIGN(const bool more, reader.next(record));
//     if (!more) break;
//     ...
//   }
//   QUIRE_ASSIGN(const LogEnd end, reader.end());
//   QUIRE_TRY(end.check());                       // damage, unless the user forces it
//
// The log ends at the first bytes that are no record of it. That is a torn tail, which a crash may leave, unless something
// proves that what is missing was durable once (WAL-4): a MARK or CKPT beyond that names an LSN beyond, a PAD whose next
// segment is missing, or a record with a right checksum and senseless content.
//
// Invariants   1. a record is returned only if its checksum, its own LSN and its incarnation are right (WAL-5)
//              2. memory: one window of the file and one for reads by LSN, each as long as the longest record at most
// Threads      one
// Errors       corrupt, of read(): there is no such record. Whatever the file system says
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/file.hpp"
#include "wal/record.hpp"
#include "wal/segment.hpp"

namespace quire::wal {

// A MARK or CKPT that says how far the log was durable.
struct DurabilityProof {
  Lsn lsn{};      // of the record
  Lsn durable{};  // what it names
};

struct LogEnd {
  Lsn lsn{};             // the first byte that belongs to no record
  std::string path;      // the segment it is in; the last one, when it is behind that
  std::uint64_t offset = 0;
  std::string reason;    // why there is no record
  bool damaged = false;  // else a torn tail, or nothing missing
  std::optional<DurabilityProof> proof{};

  // Corrupt when damaged: where, why, and what a forced opening would lose.
  Status check() const;
};

class LogReader final : public RecordSource {
 public:
  struct Options {
    bool archived = false;  // the last segment may be sealed without a next one
    std::size_t window_bytes = 256 << 10;
  };

  // `from` is where a record begins. The file system outlives the reader.
  LogReader(os::FileSystem& files, LogSegments segments, const LogIdentity& identity, Lsn from, const Options& options);
  LogReader(os::FileSystem& files, LogSegments segments, const LogIdentity& identity, Lsn from)
      : LogReader(files, std::move(segments), identity, from, Options()) {}

  // False at the end of the log. PADs are passed over. The record's views are good until the next call of next().
  Result<bool> next(Record& record) override;

  // Where the next record is looked for.
  Lsn position() const noexcept { return position_; }

  // Once next() has returned false. Looks through the rest of the log.
  Result<LogEnd> end();

  // The record at `lsn`, for following back links. Its views are good until the next call of read().
  Result<Record> read(Lsn lsn) override;

 private:
  // A part of a file in memory.
  struct Window {
    std::unique_ptr<os::File> file;
    const SegmentFile* segment = nullptr;
    std::uint64_t offset = 0;
    std::vector<std::byte> bytes{};
  };
  struct Found {
    RecordHead head{};
    Bytes bytes{};
  };

  // `bytes` at `offset`; fewer only where the file ends.
  Result<Bytes> view(Window& window, const SegmentFile& segment, std::uint64_t offset, std::size_t bytes);
  // The checked bytes of the record at `lsn`; corrupt, with the reason, when there is none.
  Result<Found> find(Window& window, const SegmentFile& segment, Lsn lsn);
  const SegmentFile* segment_of(Lsn lsn) const;
  void stop(const SegmentFile& segment, const std::string& reason, bool damaged);
  Status search(const SegmentFile& segment, std::uint64_t from_offset, bool is_usable);

  os::FileSystem& files_;
  const LogSegments segments_;
  const LogIdentity identity_;
  const Options options_;
  const SegmentFile* segment_ = nullptr;  // where the position is
  Lsn position_{};
  Window forward_;
  Window random_;
  std::optional<LogEnd> end_;
  bool searched_ = false;
};

}  // namespace quire::wal
