// Log records: their bodies, encoding and decoding.
//
// Decoding has two steps. check_record says whether bytes are a record of this log at this LSN; if not, the log may simply
// end there. parse_record takes a record apart that was checked; if that fails, the writer was not ours.
//
// Invariants   1. encode_record writes every byte of the record; equal records have equal bytes
//              2. parse_record accepts exactly what encode_record writes
// Threads      functions without state
// Errors       corrupt, with the reason only: the caller knows the file
#pragma once

#include <variant>

#include "quire/status.hpp"
#include "wal/layout.hpp"

namespace quire::wal {

// Operations are encoded as ops.hpp says; the view's owner is whoever made the record or lent its bytes.
struct ChunkRecord {
  Lsn previous_chunk{};  // of the same transaction; no_lsn: this is its first
  std::uint32_t op_count = 0;
  std::uint32_t first_operation = 0;
  Bytes ops{};
};
struct CommitRecord {
  std::uint64_t timestamp = 0;
  std::uint64_t wall_us = 0;
  Lsn last_chunk{};  // no_lsn: there is none
  std::uint32_t chunk_count = 0;
  std::uint32_t op_count = 0;
  Bytes ops{};
};
struct AbortRecord {};
struct RollbackToRecord {
  std::uint32_t operation = 0;  // operations with higher numbers are void
};
struct MarkRecord {
  Lsn durable{};
};
struct CheckpointRecord {
  Epoch generation{};
  Lsn checkpoint_lsn{};
};
struct RestartRecord {
  Lsn previous_end{};
};
struct PadRecord {};

// In the order of RecordType, which starts at 1.
using RecordBody = std::variant<ChunkRecord, CommitRecord, AbortRecord, RollbackToRecord, MarkRecord, CheckpointRecord,
                                RestartRecord, PadRecord>;
static_assert(std::variant_size_v<RecordBody> + 1 == record_type_count);

inline RecordType type_of(const RecordBody& body) noexcept { return static_cast<RecordType>(body.index() + 1); }
// "COMMIT"; "?" for no type.
std::string_view record_type_name(RecordType type) noexcept;

struct Record {
  Lsn lsn{};
  Lsn end{};  // where the next one begins
  Xid xid{};  // 0 in records of no transaction
  RecordBody body;

  RecordType type() const noexcept { return type_of(body); }
};

// Records one after the other, and single ones by LSN: of a log, or of an archive.
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // False at the end. The record's views are good until the next call of next().
  virtual Result<bool> next(Record& record) = 0;
  // For following back links from the last record. Its views are good until the next call of read() or next().
  virtual Result<Record> read(Lsn lsn) = 0;
};

constexpr std::uint32_t round_up_8(std::uint64_t bytes) { return static_cast<std::uint32_t>((bytes + 7) / 8 * 8); }

// Length of the record with so many bytes of operations.
constexpr std::uint32_t commit_record_bytes(std::size_t ops_bytes) { return round_up_8(commit_bytes + ops_bytes); }
constexpr std::uint32_t chunk_record_bytes(std::size_t ops_bytes) { return round_up_8(chunk_bytes + ops_bytes); }
std::uint32_t record_bytes(const RecordBody& body) noexcept;

struct RecordPlace {
  Lsn lsn{};
  Xid xid{};
  std::uint32_t pad_length = 0;  // PAD only: what it covers
};
// Writes record_bytes(body) bytes.
void encode_record(MutableBytes into, RecordPlace place, const RecordBody& body, const LogIdentity& identity) noexcept;

// What a record's header says before its checksum is known.
struct RecordHead {
  RecordType type = RecordType::pad;
  std::uint32_t bytes = 0;          // whole length
  std::uint32_t checked_bytes = 0;  // of them in memory and under the checksum: all, or a PAD's header
};
// `header` has record_header_bytes bytes.
Result<RecordHead> check_record_header(Bytes header, Lsn lsn, const LogIdentity& identity);
// `bytes` has head.checked_bytes bytes.
bool checksum_is_right(Bytes bytes, const LogIdentity& identity) noexcept;

// `bytes` has head.checked_bytes bytes whose checksum is right. The record's views point into it.
Result<Record> parse_record(Bytes bytes);

}  // namespace quire::wal
