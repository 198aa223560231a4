// Who is in the way of a request: the one definition of conflict, asked when a request comes, whenever something is given back, and by
// the search for deadlocks.
//
// An entry that waits longer is in the way although it holds nothing, which makes the queue fair (LK-4), with two exceptions. A request that
// converts would otherwise wait for somebody who waits for it. And an entry whose owner itself waits for the requester - for its
// xid, or for what was granted to it - can be passed: it gets nothing before the requester ends.
//
// Threads   under the table's mutex
#pragma once

#include <cstdint>
#include <optional>

#include "base/seeded_bug.hpp"
#include "lock/entry.hpp"
#include "lock/interval.hpp"
#include "lock/owner.hpp"

namespace quire::lock {

struct Request {
  const OwnerState& owner;
  const TreeEntries& tree;
  Interval interval;
  Mode mode = Mode::shared;
  std::uint64_t ticket = ~std::uint64_t{0};  // later than all
  bool converts = false;
};

inline Request request_of(const Entry& entry) noexcept {
  return {*entry.owner, *entry.tree, entry.interval(), entry.mode, entry.ticket, entry.converts};
}

// The strongest granted lock of the owner that covers the interval alone; with or without claims, which may be cut.
enum class Claims : std::uint8_t { count, do_not_count };
std::optional<Mode> held_around(const OwnerState& owner, const TreeEntries& tree, const Interval& interval, Claims claims) noexcept;

// The owner waits for an xid of the other or for an entry granted to it.
bool waits_for(const OwnerState& owner, const OwnerState& other) noexcept;

inline bool is_in_the_way(const Entry& other, const Request& request) noexcept {
  if (other.owner == &request.owner || !conflict(other.mode, request.mode)) return false;
  if (other.granted) return true;
  if (request.converts || other.ticket > request.ticket || seeded_bug("ignore_earlier_waiters")) return false;
  return !waits_for(*other.owner, request.owner);
}

// Calls visit(entry) for entries in the way until it answers true; says whether it did.
template <class Visit>
bool visit_in_the_way(const Request& request, Visit&& visit) {
  return request.tree.visit_overlapping(request.interval,
                                        [&](const Entry& other) { return is_in_the_way(other, request) && visit(other); });
}

inline bool is_free(const Request& request) noexcept {
  return !visit_in_the_way(request, [](const Entry&) { return true; });
}

}  // namespace quire::lock
