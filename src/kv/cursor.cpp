// Cursor and Scan: movement under a transaction's view, and range-for.
//
// A cursor whose transaction has changed something since the leaf was copied finds its place again by key before it
// moves (KV-51).
#include "quire/cursor.hpp"

#include <algorithm>

#include "base/contain.hpp"
#include "base/try.hpp"
#include "kv/cursor_state.hpp"

namespace quire {

// ---- Cursor::Impl

Status Cursor::Impl::usable() const {
  QUIRE_TRY(transaction_->usable());
  // A tree that this transaction has dropped, or whose creation it took back, is gone for it.
  if (!outdated()) return Status();
  for (const auto& [name, record] : transaction_->catalog().keyspaces) {
    if (record.tree == tree_id_) return Status();
  }
  return Status(Code::not_found, "the cursor's keyspace was dropped");
}

Status Cursor::Impl::last() {
  QUIRE_TRY(usable());
  refreshed();
  return stand(tree_.last());
}

Status Cursor::Impl::seek_ge(std::string_view key) {
  QUIRE_TRY(usable());
  refreshed();
  return stand(tree_.seek_ge(key));
}

Status Cursor::Impl::seek_le(std::string_view key) {
  QUIRE_TRY(usable());
  refreshed();
  return stand(tree_.seek_le(key));
}

Status Cursor::Impl::next() {
  QUIRE_TRY(usable());
  if (!standing_) return Status(Code::invalid, "the cursor stands nowhere");
  if (!outdated() && !standing_on_old_) return stand(tree_.next());
  const std::string from(key());
  refreshed();
  Status at = tree_.seek_ge(from);
  if (at.ok() && tree_.key() == from) at = tree_.next();
  return stand(std::move(at));
}

Status Cursor::Impl::prev() {
  QUIRE_TRY(usable());
  if (!standing_) return Status(Code::invalid, "the cursor stands nowhere");
  if (!outdated() && !standing_on_old_) return stand(tree_.prev());
  const std::string from(key());
  refreshed();
  Status at = tree_.seek_le(from);
  if (at.ok() && tree_.key() == from) at = tree_.prev();
  return stand(std::move(at));
}

Result<std::string_view> Cursor::Impl::value() {
  QUIRE_TRY(usable());
  if (!standing_) return Status(Code::invalid, "the cursor stands nowhere");
  if (outdated() || standing_on_old_) {
    // The transaction may have changed the entry since the cursor came here.
    old_key_ = std::string(key());
    refreshed();
    const Status at = tree_.seek_ge(old_key_);
    if (!at.ok() && at != Code::not_found) return at;
    standing_on_old_ = !at.ok() || tree_.key() != old_key_;
    if (standing_on_old_) return Status(Code::not_found, "the entry was erased since the cursor came here");
  }
  const btree::ValueAt where = tree_.value();
  if (!where.overflow) return where.bytes;
  QUIRE_TRY(tree_.read_value(value_));
  return std::string_view(value_);
}

// ---- Cursor

Cursor::Cursor(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

Status Cursor::first() {
  return contain_no_memory([&] { return impl_->first(); });
}
Status Cursor::last() {
  return contain_no_memory([&] { return impl_->last(); });
}
// The argument may be this cursor's own key(), which a move overwrites.
Status Cursor::seek_ge(std::string_view key) {
  return contain_no_memory([&] { return impl_->seek_ge(std::string(key)); });
}
Status Cursor::seek_le(std::string_view key) {
  return contain_no_memory([&] { return impl_->seek_le(std::string(key)); });
}
Status Cursor::next() {
  return contain_no_memory([&] { return impl_->next(); });
}
Status Cursor::prev() {
  return contain_no_memory([&] { return impl_->prev(); });
}
bool Cursor::valid() const noexcept { return impl_->valid(); }
Result<std::string_view> Cursor::value() {
  return contain_no_memory([&] { return impl_->value(); });
}

Status Cursor::seek(std::string_view key) {
  return contain_no_memory([&]() -> Status {
    const std::string wanted(key);
    QUIRE_TRY(impl_->seek_ge(wanted));
    return impl_->key() == wanted ? Status() : impl_->leave();
  });
}

std::string_view Cursor::key() const {
  QUIRE_ASSERT(impl_->valid());
  return impl_->key();
}

// ---- Scan

namespace {

// Whether the far end of the range has not been passed.
bool within(const Range& range, std::string_view key, bool reverse) noexcept {
  const std::optional<std::string>& end = reverse ? range.lower : range.upper;
  if (!end) return true;
  const int order = key.compare(*end);
  return order == 0 ? (reverse ? range.lower_inclusive : range.upper_inclusive) : reverse ? order > 0 : order < 0;
}

}  // namespace

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
  done_ = !status_.ok() || options_.limit == 0;
  last_ = false;
  seen_ = 0;
  left_ = 0;
  if (done_) return Iterator(this);
  active_ = &cursor_->impl_->active();
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

void Scan::find_more() {
  left_ = 0;
  if (done_) return;
  if (last_ || seen_ >= options_.limit) {
    done_ = true;
    return;
  }
  cursor_->impl_->gather(options_.reverse, !options_.keys_only, options_.limit - seen_, found_);
  if (found_.empty()) {
    accept(options_.reverse ? cursor_->prev() : cursor_->next());
    return;
  }
  const auto inside = [this](const Entry& entry) { return within(range_, entry.key, options_.reverse); };
  if (!inside(found_.back())) {
    last_ = true;
    found_.erase(std::partition_point(found_.begin(), found_.end(), inside), found_.end());
  }
  seen_ += found_.size();
  done_ = found_.empty();
  if (done_) return;
  current_ = found_.data();
  left_ = found_.size() - 1;
}

void Scan::accept(Status moved) {
  done_ = true;
  if (!moved.ok()) {
    if (moved != Code::not_found) status_ = std::move(moved);
    return;
  }
  const std::string_view key = cursor_->key();
  if (!range_.contains(key)) return;
  Entry entry{key, {}};
  if (!options_.keys_only) {
    const Result<std::string_view> value = cursor_->value();
    if (!value.ok()) {
      status_ = value.status();
      return;
    }
    entry.value = *value;
  }
  found_.assign(1, entry);
  current_ = found_.data();
  ++seen_;
  done_ = false;
}

}  // namespace quire
