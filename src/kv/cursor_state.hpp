// Cursor::Impl: a cursor over one keyspace's tree, under its transaction's view.
//
// The tree cursor walks in copies of leaves. When the transaction has changed something since a copy was made, the
// position is found again by its key before the next move, so changes made while the cursor stands somewhere
// neither disturb it nor escape it.
//
// In a serializable write transaction everything that a move passes, and the entry that it comes to, is locked before the move counts: a
// candidate is found, what lies between is locked, and then it is looked whether the candidate still is what comes next (LK-2, LK-3). A row
// that an active transaction has changed is waited for, with nothing locked beyond it.
#pragma once

#include "btree/cursor.hpp"
#include "kv/state.hpp"

namespace quire {

struct Cursor::Impl {
  Impl(std::shared_ptr<kv::TransactionState> transaction, const catalog::KeyspaceRecord& record, const txn::View& view,
       kv::TransactionState::CursorSnapshot& snapshot)
      : transaction_(std::move(transaction)),
        record_{record.tree, record.root, {}},
        tree_id_(record.tree),
        snapshot_(snapshot),
        tree_(transaction_->engine().tree(record), view),
        locks_(transaction_->writer() != nullptr && transaction_->writer()->locks_reads()),
        seen_(transaction_->changes()) {}

  ~Impl() { transaction_->give_back(snapshot_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // What lies beyond is of no interest, and is not locked. It must outlive the cursor.
  void set_range(const Range& range) noexcept { range_ = &range; }
  kv::TransactionState& transaction() noexcept { return *transaction_; }

  Status first() { return seek_ge({}); }
  Status last();
  Status seek_ge(std::string_view key);
  Status seek_le(std::string_view key);
  Status next();
  Status prev();
  Result<std::string_view> value();
  // Entries that follow in the copied leaf, at most so many, and none from a large value on; nothing when the
  // long way has to be taken. What a write transaction changes must be seen by the next step, so there it is one.
  void gather(bool back, bool with_values, std::uint64_t most, std::vector<Entry>& into) {
    into.clear();
    if (!standing_ || standing_on_old_ || locks_ || outdated() || !transaction_->active()) return;
    tree_.gather({back, with_values}, transaction_->access() == Access::read ? most : std::min<std::uint64_t>(most, 1), into);
  }
  const bool& active() const noexcept { return transaction_->active(); }

  // Stands nowhere from now on.
  Status leave() noexcept {
    standing_ = false;
    return Status(Code::not_found);
  }
  bool valid() const noexcept { return standing_; }
  std::string_view key() const noexcept { return standing_on_old_ ? std::string_view(old_key_) : tree_.key(); }

 private:
  Status usable() const;
  // What the tree cursor copies from now on is as new as the transaction.
  Status refresh();
  // Where a walk begins, and which way.
  struct From {
    std::optional<lock::Bound> bound;  // none: at the end that it comes from
    bool back = false;
  };
  // What a walk comes to first.
  struct Candidate {
    Status found;                    // as the tree cursor says
    std::optional<std::string> end;  // how far it has come; none: to the end of the tree
    bool held = false;               // by a row that an active transaction has changed
    bool beyond = false;             // the range, which ends before it
  };
  Candidate candidate(const From& from, Status found) const;
  Status find(const From& from);
  Status move(const From& from);
  Status lock_up_to(const From& from, Status found, std::uint64_t copies);
  bool outdated() const noexcept { return seen_ != transaction_->changes(); }
  Status stand(Status moved) noexcept {
    standing_ = moved.ok();
    return moved;
  }

  std::shared_ptr<kv::TransactionState> transaction_;
  catalog::KeyspaceRecord record_;  // without its schema
  TreeId tree_id_;
  kv::TransactionState::CursorSnapshot& snapshot_;  // lent
  btree::TreeCursor tree_;
  const bool locks_;
  const Range* range_ = nullptr;
  std::uint64_t seen_;            // changes() of the transaction when the leaf was copied
  std::string value_;             // the large value read last
  std::string old_key_;           // of an entry that the transaction has erased since
  bool standing_on_old_ = false;
  bool standing_ = false;
};

}  // namespace quire
