// WriteSet: what a write transaction has changed and not yet committed.
//
// In this version changes are kept beside the trees, ordered by key, and applied at commit, all or none. The
// transaction reads through its write set; nobody else sees it.
//
// Invariants   1. one entry per key and tree: the last change wins
//              2. bytes() is the memory held, within what was allowed
// Threads      that of its transaction
// Errors       no_memory when the changes outgrow the bound; the change that did is not recorded
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "quire/status.hpp"

namespace quire::txn {

struct Change {
  std::optional<std::string> value;  // absent: the key is erased
  std::optional<bool> was_there;     // whether the tree held the key before; found out when asked for
};
using TreeChanges = std::map<std::string, Change, std::less<>>;

class WriteSet {
 public:
  explicit WriteSet(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // The changes of a tree, or null when there are none.
  TreeChanges* find(TreeId tree) noexcept;
  const Change* find(TreeId tree, std::string_view key) const noexcept;

  struct Record {
    std::string_view key;
    std::optional<std::string_view> value;
    std::optional<bool> was_there;
  };
  Status record(TreeId tree, const Record& change);
  // The tree is dropped: its changes no longer matter.
  void forget(TreeId tree);

  bool empty() const noexcept { return trees_.empty(); }
  std::uint64_t bytes() const noexcept { return bytes_; }
  std::map<TreeId, TreeChanges>& trees() noexcept { return trees_; }

 private:
  const std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::map<TreeId, TreeChanges> trees_;
};

}  // namespace quire::txn
