// Overflow values: whole values that are too large for a leaf.
//
// A value is written once and never changed: a new value gets new pages. What comes in pieces or is read in part goes
// through Writer and Reader; these are the short forms for values in memory. A value that fails on the way leaves no
// page behind.
//
// Invariants   1. every data page but the last is full
//              2. an index page lists ids_per_index pages, the last one what remains
// Threads      any; read and visit, while the stub's row cannot change
// Errors       corrupt (a page of another kind, a wrong length or checksum); full, no_memory from writing
#pragma once

#include <functional>
#include <string>

#include "buffer/action.hpp"
#include "overflow/free.hpp"
#include "overflow/layout.hpp"

namespace quire::overflow {

Result<Stub> write(buffer::Resources& resources, TreeId tree, std::string_view value);
// `into` is replaced.
Status read(buffer::Pool& pool, const Stub& stub, std::string& into);

// A finished value that was never freed in part; see free_some.
Status free(buffer::Resources& resources, const Stub& stub);

// Calls `page` with every page of a finished value, index pages first at their place.
Status visit(buffer::Pool& pool, const Stub& stub, const std::function<Status(PageId)>& page);

// The same for a value that may be freed in part: what hangs on its first page, whatever a stub says.
Status visit_chain(buffer::Pool& pool, PageId first, const std::function<Status(PageId)>& page);

// Checks of both page types, for Pool::register_kind.
const buffer::PageKind& index_kind();
const buffer::PageKind& data_kind();

}  // namespace quire::overflow
