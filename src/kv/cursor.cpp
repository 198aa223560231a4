// Cursor and Scan: merged movement, and range-for.
//
// A move looks for the nearest entry of the tree and the nearest own change and takes the nearer one; an own change of
// the same key hides the tree's entry. Without own changes every move is the tree cursor's.
#include "quire/cursor.hpp"

#include "base/try.hpp"
#include "kv/cursor_state.hpp"

namespace quire {

// ---- Cursor::Impl

Cursor::Impl::Impl(std::shared_ptr<kv::TransactionState> transaction, const catalog::KeyspaceRecord& record)
    : transaction_(std::move(transaction)), tree_id_(record.tree) {
  if (record.root != no_page) tree_.emplace(transaction_->engine().tree(record));
}

Status Cursor::Impl::stand_nowhere() {
  standing_ = false;
  return Status(Code::not_found);
}

Status Cursor::Impl::stand_on_tree(Status moved) {
  standing_ = moved.ok();
  on_change_ = false;
  return moved;
}

Status Cursor::Impl::stand_on_change(txn::TreeChanges::iterator change) {
  standing_ = true;
  on_change_ = true;
  key_ = change->first;
  return Status();
}

Status Cursor::Impl::forward_from(std::string_view key, Bound bound) {
  standing_ = false;
  txn::TreeChanges* own = transaction_->changes(tree_id_);
  if (own == nullptr && !tree_) return stand_nowhere();
  Status at(Code::not_found);
  if (tree_) {
    const bool here = bound == Bound::exclusive && tree_->valid() && tree_->key() == key;
    at = here ? tree_->next() : tree_->seek_ge(key);
    if (at.ok() && bound == Bound::exclusive && tree_->key() == key) at = tree_->next();
    if (!at.ok() && at != Code::not_found) return at;
  }
  if (own == nullptr) return stand_on_tree(std::move(at));
  auto change = bound == Bound::inclusive ? own->lower_bound(key) : own->upper_bound(key);
  for (;;) {
    const bool tree_first = at.ok() && (change == own->end() || tree_->key() < change->first);
    if (tree_first) return stand_on_tree(Status());
    if (change == own->end()) return stand_nowhere();
    if (at.ok() && tree_->key() == change->first) {
      if (change->second.value) return stand_on_change(change);
      at = tree_->next();
      if (!at.ok() && at != Code::not_found) return at;
    } else if (change->second.value) {
      return stand_on_change(change);
    }
    ++change;
  }
}

Status Cursor::Impl::backward_from(std::optional<std::string_view> key, Bound bound) {
  standing_ = false;
  txn::TreeChanges* own = transaction_->changes(tree_id_);
  if (own == nullptr && !tree_) return stand_nowhere();
  Status at(Code::not_found);
  if (tree_) {
    const bool here = key && bound == Bound::exclusive && tree_->valid() && tree_->key() == *key;
    at = here ? tree_->prev() : key ? tree_->seek_le(*key) : tree_->last();
    if (at.ok() && key && bound == Bound::exclusive && tree_->key() == *key) at = tree_->prev();
    if (!at.ok() && at != Code::not_found) return at;
  }
  if (own == nullptr) return stand_on_tree(std::move(at));
  // The changes below `change` are candidates, nearest last.
  auto change = !key ? own->end() : bound == Bound::inclusive ? own->upper_bound(*key) : own->lower_bound(*key);
  for (;;) {
    const bool tree_first = at.ok() && (change == own->begin() || std::prev(change)->first < tree_->key());
    if (tree_first) return stand_on_tree(Status());
    if (change == own->begin()) return stand_nowhere();
    --change;
    if (at.ok() && tree_->key() == change->first) {
      if (change->second.value) return stand_on_change(change);
      at = tree_->prev();
      if (!at.ok() && at != Code::not_found) return at;
    } else if (change->second.value) {
      return stand_on_change(change);
    }
  }
}

Status Cursor::Impl::first() {
  QUIRE_TRY(transaction_->usable());
  return forward_from({}, Bound::inclusive);
}

Status Cursor::Impl::last() {
  QUIRE_TRY(transaction_->usable());
  return backward_from(std::nullopt, Bound::inclusive);
}

Status Cursor::Impl::seek_ge(std::string_view key) {
  QUIRE_TRY(transaction_->usable());
  return forward_from(key, Bound::inclusive);
}

Status Cursor::Impl::seek_le(std::string_view key) {
  QUIRE_TRY(transaction_->usable());
  return backward_from(key, Bound::inclusive);
}

Status Cursor::Impl::next() {
  QUIRE_TRY(transaction_->usable());
  if (!standing_) return Status(Code::invalid, "the cursor stands nowhere");
  if (!on_change_ && transaction_->changes(tree_id_) == nullptr) return stand_on_tree(tree_->next());
  const std::string from(key());
  return forward_from(from, Bound::exclusive);
}

Status Cursor::Impl::prev() {
  QUIRE_TRY(transaction_->usable());
  if (!standing_) return Status(Code::invalid, "the cursor stands nowhere");
  if (!on_change_ && transaction_->changes(tree_id_) == nullptr) return stand_on_tree(tree_->prev());
  const std::string from(key());
  return backward_from(from, Bound::exclusive);
}

Result<std::string_view> Cursor::Impl::value() {
  QUIRE_TRY(transaction_->usable());
  if (!standing_) return Status(Code::invalid, "the cursor stands nowhere");
  // The transaction may have changed the entry since the cursor came here.
  if (txn::TreeChanges* own = transaction_->changes(tree_id_)) {
    const auto change = own->find(key());
    if (change != own->end()) {
      if (!change->second.value) return Status(Code::not_found, "the entry was erased since the cursor came here");
      return std::string_view(*change->second.value);
    }
  }
  // Its keyspace was dropped.
  if (on_change_) return Status(Code::not_found, "the entry was erased since the cursor came here");
  const btree::ValueAt where = tree_->value();
  if (!where.overflow) return where.bytes;
  QUIRE_TRY(tree_->read_value(value_));
  return std::string_view(value_);
}

// ---- Cursor

Cursor::Cursor(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

Status Cursor::first() { return impl_->first(); }
Status Cursor::last() { return impl_->last(); }
// The argument may be this cursor's own key(), which a move overwrites.
Status Cursor::seek_ge(std::string_view key) { return impl_->seek_ge(std::string(key)); }
Status Cursor::seek_le(std::string_view key) { return impl_->seek_le(std::string(key)); }
Status Cursor::next() { return impl_->next(); }
Status Cursor::prev() { return impl_->prev(); }
bool Cursor::valid() const noexcept { return impl_->valid(); }
Result<std::string_view> Cursor::value() { return impl_->value(); }

Status Cursor::seek(std::string_view key) {
  const std::string wanted(key);
  QUIRE_TRY(impl_->seek_ge(wanted));
  return impl_->key() == wanted ? Status() : impl_->leave();
}

std::string_view Cursor::key() const {
  QUIRE_ASSERT(impl_->valid());
  return impl_->key();
}

// ---- Scan

Scan::Scan(Result<Cursor> cursor, Range range, ScanOptions options) : range_(std::move(range)), options_(options) {
  if (cursor.ok()) {
    cursor_.emplace(std::move(cursor).value());
  } else {
    status_ = cursor.status();
  }
}

Scan::Scan(Scan&&) noexcept = default;
Scan::~Scan() = default;

Scan::Iterator Scan::begin() {
  done_ = !status_.ok();
  seen_ = 0;
  if (!done_ && options_.limit == 0) done_ = true;
  if (done_) return Iterator(this);
  const std::optional<std::string>& start = options_.reverse ? range_.upper : range_.lower;
  const bool inclusive = options_.reverse ? range_.upper_inclusive : range_.lower_inclusive;
  Status moved;
  if (!start) {
    moved = options_.reverse ? cursor_->last() : cursor_->first();
  } else {
    moved = options_.reverse ? cursor_->seek_le(*start) : cursor_->seek_ge(*start);
    if (moved.ok() && !inclusive && cursor_->key() == *start) moved = options_.reverse ? cursor_->prev() : cursor_->next();
  }
  accept(std::move(moved));
  return Iterator(this);
}

void Scan::advance() {
  if (done_) return;
  if (seen_ >= options_.limit) {
    done_ = true;
    return;
  }
  accept(options_.reverse ? cursor_->prev() : cursor_->next());
}

void Scan::accept(Status moved) {
  done_ = true;
  if (!moved.ok()) {
    if (moved != Code::not_found) status_ = std::move(moved);
    return;
  }
  const std::string_view key = cursor_->key();
  if (!range_.contains(key)) return;
  entry_ = {key, {}};
  if (!options_.keys_only) {
    const Result<std::string_view> value = cursor_->value();
    if (!value.ok()) {
      status_ = value.status();
      return;
    }
    entry_.value = *value;
  }
  ++seen_;
  done_ = false;
}

}  // namespace quire
