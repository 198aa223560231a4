// PurgeQueue: stepping through the records of finished transactions, newest first within each.
#include "txn/purge_queue.hpp"

#include "base/try.hpp"

namespace quire::txn {

void PurgeQueue::add(const WriteTransaction& committed) {
  if (!committed.changed_anything()) return;
  QUIRE_ASSERT(queue_.empty() || queue_.back().xid < committed.xid());
  queue_.push_back({committed.xid(), committed.head(), committed.purge_work(), committed.log().end(), std::uint64_t{committed.operations()} + 1});
}

// Also what an earlier step could not release. A position counts once: a log that is empty begins again at the same ones.
Status PurgeQueue::release(UndoLog& log) {
  QUIRE_TRY(log.release(queue_.empty() ? log.end() : released_));
  released_ = UndoPosition{};
  return Status();
}

Result<bool> PurgeQueue::step(Xid horizon, std::uint64_t budget, UndoTarget& target, UndoLog& log) {
  UndoCopy undo;
  while (!queue_.empty() && queue_.front().xid < horizon) {
    Committed& front = queue_.front();
    while (front.work > 0 && front.next != no_undo) {
      if (budget == 0) {
        QUIRE_TRY(release(log));
        return false;
      }
      --budget;
      QUIRE_TRY(log.read(front.next, undo));
      // Damage must not lead in a circle.
      if (undo.record.operation >= front.newer_than) {
        return Status(Code::corrupt, "the undo records of transaction " + std::to_string(front.xid.raw) + " lead from one to a newer one, at undo page " +
                                         std::to_string(page_of_undo(front.next).raw));
      }
      if (needs_purge(undo.record)) {
        QUIRE_TRY(target.purge(front.xid, undo.record, front.next));
        --front.work;
      }
      front.next = undo.record.previous;
      front.newer_than = undo.record.operation;
    }
    released_ = front.end;
    queue_.pop_front();
  }
  QUIRE_TRY(release(log));
  return true;
}

}  // namespace quire::txn
