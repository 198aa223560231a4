// Log segment, record and operation on disk.
//
// An LSN is a byte position in an endless log. A segment is a file that holds the bytes [start, start + its size) of it, its
// own header included; records are a multiple of eight bytes long and never cross a segment: PAD fills the rest of one.
// A record's checksum is seeded with the file's uuid and incarnation and covers its own LSN, so that bytes of another
// database, of an earlier life or of a segment's earlier use never pass for a record.
#pragma once

#include <array>

#include "base/hash.hpp"
#include "base/ids.hpp"
#include "page/field.hpp"

namespace quire::wal {

using Uuid = std::array<std::byte, 16>;

// ---- segment

inline constexpr page::Field segment_fields[] = {
    {"magic", 0, 8},  {"version", 8, 4}, {"checksum", 12, 4},    {"number", 16, 8}, {"start", 24, 8},
    {"uuid", 32, 16}, {"incarnation", 48, 4}, {"blocks", 52, 4}, {"previous_end", 56, 8},
};
inline constexpr std::uint32_t segment_header_bytes = 64;
static_assert(page::packed(segment_fields, 0, segment_header_bytes), "the segment header has a gap or an overlap");
inline constexpr page::Layout segment_layout{"log segment", segment_header_bytes, segment_fields};

inline constexpr std::string_view segment_magic{"QUIRELOG", 8};
inline constexpr std::uint32_t segment_block_bytes = 4096;  // sizes of segments are counted in these

// Version history of the log.
enum class LogVersion : std::uint32_t {
  first = 1,
};
inline constexpr LogVersion newest_log_version = LogVersion::first;

namespace segment_field {
#define QUIRE_SEGMENT(type, name) inline constexpr page::FieldAt<type> name{page::field(segment_fields, #name)}
QUIRE_SEGMENT(std::uint32_t, version);
QUIRE_SEGMENT(std::uint32_t, checksum);
QUIRE_SEGMENT(std::uint64_t, number);
QUIRE_SEGMENT(std::uint64_t, start);
QUIRE_SEGMENT(std::uint32_t, incarnation);
QUIRE_SEGMENT(std::uint32_t, blocks);
QUIRE_SEGMENT(std::uint64_t, previous_end);
#undef QUIRE_SEGMENT
inline constexpr std::uint32_t uuid_offset = page::field(segment_fields, "uuid").offset;
}  // namespace segment_field

// ---- record

inline constexpr page::Field record_fields[] = {
    {"checksum", 0, 4}, {"bytes", 4, 4}, {"lsn", 8, 8},          {"xid", 16, 8},
    {"type", 24, 1},    {"flags", 25, 1}, {"reserved_26", 26, 2}, {"incarnation", 28, 4},
};
inline constexpr std::uint32_t record_header_bytes = 32;
static_assert(page::packed(record_fields, 0, record_header_bytes), "the record header has a gap or an overlap");
inline constexpr page::Layout record_layout{"log record", record_header_bytes, record_fields};

// Explicit numbers, never reused.
enum class RecordType : std::uint8_t {
  chunk = 1,        // a part of a long transaction's operations
  commit = 2,       // the rest of them, and the transaction took effect
  abort = 3,        // the transaction is rolled back
  rollback_to = 4,  // its operations above a number are void
  mark = 5,         // everything below an LSN was durable
  checkpoint = 6,   // a generation is published; the log below its LSN is not needed for it
  restart = 7,      // first of an incarnation
  pad = 8,          // the rest of the segment is unused
};
inline constexpr std::size_t record_type_count = 9;

inline constexpr page::Field chunk_fields[] = {{"previous_chunk", 32, 8}, {"op_count", 40, 4}, {"first_operation", 44, 4}};
inline constexpr std::uint32_t chunk_bytes = 48;  // then operations
inline constexpr page::Field commit_fields[] = {{"timestamp", 32, 8},   {"wall_us", 40, 8},  {"last_chunk", 48, 8},
                                                {"chunk_count", 56, 4}, {"op_count", 60, 4}};
inline constexpr std::uint32_t commit_bytes = 64;  // then operations
inline constexpr page::Field rollback_to_fields[] = {{"operation", 32, 4}, {"reserved_36", 36, 4}};
inline constexpr page::Field mark_fields[] = {{"durable", 32, 8}};
inline constexpr page::Field checkpoint_fields[] = {{"generation", 32, 8}, {"checkpoint_lsn", 40, 8}};
inline constexpr page::Field restart_fields[] = {{"previous_end", 32, 8}};
inline constexpr std::uint32_t rollback_to_bytes = 40;
inline constexpr std::uint32_t mark_bytes = 40;
inline constexpr std::uint32_t checkpoint_bytes = 48;
inline constexpr std::uint32_t restart_bytes = 40;
inline constexpr std::uint32_t abort_bytes = record_header_bytes;
inline constexpr std::uint32_t pad_bytes = record_header_bytes;  // of it that are written; its length reaches to the segment's end
static_assert(page::packed(chunk_fields, record_header_bytes, chunk_bytes));
static_assert(page::packed(commit_fields, record_header_bytes, commit_bytes));
static_assert(page::packed(rollback_to_fields, record_header_bytes, rollback_to_bytes));
static_assert(page::packed(mark_fields, record_header_bytes, mark_bytes));
static_assert(page::packed(checkpoint_fields, record_header_bytes, checkpoint_bytes));
static_assert(page::packed(restart_fields, record_header_bytes, restart_bytes));
inline constexpr page::Layout chunk_layout{"CHUNK", chunk_bytes, chunk_fields};
inline constexpr page::Layout commit_layout{"COMMIT", commit_bytes, commit_fields};
inline constexpr page::Layout rollback_to_layout{"ROLLBACK_TO", rollback_to_bytes, rollback_to_fields};
inline constexpr page::Layout mark_layout{"MARK", mark_bytes, mark_fields};
inline constexpr page::Layout checkpoint_layout{"CKPT", checkpoint_bytes, checkpoint_fields};
inline constexpr page::Layout restart_layout{"RESTART", restart_bytes, restart_fields};

// ---- operation

inline constexpr page::Field op_fields[] = {
    {"kind", 0, 1}, {"flags", 1, 1}, {"key_bytes", 2, 2}, {"value_bytes", 4, 4}, {"tree", 8, 4}, {"number", 12, 4},
};
inline constexpr std::uint32_t op_header_bytes = 16;  // then key, value, without padding
static_assert(page::packed(op_fields, 0, op_header_bytes), "the operation has a gap or an overlap");
inline constexpr page::Layout op_layout{"operation", op_header_bytes, op_fields};

// Explicit numbers, never reused.
enum class OpKind : std::uint8_t {
  put = 1,
  erase = 2,
  heap_put = 3,    // the row pointer stands in place of the key
  heap_erase = 4,  // likewise
  create_tree = 5,
  drop_tree = 6,
  part = 7,        // more of the value of the put before it
  rows = 8,        // how the transaction changes the number of the tree's rows, in all: a signed value of eight bytes
};
inline constexpr std::size_t op_kind_count = 9;
inline constexpr std::size_t rows_value_bytes = 8;

namespace op_flag {
inline constexpr std::uint8_t more = 1;  // put, heap_put, part: a `part` of the same number follows
}  // namespace op_flag

namespace record_field {
#define QUIRE_RECORD(type, where, name) inline constexpr page::FieldAt<type> name{page::field(where, #name)}
QUIRE_RECORD(std::uint32_t, record_fields, checksum);
QUIRE_RECORD(std::uint32_t, record_fields, bytes);
QUIRE_RECORD(std::uint64_t, record_fields, lsn);
QUIRE_RECORD(std::uint64_t, record_fields, xid);
QUIRE_RECORD(std::uint8_t, record_fields, type);
QUIRE_RECORD(std::uint8_t, record_fields, flags);
QUIRE_RECORD(std::uint16_t, record_fields, reserved_26);
QUIRE_RECORD(std::uint32_t, record_fields, incarnation);
#undef QUIRE_RECORD
#define QUIRE_RECORD(type, of, name) \
  inline constexpr page::FieldAt<type> of##_##name{page::field(of##_fields, #name)}
QUIRE_RECORD(std::uint64_t, chunk, previous_chunk);
QUIRE_RECORD(std::uint32_t, chunk, op_count);
QUIRE_RECORD(std::uint32_t, chunk, first_operation);
QUIRE_RECORD(std::uint64_t, commit, timestamp);
QUIRE_RECORD(std::uint64_t, commit, wall_us);
QUIRE_RECORD(std::uint64_t, commit, last_chunk);
QUIRE_RECORD(std::uint32_t, commit, chunk_count);
QUIRE_RECORD(std::uint32_t, commit, op_count);
QUIRE_RECORD(std::uint32_t, rollback_to, operation);
QUIRE_RECORD(std::uint64_t, mark, durable);
QUIRE_RECORD(std::uint64_t, checkpoint, generation);
QUIRE_RECORD(std::uint64_t, checkpoint, checkpoint_lsn);
QUIRE_RECORD(std::uint64_t, restart, previous_end);
QUIRE_RECORD(std::uint8_t, op, kind);
QUIRE_RECORD(std::uint8_t, op, flags);
QUIRE_RECORD(std::uint16_t, op, key_bytes);
QUIRE_RECORD(std::uint32_t, op, value_bytes);
QUIRE_RECORD(std::uint32_t, op, tree);
QUIRE_RECORD(std::uint32_t, op, number);
#undef QUIRE_RECORD
}  // namespace record_field

// ---- limits

// No record is longer: what a reader must hold at once. A transaction's operations above `chunk_ops_bytes` go to a CHUNK, and
// a single operation is cut into parts of at most as much.
inline constexpr std::uint32_t record_bytes_max = 2 << 20;
inline constexpr std::uint32_t chunk_ops_bytes = 1 << 20;
inline constexpr std::uint32_t op_key_bytes_max = 0xFFFF;
static_assert(commit_bytes + 2 * op_header_bytes + op_key_bytes_max + chunk_ops_bytes < record_bytes_max);
inline constexpr std::uint64_t log_xid_max = (std::uint64_t{1} << 48) - 1;
inline constexpr Lsn no_lsn{0};  // a segment header lies there in the first segment, so no record does

// ---- identity

// Whose log it is. A record counts only when it was written under exactly this (WAL-5).
struct LogIdentity {
  Uuid uuid{};
  std::uint32_t incarnation = 0;
  friend bool operator==(const LogIdentity&, const LogIdentity&) = default;

  std::uint64_t seed() const noexcept {
    return load_le<std::uint64_t>(uuid.data()) ^ swap_bytes(load_le<std::uint64_t>(uuid.data() + 8)) ^
           (std::uint64_t{incarnation} + 1) * 0x9E3779B97F4A7C15ull;
  }
};

}  // namespace quire::wal
