// Who is in the way: what an owner holds around an interval, and whether one waits for another directly.
#include "lock/in_the_way.hpp"

namespace quire::lock {

namespace {

// An entry granted to `owner` keeps `wanted` from being granted.
bool holds_up(const OwnerState& owner, const Entry& wanted) noexcept {
  const Interval interval = wanted.interval();
  const auto stops = [&](const Entry& held) {
    return held.granted && held.tree == wanted.tree && conflict(held.mode, wanted.mode) && overlap(held.interval(), interval);
  };
  for (const Entry* held = owner.ranges; held != nullptr; held = held->next_of_owner) {
    if (stops(*held)) return true;
  }
  for (const Entry* held = owner.points; held != nullptr; held = held->next_of_owner) {
    if (stops(*held)) return true;
  }
  return false;
}

}  // namespace

std::optional<Mode> held_around(const OwnerState& owner, const TreeEntries& tree, const Interval& interval, Claims claims) noexcept {
  std::optional<Mode> strongest;
  const auto note = [&](const Entry& held) {
    if (held.owner != &owner || !held.granted || (held.is_claim && claims == Claims::do_not_count)) return;
    if (!strongest || held.mode == Mode::exclusive) strongest = held.mode;
  };
  for (const Entry* held = owner.ranges; held != nullptr; held = held->next_of_owner) {
    if (held->tree == &tree && covers(held->interval(), interval)) note(*held);
  }
  if (owner.points == nullptr || !interval.is_point()) return strongest;
  for (auto i = tree.points.lower_bound(interval.lower); i != tree.points.end() && (*i)->lower == interval.lower; ++i) note(**i);
  return strongest;
}

bool waits_for(const OwnerState& owner, const OwnerState& other) noexcept {
  if (owner.wait.state != WaitState::waiting) return false;
  const Xid holder = owner.wait.holder;
  if (holder != no_xid && holder.raw == other.xid.load(relaxed)) return true;
  return owner.wait.entry != nullptr && holds_up(other, *owner.wait.entry);
}

}  // namespace quire::lock
