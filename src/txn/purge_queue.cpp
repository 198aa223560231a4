// PurgeQueue: stepping through the records of finished transactions, newest first within each.
#include "txn/purge_queue.hpp"

#include <iterator>

#include "base/try.hpp"

namespace quire::txn {

void PurgeQueue::add(const WriteTransaction& committed, Timestamp at) {
  if (!committed.changed_anything()) return;
  os::Lock lock(mutex_);
  arrived_.push_back({at, committed.xid(), &committed.log(), committed.head(), committed.purge_work(), committed.log().end(),
                      std::uint64_t{committed.operations()} + 1});
  ++size_;
}

std::size_t PurgeQueue::size() const noexcept {
  os::Lock lock(mutex_);
  return size_;
}

void PurgeQueue::take_over() {
  os::Lock lock(mutex_);
  for (const Committed& arrived : arrived_) {
    auto place = queue_.end();
    while (place != queue_.begin() && std::prev(place)->at > arrived.at) --place;
    queue_.insert(place, arrived);
  }
  arrived_.clear();
}

Result<bool> PurgeQueue::step(Timestamp horizon, std::uint64_t budget, UndoTarget& target) {
  take_over();
  UndoCopy undo;
  while (!queue_.empty() && queue_.front().at < horizon) {
    Committed& front = queue_.front();
    while (front.work > 0 && front.next != no_undo) {
      if (budget == 0) return false;
      --budget;
      QUIRE_TRY(front.log->read(front.next, undo));
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
    QUIRE_TRY(front.log->release(front.end));
    queue_.pop_front();
    os::Lock lock(mutex_);
    --size_;
  }
  return true;
}

}  // namespace quire::txn
