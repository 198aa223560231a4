// Replay: scanning and applying.
//
// A COMMIT is applied with its CHUNKs, which its back links lead to from the last to the first: they are read once to find them
// and once to apply them, so that no more than one is in memory.
#include "engine/replay.hpp"

#include <algorithm>

#include "base/try.hpp"

namespace quire::engine {

using wal::Op;
using wal::OpKind;
using wal::Record;

namespace {

Status damaged(Lsn lsn, const std::string& what) {
  return Status(Code::corrupt, "the log record at LSN " + std::to_string(lsn.raw) + " " + what);
}

}  // namespace

Replay::Replay(Lsn from, std::vector<Xid> active, const Until& until) : from_(from), until_(until) {
  for (const Xid xid : active) transactions_[xid].active = true;
}

bool Replay::is_beyond(const Record& record, const wal::CommitRecord& commit) const {
  return record.lsn > until_.lsn || commit.wall_us > until_.wall_us;
}

Status Replay::scan(wal::RecordSource& reader) {
  Record record;
  for (;;) {
    QUIRE_ASSIGN(const bool more, reader.next(record));
    if (!more) return Status();
    found_.newest_xid = std::max(found_.newest_xid, record.xid);
    if (const auto* commit = std::get_if<wal::CommitRecord>(&record.body)) {
      found_.stopped = is_beyond(record, *commit);
      if (found_.stopped) return Status();
      ++found_.commits;
      found_.last_commit = record.lsn;
      found_.last_commit_end = record.end;
      found_.last_commit_us = commit->wall_us;
      found_.operations += commit->op_count;
      found_.clock = std::max(found_.clock, commit->timestamp);
      const auto known = transactions_.find(record.xid);
      if (known != transactions_.end()) known->second.committed = true;
    } else if (const auto* chunk = std::get_if<wal::ChunkRecord>(&record.body)) {
      found_.operations += chunk->op_count;
    } else if (const auto* rollback = std::get_if<wal::RollbackToRecord>(&record.body)) {
      transactions_[record.xid].cancelled.push_back({record.lsn, rollback->operation});
    } else if (const auto* checkpoint = std::get_if<wal::CheckpointRecord>(&record.body)) {
      found_.newest_checkpoint = std::max(found_.newest_checkpoint, checkpoint->generation);
    }
  }
}

std::uint32_t Replay::kept(Xid xid) const {
  const auto known = transactions_.find(xid);
  if (known == transactions_.end() || !known->second.committed) return 0;
  std::uint32_t lowest = UINT32_MAX;
  for (const Cancelled& each : known->second.cancelled) lowest = std::min(lowest, each.above);
  return lowest;
}

Status Replay::apply(wal::RecordSource& reader, ReplayTarget& target) {
  Record record;
  for (;;) {
    QUIRE_ASSIGN(const bool more, reader.next(record));
    if (!more) return Status();
    const auto* commit = std::get_if<wal::CommitRecord>(&record.body);
    if (commit == nullptr) continue;
    if (is_beyond(record, *commit)) return Status();
    QUIRE_TRY(apply_commit(reader, record, target));
    QUIRE_TRY(target.replayed(record.end));
  }
}

Status Replay::apply_commit(wal::RecordSource& reader, const Record& record, ReplayTarget& target) {
  const auto& commit = std::get<wal::CommitRecord>(record.body);
  const auto known = transactions_.find(record.xid);
  const Transaction* transaction = known == transactions_.end() ? nullptr : &known->second;
  // Chunks before the checkpoint are in it (WAL-3).
  std::vector<Lsn> chunks;
  for (Lsn at = commit.last_chunk; at != wal::no_lsn && at >= from_;) {
    if (chunks.size() == commit.chunk_count) return damaged(record.lsn, "names fewer chunks than its transaction has");
    QUIRE_ASSIGN(const Record chunk, reader.read(at));
    const auto* body = std::get_if<wal::ChunkRecord>(&chunk.body);
    if (body == nullptr || chunk.xid != record.xid) return damaged(at, "is no chunk of transaction " + std::to_string(record.xid.raw));
    chunks.push_back(at);
    at = body->previous_chunk;
  }
  if (chunks.size() < commit.chunk_count && (transaction == nullptr || !transaction->active)) {
    return damaged(record.lsn, "commits " + std::to_string(commit.chunk_count) + " chunks, of which the log holds " + std::to_string(chunks.size()));
  }
  large_ = LargeValue{};
  for (auto at = chunks.rbegin(); at != chunks.rend(); ++at) {
    QUIRE_ASSIGN(const Record chunk, reader.read(*at));
    QUIRE_TRY(apply_ops(std::get<wal::ChunkRecord>(chunk.body).ops, *at, transaction, target));
  }
  return apply_ops(commit.ops, record.lsn, transaction, target);
}

Status Replay::apply_ops(Bytes ops, Lsn lsn, const Transaction* transaction, ReplayTarget& target) {
  const auto is_void = [&](std::uint32_t number) {
    return transaction != nullptr && std::any_of(transaction->cancelled.begin(), transaction->cancelled.end(),
                                                 [&](const Cancelled& each) { return lsn < each.at && number > each.above; });
  };
  wal::OpReader reader(ops);
  Op op;
  while (reader.next(op)) {
    if (!is_void(op.number)) QUIRE_TRY(apply_op(op, target));
  }
  return reader.position() == ops.size() ? Status() : damaged(lsn, "holds an operation that is none");
}

Status Replay::apply_op(const Op& op, ReplayTarget& target) {
  switch (op.kind) {
    case OpKind::put:
      if (!op.more) return target.replay_put(op.tree, as_text(op.key), as_text(op.value));
      large_ = {op.tree, op.number, std::string(as_text(op.key)), std::string(as_text(op.value)), true};
      return Status();
    case OpKind::part:
      // Without its beginning, which is in the checkpoint or void, it is nothing.
      if (!large_.open || large_.number != op.number) return Status();
      large_.value += as_text(op.value);
      if (op.more) return Status();
      large_.open = false;
      return target.replay_put(large_.tree, large_.key, large_.value);
    case OpKind::erase: return target.replay_erase(op.tree, as_text(op.key));
    case OpKind::create_tree: return target.replay_create(op.tree);
    case OpKind::drop_tree: return target.replay_drop(op.tree);
    case OpKind::rows: return target.replay_rows(op.tree, wal::rows_of(op));
    case OpKind::heap_put:
    case OpKind::heap_erase: break;
  }
  return Status(Code::unsupported, "the log holds an operation of kind " + std::string(wal::op_kind_name(op.kind)) + ", which this version cannot replay");
}

}  // namespace quire::engine
