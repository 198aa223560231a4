// Holdings: how an owner's entries become fewer.
//
// Joining: an interval takes in those of its owner that it covers with at least their mode, and grows by those of the same mode that it touches.
// The union holds no key that was not held, so nobody can be in the way and nobody is held up by more.
//
// Escalation: more than 2000 intervals in a tree become one over all of it, in the strongest mode, unless that would conflict with
// anything that others hold or wait for. Then the fine ones stay and the next try comes at twice the number (LK-6). What the wide lock adds
// are keys that nobody else has locked here; a row of another active transaction is met when it is read, like before.
//
// Neither allocates, fails or waits.
#include "lock/holdings.hpp"

#include <utility>

#include "base/assert.hpp"
#include "lock/in_the_way.hpp"
#include "lock/lock_table.hpp"

namespace quire::lock {

namespace {

// `entry` becomes the union of both, which touch. The other gets what is left over and is still to be removed.
void grow(Entry& entry, Entry& other) noexcept {
  TreeEntries& tree = *entry.tree;
  const bool lower = begins_before(other.interval(), entry.interval());
  const bool upper = ends_after(other.interval(), entry.interval());
  tree.unlink(entry);
  tree.unlink(other);
  if (lower) {
    entry.lower.swap(other.lower);
    std::swap(entry.lower_inclusive, other.lower_inclusive);
  }
  if (upper) {
    entry.upper.swap(other.upper);
    std::swap(entry.upper_inclusive, other.upper_inclusive);
    std::swap(entry.has_upper, other.has_upper);
  }
  tree.link(entry);
  tree.link(other);
}

// A place in the queue of a key is not a lock to be joined with others: wrote() gives it back.
bool is_place_in_queue(const Entry& entry) noexcept { return entry.of_wait_for && entry.mode == Mode::exclusive; }

bool may_be_joined(const Entry& entry) noexcept { return entry.granted && !entry.is_claim && !is_place_in_queue(entry); }

// Whether one lock over the whole tree would be in the way of others, or they in its.
bool others_mind(const TreeEntries& tree, const OwnerState& owner, Mode mode) noexcept {
  return tree.visit_overlapping(Interval::all(),
                                [&](const Entry& entry) { return entry.owner != &owner && conflict(entry.mode, mode); });
}

}  // namespace

Share* find_share(OwnerState& owner, TreeId tree) noexcept {
  for (Share& share : owner.shares) {
    if (share.tree == tree) return &share;
  }
  return nullptr;
}

Share& share_of(OwnerState& owner, TreeId tree, std::size_t escalate_above) {
  if (Share* known = find_share(owner, tree)) return *known;
  return owner.shares.emplace_back(Share{tree, 0, escalate_above});
}

void list_with_owner(Entry& entry) noexcept {
  Entry*& first = entry.is_point ? entry.owner->points : entry.owner->ranges;
  entry.previous_of_owner = nullptr;
  entry.next_of_owner = first;
  if (first != nullptr) first->previous_of_owner = &entry;
  first = &entry;
}

void unlist_from_owner(Entry& entry) noexcept {
  Entry*& first = entry.is_point ? entry.owner->points : entry.owner->ranges;
  (entry.previous_of_owner != nullptr ? entry.previous_of_owner->next_of_owner : first) = entry.next_of_owner;
  if (entry.next_of_owner != nullptr) entry.next_of_owner->previous_of_owner = entry.previous_of_owner;
  entry.previous_of_owner = entry.next_of_owner = nullptr;
}

void LockTable::join(Entry& entry) noexcept {
  OwnerState& owner = *entry.owner;
  TreeEntries& tree = *entry.tree;
  QUIRE_ASSERT(entry.granted && !entry.is_point);
  // Points first: what the interval is going to grow by has taken in its own.
  const auto begin = tree.points.lower_bound(std::string_view(entry.lower));
  for (auto i = owner.points == nullptr ? tree.points.end() : begin; i != tree.points.end();) {
    Entry& point = **i++;
    if (entry.has_upper && point.lower.compare(entry.upper) > 0) break;
    if (point.owner != &owner || !may_be_joined(point) || !suffices(entry.mode, point.mode)) continue;
    if (entry.interval().contains(point.lower)) remove(point);
  }
  for (Entry* other = owner.ranges; other != nullptr;) {
    Entry* next = other->next_of_owner;
    if (other != &entry && other->tree == &tree && may_be_joined(*other)) {
      if (covers(entry.interval(), other->interval()) && suffices(entry.mode, other->mode)) {
        remove(*other);
      } else if (other->mode == entry.mode && touch(entry.interval(), other->interval())) {
        grow(entry, *other);
        remove(*other);
        next = owner.ranges;  // it may touch more now
      }
    }
    other = next;
  }
}

void LockTable::escalate(OwnerState& owner, TreeEntries& tree) noexcept {
  Share& share = *find_share(owner, tree.id);
  if (share.entries <= share.escalate_above) return;
  Mode strongest = Mode::shared;
  Entry* wide = nullptr;
  for (Entry* list : {owner.points, owner.ranges}) {
    for (Entry* entry = list; entry != nullptr; entry = entry->next_of_owner) {
      if (entry->tree != &tree || !may_be_joined(*entry)) continue;
      wide = entry;
      if (entry->mode == Mode::exclusive) strongest = Mode::exclusive;
    }
  }
  if (wide == nullptr || others_mind(tree, owner, strongest)) {
    share.escalate_above *= 2;
    return;
  }
  tree.unlink(*wide);
  unlist_from_owner(*wide);
  pool_.replace(wide->lower, std::string());
  pool_.replace(wide->upper, std::string());
  wide->is_point = wide->has_upper = wide->of_wait_for = false;
  wide->lower_inclusive = wide->upper_inclusive = true;
  wide->mode = strongest;
  tree.link(*wide);
  list_with_owner(*wide);
  join(*wide);
  ++counts_.escalations;
}

}  // namespace quire::lock
