// Holdings: the entries of one owner, as lists and as numbers per tree.
//
// Threads   under the table's mutex
#pragma once

#include <cstddef>

#include "base/ids.hpp"
#include "lock/entry.hpp"
#include "lock/owner.hpp"

namespace quire::lock {

// Null when the owner has never had an entry in the tree.
Share* find_share(OwnerState& owner, TreeId tree) noexcept;
// May allocate.
Share& share_of(OwnerState& owner, TreeId tree, std::size_t escalate_above);

// Into the owner's list of points or of ranges, and out of it.
void list_with_owner(Entry& entry) noexcept;
void unlist_from_owner(Entry& entry) noexcept;

}  // namespace quire::lock
