// Log records: bytes from bodies and bodies from bytes.
//
// A record's length is a multiple of eight; the bytes behind its operations are zero and checked.
#include "wal/record.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "wal/ops.hpp"

namespace quire::wal {

namespace f = record_field;

namespace {

constexpr std::uint32_t fixed_bytes[record_type_count] = {
    0, chunk_bytes, commit_bytes, abort_bytes, rollback_to_bytes, mark_bytes, checkpoint_bytes, restart_bytes, pad_bytes};

std::uint32_t checksum_of(Bytes bytes, const LogIdentity& identity) noexcept {
  return static_cast<std::uint32_t>(hash64(bytes.subspan(sizeof(std::uint32_t)), identity.seed()));
}

bool has_ops(RecordType type) noexcept { return type == RecordType::chunk || type == RecordType::commit; }

Bytes ops_of(const RecordBody& body) noexcept {
  if (const auto* chunk = std::get_if<ChunkRecord>(&body)) return chunk->ops;
  if (const auto* commit = std::get_if<CommitRecord>(&body)) return commit->ops;
  return {};
}

// The fields behind the header.
struct BodyEncoder {
  std::byte* p;

  void operator()(const ChunkRecord& r) const noexcept {
    f::chunk_previous_chunk.set(p, r.previous_chunk.raw);
    f::chunk_op_count.set(p, r.op_count);
    f::chunk_first_operation.set(p, r.first_operation);
  }
  void operator()(const CommitRecord& r) const noexcept {
    f::commit_timestamp.set(p, r.timestamp);
    f::commit_wall_us.set(p, r.wall_us);
    f::commit_last_chunk.set(p, r.last_chunk.raw);
    f::commit_chunk_count.set(p, r.chunk_count);
    f::commit_op_count.set(p, r.op_count);
  }
  void operator()(const AbortRecord&) const noexcept {}
  void operator()(const RollbackToRecord& r) const noexcept {
    store_le(p + record_header_bytes, std::uint64_t{0});
    f::rollback_to_operation.set(p, r.operation);
  }
  void operator()(const MarkRecord& r) const noexcept { f::mark_durable.set(p, r.durable.raw); }
  void operator()(const CheckpointRecord& r) const noexcept {
    f::checkpoint_generation.set(p, r.generation.raw);
    f::checkpoint_checkpoint_lsn.set(p, r.checkpoint_lsn.raw);
  }
  void operator()(const RestartRecord& r) const noexcept { f::restart_previous_end.set(p, r.previous_end.raw); }
  void operator()(const PadRecord&) const noexcept {}
};

// Exactly op_count operations, then at most seven zeros.
Result<Bytes> checked_ops(Bytes rest, std::uint32_t op_count) {
  OpReader reader(rest);
  for (std::uint32_t i = 0; i < op_count; ++i) {
    Op op;
    if (!reader.next(op)) return Status(Code::corrupt, "operation " + std::to_string(i) + " of " + std::to_string(op_count) + " is malformed");
  }
  const Bytes padding = rest.subspan(reader.position());
  const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
  if (padding.size() >= 8 || !std::all_of(padding.begin(), padding.end(), is_zero)) {
    return Status(Code::corrupt, "bytes follow the last operation");
  }
  return rest.first(reader.position());
}

Result<RecordBody> parse_body(RecordType type, Bytes bytes) {
  const std::byte* p = bytes.data();
  switch (type) {
    case RecordType::chunk: {
      ChunkRecord r{Lsn{f::chunk_previous_chunk.get(p)}, f::chunk_op_count.get(p), f::chunk_first_operation.get(p), {}};
      QUIRE_ASSIGN(r.ops, checked_ops(bytes.subspan(chunk_bytes), r.op_count));
      return RecordBody(r);
    }
    case RecordType::commit: {
      CommitRecord r{f::commit_timestamp.get(p), f::commit_wall_us.get(p), Lsn{f::commit_last_chunk.get(p)},
                     f::commit_chunk_count.get(p), f::commit_op_count.get(p), {}};
      QUIRE_ASSIGN(r.ops, checked_ops(bytes.subspan(commit_bytes), r.op_count));
      if ((r.chunk_count == 0) != (r.last_chunk == no_lsn)) return Status(Code::corrupt, "its chunks and their number disagree");
      return RecordBody(r);
    }
    case RecordType::abort: return RecordBody(AbortRecord{});
    case RecordType::rollback_to:
      if (load_le<std::uint32_t>(p + record_header_bytes + 4) != 0) return Status(Code::corrupt, "reserved bytes are not zero");
      return RecordBody(RollbackToRecord{f::rollback_to_operation.get(p)});
    case RecordType::mark: return RecordBody(MarkRecord{Lsn{f::mark_durable.get(p)}});
    case RecordType::checkpoint:
      return RecordBody(CheckpointRecord{Epoch{f::checkpoint_generation.get(p)}, Lsn{f::checkpoint_checkpoint_lsn.get(p)}});
    case RecordType::restart: return RecordBody(RestartRecord{Lsn{f::restart_previous_end.get(p)}});
    case RecordType::pad: return RecordBody(PadRecord{});
  }
  QUIRE_UNREACHABLE("the type was checked");
}

}  // namespace

std::string_view record_type_name(RecordType type) noexcept {
  constexpr std::string_view names[record_type_count] = {"?",    "CHUNK", "COMMIT",  "ABORT", "ROLLBACK_TO",
                                                         "MARK", "CKPT",  "RESTART", "PAD"};
  const auto index = static_cast<std::size_t>(type);
  return names[index < record_type_count ? index : 0];
}

std::uint32_t record_bytes(const RecordBody& body) noexcept {
  return round_up_8(fixed_bytes[static_cast<std::size_t>(type_of(body))] + ops_of(body).size());
}

void encode_record(MutableBytes into, RecordPlace place, const RecordBody& body, const LogIdentity& identity) noexcept {
  const RecordType type = type_of(body);
  QUIRE_ASSERT(into.size() == record_bytes(body) && into.size() <= record_bytes_max);
  QUIRE_ASSERT(place.lsn.raw % 8 == 0 && place.xid.raw <= log_xid_max);
  QUIRE_ASSERT((type == RecordType::pad) == (place.pad_length != 0));
  std::byte* p = into.data();
  f::bytes.set(p, type == RecordType::pad ? place.pad_length : static_cast<std::uint32_t>(into.size()));
  f::lsn.set(p, place.lsn.raw);
  f::xid.set(p, place.xid.raw);
  f::type.set(p, static_cast<std::uint8_t>(type));
  f::flags.set(p, 0);
  f::reserved_26.set(p, 0);
  f::incarnation.set(p, identity.incarnation);
  const Bytes ops = ops_of(body);
  if (!ops.empty()) {
    store_le(p + into.size() - 8, std::uint64_t{0});  // the padding
  }
  std::visit(BodyEncoder{p}, body);
  copy_bytes(p + fixed_bytes[static_cast<std::size_t>(type)], as_text(ops));
  f::checksum.set(p, checksum_of(into, identity));
}

Result<RecordHead> check_record_header(Bytes header, Lsn lsn, const LogIdentity& identity) {
  QUIRE_ASSERT(header.size() >= record_header_bytes);
  const std::byte* p = header.data();
  RecordHead head{static_cast<RecordType>(f::type.get(p)), f::bytes.get(p), 0};
  const auto type = static_cast<std::size_t>(head.type);
  if (f::bytes.get(p) == 0 && f::lsn.get(p) == 0) return Status(Code::corrupt, "nothing was written there");
  if (f::lsn.get(p) != lsn.raw && !seeded_bug("accept_records_of_other_lsns")) return Status(Code::corrupt, "it names LSN " + std::to_string(f::lsn.get(p)) + " as its own");
  if (f::incarnation.get(p) != identity.incarnation) {
    return Status(Code::corrupt, "it is of incarnation " + std::to_string(f::incarnation.get(p)) + ", expected " +
                                     std::to_string(identity.incarnation));
  }
  if (type == 0 || type >= record_type_count) return Status(Code::corrupt, "there is no record type " + std::to_string(type));
  const bool right_length = head.type == RecordType::pad ? head.bytes >= pad_bytes
                            : has_ops(head.type) ? head.bytes >= fixed_bytes[type] && head.bytes <= record_bytes_max
                                                 : head.bytes == fixed_bytes[type];
  if (!right_length || head.bytes % 8 != 0) {
    return Status(Code::corrupt, "a " + std::string(record_type_name(head.type)) + " cannot have " + std::to_string(head.bytes) + " bytes");
  }
  head.checked_bytes = head.type == RecordType::pad ? pad_bytes : head.bytes;
  return head;
}

bool checksum_is_right(Bytes bytes, const LogIdentity& identity) noexcept {
  if (seeded_bug("trust_log_checksums")) return true;
  return f::checksum.get(bytes.data()) == checksum_of(bytes, identity);
}

Result<Record> parse_record(Bytes bytes) {
  const std::byte* p = bytes.data();
  const auto type = static_cast<RecordType>(f::type.get(p));
  if (f::flags.get(p) != 0 || f::reserved_26.get(p) != 0) return Status(Code::corrupt, "it has flags of a newer version");
  if (f::xid.get(p) > log_xid_max) return Status(Code::corrupt, "its transaction number is impossible");
  QUIRE_ASSIGN(RecordBody body, parse_body(type, bytes));
  const Lsn lsn{f::lsn.get(p)};
  return Record{lsn, Lsn{lsn.raw + f::bytes.get(p)}, Xid{f::xid.get(p)}, body};
}

}  // namespace quire::wal
