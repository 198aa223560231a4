// Entry: one lock, held or waited for, and the entries of one tree in the order of their keys.
//
// Entries of one key and entries of a range lie in two sets, both sorted by lower bound and then by age. A point is found in
// O(log n); ranges are looked through up to the first that begins behind the keys in question. An entry keeps its place in the set as a
// node of its own while it is in none, so linking and unlinking neither allocate nor fail.
//
// Invariants   1. `is_point` entries are in TreeEntries::points, others in TreeEntries::ranges
//              2. two granted entries of different owners that overlap do not conflict
//              3. tickets are unique; a smaller one came earlier
// Threads      under the table's mutex
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "lock/interval.hpp"

namespace quire::lock {

struct Entry;
struct OwnerState;
struct TreeEntries;

// By lower bound, then by ticket.
struct EntryOrder {
  using is_transparent = void;
  inline bool operator()(const Entry* one, const Entry* other) const noexcept;
  inline bool operator()(const Entry* one, std::string_view key) const noexcept;
  inline bool operator()(std::string_view key, const Entry* other) const noexcept;
};

using EntrySet = std::set<Entry*, EntryOrder>;

struct Entry {
  OwnerState* owner = nullptr;
  TreeEntries* tree = nullptr;
  std::uint64_t ticket = 0;
  Mode mode = Mode::shared;
  bool granted = false;
  bool converts = false;   // the owner holds a weaker lock around it: minds granted entries only (LK-4)
  bool of_wait_for = false;  // a place in the queue of a key, given back by wrote()
  bool is_claim = false;   // until kept (LK-3)
  bool is_point = false;
  bool lower_inclusive = true;
  bool upper_inclusive = true;
  bool has_upper = false;
  std::string lower;       // of a point: the key
  std::string upper;
  Entry* previous_of_owner = nullptr;
  Entry* next_of_owner = nullptr;
  EntrySet::iterator place;     // while linked
  EntrySet::node_type node;     // while not linked

  Interval interval() const noexcept {
    if (is_point) return Interval::point(lower);
    return {lower, upper, lower_inclusive, upper_inclusive, has_upper};
  }
  // While not linked; may allocate. Only a point may be stored as one; a claim never is, since its bounds change.
  void set_interval(const Interval& interval, bool as_point);
};

inline bool EntryOrder::operator()(const Entry* one, const Entry* other) const noexcept {
  const int order = one->lower.compare(other->lower);
  return order != 0 ? order < 0 : one->ticket < other->ticket;
}
inline bool EntryOrder::operator()(const Entry* one, std::string_view key) const noexcept { return one->lower.compare(key) < 0; }
inline bool EntryOrder::operator()(std::string_view key, const Entry* other) const noexcept { return other->lower.compare(key) > 0; }

struct TreeEntries {
  TreeId id;
  EntrySet points;
  EntrySet ranges;

  bool is_empty() const noexcept { return points.empty() && ranges.empty(); }
  void link(Entry& entry) noexcept;
  void unlink(Entry& entry) noexcept;

  // Calls visit(entry) for all that overlap, points first, until it answers true; says whether it did.
  template <class Visit>
  bool visit_overlapping(const Interval& interval, Visit&& visit) const;
};

// Takes entries from memory and keeps those given back for the next.
class EntryPool {
 public:
  EntryPool() = default;
  EntryPool(const EntryPool&) = delete;
  EntryPool& operator=(const EntryPool&) = delete;
  ~EntryPool();

  // Not linked, with the interval set. On std::bad_alloc nothing is taken.
  Entry* take(const Interval& interval, bool as_point);
  void give_back(Entry* entry) noexcept;
  // A bound of an entry gets other bytes.
  void replace(std::string& bound, std::string with) noexcept;

  // What entries occupy, kept ones included, but for what malloc adds.
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  static std::size_t bytes_of(const Entry& entry) noexcept;

  Entry* free_ = nullptr;  // through next_of_owner
  std::size_t free_count_ = 0;
  std::size_t bytes_ = 0;
};

template <class Visit>
bool TreeEntries::visit_overlapping(const Interval& interval, Visit&& visit) const {
  for (auto i = points.lower_bound(interval.lower); i != points.end(); ++i) {
    if (interval.has_upper && (*i)->lower.compare(interval.upper) > 0) break;
    if (interval.contains((*i)->lower) && visit(**i)) return true;
  }
  for (Entry* range : ranges) {
    if (interval.has_upper && range->lower.compare(interval.upper) > 0) break;
    if (overlap(range->interval(), interval) && visit(*range)) return true;
  }
  return false;
}

}  // namespace quire::lock
