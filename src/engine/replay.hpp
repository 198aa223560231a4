// Replay: what committed transactions did, from the log, once more (RC-3, RC-5).
//
// Two passes over the same records. The first finds out which transactions committed and what they took back; the second
// applies what the committed ones did, in the order of their commits. That order is right because the key of every operation that
// counts stayed locked from the operation to the commit. Operations may be in the checkpoint already; they are idempotent.
//
//   Replay replay(from, active);            // xids that the checkpoint lists as active
//   QUIRE_TRY(replay.scan(reader));
//   ... undo what replay.kept(xid) says ...
//   QUIRE_TRY(replay.apply(reader_again, target));
//
// Memory   a few bytes per transaction that rolled back to a savepoint, one record, and one large value
// Errors   corrupt: a CHUNK that a COMMIT needs is missing, or operations are malformed; those of reader and target
#pragma once

#include <map>
#include <string>
#include <vector>

#include "wal/log_reader.hpp"
#include "wal/ops.hpp"

namespace quire::engine {

// What the operations are applied to.
class ReplayTarget {
 public:
  virtual ~ReplayTarget() = default;
  virtual Status replay_put(TreeId tree, std::string_view key, std::string_view value) = 0;
  virtual Status replay_erase(TreeId tree, std::string_view key) = 0;
  virtual Status replay_create(TreeId tree) = 0;
  virtual Status replay_drop(TreeId tree) = 0;
  virtual Status replay_rows(TreeId tree, std::int64_t change) = 0;
  // A transaction is applied; `at`: where the log is.
  virtual Status replayed(Lsn at) = 0;
};

class Replay {
 public:
  // The first commit beyond it, and all that comes later, count as if they had not happened.
  struct Until {
    Lsn lsn{UINT64_MAX};
    std::uint64_t wall_us = UINT64_MAX;
  };
  Replay(Lsn from, std::vector<Xid> active, const Until& until);
  Replay(Lsn from, std::vector<Xid> active) : Replay(from, std::move(active), Until()) {}

  struct Found {
    std::uint64_t commits = 0;
    std::uint64_t operations = 0;
    Xid newest_xid{};            // of any record
    std::uint64_t clock = 0;     // newest commit timestamp
    Epoch newest_checkpoint{};   // of any CKPT
    Lsn last_commit{};           // record, and its end
    Lsn last_commit_end{};
    std::uint64_t last_commit_us = 0;  // wall time
    bool stopped = false;        // a commit was beyond `until`
  };
  Status scan(wal::RecordSource& reader);
  const Found& found() const noexcept { return found_; }

  // Of a transaction of the active list: the last operation that stays; 0: none.
  std::uint32_t kept(Xid xid) const;

  Status apply(wal::RecordSource& reader, ReplayTarget& target);

 private:
  struct Cancelled {
    Lsn at;                  // operations in records before it...
    std::uint32_t above;     // ...with higher numbers are void
  };
  struct Transaction {
    bool active = false;     // listed by the checkpoint
    bool committed = false;
    std::vector<Cancelled> cancelled;
  };
  struct LargeValue {
    TreeId tree{};
    std::uint32_t number = 0;
    std::string key;
    std::string value;
    bool open = false;
  };

  Status apply_commit(wal::RecordSource& reader, const wal::Record& record, ReplayTarget& target);
  Status apply_ops(Bytes ops, Lsn lsn, const Transaction* transaction, ReplayTarget& target);
  Status apply_op(const wal::Op& op, ReplayTarget& target);

  bool is_beyond(const wal::Record& record, const wal::CommitRecord& commit) const;

  const Lsn from_;
  const Until until_;
  std::map<Xid, Transaction> transactions_;  // those that need more than their COMMIT
  Found found_;
  LargeValue large_;
};

}  // namespace quire::engine
