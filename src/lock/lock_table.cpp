// LockTable: registering, asking, giving back.
//
// Everything that can fail happens before an entry is linked. An entry counts in entry_counts_ before its owner reads anything, and a
// writer looks at the count while it holds the latch of the leaf, so of the two at least one sees the other (LK-2).
#include "lock/lock_table.hpp"

#include "base/assert.hpp"
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "lock/holdings.hpp"
#include "lock/in_the_way.hpp"

namespace quire::lock {

namespace {

// Trees that have no entries are kept for the next, up to this many trees altogether.
constexpr std::size_t tree_count_kept = 64;

// What wait_for left on the key, good for `mode`.
Entry* find_queued(const OwnerState& owner, const TreeEntries& tree, std::string_view key, Mode mode) noexcept {
  if (owner.points == nullptr) return nullptr;
  for (auto i = tree.points.lower_bound(key); i != tree.points.end() && (*i)->lower == key; ++i) {
    Entry* entry = *i;
    if (entry->owner == &owner && entry->of_wait_for && suffices(entry->mode, mode)) return entry;
  }
  return nullptr;
}

}  // namespace

LockTable::LockTable(const XidStatus& status, Parking& parking, LockTableOptions options)
    : status_(status), parking_(parking), options_(options) {}

LockTable::~LockTable() {
  os::Lock lock(mutex_);
  QUIRE_ASSERT(counts_.entries == 0);
  QUIRE_ASSERT(first_waiter_ == nullptr);
}

Status LockTable::acquire(Owner& owner, TreeId tree, const Interval& interval, Mode mode, std::uint64_t timeout_us) {
  os::Lock lock(mutex_);
  QUIRE_ASSIGN(Entry * entry, request(owner.state_, {tree, interval, mode, false}, timeout_us));
  if (entry != nullptr) finish(*entry);
  return Status();
}

Result<Claim> LockTable::claim(Owner& owner, TreeId tree, const Interval& interval, Mode mode, std::uint64_t timeout_us) {
  os::Lock lock(mutex_);
  QUIRE_ASSIGN(Entry * entry, request(owner.state_, {tree, interval, mode, true}, timeout_us));
  return Claim(entry);
}

Result<Entry*> LockTable::request(OwnerState& owner, const Wanted& wanted, std::uint64_t timeout_us) {
  if (owner.wait.state != WaitState::none) {
    Entry* entry = owner.wait.entry;
    QUIRE_TRY(park(owner, timeout_us));
    return entry;
  }
  if (wanted.interval.is_empty()) return nullptr;
  TreeEntries& tree = make_tree(wanted.tree);
  const std::optional<Mode> held = held_around(owner, tree, wanted.interval, Claims::do_not_count);
  if (held && suffices(*held, wanted.mode)) return nullptr;
  Entry& entry = add(owner, tree, wanted);
  owner.wait.at_key = false;
  owner.wait.wants_end = false;
  QUIRE_TRY(settle(owner, tree.id, &entry, no_xid, timeout_us));
  return &entry;
}

// A lock of its own kind is complete: fewer entries say the same.
void LockTable::finish(Entry& entry) noexcept {
  OwnerState& owner = *entry.owner;
  TreeEntries& tree = *entry.tree;
  entry.is_claim = false;
  if (!entry.is_point) join(entry);
  escalate(owner, tree);
}

void LockTable::keep(Claim& claim) noexcept {
  if (claim.is_empty()) return;
  os::Lock lock(mutex_);
  finish(*claim.entry_);
  claim.entry_ = nullptr;
}

void LockTable::cut(Claim& claim, const Interval& rest) {
  if (claim.is_empty()) return;
  os::Lock lock(mutex_);
  Entry& entry = *claim.entry_;
  const Interval claimed = entry.interval();
  if (!overlap(claimed, rest)) return;
  if (covers(rest, claimed)) {
    remove(entry);
    claim.entry_ = nullptr;
  } else if (!ends_after(claimed, rest)) {
    pool_.replace(entry.upper, std::string(rest.lower));
    entry.upper_inclusive = !rest.lower_inclusive;
    entry.has_upper = true;
  } else {
    QUIRE_ASSERT(!begins_before(claimed, rest));
    std::string lower(rest.upper);
    entry.tree->unlink(entry);
    pool_.replace(entry.lower, std::move(lower));
    entry.lower_inclusive = !rest.upper_inclusive;
    entry.tree->link(entry);
  }
  grant_those_free();
}

bool LockTable::look_for_writer(const Owner& owner, TreeId id, std::string_view key) noexcept {
  os::Lock lock(mutex_);
  const TreeEntries* tree = find_tree(id);
  if (tree == nullptr) return true;
  const Interval point = Interval::point(key);
  Request request{owner.state_, *tree, point, Mode::exclusive};
  request.converts = held_around(owner.state_, *tree, point, Claims::count).has_value();
  return is_free(request);
}

Status LockTable::wait_for(Owner& handle, TreeId id, std::string_view key, Mode mode, Xid holder, std::uint64_t timeout_us) {
  os::Lock lock(mutex_);
  OwnerState& owner = handle.state_;
  Entry* entry = owner.wait.entry;
  if (owner.wait.state == WaitState::none) {
    QUIRE_ASSERT(holder == no_xid || holder != handle.xid());
    owner.wait.key.assign(key);
    if (owner.releases_seen != releases_ && !seeded_bug("forget_releases")) holder = no_xid;  // the row may be one of those released: look again first (LK-51)
    TreeEntries& tree = make_tree(id);
    entry = find_queued(owner, tree, key, mode);
    if (entry == nullptr) {
      const Interval point = Interval::point(key);
      const std::optional<Mode> held = held_around(owner, tree, point, Claims::do_not_count);
      if (!held || !suffices(*held, mode)) {
        entry = &add(owner, tree, {id, point, mode, false});
        entry->of_wait_for = true;
      }
    }
    owner.wait.at_key = true;
    owner.wait.wants_end = false;
    owner.wait.mode = mode;
    QUIRE_TRY(settle(owner, id, entry, holder, timeout_us));
  } else {
    QUIRE_TRY(park(owner, timeout_us));
  }
  owner.releases_seen = releases_;
  if (entry != nullptr && mode == Mode::shared) finish(*entry);
  return Status();
}

void LockTable::wrote(Owner& handle, TreeId id, std::string_view key) noexcept {
  // Who waits for the row would be woken only to find its new holder.
  give_place_back(handle, id, key, seeded_bug("wake_to_find_the_next_holder") ? no_xid : handle.xid());
}

void LockTable::left(Owner& handle, TreeId id, std::string_view key) noexcept { give_place_back(handle, id, key, no_xid); }

void LockTable::give_place_back(Owner& handle, TreeId id, std::string_view key, Xid xid) noexcept {
  OwnerState& owner = handle.state_;
  if (owner.points == nullptr) return;
  os::Lock lock(mutex_);
  TreeEntries* tree = find_tree(id);
  Entry* entry = tree == nullptr ? nullptr : find_queued(owner, *tree, key, Mode::exclusive);
  if (entry == nullptr) return;
  remove(*entry);
  for (OwnerState* waiter = first_waiter_; waiter != nullptr && xid != no_xid; waiter = waiter->wait.next) {
    const Wait& wait = waiter->wait;
    if (wait.at_key && wait.tree == id && wait.key == key) set_holder(*waiter, xid);
  }
  grant_those_free();
}

Status LockTable::wait_for_end(Owner& handle, TreeId tree, Xid xid, std::uint64_t timeout_us) {
  os::Lock lock(mutex_);
  OwnerState& owner = handle.state_;
  if (owner.wait.state != WaitState::none) return park(owner, timeout_us);
  QUIRE_ASSERT(xid != no_xid && xid != handle.xid());
  owner.wait.at_key = false;
  owner.wait.wants_end = true;
  owner.wait.mode = Mode::exclusive;
  return settle(owner, tree, nullptr, xid, timeout_us);
}

void LockTable::end(Owner& handle) noexcept {
  OwnerState& owner = handle.state_;
  const Xid xid = handle.xid();
  const bool is_known = owner.entries != 0 || owner.wait.state != WaitState::none;
  if (!is_known && (xid == no_xid || xid_waiters_.load(seq_cst) == 0)) return;
  os::Lock lock(mutex_);
  bool somebody_may_go = owner.entries != 0;
  leave_queue(owner, WaitState::none);
  while (owner.points != nullptr) remove(*owner.points);
  while (owner.ranges != nullptr) remove(*owner.ranges);
  owner.shares.clear();
  for (const OwnerState* waiter = first_waiter_; waiter != nullptr && !somebody_may_go; waiter = waiter->wait.next) {
    somebody_may_go = xid != no_xid && waiter->wait.holder == xid;
  }
  if (somebody_may_go && !seeded_bug("forget_to_wake")) grant_those_free();
}

void LockTable::released_rows(Xid xid) noexcept {
  os::Lock lock(mutex_);
  ++releases_;
  for (OwnerState* waiter = first_waiter_; waiter != nullptr; waiter = waiter->wait.next) {
    if (waiter->wait.holder == xid && !waiter->wait.wants_end) set_holder(*waiter, no_xid);
  }
  grant_those_free();
}

TreeEntries* LockTable::find_tree(TreeId tree) noexcept {
  const auto found = trees_.find(tree);
  return found == trees_.end() ? nullptr : &found->second;
}

TreeEntries& LockTable::make_tree(TreeId tree) {
  TreeEntries& entries = trees_[tree];
  entries.id = tree;
  return entries;
}

Entry& LockTable::add(OwnerState& owner, TreeEntries& tree, const Wanted& wanted) {
  Share& share = share_of(owner, tree.id, options_.escalate_above);
  Entry* entry = pool_.take(wanted.interval, wanted.interval.is_point() && !wanted.is_claim);
  entry->owner = &owner;
  entry->tree = &tree;
  entry->ticket = next_ticket_++;
  entry->mode = wanted.mode;
  entry->granted = false;
  entry->converts = held_around(owner, tree, wanted.interval, Claims::count).has_value();
  entry->of_wait_for = false;
  entry->is_claim = wanted.is_claim;
  tree.link(*entry);
  list_with_owner(*entry);
  ++owner.entries;
  ++share.entries;
  ++counts_.entries;
  if (!seeded_bug("forget_to_count")) entry_counts_[slot_of(tree.id)].fetch_add(1, seq_cst);
  return *entry;
}

void LockTable::remove(Entry& entry) noexcept {
  OwnerState& owner = *entry.owner;
  TreeEntries& tree = *entry.tree;
  tree.unlink(entry);
  unlist_from_owner(entry);
  --owner.entries;
  --find_share(owner, tree.id)->entries;
  --counts_.entries;
  if (!seeded_bug("forget_to_count")) entry_counts_[slot_of(tree.id)].fetch_sub(1, seq_cst);
  pool_.give_back(&entry);
  if (tree.is_empty() && trees_.size() > tree_count_kept) trees_.erase(tree.id);
}

}  // namespace quire::lock
