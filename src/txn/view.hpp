// View: which versions of a row a reader may see.
//
// With one writer at a time transactions commit in the order of their numbers, and what a rollback undoes is gone before
// the next one begins. So a snapshot is one number: everything below `limit` is committed, nothing above is.
#pragma once

#include <cstdint>

#include "txn/snapshots.hpp"

namespace quire::txn {

struct View {
  Xid limit{UINT64_MAX};   // versions of transactions from here on are invisible
  bool registered = true;  // the snapshot keeps older versions alive (Snapshots); an unregistered view must not follow
                           // undo handles
  const Snapshots* snapshots = nullptr;
  bool sees(Xid xid) const noexcept { return xid < limit; }
  // Every transaction below it is committed by now: what it left for a registered view stays as it is, whatever
  // becomes of the row. Zero when nobody else commits.
  Xid settled() const noexcept;
};

inline Xid View::settled() const noexcept { return snapshots != nullptr ? snapshots->newest() : Xid{0}; }

// The newest version of every row, whoever wrote it: the writer's own view, since nobody else writes beside it.
inline constexpr View newest{};

}  // namespace quire::txn
