// PageKind: what the pool must know of a page's content, implemented by the access methods above it.
//
// Threads   check may run on any thread at once; it sees a whole page that nobody changes
// Errors    corrupt, with what was found and what was expected; the pool adds page and place
#pragma once

#include "base/bytes.hpp"
#include "quire/status.hpp"

namespace quire::buffer {

class PageKind {
 public:
  virtual ~PageKind() = default;
  // Every offset and length in the page is possible. Runs after each read and before each write of the page.
  virtual Status check(Bytes page) const = 0;
};

}  // namespace quire::buffer
