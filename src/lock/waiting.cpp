// Waiting: from a request that meets somebody to its grant, its timeout or its end as a victim.
//
// Whoever gives something back grants on behalf of those who waited, under the mutex, and wakes them; who sleeps only looks at its
// own state. So nothing that has become free can be missed, and nobody takes a place in the queue away between wake and look.
//
// Of an xid: the waiter first counts itself in xid_waiters_ and then looks whether the transaction is active; that one first ends and then
// looks at the count. Both sequentially consistent: one sees the other (LK-4).
#include "lock/lock_table.hpp"

#include "base/assert.hpp"
#include "base/contain.hpp"
#include "base/seeded_bug.hpp"
#include "lock/in_the_way.hpp"

namespace quire::lock {

// Grants the request, or waits. `entry` may be granted already, when its owner has found the row in other hands again: it goes back to
// its place in the queue.
Status LockTable::settle(OwnerState& owner, TreeId tree, Entry* entry, Xid holder, std::uint64_t timeout_us) {
  Wait& wait = owner.wait;
  QUIRE_ASSERT(wait.state == WaitState::none);
  wait.tree = tree;
  wait.entry = entry;
  wait.ticket = entry != nullptr ? entry->ticket : next_ticket_++;
  if (entry != nullptr) wait.mode = entry->mode;
  set_holder(owner, holder);
  const bool was_granted = entry != nullptr && entry->granted;
  if (!is_held_up(owner)) {
    if (entry != nullptr) entry->granted = true;
    leave_queue(owner, WaitState::none);
    return Status();
  }
  if (was_granted) entry->granted = false;
  if (timeout_us == 0) {
    ++counts_.timeouts;
    Status status = timeout_status(owner, 0);
    give_up(owner, WaitState::none);
    return status;
  }
  begin_wait(owner);
  if (was_granted) grant_those_free();  // who converts has no longer to mind it, nor has who holds the row
  break_cycles(owner);
  return park(owner, timeout_us);
}

void LockTable::begin_wait(OwnerState& owner) {
  Wait& wait = owner.wait;
  wait.message.clear();
  wait.since_us = parking_.now_us();
  wait.state = WaitState::waiting;
  OwnerState* earlier = last_waiter_;
  while (earlier != nullptr && earlier->wait.ticket > wait.ticket) earlier = earlier->wait.previous;
  wait.previous = earlier;
  wait.next = earlier != nullptr ? earlier->wait.next : first_waiter_;
  (wait.previous != nullptr ? wait.previous->wait.next : first_waiter_) = &owner;
  (wait.next != nullptr ? wait.next->wait.previous : last_waiter_) = &owner;
  ++counts_.waits;
  ++counts_.waiting;
}

Status LockTable::park(OwnerState& owner, std::uint64_t timeout_us) {
  Wait& wait = owner.wait;
  const std::uint64_t forever = ~std::uint64_t{0};
  const std::uint64_t deadline = timeout_us < forever - wait.since_us ? wait.since_us + timeout_us : forever;
  while (wait.state == WaitState::waiting) {
    const std::uint64_t now = parking_.now_us();
    if (now >= deadline) {
      ++counts_.timeouts;
      Status status = timeout_status(owner, now - wait.since_us);
      give_up(owner, WaitState::none);
      return status;
    }
    if (!parking_.wait(mutex_, wait.woken, deadline - now)) return Status(Code::busy);
  }
  const bool is_victim = wait.state == WaitState::victim;
  wait.state = WaitState::none;
  wait.entry = nullptr;
  if (!is_victim) return Status();
  return contain_no_memory([&] { return Status(Code::deadlock, wait.message); }, []() noexcept {}, Code::deadlock);
}

// Out of the list, if it is in it; `state` says why.
void LockTable::leave_queue(OwnerState& owner, WaitState state) noexcept {
  Wait& wait = owner.wait;
  if (wait.state == WaitState::waiting) {
    (wait.previous != nullptr ? wait.previous->wait.next : first_waiter_) = wait.next;
    (wait.next != nullptr ? wait.next->wait.previous : last_waiter_) = wait.previous;
    wait.previous = wait.next = nullptr;
    --counts_.waiting;
  }
  set_holder(owner, no_xid);
  wait.state = state;
  if (state != WaitState::granted) wait.entry = nullptr;
}

void LockTable::give_up(OwnerState& owner, WaitState state) noexcept {
  Entry* entry = owner.wait.entry;
  leave_queue(owner, state);
  if (entry != nullptr) {
    QUIRE_ASSERT(!entry->granted);
    remove(*entry);
  }
  grant_those_free();
}

void LockTable::set_holder(OwnerState& owner, Xid holder) noexcept {
  Xid& known = owner.wait.holder;
  if (known == no_xid && holder != no_xid) xid_waiters_.fetch_add(1, seq_cst);
  if (known != no_xid && holder == no_xid) xid_waiters_.fetch_sub(1, seq_cst);
  known = holder;
}

bool LockTable::is_held_up(const OwnerState& owner) const noexcept {
  const Wait& wait = owner.wait;
  if (wait.holder != no_xid && (status_.active(wait.holder) || seeded_bug("trust_the_holder"))) return true;
  return wait.entry != nullptr && !wait.entry->granted && !is_free(request_of(*wait.entry));
}

// In the order of their tickets. What is granted on the way is in the way of more, never of less, so one pass is enough.
void LockTable::grant_those_free() noexcept {
  OwnerState* next = nullptr;
  for (OwnerState* owner = first_waiter_; owner != nullptr; owner = next) {
    next = owner->wait.next;
    if (is_held_up(*owner)) continue;
    if (owner->wait.entry != nullptr) owner->wait.entry->granted = true;
    leave_queue(*owner, WaitState::granted);
    parking_.wake(owner->wait.woken);
  }
}

}  // namespace quire::lock
