// View: which versions of a row a reader may see.
//
// A snapshot is one number: what committed below `limit` is visible, and what the reader's own transaction has done. What is
// active is invisible to everybody else.
#pragma once

#include <cstdint>

#include "txn/snapshots.hpp"
#include "txn/status_table.hpp"

namespace quire::txn {

struct View {
  Timestamp limit{UINT64_MAX};  // commits from here on are invisible
  bool registered = true;       // the snapshot keeps older versions alive (Snapshots); an unregistered view must not follow
                                // undo handles
  const Snapshots* snapshots = nullptr;
  const StatusTable* status = nullptr;  // null: one transaction at a time, whose number is also its timestamp
  Xid own{};                            // the reader's own transaction, if it has changed anything
  bool stable = false;                  // unregistered, but what it sees is locked: nobody replaces it meanwhile
  bool sees(Xid xid) const noexcept {
    if (status == nullptr) return xid.raw < limit.raw;
    return xid == own || status->committed_before(xid, limit);
  }
  // Every transaction up to this one, whatever became of it.
  bool sees_all_up_to(Xid xid) const noexcept { return status == nullptr ? xid.raw < limit.raw : xid < status->floor(); }
  // Greatest of all while it is active.
  Timestamp committed_at(Xid xid) const noexcept { return status == nullptr ? Timestamp{xid.raw} : status->committed_at(xid); }
  // Commits below it have happened by now: what they left for a registered view stays as it is, whatever becomes of the row. Zero
  // when nobody else commits.
  Timestamp settled() const noexcept { return snapshots != nullptr ? snapshots->committed() : Timestamp{0}; }
  bool is_settled(Xid xid, Timestamp settled) const noexcept {
    return status == nullptr ? xid.raw < settled.raw : status->committed_before(xid, settled);
  }
};

// The newest version of every row, whoever wrote it, committed or not.
inline constexpr View newest{};

}  // namespace quire::txn
