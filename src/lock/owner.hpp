// Owner: a transaction as one that holds locks and as one that waits for them.
//
// Made with its transaction, before that has an xid, and destroyed after LockTable::end(). OwnerState is what the table keeps in it;
// nobody else looks inside.
//
//   wait state    none -> waiting (LockTable::begin_wait) -> granted | victim -> none (the call that waited returns)
//                 none      `entry`, `holder` are empty and the owner is in no list of waiters
//                 waiting   it is in the list of waiters; its entry, if any, is not granted; somebody is in the way
//                 granted   left the list; its entry, if any, is granted
//                 victim    left the list; its entry is gone; the message tells of the deadlock
//
// Threads   one at a time, except the atomics: number, xid, changes. OwnerState: under the table's mutex, but for `entries`, which
//           only others change while its own thread waits
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/assert.hpp"
#include "base/atomic.hpp"
#include "base/ids.hpp"
#include "lock/interval.hpp"
#include "os/sync.hpp"

namespace quire::lock {

struct Entry;
struct OwnerState;

inline constexpr Xid no_xid{0};

// What an owner holds in one tree, for escalation.
struct Share {
  TreeId tree;
  std::size_t entries = 0;
  std::size_t escalate_above = 0;
};

enum class WaitState : std::uint8_t { none, waiting, granted, victim };

struct Wait {
  WaitState state = WaitState::none;
  Mode mode = Mode::shared;
  bool at_key = false;           // by wait_for: `key` is the row's
  bool wants_end = false;        // by wait_for_end: there is no entry, and no rollback to a savepoint is enough
  TreeId tree{};
  Entry* entry = nullptr;        // the request; none when only an xid is waited for
  Xid holder{};                  // waited for besides; none: only entries of others are in the way
  std::uint64_t ticket = 0;      // of the entry, or drawn for the wait
  std::uint64_t since_us = 0;
  std::string key;
  std::string message;           // of a victim
  OwnerState* previous = nullptr;  // in the list of waiters
  OwnerState* next = nullptr;
  os::Condition woken;
};

// Marks of one search for a cycle.
struct SearchMark {
  std::uint64_t round = 0;       // of the search that reached it last
  OwnerState* from = nullptr;    // who waits for it
  OwnerState* queued = nullptr;  // next of the queue
  bool is_victim = false;        // of a cycle found before, and to be told when all are found
  OwnerState* next_victim = nullptr;
};

struct OwnerState {
  explicit OwnerState(std::uint64_t own_number) noexcept : number(own_number) {}

  const std::uint64_t number;
  Atomic<std::uint64_t> xid{0};
  Atomic<std::uint64_t> changes{0};
  std::size_t entries = 0;       // granted and waiting
  Entry* points = nullptr;       // lists through Entry::next_of_owner
  Entry* ranges = nullptr;
  std::vector<Share> shares;
  std::uint64_t releases_seen = 0;  // LK-51
  Wait wait;
  SearchMark mark;
};

class Owner {
 public:
  // A larger number is a younger transaction.
  explicit Owner(std::uint64_t number) noexcept : state_(number) {}
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() { QUIRE_ASSERT(state_.entries == 0 && state_.wait.state == WaitState::none); }

  std::uint64_t number() const noexcept { return state_.number; }
  void set_xid(Xid xid) noexcept { state_.xid.store(xid.raw, seq_cst); }
  Xid xid() const noexcept { return Xid{state_.xid.load(seq_cst)}; }
  // How much its rollback would undo: of a cycle, who has changed least is the victim.
  void set_changes(std::uint64_t count) noexcept { state_.changes.store(count, relaxed); }
  std::uint64_t changes() const noexcept { return state_.changes.load(relaxed); }

  // Whether it has entries in the table.
  bool holds_anything() const noexcept { return state_.entries != 0; }
  // A call that returned busy because its Parking suspended it is to be made again, or given up by LockTable::end().
  bool is_suspended() const noexcept { return state_.wait.state != WaitState::none; }

 private:
  friend class LockTable;
  OwnerState state_;
};

}  // namespace quire::lock
