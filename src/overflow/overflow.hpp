// Overflow values: writing, reading and freeing what is too large for a leaf.
//
// A value is written once and never changed: a new value gets new pages. Writing is a series of actions, one
// per page; after a failure on the way the caller discards the epoch, and what was written goes with it. The
// stub's checksum covers the value as a whole, so that pages of two values can never be mixed unnoticed.
//
// Invariants   1. every data page but the last is full
//              2. an index page lists ids_per_index pages, the last one what remains
// Threads      write and free: the one writer; read and visit: any, while the stub's row cannot change
// Errors       corrupt (a page of another kind, a wrong length or checksum); full, no_memory from writing
#pragma once

#include <functional>
#include <string>

#include "buffer/action.hpp"
#include "overflow/layout.hpp"

namespace quire::overflow {

Result<Stub> write(buffer::Resources& resources, TreeId tree, std::string_view value);
Status read(buffer::Pool& pool, const Stub& stub, std::string& into);
Status free(buffer::Resources& resources, const Stub& stub);

// Calls `page` with every page of the value, index pages first at their place.
Status visit(buffer::Pool& pool, const Stub& stub, const std::function<Status(PageId)>& page);

// Checks of both page types, for Pool::register_kind.
const buffer::PageKind& index_kind();
const buffer::PageKind& data_kind();

}  // namespace quire::overflow
