// Cursor::Impl: a tree's entries with the transaction's own changes laid over them.
//
// Without own changes in the keyspace the cursor is the tree's. With some, every move looks at both sides and takes the
// nearer key; an own change hides the tree's entry of the same key, and an own erasure hides it for good.
// The position is a key, so changes made while the cursor stands somewhere do not disturb it.
#pragma once

#include <optional>

#include "btree/cursor.hpp"
#include "kv/state.hpp"

namespace quire {

struct Cursor::Impl {
  Impl(std::shared_ptr<kv::TransactionState> transaction, const catalog::KeyspaceRecord& record);

  Status first();
  Status last();
  Status seek_ge(std::string_view key);
  Status seek_le(std::string_view key);
  Status next();
  Status prev();
  Result<std::string_view> value();

  // Stands nowhere from now on.
  Status leave() { return stand_nowhere(); }
  bool valid() const noexcept { return standing_; }
  std::string_view key() const noexcept { return on_change_ ? std::string_view(key_) : tree_->key(); }

 private:
  enum class Bound { inclusive, exclusive };
  // The nearest entry at or above (below) the key, in the tree and in the own changes together.
  Status forward_from(std::string_view key, Bound bound);
  Status backward_from(std::optional<std::string_view> key, Bound bound);
  Status stand_on_tree(Status moved);
  Status stand_on_change(txn::TreeChanges::iterator change);
  Status stand_nowhere();

  std::shared_ptr<kv::TransactionState> transaction_;
  TreeId tree_id_;
  std::optional<btree::TreeCursor> tree_;       // absent for a keyspace that this transaction created
  std::string key_;    // of the own change stood on
  std::string value_;  // the large value read last
  bool on_change_ = false;
  bool standing_ = false;
};

}  // namespace quire
