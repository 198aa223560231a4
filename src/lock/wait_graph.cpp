// Deadlocks: the search of the wait-for graph, and who has to give way (LK-7).
//
// An edge leads from one who waits to each who is in its way. Only somebody who begins to wait can close a cycle, and then it is on it: whoever
// does not wait has no edges, and what a waiter has to mind does not grow but by such a beginning. So one search from there is
// enough. It goes in breadth, so the cycle told is a shortest one, and it keeps its marks in the owners, so it needs no memory.
//
// Of a cycle the one with the fewest changes gives way, of equals the youngest. When that is not the one who began to wait, there may be
// more cycles: victims are only marked until all are found. If it must give way in the end, it alone is enough; else those are spared
// whose cycles others have broken.
//
// Invariants   1. a victim's request is gone when the mutex is free, so it is in no cycle and is not chosen twice
//              2. of several victims each has a cycle that no other is on, so giving one up frees no other
#include <algorithm>
#include <vector>

#include "base/assert.hpp"
#include "base/contain.hpp"
#include "base/seeded_bug.hpp"
#include "lock/in_the_way.hpp"
#include "lock/lock_table.hpp"

namespace quire::lock {

namespace {

bool gives_way_before(const OwnerState& one, const OwnerState& other) noexcept {
  const std::uint64_t one_changes = one.changes.load(relaxed);
  const std::uint64_t other_changes = other.changes.load(relaxed);
  if (one_changes != other_changes) return one_changes < other_changes;
  return one.number > other.number;
}

OwnerState& victim_of(OwnerState& owner) noexcept {
  OwnerState* victim = &owner;
  for (OwnerState* other = owner.mark.from; other != &owner; other = other->mark.from) {
    if (gives_way_before(*other, *victim)) victim = other;
  }
  return *victim;
}

}  // namespace

void LockTable::break_cycles(OwnerState& owner) noexcept {
  OwnerState* victims = nullptr;
  while (owner.wait.state == WaitState::waiting && find_cycle(owner)) {
    OwnerState& victim = seeded_bug("oldest_gives_way") ? *owner.mark.from : victim_of(owner);
    victim.wait.message.clear();
    (void)contain_no_memory([&] {
      victim.wait.message = describe_cycle(owner, victim);
      return Status();
    });
    if (&victim == &owner) {
      for (; victims != nullptr; victims = victims->mark.next_victim) victims->mark.is_victim = false;
      ++counts_.deadlocks;
      return give_up(owner, WaitState::victim);
    }
    victim.mark.is_victim = true;
    victim.mark.next_victim = victims;
    victims = &victim;
  }
  for (OwnerState* victim = victims; victim != nullptr; victim = victim->mark.next_victim) {
    victim->mark.is_victim = false;
    victim->mark.is_victim = seeded_bug("keep_needless_victims") || find_cycle(owner);
  }
  while (victims != nullptr) {
    OwnerState& victim = *victims;
    victims = victim.mark.next_victim;
    if (!victim.mark.is_victim) continue;
    victim.mark.is_victim = false;
    QUIRE_ASSERT(victim.wait.state == WaitState::waiting);
    ++counts_.deadlocks;
    give_up(victim, WaitState::victim);
    parking_.wake(victim.wait.woken);
  }
}

// Whether `owner` waits for itself by way of others who are not victims already. Then `mark.from` leads back along the cycle.
bool LockTable::find_cycle(OwnerState& owner) noexcept {
  const std::uint64_t round = ++search_round_;
  OwnerState* last = &owner;
  owner.mark.round = round;
  owner.mark.queued = nullptr;
  for (OwnerState* waiter = &owner; waiter != nullptr; waiter = waiter->mark.queued) {
    const auto reach = [&](OwnerState& other) {
      if (&other == &owner) {
        owner.mark.from = waiter;
        return true;
      }
      if (other.wait.state != WaitState::waiting || other.mark.is_victim || other.mark.round == round) return false;
      other.mark.round = round;
      other.mark.from = waiter;
      other.mark.queued = nullptr;
      last->mark.queued = &other;
      last = &other;
      return false;
    };
    if (reach_by_xid(*waiter, reach) || reach_by_entry(*waiter, reach)) return true;
  }
  return false;
}

template <class Reach>
bool LockTable::reach_by_xid(const OwnerState& waiter, Reach&& reach) const noexcept {
  const Xid holder = waiter.wait.holder;
  if (holder == no_xid || !status_.active(holder)) return false;
  for (OwnerState* other = first_waiter_; other != nullptr; other = other->wait.next) {
    if (other->xid.load(relaxed) == holder.raw) return reach(*other);
  }
  return false;
}

template <class Reach>
bool LockTable::reach_by_entry(const OwnerState& waiter, Reach&& reach) const noexcept {
  if (waiter.wait.entry == nullptr) return false;
  return visit_in_the_way(request_of(*waiter.wait.entry), [&](const Entry& other) { return reach(*other.owner); });
}

std::string LockTable::describe_cycle(const OwnerState& owner, const OwnerState& victim) const {
  std::vector<const OwnerState*> cycle{&owner};
  for (const OwnerState* other = owner.mark.from; other != &owner; other = other->mark.from) cycle.push_back(other);
  std::reverse(cycle.begin(), cycle.end());
  std::rotate(cycle.begin(), std::find(cycle.begin(), cycle.end(), &victim), cycle.end());
  std::string text = "deadlock of " + std::to_string(cycle.size()) + ": ";
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    const OwnerState& waiter = *cycle[i];
    const OwnerState& next = *cycle[(i + 1) % cycle.size()];
    text += describe_owner(waiter) + " waits for " + describe_wait(waiter) + ", held up by " + describe_owner(next) + "; ";
  }
  text += "the first has the fewest changes (" + std::to_string(victim.changes.load(relaxed)) + "), or is the youngest of equals, and gives way";
  return text;
}

}  // namespace quire::lock
