// Cursor::Impl: a cursor over one keyspace's tree, under its transaction's view.
//
// The tree cursor walks in copies of leaves. When the transaction has changed something since a copy was made, the
// position is found again by its key before the next move, so changes made while the cursor stands somewhere
// neither disturb it nor escape it.
#pragma once

#include "btree/cursor.hpp"
#include "kv/state.hpp"

namespace quire {

struct Cursor::Impl {
  Impl(std::shared_ptr<kv::TransactionState> transaction, const catalog::KeyspaceRecord& record)
      : transaction_(std::move(transaction)),
        tree_id_(record.tree),
        tree_(transaction_->engine().tree(record), transaction_->view()),
        seen_(transaction_->changes()) {}

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
    if (!standing_ || standing_on_old_ || outdated() || !transaction_->active()) return;
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
  // Notes that what the tree cursor holds is as new as the transaction.
  void refreshed() noexcept {
    seen_ = transaction_->changes();
    standing_on_old_ = false;
  }
  bool outdated() const noexcept { return seen_ != transaction_->changes(); }
  Status stand(Status moved) noexcept {
    standing_ = moved.ok();
    return moved;
  }

  std::shared_ptr<kv::TransactionState> transaction_;
  TreeId tree_id_;
  btree::TreeCursor tree_;
  std::uint64_t seen_;            // changes() of the transaction when the leaf was copied
  std::string value_;             // the large value read last
  std::string old_key_;           // of an entry that the transaction has erased since
  bool standing_on_old_ = false;
  bool standing_ = false;
};

}  // namespace quire
