// XidStatus: what the lock table has to know about transactions. Implemented above, by txn.
//
// Threads   called with the table's mutex held, from any thread; must not call the table
#pragma once

#include <string>

#include "base/ids.hpp"

namespace quire::lock {

class XidStatus {
 public:
  virtual ~XidStatus() = default;

  // Sequentially consistent: a transaction first ends, then calls LockTable::end().
  virtual bool active(Xid xid) const noexcept = 0;
  // For messages: "transaction 7 (begun 2.3 s ago, 14 changes, idle for 1.9 s)".
  virtual std::string describe(Xid xid) const = 0;
  // For messages; a keyspace's name is better.
  virtual std::string describe_tree(TreeId tree) const { return "tree " + std::to_string(tree.raw); }
};

}  // namespace quire::lock
