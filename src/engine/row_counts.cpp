// RowCounts: see row_counts.hpp.
//
// Counts are unsigned and changes signed; adding a negative one wraps around to the right number, which callers have made
// sure is not below zero.
#include "engine/row_counts.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace quire::engine {

namespace {

auto place_of(auto& all, TreeId tree) {
  return std::lower_bound(all.begin(), all.end(), tree, [](const RowCounts::Changes::Each& each, TreeId wanted) { return each.tree < wanted; });
}

}  // namespace

RowCounts::Change& RowCounts::Changes::of(TreeId tree) {
  auto at = place_of(all_, tree);
  if (at == all_.end() || at->tree != tree) at = all_.insert(at, {tree, {}});
  return at->change;
}

const RowCounts::Change* RowCounts::Changes::find(TreeId tree) const noexcept {
  const auto at = place_of(all_, tree);
  return at == all_.end() || at->tree != tree ? nullptr : &at->change;
}

void RowCounts::Changes::erase(TreeId tree) {
  const auto at = place_of(all_, tree);
  if (at != all_.end() && at->tree == tree) all_.erase(at);
}

void RowCounts::load(const std::vector<checkpoint::RowCount>& counts) {
  os::Lock lock(mutex_);
  counts_.clear();
  for (const checkpoint::RowCount& each : counts) counts_[each.tree] = {each.rows, each.ghosts, {}};
}

std::uint64_t RowCounts::rows(TreeId tree, Timestamp limit) const {
  os::Lock lock(mutex_);
  const auto found = counts_.find(tree);
  if (found == counts_.end()) return 0;
  std::uint64_t rows = found->second.rows;
  for (const Recent& recent : found->second.recent) {
    if (recent.at >= limit) rows -= static_cast<std::uint64_t>(recent.rows);
  }
  return rows;
}

void RowCounts::commit(Timestamp at, const Changes& changes, Timestamp horizon) {
  os::Lock lock(mutex_);
  for (const auto& [tree, change] : changes) {
    if (change.rows == 0 && !change.ghosts) continue;
    Count& count = counts_[tree];
    count.ghosts = count.ghosts || change.ghosts;
    if (change.rows == 0) continue;
    count.rows += static_cast<std::uint64_t>(change.rows);
    const auto settled = std::find_if(count.recent.begin(), count.recent.end(), [&](const Recent& each) { return each.at >= horizon; });
    count.recent.erase(count.recent.begin(), settled);
    count.recent.push_back({at, change.rows});
  }
}

// Of several that are not shown yet any one with so many rows will do.
void RowCounts::show(Timestamp at, const Changes& changes) {
  os::Lock lock(mutex_);
  for (const auto& [tree, change] : changes) {
    if (change.rows == 0) continue;
    std::vector<Recent>& recent = counts_[tree].recent;
    const std::int64_t rows = change.rows;
    const auto unseen = std::find_if(recent.begin(), recent.end(), [&](const Recent& each) { return each.at == never && each.rows == rows; });
    QUIRE_ASSERT(unseen != recent.end());
    unseen->at = at;
  }
}

bool RowCounts::adjust(TreeId tree, std::int64_t rows) {
  os::Lock lock(mutex_);
  Count& count = counts_[tree];
  if (rows < 0 && count.rows < static_cast<std::uint64_t>(-rows)) return false;
  count.rows += static_cast<std::uint64_t>(rows);
  return true;
}

void RowCounts::note_ghosts(TreeId tree) {
  os::Lock lock(mutex_);
  counts_[tree].ghosts = true;
}

bool RowCounts::ghosts(TreeId tree) const {
  os::Lock lock(mutex_);
  const auto found = counts_.find(tree);
  return found != counts_.end() && found->second.ghosts;
}

void RowCounts::forget_ghosts() {
  os::Lock lock(mutex_);
  for (auto& [tree, count] : counts_) count.ghosts = false;
}

void RowCounts::erase(TreeId tree) {
  os::Lock lock(mutex_);
  counts_.erase(tree);
}

std::vector<checkpoint::RowCount> RowCounts::all() const {
  os::Lock lock(mutex_);
  std::vector<checkpoint::RowCount> all;
  for (const auto& [tree, count] : counts_) {
    if (count.rows != 0 || count.ghosts) all.push_back({tree, count.ghosts, count.rows});
  }
  return all;
}

}  // namespace quire::engine
