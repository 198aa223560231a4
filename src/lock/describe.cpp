// Describe: what the lock table tells people, in messages and as a list.
//
// A message names tree, key, who is in the way and for how long (LK-7). It is made before the wait is taken down, and when there is no memory
// for it the code alone is returned.
#include <algorithm>
#include <utility>

#include "base/contain.hpp"
#include "lock/in_the_way.hpp"
#include "lock/lock_table.hpp"

namespace quire::lock {

namespace {

const Entry* first_in_the_way(const OwnerState& owner) noexcept {
  const Entry* first = nullptr;
  if (owner.wait.entry == nullptr || owner.wait.entry->granted) return nullptr;
  visit_in_the_way(request_of(*owner.wait.entry), [&](const Entry& other) {
    first = &other;
    return true;
  });
  return first;
}

}  // namespace

std::string LockTable::describe_owner(const OwnerState& owner) const {
  const Xid xid{owner.xid.load(relaxed)};
  if (xid != no_xid) return status_.describe(xid);
  return "transaction " + std::to_string(owner.number) + " (no changes)";
}

std::string LockTable::describe_wait(const OwnerState& owner) const {
  const Wait& wait = owner.wait;
  const std::string tree = " of " + status_.describe_tree(wait.tree);
  if (wait.wants_end) return "the end of a transaction that has written" + tree.substr(3);
  const std::string lock = std::string(describe(wait.mode)) + " lock on ";
  if (wait.at_key) return lock + "key " + describe_key(wait.key) + tree;
  return lock + describe(wait.entry->interval()) + tree;
}

Status LockTable::timeout_status(const OwnerState& owner, std::uint64_t waited_us) const {
  return contain_no_memory(
      [&] {
        const Wait& wait = owner.wait;
        std::string text = wait.state == WaitState::waiting
                               ? "waited " + std::to_string((waited_us + 500) / 1000) + " ms (Options::lock_timeout_ms) for "
                               : std::string("does not wait for ");
        text += describe_wait(owner) + ": ";
        const Entry* other = first_in_the_way(owner);
        if (wait.holder != no_xid && status_.active(wait.holder)) {
          text += status_.describe(wait.holder) + (wait.wants_end ? " has not ended" : " has written the row");
        } else if (other != nullptr) {
          text += describe_owner(*other->owner) + (other->granted ? " holds a " : " waits longer, for a ");
          text += std::string(describe(other->mode)) + " lock on " + describe(other->interval());
        }
        return Status(Code::timeout, std::move(text));
      },
      []() noexcept {}, Code::timeout);
}

LockInfo LockTable::info_of(const Entry& entry, std::uint64_t now_us) const {
  LockInfo info;
  info.tree = entry.tree->id;
  info.lower = entry.lower;
  info.upper = entry.is_point ? entry.lower : entry.upper;
  info.lower_inclusive = entry.lower_inclusive;
  info.upper_inclusive = entry.upper_inclusive;
  info.has_upper = entry.has_upper;
  info.mode = entry.mode;
  info.granted = entry.granted;
  info.owner = entry.owner->number;
  info.xid = Xid{entry.owner->xid.load(relaxed)};
  if (entry.granted) return info;
  info.waits_for_xid = entry.owner->wait.holder;
  const Entry* other = first_in_the_way(*entry.owner);
  info.waits_for_owner = other == nullptr ? 0 : other->owner->number;
  info.waited_us = now_us - entry.owner->wait.since_us;
  return info;
}

std::vector<LockInfo> LockTable::list() const {
  os::Lock lock(mutex_);
  const std::uint64_t now_us = parking_.now_us();
  std::vector<LockInfo> infos;
  for (const auto& [id, tree] : trees_) {
    for (const Entry* entry : tree.points) infos.push_back(info_of(*entry, now_us));
    for (const Entry* entry : tree.ranges) infos.push_back(info_of(*entry, now_us));
  }
  for (const OwnerState* owner = first_waiter_; owner != nullptr; owner = owner->wait.next) {
    const Wait& wait = owner->wait;
    if (wait.entry != nullptr) continue;
    LockInfo info;
    info.is_entry = false;
    info.tree = wait.tree;
    if (wait.at_key) {
      info.lower = info.upper = wait.key;
      info.has_upper = true;
    }
    info.mode = wait.mode;
    info.owner = owner->number;
    info.xid = Xid{owner->xid.load(relaxed)};
    info.waits_for_xid = wait.holder;
    info.waited_us = now_us - wait.since_us;
    infos.push_back(std::move(info));
  }
  std::stable_sort(infos.begin(), infos.end(), [](const LockInfo& one, const LockInfo& other) {
    return one.tree != other.tree ? one.tree < other.tree : one.lower.compare(other.lower) < 0;
  });
  return infos;
}

LockCounts LockTable::counts() const {
  os::Lock lock(mutex_);
  LockCounts counts = counts_;
  counts.memory_bytes = sizeof(LockTable) + pool_.bytes() + trees_.size() * (sizeof(TreeEntries) + 2 * sizeof(void*));
  return counts;
}

}  // namespace quire::lock
