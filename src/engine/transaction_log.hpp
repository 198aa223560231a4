// TransactionLog: what one transaction puts into the log.
//
// Operations are gathered as they happen, each after its change is made (AC-4). What grows too long for one record goes out as
// a CHUNK at any time; the rest goes into COMMIT (WAL-1).
//
//   QUIRE_TRY(log.put(tree, number, key, value)); ...        // may append CHUNKs
//   QUIRE_TRY(log.rolled_back(...));                          // after a rollback to a savepoint (WAL-2)
//   QUIRE_ASSIGN(wal::LogRoom room, log.reserve_commit());
//   ... append(lock, room, xid, log.commit_record(ts, now))
//
// Invariants   the numbers of operations never fall; nothing above a savepoint that was gone back to is in COMMIT
// Threads      the transaction's
// Errors       of the log: busy (its limit is reached), full, poisoned. What was asked for is then not in the log
#pragma once

#include "txn/write_transaction.hpp"
#include "wal/log_writer.hpp"
#include "wal/ops.hpp"

namespace quire::engine {

class TransactionLog {
 public:
  // `memory`: an empty buffer of a transaction before, whose memory serves again.
  explicit TransactionLog(wal::OpBuffer memory = {}) noexcept : ops_(std::move(memory)) {}
  // Ends it.
  wal::OpBuffer give_memory() noexcept {
    ops_.clear();
    return std::move(ops_);
  }

  // `make_room`: publishes a checkpoint when the log has reached its limit; none: such calls fail with busy. The log
  // outlives this.
  void open(wal::LogWriter& log, Xid xid, std::function<Status()> make_room);
  bool is_open() const noexcept { return log_ != nullptr; }

  Status put(TreeId tree, std::uint32_t number, std::string_view key, std::string_view value);
  Status add(const wal::Op& op);
  // What is added next, so many bytes of operations at most, goes into one record with what comes after it. False when that
  // is longer than a record.
  Result<bool> keep_together(std::size_t op_bytes);

  // The changes with numbers above `number` are taken back; `anything_left`: others are not. `flipped`: the transaction's
  // last number at the newest flip.
  Status rolled_back(std::uint32_t number, bool anything_left, std::uint32_t flipped);

  Result<wal::LogRoom> reserve_commit();
  // Its views lead into this.
  wal::CommitRecord commit_record(std::uint64_t timestamp, std::uint64_t wall_us) const;
  // Tells those who read the log that no COMMIT will follow; not needed for recovery.
  void aborted();

  // Appended and gathered so far.
  std::uint64_t bytes() const noexcept { return appended_bytes_ + ops_.bytes().size(); }

 private:
  Result<wal::LogRoom> reserve(std::uint32_t bytes);
  Status append_chunk();
  Status make_fit(std::size_t op_bytes);

  wal::LogWriter* log_ = nullptr;
  Xid xid_{};
  std::function<Status()> make_room_;
  wal::OpBuffer ops_;
  Lsn last_chunk_ = wal::no_lsn;
  std::uint32_t chunks_ = 0;
  std::uint32_t streamed_ = 0;  // the highest number in a CHUNK
  std::uint64_t appended_bytes_ = 0;
};

}  // namespace quire::engine
