// WriteTransaction: recording and rolling back.
//
// Going back is reading the newest record that is left, letting its target put it back, and looking at the one before; where
// to stop is what the ways of going back differ in.
#include "txn/write_transaction.hpp"

#include <limits>

#include "base/try.hpp"

namespace quire::txn {

bool needs_purge(const UndoRecord& record) noexcept {
  return record.type == UndoType::erase || record.type == UndoType::drop ||
         (record.type == UndoType::update && (record.flags & undo_flag::overflow) != 0);
}

Status WriteTransaction::check_room() const {
  if (operations_ < std::numeric_limits<std::uint32_t>::max()) return Status();
  return Status(Code::limit, "a transaction changes at most 4294967295 rows; commit in smaller transactions");
}

std::uint64_t WriteTransaction::record(buffer::Action& action, const buffer::WritePage& page, UndoRecord record) {
  record.previous = head_;
  record.operation = ++operations_;
  head_ = log_.append(action, page, xid_, record);
  if (needs_purge(record)) ++purge_work_;
  ++changes_;
  return head_;
}

void WriteTransaction::stepped_back(const UndoRecord& record) noexcept {
  head_ = record.previous;
  if (needs_purge(record)) --purge_work_;
  ++changes_;
}

// `stop` looks at the newest record that is left; none is left when its handle is no_undo.
template <class Stop>
Status WriteTransaction::undo_until(Stop&& stop, UndoTarget& target, const std::function<Status()>& make_room) {
  UndoCopy undo;
  std::uint64_t stuck_at = no_undo;
  // Each record is of an earlier operation than the one before, or a damaged file leads in a circle.
  std::uint64_t newer_than = std::uint64_t{operations_} + 1;
  for (;;) {
    const std::uint64_t handle = head_;
    if (handle != no_undo) {
      QUIRE_TRY(log_.read(handle, undo));
      if (undo.record.operation >= newer_than) {
        return Status(Code::corrupt, "the undo records of transaction " + std::to_string(xid_.raw) + " lead from one to a newer one, at undo page " +
                                         std::to_string(page_of_undo(handle).raw));
      }
    }
    if (stop(handle, undo.record)) return Status();
    if (handle == no_undo) return Status(Code::corrupt, "the undo records of transaction " + std::to_string(xid_.raw) + " end too early");
    Status undone = target.undo(*this, undo.record, handle);
    if (undone == Code::full && stuck_at != handle) {
      stuck_at = handle;
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
    Status truncated = log_.truncate(savepoint.position);
    if (truncated != Code::full || log_.page_count() == pages) return truncated;
    pages = log_.page_count();
    QUIRE_TRY(make_room());
  }
}

}  // namespace quire::txn
