// Snapshots: slots in groups that are never given back while the database is open.
//
// A thread begins to look where its number says, so that threads seldom meet at a slot.
#include "txn/snapshots.hpp"

#include <algorithm>

#include "base/seeded_bug.hpp"

namespace quire::txn {

Snapshots::~Snapshots() {
  for (Group* group = first_.next.load(relaxed); group != nullptr;) delete std::exchange(group, group->next.load(relaxed));
}

// Purge may have looked at the slots before this one was filled; then the newest limit has moved on.
void Snapshots::publish(Slot& slot, const Atomic<std::uint64_t>& newest, std::uint64_t limit) noexcept {
  slot.limit.store(limit, seq_cst);
  for (std::uint64_t now = newest.load(seq_cst); now != limit; now = newest.load(seq_cst)) {
    slot.limit.store(now, seq_cst);
    limit = now;
  }
}

Snapshots::Slot& Snapshots::acquire_slot(const Atomic<std::uint64_t>& newest, const SnapshotHolder& holder) {
  const std::uint64_t thread = os::this_thread_number();
  const std::size_t start = thread % slots_per_group;
  for (Group* group = &first_;;) {
    for (std::size_t i = 0; i < slots_per_group; ++i) {
      Slot& slot = group->slots[(start + i) % slots_per_group];
      std::uint64_t free = 0;
      const std::uint64_t limit = newest.load(seq_cst);
      if (slot.limit.load(relaxed) != 0 || !slot.limit.compare_exchange_strong(free, limit, seq_cst, relaxed)) continue;
      publish(slot, newest, limit);
      slot.since_us.store(holder.now_us, relaxed);
      slot.thread.store(thread, relaxed);
      slot.transaction.store(holder.transaction, relaxed);
      return slot;
    }
    Group* next = group->next.load(acquire);
    if (next == nullptr) {
      auto fresh = std::make_unique<Group>();
      if (group->next.compare_exchange_strong(next, fresh.get(), acq_rel, acquire)) next = fresh.release();
    }
    group = next;
  }
}

Timestamp Snapshots::horizon() const noexcept {
  std::uint64_t oldest = newest_.load(seq_cst);
  if (seeded_bug("purge_ahead_of_a_snapshot")) return Timestamp{oldest};
  for (const Group* group = &first_; group != nullptr; group = group->next.load(acquire)) {
    for (const Slot& slot : group->slots) {
      const std::uint64_t limit = slot.limit.load(seq_cst);
      if (limit != 0) oldest = std::min(oldest, limit);
    }
  }
  return Timestamp{oldest};
}

std::uint64_t Snapshots::registered() const noexcept {
  std::uint64_t count = 0;
  for (const Group* group = &first_; group != nullptr; group = group->next.load(acquire)) {
    for (const Slot& slot : group->slots) count += slot.limit.load(acquire) != 0 ? 1 : 0;
  }
  return count;
}

std::vector<Snapshots::Registered> Snapshots::list() const {
  std::vector<Registered> all;
  for (const Group* group = &first_; group != nullptr; group = group->next.load(acquire)) {
    for (const Slot& slot : group->slots) {
      const std::uint64_t limit = slot.limit.load(acquire);
      if (limit == 0) continue;
      all.push_back({Timestamp{limit}, slot.since_us.load(relaxed), slot.thread.load(relaxed), slot.transaction.load(relaxed)});
    }
  }
  std::sort(all.begin(), all.end(), [](const Registered& one, const Registered& other) {
    return one.limit != other.limit ? one.limit < other.limit : one.since_us < other.since_us;
  });
  return all;
}

}  // namespace quire::txn
