// Shorthand of the tests in wal/: a small log, its records in a form that can be compared, and what a reader makes of files.
//
// Segments of one block make changes of segment frequent.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "os/test_files.hpp"
#include "wal/log_reader.hpp"
#include "wal/log_writer.hpp"
#include "wal/ops.hpp"

namespace quire::wal {

inline constexpr const char* test_database = "/db/x.qdb";

inline LogIdentity test_identity(std::uint32_t incarnation = 1) {
  LogIdentity identity;
  for (std::size_t i = 0; i < identity.uuid.size(); ++i) identity.uuid[i] = static_cast<std::byte>(i + 1);
  identity.incarnation = incarnation;
  return identity;
}

inline LogOptions small_log(std::uint64_t segment_bytes = 4096, std::uint64_t limit_segments = 64) {
  LogOptions options;
  options.identity = test_identity();
  options.first_segment_bytes = segment_bytes;
  options.segment_bytes = segment_bytes;
  options.log_limit = segment_bytes * limit_segments;
  options.buffer_bytes = 64 << 10;
  options.spare_segments = 2;
  return options;
}

inline std::unique_ptr<LogWriter> start_or_stop(os::FileSystem& files, const LogOptions& options = small_log()) {
  return LogWriter::start(files, test_database, options).value();
}

// One record of every type that is appended, `number` making it different from others.
inline std::vector<std::pair<Xid, RecordBody>> one_of_each(const OpBuffer& ops, std::uint64_t number) {
  return {{Xid{0}, RestartRecord{Lsn{number}}},
          {Xid{number}, ChunkRecord{no_lsn, ops.count(), ops.first_number(), ops.bytes()}},
          {Xid{number}, RollbackToRecord{7}},
          {Xid{number}, CommitRecord{number, 1000 + number, Lsn{72}, 1, ops.count(), ops.bytes()}},
          {Xid{number + 1}, AbortRecord{}},
          {Xid{0}, CheckpointRecord{Epoch{number}, Lsn{64}}}};
}

inline Result<Appended> append(LogWriter& log, Xid xid, const RecordBody& body) {
  Result<LogRoom> room = log.reserve(record_bytes(body));
  if (!room.ok()) return room.status();
  return log.append(*room, xid, body);
}

// A COMMIT that puts one row with a value of so many bytes that begins with the number.
struct TestCommit {
  OpBuffer ops;
  CommitRecord record;
  TestCommit(std::uint64_t number, std::size_t value_bytes) {
    std::string value = std::to_string(number);
    if (value.size() < value_bytes) value.resize(value_bytes, '.');
    ops.put(TreeId{5}, 1, as_bytes("key" + std::to_string(number)), as_bytes(value));
    ops.rows(TreeId{5}, 1, 1);
    record = {number, 0, no_lsn, 0, ops.count(), ops.bytes()};
  }
  TestCommit(const TestCommit&) = delete;
  TestCommit& operator=(const TestCommit&) = delete;
};

inline Result<Appended> append_commit(LogWriter& log, std::uint64_t number, std::size_t value_bytes = 100) {
  const TestCommit commit(number, value_bytes);
  return append(log, Xid{number}, commit.record);
}

// A record in a form that can be compared: no views.
struct SeenRecord {
  Lsn lsn{};
  Lsn end{};
  Xid xid{};
  RecordType type{};
  std::uint64_t number = 0;  // COMMIT: its timestamp; MARK: the LSN; CKPT: the generation; RESTART: the end
  std::string ops{};
  friend bool operator==(const SeenRecord&, const SeenRecord&) = default;
};

inline SeenRecord seen(const Record& r) {
  SeenRecord s{r.lsn, r.end, r.xid, r.type(), 0, {}};
  if (const auto* commit = std::get_if<CommitRecord>(&r.body)) {
    s.number = commit->timestamp;
    s.ops = as_text(commit->ops);
  } else if (const auto* chunk = std::get_if<ChunkRecord>(&r.body)) {
    s.number = chunk->previous_chunk.raw;
    s.ops = as_text(chunk->ops);
  } else if (const auto* mark = std::get_if<MarkRecord>(&r.body)) {
    s.number = mark->durable.raw;
  } else if (const auto* checkpoint = std::get_if<CheckpointRecord>(&r.body)) {
    s.number = checkpoint->generation.raw;
  } else if (const auto* restart = std::get_if<RestartRecord>(&r.body)) {
    s.number = restart->previous_end.raw;
  }
  return s;
}

struct ReadLog {
  Status status;  // of the first failure, damage included
  std::vector<SeenRecord> records;
  LogEnd end;

  // Timestamps of the commits.
  std::vector<std::uint64_t> commits() const {
    std::vector<std::uint64_t> numbers;
    for (const SeenRecord& r : records) {
      if (r.type == RecordType::commit) numbers.push_back(r.number);
    }
    return numbers;
  }
};

// As recovery does: list, choose, scan, look for damage. Without `from`: from the oldest segment on that is in use.
inline ReadLog read_log(os::FileSystem& files, const LogIdentity& identity = test_identity(), std::optional<Lsn> from = {},
                        const LogReader::Options& options = {.archived = false, .window_bytes = 512}) {
  ReadLog log;
  Result<std::vector<SegmentFile>> found = list_segments(files, test_database);
  if (!found.ok()) return {found.status(), {}, {}};
  Result<LogSegments> chosen = choose_segments(files, *found, {.identity = identity, .from = from});
  if (!chosen.ok()) return {chosen.status(), {}, {}};
  if (!from && chosen->usable.empty()) return log;
  const Lsn begin = from ? *from : Lsn{chosen->usable[last_run(chosen->usable)].start().raw + segment_header_bytes};
  LogReader reader(files, *chosen, identity, begin, options);
  Record record;
  while (true) {
    const Result<bool> more = reader.next(record);
    if (!more.ok()) return {more.status(), log.records, {}};
    if (!*more) break;
    log.records.push_back(seen(record));
  }
  Result<LogEnd> end = reader.end();
  if (!end.ok()) return {end.status(), log.records, {}};
  log.end = *end;
  log.status = log.end.check();
  return log;
}

}  // namespace quire::wal
