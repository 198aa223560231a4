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

Status Cursor::Impl::refresh() {
  if (outdated() && transaction_->writer() != nullptr) {
    QUIRE_ASSIGN(const txn::View view, transaction_->cursor_view(tree_id_, snapshot_));
    tree_.set_view(view);
  }
  seen_ = transaction_->changes();
  standing_on_old_ = false;
  return Status();
}

Status Cursor::Impl::find(const From& from) {
  Status at;
  if (from.back) {
    at = from.bound ? tree_.seek_le(from.bound->key) : tree_.last();
  } else {
    at = tree_.seek_ge(from.bound ? from.bound->key : std::string_view());
  }
  if (at.ok() && from.bound && !from.bound->inclusive && tree_.key() == from.bound->key) at = from.back ? tree_.prev() : tree_.next();
  return at;
}

Status Cursor::Impl::move(const From& from) {
  QUIRE_TRY(refresh());
  if (!locks_) return stand(find(from));
  standing_ = false;
  const std::uint64_t copies = tree_.copies();
  return stand(lock_up_to(from, find(from), copies + 1));
}

Cursor::Impl::Candidate Cursor::Impl::candidate(const From& from, Status found) const {
  Candidate next;
  next.found = std::move(found);
  next.held = next.found == Code::conflict && tree_.held().has_value();
  if (next.found.ok()) next.end = std::string(tree_.key());
  if (next.held) next.end = tree_.held()->key;
  const std::optional<std::string>* far = range_ == nullptr ? nullptr : from.back ? &range_->lower : &range_->upper;
  if (far == nullptr || !*far) return next;
  if (next.end && (from.back ? *next.end >= **far : *next.end <= **far)) return next;
  next.beyond = true;
  next.end = *far;
  return next;
}

// `found`: what a move without locks came to; when it has copied no more than `copies` leaves, that is in the leaf where it began.
Status Cursor::Impl::lock_up_to(const From& from, Status found, std::uint64_t copies) {
  engine::Writer& writer = *transaction_->writer();
  for (Candidate next = candidate(from, std::move(found));;) {
    if (!next.found.ok() && !next.held && next.found != Code::not_found) return next.found;
    const std::optional<lock::Bound> end = next.end ? std::optional(lock::Bound{*next.end, true}) : std::nullopt;
    const lock::Bound lower = (from.back ? end : from.bound).value_or(lock::Bound{});
    QUIRE_TRY(writer.lock_read(tree_id_, lock::Interval::between(lower, from.back ? from.bound : end)));
    const bool waits = next.held && !next.beyond;
    if (waits) QUIRE_TRY(writer.await_row(tree_id_, *next.end, tree_.held()->xid));
    // Whoever comes from here on meets the lock. Has somebody come before?
    const bool sure = next.found.ok() && tree_.copies() <= copies && tree_.current();
    if (sure) return next.beyond ? Status(Code::not_found) : next.found;
    copies = tree_.copies() + 1;
    const Candidate before = std::exchange(next, candidate(from, find(from)));
    if (before.beyond && next.beyond) return Status(Code::not_found);
    if (!next.held && !before.held && next.beyond == before.beyond && next.end == before.end) return next.found;
  }
}

Status Cursor::Impl::last() {
  QUIRE_TRY(usable());
  return move({.bound = std::nullopt, .back = true});
}

Status Cursor::Impl::seek_ge(std::string_view key) {
  QUIRE_TRY(usable());
  return move({.bound = lock::Bound{key, true}, .back = false});
}

Status Cursor::Impl::seek_le(std::string_view key) {
  QUIRE_TRY(usable());
  return move({.bound = lock::Bound{key, true}, .back = true});
}

