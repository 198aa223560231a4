// Freeing the pages of a large value, in slices.
//
// Pages go from the second index page on, the first index page last; what is still there hangs on the first index page
// at any moment between two actions. So a freeing that is interrupted, even by a crash, goes on later from the
// same page number, and it does not matter whether the value was ever finished. What is freed is what the chain
// lists, whatever length a stub names.
//
// Threads   one at a time for one value
// Errors    corrupt (a page that is not part of a value), and as Action::prepare; the chain is then as the last action left it
#pragma once

#include "buffer/action.hpp"
#include "overflow/chain.hpp"

namespace quire::overflow {

// What one action of it may dirty, and a margin for a page table that has grown since the room was promised.
inline constexpr std::uint32_t dirty_pages_to_free = 2 * (pages_per_action + 2);

// Frees `pages_max` pages or a few more; true when nothing is left and `first` is free.
Result<bool> free_some(buffer::Resources& resources, PageId first, std::uint64_t pages_max);

// All of them, action by action. Nothing for no_page.
Status free(buffer::Resources& resources, PageId first);

// The version of a page to be latched by an action.
Result<std::uint64_t> version_of(buffer::Pool& pool, PageId id);

}  // namespace quire::overflow
