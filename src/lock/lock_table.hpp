// LockTable: shared and exclusive locks on intervals of keys, and waiting for them and for rows (storage.md section 9).
//
// A row that an active transaction has written is locked by the xid in its header and has no entry here (LK-1). Here are locks of readers
// and of ranges, and the queues: whoever waits, also for a row's xid, has an entry, and later requests that conflict stand behind it
// (LK-4). Readers of a snapshot never come here; writers only when some interval is registered in the tree, or the row is held.
//
//   reader    acquire | claim, read the leaf, cut? keep                  register, then read (LK-2)
//   writer    latch the leaf, may_write?  yes: write, unlatch, wrote     look with the latch held, then write (LK-2)
//                                         no, or the row is held: unlatch, wait_for, again
//   both      end                                                        after the xid is no longer active
//
// A row that the transaction itself has written is locked already: the writer does not ask may_write for it, and needs no interval.
//
// Who is in the way of a request, all of other owners, overlapping, one of the two exclusive:
//   - granted entries
//   - entries that wait longer, unless the request converts (its owner holds a weaker lock around it), or the other itself waits for this
//     owner: for its xid or for an entry granted to it. Passing that one costs it nothing.
//   - for wait_for: the active xid whose row it is
//
// Invariants   1. granted entries of different owners never conflict
//              2. nobody waits without somebody in the way: whoever takes something away looks at all who wait
//              3. the graph of who waits for whom has no cycle when the mutex is free
// Threads      any; one owner is used by one thread at a time. Latches of pages are taken before the mutex (LK-8); it is not held while
//              anybody waits, and nothing is called with it held but XidStatus and Parking.
// Errors       deadlock and timeout name tree, key and who is in the way; a failed wait leaves no entry behind. busy: the Parking
//              suspended the wait. std::bad_alloc passes through and leaves everything as it was.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/atomic.hpp"
#include "base/ids.hpp"
#include "lock/entry.hpp"
#include "lock/interval.hpp"
#include "lock/owner.hpp"
#include "lock/parking.hpp"
#include "lock/xid_status.hpp"
#include "os/sync.hpp"
#include "quire/status.hpp"

namespace quire::lock {

// An interval that a scan has registered and not finished with. Empty when the owner held it before. Valid until kept, cut to nothing, or
// the end of its owner.
class Claim {
 public:
  Claim() = default;
  bool is_empty() const noexcept { return entry_ == nullptr; }

 private:
  friend class LockTable;
  explicit Claim(Entry* entry) noexcept : entry_(entry) {}
  Entry* entry_ = nullptr;
};

// One entry, or one wait without an entry, as list() shows it.
struct LockInfo {
  TreeId tree;
  std::string lower;
  std::string upper;
  bool lower_inclusive = true;
  bool upper_inclusive = true;
  bool has_upper = false;
  Mode mode = Mode::shared;
  std::uint64_t owner = 0;
  Xid xid;                      // of the owner; 0: none yet
  bool granted = false;
  bool is_entry = true;         // false: waits for an xid, with a lock that it has
  Xid waits_for_xid;            // 0: not for an xid
  std::uint64_t waits_for_owner = 0;  // number of the first in the way; 0: none, or only the xid
  std::uint64_t waited_us = 0;

  Interval interval() const noexcept { return {lower, upper, lower_inclusive, upper_inclusive, has_upper}; }
};

struct LockCounts {
  std::uint64_t waits = 0;        // calls that had to wait
  std::uint64_t deadlocks = 0;    // victims
  std::uint64_t timeouts = 0;
  std::uint64_t escalations = 0;
  std::uint64_t waiting = 0;      // owners that wait now
  std::uint64_t entries = 0;      // now, granted and waiting
  std::uint64_t memory_bytes = 0;
};

struct LockTableOptions {
  std::size_t escalate_above = 2000;  // intervals per owner and tree (LK-6)
};

class LockTable {
 public:
  LockTable(const XidStatus& status, Parking& parking, LockTableOptions options = {});
  LockTable(const LockTable&) = delete;
  LockTable& operator=(const LockTable&) = delete;
  ~LockTable();

  // An explicit lock, or what a serializable transaction is about to read. Nothing to do when one lock of the owner covers it. A
  // timeout of 0 does not wait.
  Status acquire(Owner& owner, TreeId tree, const Interval& interval, Mode mode, std::uint64_t timeout_us);

  // The same for a scan, leaf by leaf (LK-3). cut() takes `rest`, one end of the claim, back: what was not read. keep() joins the claim with
  // neighbours of the same owner and mode, so that a long scan holds one interval. What the owner held otherwise is left alone.
  Result<Claim> claim(Owner& owner, TreeId tree, const Interval& interval, Mode mode, std::uint64_t timeout_us);
  void cut(Claim& claim, const Interval& rest);
  void keep(Claim& claim) noexcept;

  // For a writer with the leaf latched: whether nobody is in the way of an exclusive lock on the key. One atomic load when the tree has
  // no entries. Who holds a lock around the key converts.
  bool may_write(const Owner& owner, TreeId tree, std::string_view key) noexcept {
    if (entry_counts_[slot_of(tree)].load(seq_cst) == 0) return true;
    return look_for_writer(owner, tree, key);
  }

