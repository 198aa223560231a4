// Engine: one open file, with everything that works on it, connected.
//
// Opening takes the file's lock, chooses a superblock, makes sure that what it chose is durable (RC-1), and loads the
// roots; pages come on demand. Every handle of a file in a process shares one engine (registry.hpp).
//
// Commit applies a transaction's write set to the trees and publishes a checkpoint. What fails before the
// publish is dropped from memory, so nothing has happened; what fails during it poisons the engine (WAL-7).
//
// Invariants   trees and catalog in memory are those of the published checkpoint, except inside commit()
// Threads      commit between Turnstile::begin_commit and end_commit; the rest from any thread
// Errors       see Database; poisoned after a failed publish: every later call says so
#pragma once

#include <memory>
#include <string>

#include "catalog/catalog.hpp"
#include "checkpoint/checkpoint.hpp"
#include "os/environment.hpp"
#include "os/process.hpp"
#include "os/sync.hpp"
#include "quire/statistics.hpp"
#include "txn/turnstile.hpp"
#include "txn/write_set.hpp"

namespace quire::engine {

// What a write transaction asks of commit().
struct Commit {
  catalog::Catalog* catalog = nullptr;  // the transaction's own copy when it created or dropped keyspaces
  txn::WriteSet& changes;
};

class Engine {
 public:
  ~Engine();

  // Opens or creates; does not look for an engine of the same file (see registry.hpp).
  static Result<std::shared_ptr<Engine>> open(os::Environment& environment, const std::string& path, const Options& options);

  // False in a child of fork(): there the file, its lock and its state are the parent's.
  bool ours() const noexcept { return os::fork_generation() == fork_generation_; }
  bool read_only() const noexcept { return read_only_; }
  const std::string& path() const noexcept { return file_.path(); }
  std::uint32_t page_bytes() const noexcept { return file_.page_bytes(); }
  os::FileIdentity identity() const { return file_identity_; }
  std::uint64_t memory_limit() const noexcept { return memory_limit_; }
  txn::Turnstile& turnstile() noexcept { return turnstile_; }

  // poisoned; invalid in a child of fork(); or ok.
  Status usable() const;

  std::shared_ptr<const catalog::Catalog> catalog() const;
  // The same without sharing it; for callers inside the turnstile as readers, while it cannot be replaced.
  const catalog::Catalog& catalog_inside() const noexcept { return *catalog_now_.load(acquire); }
  btree::Tree tree(const catalog::KeyspaceRecord& record) { return catalog::tree_of(resources_, record); }
  btree::Tree tree(TreeId id, PageId root) { return btree::Tree(resources_, id, root); }

  Status commit(Commit& commit);

  // The caller is inside the turnstile for these.
  Result<VerifyReport> verify();
  Result<Statistics> statistics();
  Result<std::string> describe_superblocks() { return space::describe_superblocks(file_.file()); }
  buffer::Pool& pool() noexcept { return pool_; }
  space::PageTable& table() noexcept { return table_; }
  const space::Bitmap& bitmap() const noexcept { return bitmap_; }
  const space::BlockAllocator& blocks() const noexcept { return blocks_; }
  space::PageFile& file() noexcept { return file_; }

 private:
  Engine(os::Environment& environment, std::unique_ptr<os::File> file, const std::string& path);

  // Connects the layers for a file whose page size and uuid are known.
  Status assemble(const space::Superblock& superblock, std::uint64_t memory_bytes);
  Status load(const space::Superblock& superblock);
  Status format();
  // See create.cpp.
  static Status create_if_missing(os::Environment& environment, const std::string& path, const Options& options);
  static Status build_file(os::Environment& environment, const std::string& path, const Options& options);

  // New numbers of rows, which take effect when the commit does.
  using RowCounts = std::vector<std::pair<catalog::KeyspaceRecord*, std::uint64_t>>;
  Status apply(Commit& commit, catalog::Catalog& target, RowCounts& counts);
  Status apply_catalog(catalog::Catalog& target);
  Result<std::uint64_t> apply_rows(const catalog::KeyspaceRecord& record, txn::TreeChanges& changes);
  // Cuts off what lies beyond the last block the published checkpoint refers to.
  Status trim_file();
  void install(std::shared_ptr<catalog::Catalog> next);

  // Constant after open.
  os::Environment& environment_;
  space::PageFile file_;
  os::FileIdentity file_identity_;
  bool read_only_ = false;
  std::uint64_t memory_limit_ = 0;
  const std::uint32_t fork_generation_ = os::fork_generation();

  // Own synchronization.
  space::PageTable table_;
  space::BlockAllocator blocks_;
  space::Bitmap bitmap_;
  buffer::Pool pool_;
  buffer::Resources resources_;
  checkpoint::Checkpoint checkpoint_;
  txn::Turnstile turnstile_;
  Atomic<bool> poisoned_{false};
  Atomic<std::uint64_t> commits_{0};

  mutable os::Mutex catalog_mutex_;
  std::shared_ptr<catalog::Catalog> catalog_ QUIRE_GUARDED_BY(catalog_mutex_);
  Atomic<const catalog::Catalog*> catalog_now_{nullptr};  // catalog_.get()
};

}  // namespace quire::engine
