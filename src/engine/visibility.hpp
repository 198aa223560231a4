// Visibility: which commits readers see, and with which catalog (TX-1).
//
// Commits become visible in the order in which they happened, each as soon as every `sync` commit up to it is durable: nobody
// reads what a crash can take back, but for what said of itself that it may. Writers work on what is
// committed, visible or not (Engine::committed_catalog_): their own commit comes later in the same log.
//
// Invariants   1. the catalog that readers get is that of the newest visible commit; both change together
//              2. snapshots.newest() is one above the newest visible commit, or a limit from before
// Threads      any; the mutex is a leaf (BP-1)
#pragma once

#include <deque>
#include <memory>

#include "catalog/catalog.hpp"
#include "txn/snapshots.hpp"

namespace quire::engine {

using CatalogPointer = std::shared_ptr<const catalog::Catalog>;

class Visibility {
 public:
  explicit Visibility(txn::Snapshots& snapshots) : snapshots_(snapshots) {}

  void open(CatalogPointer catalog, Timestamp limit);

  // Calls `read` with the visible catalog while no other can become visible.
  template <class Fn>
  auto with_visible(Fn&& read) const {
    os::Lock lock(mutex_);
    return read(visible_);
  }
  CatalogPointer visible() const;
  // Moves when keyspaces that readers see come or go.
  std::uint64_t version() const noexcept { return version_.load(acquire); }

  // There is a commit. It is visible when the log is durable up to `when` (no_lsn: at once) and those before it
  // are visible. `changed`: its catalog; null when that is as before. In the order of commits.
  void commit(Timestamp at, Lsn when, CatalogPointer changed);
  // The log is durable so far.
  void advance(Lsn durable);
  // Some commit is not visible yet.
  bool waiting() const noexcept { return waiting_.load(acquire) != 0; }

 private:
  struct Commit {
    Timestamp at;
    Lsn when;
    CatalogPointer changed;
  };
  void show(const Commit& commit) QUIRE_REQUIRES(mutex_);

  txn::Snapshots& snapshots_;
  Atomic<std::uint64_t> version_{0};
  Atomic<std::uint64_t> waiting_{0};
  mutable os::Mutex mutex_;
  CatalogPointer visible_ QUIRE_GUARDED_BY(mutex_);
  Lsn durable_ QUIRE_GUARDED_BY(mutex_){};
  std::deque<Commit> queue_ QUIRE_GUARDED_BY(mutex_);  // not visible yet
};

}  // namespace quire::engine