Status Cursor::Impl::next() {
  QUIRE_TRY(usable());
  if (!standing_) return Status(Code::invalid, "the cursor stands nowhere");
  const bool in_copy = !outdated() && !standing_on_old_;
  if (in_copy && !locks_) return stand(tree_.next());
  const std::string here(key());
  const From from{.bound = lock::Bound{here, false}, .back = false};
  if (!in_copy) return move(from);
  standing_ = false;
  const std::uint64_t copies = tree_.copies();
  return stand(lock_up_to(from, tree_.next(), copies));
}

Status Cursor::Impl::prev() {
  QUIRE_TRY(usable());
  if (!standing_) return Status(Code::invalid, "the cursor stands nowhere");
  const bool in_copy = !outdated() && !standing_on_old_;
  if (in_copy && !locks_) return stand(tree_.prev());
  const std::string here(key());
  const From from{.bound = lock::Bound{here, false}, .back = true};
  if (!in_copy) return move(from);
  standing_ = false;
  const std::uint64_t copies = tree_.copies();
  return stand(lock_up_to(from, tree_.prev(), copies));
}

Result<std::string_view> Cursor::Impl::value() {
  QUIRE_TRY(usable());
  if (!standing_) return Status(Code::invalid, "the cursor stands nowhere");
  if (outdated() || standing_on_old_) {
    // The transaction may have changed the entry since the cursor came here.
    old_key_ = std::string(key());
    QUIRE_TRY(refresh());
    const Status at = tree_.seek_ge(old_key_);
    // A row beyond that somebody else is changing is not this one, which is this transaction's.
    if (!at.ok() && at != Code::not_found && at != Code::conflict) {
      standing_ = false;
      return at;
    }
    standing_on_old_ = !at.ok() || tree_.key() != old_key_;
    if (standing_on_old_) return Status(Code::not_found, "the entry was erased since the cursor came here");
  }
  const btree::ValueAt where = tree_.value();
  if (!where.overflow) return where.bytes;
  if (transaction_->isolation() == Isolation::read_uncommitted && transaction_->writer() != nullptr) {
    // What is not committed may be gone by now.
    QUIRE_TRY(transaction_->writer()->get(record_, tree_.key(), value_));
    return std::string_view(value_);
  }
  QUIRE_TRY(tree_.read_value(value_));
  return std::string_view(value_);
}

// ---- Cursor

Cursor::Cursor(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

Status Cursor::first() {
  return impl_->transaction().call([&] { return impl_->first(); });
}
Status Cursor::last() {
  return impl_->transaction().call([&] { return impl_->last(); });
}
// The argument may be this cursor's own key(), which a move overwrites.
Status Cursor::seek_ge(std::string_view key) {
  return impl_->transaction().call([&] { return impl_->seek_ge(std::string(key)); });
}
Status Cursor::seek_le(std::string_view key) {
  return impl_->transaction().call([&] { return impl_->seek_le(std::string(key)); });
}
Status Cursor::next() {
  return impl_->transaction().call([&] { return impl_->next(); });
}
Status Cursor::prev() {
  return impl_->transaction().call([&] { return impl_->prev(); });
}
bool Cursor::valid() const noexcept { return impl_->valid(); }
Result<std::string_view> Cursor::value() {
  return impl_->transaction().call([&] { return impl_->value(); });
}

Status Cursor::seek(std::string_view key) {
  return impl_->transaction().call([&]() -> Status {
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
  cursor_->impl_->set_range(range_);
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
  for (;; moved = options_.reverse ? cursor_->prev() : cursor_->next()) {
    if (!moved.ok()) {
      // That there is no such entry has nothing to say; a keyspace that is gone has.
      if (moved != Code::not_found || !moved.message().empty()) status_ = std::move(moved);
      return;
    }
    const std::string_view key = cursor_->key();
    if (!range_.contains(key)) return;
    Entry entry{key, {}};
    if (!options_.keys_only) {
      const Result<std::string_view> value = cursor_->value();
      // Not committed, and taken back since the cursor came to it.
      if (value == Code::not_found && *active_) continue;
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
    return;
  }
}

}  // namespace quire
