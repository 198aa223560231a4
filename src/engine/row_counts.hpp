// RowCounts: how many rows each tree has, for every snapshot.
//
// The newest count changes with every commit; a snapshot's is that, less what commits it does not see have changed. Only
// those are kept apart that a snapshot may not see. Checkpoints note the counts (checkpoint/notes.hpp); the log carries the
// changes since (wal::OpKind::rows).
//
// Threads   any; a mutex that is a leaf (BP-1)
#pragma once

#include <initializer_list>
#include <map>
#include <vector>

#include "checkpoint/notes.hpp"
#include "os/sync.hpp"

namespace quire::engine {

class RowCounts {
 public:
  struct Change {
    std::int64_t rows = 0;
    bool ghosts = false;  // the transaction has erased rows
  };
  // By tree. Nearly all transactions change one or two.
  class Changes {
   public:
    struct Each {
      TreeId tree;
      Change change;
    };
    Changes() = default;
    Changes(std::initializer_list<Each> ascending) : all_(ascending) {}
    // Valid until the next tree comes or goes.
    Change& of(TreeId tree);
    const Change* find(TreeId tree) const noexcept;
    void erase(TreeId tree);
    void clear() noexcept { all_.clear(); }
    bool empty() const noexcept { return all_.empty(); }
    std::size_t size() const noexcept { return all_.size(); }
    auto begin() const noexcept { return all_.begin(); }
    auto end() const noexcept { return all_.end(); }

   private:
    std::vector<Each> all_;  // in ascending order
  };

  void load(const std::vector<checkpoint::RowCount>& counts);
  // As everything committed has it, or commits below `limit`; 0 for a tree without a count.
  std::uint64_t rows(TreeId tree) const { return rows(tree, never); }
  std::uint64_t rows(TreeId tree, Timestamp limit) const;

  // A commit, in their order. Every snapshot sees commits below the horizon.
  void commit(Timestamp at, const Changes& changes, Timestamp horizon);
  // In two steps: what checkpoints note, which nobody sees yet, and its commit.
  void commit_unseen(const Changes& changes) { commit(never, changes, Timestamp{}); }
  void show(Timestamp at, const Changes& changes);
  // Replay: as if it had been so from the start. False when a count would fall below zero.
  bool adjust(TreeId tree, std::int64_t rows);
  // Erased rows may be left in the tree, from before any commit on.
  void note_ghosts(TreeId tree);
  bool ghosts(TreeId tree) const;
  // None are left anywhere.
  void forget_ghosts();
  // The tree is gone.
  void erase(TreeId tree);

  // The newest ones, for a checkpoint.
  std::vector<checkpoint::RowCount> all() const;

 private:
  static constexpr Timestamp never{UINT64_MAX};
  struct Recent {
    Timestamp at;
    std::int64_t rows;
  };
  struct Count {
    std::uint64_t rows = 0;
    bool ghosts = false;
    std::vector<Recent> recent;  // those below the horizon go when another one comes
  };
  mutable os::Mutex mutex_;
  std::map<TreeId, Count> counts_ QUIRE_GUARDED_BY(mutex_);
};

}  // namespace quire::engine