  // Waits until nobody is in the way of `mode` on the key. `holder` is the active transaction that has written the row, 0: only entries are
  // in the way. On ok the owner has a granted lock on the key, the row may have changed hands meanwhile, and the caller looks again; when
  // it has to call again its place in the queue is kept. May return ok early, then the next call waits (LK-51).
  Status wait_for(Owner& owner, TreeId tree, std::string_view key, Mode mode, Xid holder, std::uint64_t timeout_us);
  // The row has been written and its xid is the lock: gives back what wait_for(exclusive) left on the key. Nothing to do otherwise.
  void wrote(Owner& owner, TreeId tree, std::string_view key) noexcept;
  // The same when the row has not been written: who waits does not wait for this owner.
  void left(Owner& owner, TreeId tree, std::string_view key) noexcept;
  // For DDL with an exclusive lock on the whole tree: waits until a transaction that has written there ends (LK-6).
  Status wait_for_end(Owner& owner, TreeId tree, Xid xid, std::uint64_t timeout_us);

  // The transaction has ended and its xid is not active any more: gives back everything, wakes whom it held up, and ends a suspended wait. Takes
  // no mutex when it holds nothing and nobody waits for any xid.
  void end(Owner& owner) noexcept;
  // Rows of an active transaction have been released, by a rollback to a savepoint: who waits for one looks again (LK-51).
  void released_rows(Xid xid) noexcept;

  // A picture of the moment; memory and time in proportion to the entries.
  std::vector<LockInfo> list() const;
  LockCounts counts() const;

 private:
  static constexpr std::size_t slot_count = 1024;
  static std::size_t slot_of(TreeId tree) noexcept { return tree.raw % slot_count; }

  // lock_table.cpp
  bool look_for_writer(const Owner& owner, TreeId tree, std::string_view key) noexcept;
  void give_place_back(Owner& owner, TreeId tree, std::string_view key, Xid next_holder) noexcept;
  struct Wanted {
    TreeId tree;
    Interval interval;
    Mode mode = Mode::shared;
    bool is_claim = false;
  };
  TreeEntries* find_tree(TreeId tree) noexcept QUIRE_REQUIRES(mutex_);
  TreeEntries& make_tree(TreeId tree) QUIRE_REQUIRES(mutex_);
  Entry& add(OwnerState& owner, TreeEntries& tree, const Wanted& wanted) QUIRE_REQUIRES(mutex_);
  void remove(Entry& entry) noexcept QUIRE_REQUIRES(mutex_);
  Result<Entry*> request(OwnerState& owner, const Wanted& wanted, std::uint64_t timeout_us) QUIRE_REQUIRES(mutex_);
  void finish(Entry& entry) noexcept QUIRE_REQUIRES(mutex_);

  // waiting.cpp
  Status settle(OwnerState& owner, TreeId tree, Entry* entry, Xid holder, std::uint64_t timeout_us) QUIRE_REQUIRES(mutex_);
  void begin_wait(OwnerState& owner) QUIRE_REQUIRES(mutex_);
  Status park(OwnerState& owner, std::uint64_t timeout_us) QUIRE_REQUIRES(mutex_);
  void leave_queue(OwnerState& owner, WaitState state) noexcept QUIRE_REQUIRES(mutex_);
  void give_up(OwnerState& owner, WaitState state) noexcept QUIRE_REQUIRES(mutex_);
  void set_holder(OwnerState& owner, Xid holder) noexcept QUIRE_REQUIRES(mutex_);
  bool is_held_up(const OwnerState& owner) const noexcept QUIRE_REQUIRES(mutex_);
  void grant_those_free() noexcept QUIRE_REQUIRES(mutex_);

  // wait_graph.cpp
  void break_cycles(OwnerState& owner) noexcept QUIRE_REQUIRES(mutex_);
  bool find_cycle(OwnerState& owner) noexcept QUIRE_REQUIRES(mutex_);
  template <class Reach>
  bool reach_by_xid(const OwnerState& waiter, Reach&& reach) const noexcept QUIRE_REQUIRES(mutex_);
  template <class Reach>
  bool reach_by_entry(const OwnerState& waiter, Reach&& reach) const noexcept QUIRE_REQUIRES(mutex_);
  std::string describe_cycle(const OwnerState& owner, const OwnerState& victim) const;

  // holdings.cpp
  void join(Entry& entry) noexcept QUIRE_REQUIRES(mutex_);
  void escalate(OwnerState& owner, TreeEntries& tree) noexcept QUIRE_REQUIRES(mutex_);

  // describe.cpp; with the mutex held, in places where clang cannot see it
  std::string describe_owner(const OwnerState& owner) const;
  std::string describe_wait(const OwnerState& owner) const;
  Status timeout_status(const OwnerState& owner, std::uint64_t waited_us) const;
  LockInfo info_of(const Entry& entry, std::uint64_t now_us) const;

  // Constant.
  const XidStatus& status_;
  Parking& parking_;
  const LockTableOptions options_;

  // Atomic: read by writers and by those who end, changed under the mutex. Both with seq_cst.
  std::array<Atomic<std::uint32_t>, slot_count> entry_counts_{};  // by tree id; trees may share one
  Atomic<std::uint32_t> xid_waiters_{0};

  mutable os::Mutex mutex_;
  std::unordered_map<TreeId, TreeEntries> trees_ QUIRE_GUARDED_BY(mutex_);
  EntryPool pool_ QUIRE_GUARDED_BY(mutex_);
  OwnerState* first_waiter_ QUIRE_GUARDED_BY(mutex_) = nullptr;  // by ticket
  OwnerState* last_waiter_ QUIRE_GUARDED_BY(mutex_) = nullptr;
  std::uint64_t next_ticket_ QUIRE_GUARDED_BY(mutex_) = 1;
  std::uint64_t search_round_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::uint64_t releases_ QUIRE_GUARDED_BY(mutex_) = 0;  // calls of released_rows (LK-51)
  LockCounts counts_ QUIRE_GUARDED_BY(mutex_);
};

}  // namespace quire::lock
