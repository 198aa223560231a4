// View: which versions of a row a reader may see.
//
// With one writer at a time transactions commit in the order of their numbers, and what a rollback undoes is gone before
// the next one begins. So a snapshot is one number: everything below `limit` is committed, nothing above is.
#pragma once

#include <cstdint>

#include "base/ids.hpp"

namespace quire::txn {

struct View {
  Xid limit{UINT64_MAX};   // versions of transactions from here on are invisible
  bool registered = true;  // the snapshot keeps older versions alive (Snapshots); an unregistered view must not follow
                           // undo handles
  bool sees(Xid xid) const noexcept { return xid < limit; }
};

// The newest version of every row, whoever wrote it: the writer's own view, since nobody else writes beside it.
inline constexpr View newest{};

}  // namespace quire::txn
