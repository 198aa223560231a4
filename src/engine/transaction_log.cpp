// TransactionLog: see transaction_log.hpp.
//
// An operation never leads to a record that is longer than the log takes: what is gathered goes out before it would, and a
// long value is cut into parts of the length of a record.
#include "engine/transaction_log.hpp"

#include <algorithm>

#include "base/seeded_bug.hpp"
#include "base/try.hpp"

namespace quire::engine {

using wal::LogRoom;
using wal::Op;
using wal::OpKind;

void TransactionLog::open(wal::LogWriter& log, Xid xid, std::function<Status()> make_room) {
  log_ = &log;
  xid_ = xid;
  make_room_ = std::move(make_room);
}

Result<LogRoom> TransactionLog::reserve(std::uint32_t bytes) {
  for (;;) {
    Result<LogRoom> room = log_->reserve(bytes);
    if (room.ok() || room != Code::busy || !make_room_) return room;
    QUIRE_TRY(make_room_());
  }
}

Status TransactionLog::append_chunk() {
  const wal::ChunkRecord chunk{last_chunk_, ops_.count(), ops_.first_number(), ops_.bytes()};
  const std::uint32_t bytes = wal::chunk_record_bytes(ops_.bytes().size());
  QUIRE_ASSIGN(LogRoom room, reserve(bytes));
  QUIRE_ASSIGN(const wal::Appended appended, log_->append(room, xid_, chunk));
  last_chunk_ = appended.lsn;
  ++chunks_;
  streamed_ = std::max(streamed_, ops_.last_number());
  appended_bytes_ += bytes;
  ops_.clear();
  return Status();
}

Status TransactionLog::make_fit(std::size_t op_bytes) {
  if (ops_.empty() || ops_.bytes().size() + op_bytes <= log_->longest_ops()) return Status();
  return append_chunk();
}

Result<bool> TransactionLog::keep_together(std::size_t op_bytes) {
  if (op_bytes > log_->longest_ops()) return false;
  QUIRE_TRY(make_fit(op_bytes));
  return true;
}

Status TransactionLog::add(const Op& op) {
  QUIRE_TRY(make_fit(wal::op_header_bytes + op.key.size() + op.value.size()));
  ops_.add(op);
  return Status();
}

Status TransactionLog::put(TreeId tree, std::uint32_t number, std::string_view key, std::string_view value) {
  const std::size_t room = log_->longest_ops() - wal::op_header_bytes;
  const std::size_t first = std::min(value.size(), room - key.size());
  QUIRE_TRY(add({OpKind::put, first < value.size(), tree, number, as_bytes(key), as_bytes(value.substr(0, first))}));
  for (std::size_t at = first; at < value.size(); at += room) {
    const std::string_view piece = value.substr(at, room);
    QUIRE_TRY(add({OpKind::part, at + piece.size() < value.size(), tree, number, {}, as_bytes(piece)}));
  }
  return Status();
}

Status TransactionLog::rolled_back(std::uint32_t number, bool anything_left, std::uint32_t flipped) {
  ops_.drop_above(number);
  const std::uint32_t seen = std::max(streamed_, flipped);
  if (!anything_left) {
    // No CHUNK has anything that counts; a checkpoint may come that does not list this transaction.
    last_chunk_ = wal::no_lsn;
    chunks_ = 0;
  }
  if (seen <= number || seeded_bug("forget_rollback_to")) return Status();
  QUIRE_ASSIGN(LogRoom room, reserve(wal::rollback_to_bytes));
  return log_->append(room, xid_, wal::RollbackToRecord{number}).status();
}

Result<LogRoom> TransactionLog::reserve_commit() {
  QUIRE_ASSIGN(LogRoom room, reserve(wal::commit_record_bytes(ops_.bytes().size())));
  return room;
}

wal::CommitRecord TransactionLog::commit_record(std::uint64_t timestamp, std::uint64_t wall_us) const {
  return {timestamp, wall_us, last_chunk_, chunks_, ops_.count(), ops_.bytes()};
}

void TransactionLog::aborted() {
  if (log_ == nullptr || streamed_ == 0) return;
  Result<LogRoom> room = log_->reserve(wal::record_header_bytes);
  if (room.ok()) (void)log_->append(*room, xid_, wal::AbortRecord{}).ok();
}

}  // namespace quire::engine
