// WriteTransaction: recording and rolling back.
//
// Going back is reading the newest record that is left, letting its target put it back, and looking at the one before; where
// to stop is what the ways of going back differ in.
#include "txn/write_transaction.hpp"

#include <algorithm>
#include <limits>

#include "base/try.hpp"

namespace quire::txn {

namespace {

constexpr int attempts_on_a_full_disk = 8;

}  // namespace

bool needs_purge(const UndoRecord& record) noexcept {
  return record.type == UndoType::erase || record.type == UndoType::drop ||
         (record.type == UndoType::update && (record.flags & undo_flag::overflow) != 0);
}

Status WriteTransaction::check_room() const {
  if (operations() < std::numeric_limits<std::uint32_t>::max()) return Status();
  return Status(Code::limit, "a transaction changes at most 4294967295 rows; commit in smaller transactions");
}

bool WriteTransaction::may_change(TreeId tree, std::string_view key, Xid row_xid) noexcept {
  obstacle_ = Obstacle{};
  if (rules_.status == nullptr || row_xid == xid_) return true;
  if (row_xid >= rules_.status->floor()) {
    if (rules_.status->active(row_xid)) {
      obstacle_ = {Obstacle::Kind::held, row_xid};
    } else if (rules_.snapshot.raw != UINT64_MAX && !rules_.status->committed_before(row_xid, rules_.snapshot)) {
      obstacle_ = {Obstacle::Kind::conflict, row_xid};
    }
  }
  if (obstacle_.kind == Obstacle::Kind::none && rules_.locks != nullptr && !rules_.locks->may_write(*rules_.owner, tree, key)) {
    obstacle_ = {Obstacle::Kind::held, Xid{}};
  }
  return obstacle_.kind == Obstacle::Kind::none;
}

void WriteTransaction::touch(TreeId tree) noexcept {
  for (Atomic<std::uint32_t>& touched : touched_) {
    const std::uint32_t there = touched.load(relaxed);
    if (there == tree.raw) return;
    if (there != 0) continue;
    touched.store(tree.raw, seq_cst);
    return;
  }
  touches_any_.store(true, seq_cst);
}

bool WriteTransaction::touches(TreeId tree) const noexcept {
  if (touches_any_.load(seq_cst)) return true;
  return std::any_of(touched_.begin(), touched_.end(), [&](const Atomic<std::uint32_t>& touched) { return touched.load(seq_cst) == tree.raw; });
}

std::uint64_t WriteTransaction::record(buffer::Action& action, const buffer::WritePage& page, UndoRecord record) {
  record.previous = head_;
  record.operation = operations() + 1;
  operations_.store(record.operation, relaxed);
  head_ = log_->append(action, page, xid_, record);
  if (needs_purge(record)) ++purge_work_;
  ++changes_;
  return head_;
}

void WriteTransaction::stepped_back(const UndoRecord& record) noexcept {
  head_ = record.previous;
  if (needs_purge(record)) --purge_work_;
  ++changes_;
}

// Each record is of an earlier operation than the one before, or a damaged file leads in a circle.
Status WriteTransaction::check_order(const UndoRecord& record, std::uint64_t handle, std::uint64_t newer_than) const {
  if (record.operation < newer_than) return Status();
  return Status(Code::corrupt, "the undo records of transaction " + std::to_string(xid_.raw) + " lead from one to a newer one, at undo page " +
                                   std::to_string(page_of_undo(handle).raw));
}

Status WriteTransaction::for_each_since(const Savepoint& savepoint, const std::function<Status(const UndoRecord&)>& look) const {
  UndoCopy undo;
  std::uint64_t newer_than = std::uint64_t{operations()} + 1;
  for (std::uint64_t handle = head_; handle != savepoint.head && handle != no_undo; handle = undo.record.previous) {
    QUIRE_TRY(log_->read(handle, undo));
    QUIRE_TRY(check_order(undo.record, handle, newer_than));
    QUIRE_TRY(look(undo.record));
    newer_than = undo.record.operation;
  }
  return Status();
}

// `stop` looks at the newest record that is left; none is left when its handle is no_undo.
template <class Stop>
Status WriteTransaction::undo_until(Stop&& stop, UndoTarget& target, const std::function<Status()>& make_room) {
  UndoCopy undo;
  std::uint64_t stuck_at = no_undo;
  int stuck = 0;
  std::uint64_t newer_than = std::uint64_t{operations()} + 1;
  for (;;) {
    const std::uint64_t handle = head_;
    if (handle != no_undo) {
      QUIRE_TRY(log_->read(handle, undo));
      QUIRE_TRY(check_order(undo.record, handle, newer_than));
    }
    if (stop(handle, undo.record)) return Status();
    if (handle == no_undo) return Status(Code::corrupt, "the undo records of transaction " + std::to_string(xid_.raw) + " end too early");
    Status undone = target.undo(*this, undo.record, handle);
    if (stuck_at != handle) stuck = 0;
    stuck_at = handle;
    // Others who go back at the same time may take the room that was made.
    if (undone == Code::full && ++stuck <= attempts_on_a_full_disk) {
      undone = make_room();
      if (undone.ok()) continue;
    }
    QUIRE_TRY(std::move(undone));
    QUIRE_ASSERT(head_ == undo.record.previous);
    newer_than = undo.record.operation;
  }
}

Status WriteTransaction::rollback_above(std::uint32_t operation, UndoTarget& target, const std::function<Status()>& make_room) {
  return undo_until([&](std::uint64_t handle, const UndoRecord& newest) { return handle == no_undo || newest.operation <= operation; },
                    target, make_room);
}

Status WriteTransaction::rollback_to(const Savepoint& savepoint, UndoTarget& target, const std::function<Status()>& make_room) {
  if (head_ != savepoint.head) {
    QUIRE_TRY(undo_until([&](std::uint64_t handle, const UndoRecord&) { return handle == savepoint.head; }, target, make_room));
  }
  for (std::uint64_t pages = UINT64_MAX;;) {
    Status truncated = log_->truncate(savepoint.position);
    if (truncated != Code::full || log_->page_count() == pages) return truncated;
    pages = log_->page_count();
    QUIRE_TRY(make_room());
  }
}

}  // namespace quire::txn
