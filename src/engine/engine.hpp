// Engine: one open file, with everything that works on it, connected.
//
// Opening takes the file's lock, chooses a superblock, makes sure that what it chose is durable (RC-1), takes back what
// was active at its checkpoint, applies what the log says was committed since (RC-4, RC-5, RC-7) and loads the roots; pages
// come on demand. The log begins with the first change after that (SB-3). Every handle of a file in a process shares one
// engine (registry.hpp). Writing: writer.hpp.
//
// Many transactions write at once. Their rows are locked by the numbers in their headers (LK-1), everything else is in the lock
// table; what became of each is in the status table, and what snapshots see follows from that (txn/view.hpp).
//
// Invariants   1. a transaction is on the active list of every flip from its first undo record to its commit: its COMMIT is
//                 before the flip's LSN, or it is on the list; or it is one that commits with this flip
//              2. while there is a log, every published state names it, and no commit is older than its LSN and missing
// Threads      any, where not said otherwise
// Errors       see Database; poisoned after a failed publish or rollback: every later call says so
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "btree/verify.hpp"
#include "catalog/catalog.hpp"
#include "checkpoint/checkpoint.hpp"
#include "engine/background.hpp"
#include "engine/recovery_meter.hpp"
#include "engine/replay.hpp"
#include "engine/row_counts.hpp"
#include "engine/visibility.hpp"
#include "engine/writers.hpp"
#include "lock/lock_table.hpp"
#include "os/environment.hpp"
#include "os/process.hpp"
#include "os/sync.hpp"
#include "quire/database.hpp"
#include "txn/purge_queue.hpp"
#include "txn/snapshots.hpp"
#include "txn/status_table.hpp"
#include "txn/view.hpp"
#include "wal/archive.hpp"

namespace quire::engine {

// A registered snapshot: what one reader sees, for as long as it lives. Must not outlive its engine.
class Reader {
 public:
  Reader(Reader&& other) noexcept
      : slot_(std::exchange(other.slot_, nullptr)), snapshots_(other.snapshots_), status_(other.status_), catalog_(std::move(other.catalog_)) {}
  Reader& operator=(Reader&&) = delete;
  ~Reader() {
    if (slot_ != nullptr) txn::Snapshots::release_slot(*slot_);
  }
  txn::View view() const noexcept { return {Timestamp{slot_->limit.load(relaxed)}, true, snapshots_, status_, Xid{}}; }
  // The same, with what the reader's own transaction has done.
  txn::View view(Xid own) const noexcept { return {Timestamp{slot_->limit.load(relaxed)}, true, snapshots_, status_, own}; }
  const catalog::Catalog& catalog() const noexcept { return *catalog_; }
  // A writer's: goes on with everything that is committed now. The catalog stays.
  void renew() noexcept { snapshots_->renew_writer_slot(*slot_); }

 private:
  friend class Engine;
  Reader(txn::Snapshots::Slot& slot, const txn::Snapshots& snapshots, const txn::StatusTable& status, CatalogPointer catalog) noexcept
      : slot_(&slot), snapshots_(&snapshots), status_(&status), catalog_(std::move(catalog)) {}
  txn::Snapshots::Slot* slot_;
  const txn::Snapshots* snapshots_;
  const txn::StatusTable* status_;
  CatalogPointer catalog_;
};

// What closing the engine, which happens when its last owner lets go of it, has to tell: an archive that lacks something. Ok
// before that.
class CloseReport {
 public:
  void set(Status status) {
    os::Lock lock(mutex_);
    status_ = std::move(status);
  }
  Status get() const {
    os::Lock lock(mutex_);
    return status_;
  }

 private:
  mutable os::Mutex mutex_;
  Status status_ QUIRE_GUARDED_BY(mutex_);
};

class Engine : private txn::UndoTarget, private ReplayTarget, private lock::XidStatus {
 public:
  ~Engine() override;

  // Opens or creates; does not look for an engine of the same file (see registry.hpp).
  static Result<std::shared_ptr<Engine>> open(os::Environment& environment, const std::string& path, const Options& options);

  // False in a child of fork(): there the file, its lock and its state are the parent's.
  bool ours() const noexcept { return os::fork_generation() == fork_generation_; }
  bool read_only() const noexcept { return read_only_; }
  const std::string& path() const noexcept { return file_.path(); }
  std::uint32_t page_bytes() const noexcept { return file_.page_bytes(); }
  os::FileIdentity identity() const { return file_identity_; }
  std::uint64_t memory_limit() const noexcept { return memory_limit_; }

  // poisoned; invalid in a child of fork(); or ok.
  Status usable() const;
  // Nothing is published any more: what is in memory may be half of a change.
  // From here on every call is refused and nothing is published: what is half done may lie in memory without being on the
  // active list any more.
  void poison() noexcept {
    pool_.fail(Status(Code::poisoned));
    poisoned_.store(true, seq_cst);
  }

  // What the calling thread has committed itself is seen by what it reads from now on, whatever that waits for. Poisoned when
  // that cannot be: nobody gets an older state.
  Status await_own_commit() { return visibility_.waiting() ? await_own_waiting_commit() : Status(); }
  // Waits for it as well.
  Result<Reader> begin_read();
  // A writer's snapshot: everything that is committed, durable or not; its own COMMIT comes later in the same log.
  Reader begin_writer_read(std::uint64_t transaction) QUIRE_EXCLUDES(catalog_mutex_);
  // It goes on with everything that is committed now, and with this catalog.
  CatalogPointer renew(Reader& reader, std::uint64_t& version) QUIRE_EXCLUDES(catalog_mutex_);
  // For single reads without a snapshot: what is visible by now.
  txn::View visible_now() const noexcept { return {snapshots_.newest(), false, nullptr, &status_, Xid{}}; }
  // As readers see it.
  CatalogPointer catalog() const { return visibility_.visible(); }
  // With what is committed and not visible to readers yet; its version moves with it.
  CatalogPointer committed_catalog() const QUIRE_EXCLUDES(catalog_mutex_) {
    os::Lock lock(catalog_mutex_);
    return committed_catalog_;
  }
  std::uint64_t committed_catalog_version() const noexcept { return committed_catalog_version_.load(seq_cst); }
  // Moves when keyspaces come or go.
  std::uint64_t catalog_version() const noexcept { return visibility_.version(); }
  // Rows of a tree as commits below the limit left it.
  std::uint64_t rows(TreeId tree, Timestamp limit) const { return counts_.rows(tree, limit); }
  const Options& options() const noexcept { return options_; }
  btree::Tree tree(const catalog::KeyspaceRecord& record) { return catalog::tree_of(resources_, record); }
  btree::Tree tree(TreeId id, PageId root) { return btree::Tree(resources_, id, root); }

  std::shared_ptr<const CloseReport> close_report() const noexcept { return close_report_; }
  // Every commit is durable, those of class lazy as well.
  Status keep_commits();
  // Publishes everything committed, and clears away what no snapshot needs. What is not committed is published as such.
  Status checkpoint();
  // Waits for write transactions to end: busy after the timeout.
  Result<VerifyReport> verify(std::uint64_t timeout_us);
  // Calls `look` while nobody else changes a tree and no checkpoint is written: what walks a tree takes page by page, and
  // what a writer moved in between would look like damage. Waits for write transactions of other threads: busy after the timeout. The
  // keyspace must be looked up inside; its tree may have been dropped before.
  Status undisturbed(std::uint64_t timeout_us, const std::function<Status()>& look);
  Result<Statistics> statistics();
  // Who is at work; see introspection.cpp.
  std::vector<TransactionInfo> transactions() const;
  std::vector<LockInfo> locks_and_waits() const;
  std::vector<SnapshotInfo> registered_snapshots() const;
  // Writes a copy of the newest published state to a file that must not exist. Writers go on meanwhile.
  Status backup(const std::string& path);
  // Makes a database at `target`, which must not exist, from a backup and the archived log of the same database.
  static Result<RestoreReport> restore(os::Environment& environment, const std::string& backup, const std::string& archive,
                                       const std::string& target, const RestorePoint& point);
  // Merges underfull nodes and moves pages to the front until the file is as short as it can be. Writers go on meanwhile.
  Status compact();
  // One piece of background work; in how many microseconds there may be more, if nobody commits. By one thread at a time,
  // beside all others.
  static constexpr std::uint64_t no_background_work = UINT64_MAX;
  Result<std::uint64_t> background_step();
  // Whether a step would find something.
  bool has_background_work() const;
  Result<std::string> describe_superblocks() { return space::describe_superblocks(file_.file()); }

  buffer::Pool& pool() noexcept { return pool_; }
  space::PageTable& table() noexcept { return table_; }
  const space::Bitmap& bitmap() const noexcept { return bitmap_; }
  const space::BlockAllocator& blocks() const noexcept { return blocks_; }
  space::PageFile& file() noexcept { return file_; }
  txn::Snapshots& snapshots() noexcept { return snapshots_; }
  lock::LockTable& locks() noexcept { return locks_; }
  Writers& writers() noexcept { return writers_; }

 private:
  friend class Writer;
  struct Quiet;
  struct Restore;
  Engine(os::Environment& environment, std::unique_ptr<os::File> file, const std::string& path, std::shared_ptr<Quiet> quiet = nullptr);
  // With its lock in hand, and what was read of it under that.
  static Result<std::shared_ptr<Engine>> open_file(os::Environment& environment, std::unique_ptr<os::File> file, const std::string& path,
                                                   const space::Superblock& superblock, const Options& options, std::shared_ptr<Quiet> quiet, Restore* restore = nullptr);

  // Connects the layers for a file whose page size and uuid are known. The memory is the pages'.
  Status assemble(const space::Superblock& superblock, std::uint64_t memory_bytes);
  Status load(const space::Superblock& superblock);
  Status format();
  // See create.cpp.
  static Status create_if_missing(os::Environment& environment, const std::string& path, const Options& options);
  static Status build_file(os::Environment& environment, const std::string& path, const Options& options);

  // RC-4 and RC-7; nothing durable changes before its publish (RC-8).
  Status recover(const space::Superblock& superblock);
  Status drop_unfinished_trees();
  // What only ended transactions and lost snapshots needed: replaced large values, names of dropped keyspaces.
  Status clear_leftovers();
  Status close();
  // Leaves a file that needs no recovery.
  Status finish();
  // What the archive lacks of the log, and why.
  Status check_archive(const Status& why) const;
  // Cuts off what lies beyond the last block the published checkpoint refers to.
  Status trim_file();

  // A transaction that ends with a flip.
  struct Committing {
    txn::WriteTransaction& transaction;
    const RowCounts::Changes& changes;
  };
  // With the gate closed.
  checkpoint::Checkpoint::State state_at_flip(const Committing* committing);
  Status publish(const Committing* committing = nullptr, const checkpoint::Checkpoint::Pace& pace = {});
  // How commits become durable here.
  bool commits_to_log() const noexcept { return options_.journal == Journal::log && environment_.lasting; }
  bool archives() const noexcept { return !options_.archive_dir.empty(); }
  // The running log, or null.
  wal::LogWriter* log() const noexcept { return log_now_.load(acquire); }
  Status begin_log() QUIRE_EXCLUDES(log_begin_mutex_);
  Status start_log() QUIRE_REQUIRES(log_begin_mutex_);
  Status close_log();
  // Until a commit at `lsn` is as durable as wanted. A failure poisons the engine.
  Status make_durable(Durability wanted, Lsn lsn);
  Status await_own_waiting_commit();
  void note_own_commit(Timestamp at, Lsn lsn);
  // Nothing that is committed by now can be taken back by a crash, but for what is lazy or process.
  Status await_visible();

  bool checkpoint_is_due(const wal::LogWriter& log, std::uint64_t now_us);
  Status serve_log(wal::LogWriter& log, bool idle);
  Status tidy_up(bool& more) QUIRE_EXCLUDES(maintenance_mutex_);
  void archive_step();

  // The log as it lies beside the file.
  struct FoundLog {
    std::vector<wal::SegmentFile> files;
    wal::LogSegments segments;
  };
  Result<FoundLog> find_log(const space::Superblock& superblock);
  Result<std::unique_ptr<wal::RecordSource>> open_log(const space::Superblock& superblock, const FoundLog& log);
  Status scan_log(const space::Superblock& superblock, const FoundLog& log, Replay& replay, RecoveryMeter& meter);
  Status redo(const space::Superblock& superblock, const FoundLog& log, Replay& replay, RecoveryMeter& meter);
  Status undo_active(const std::vector<checkpoint::ActiveTransaction>& active, const Replay& replay);
  Status remove_log(const FoundLog& log);
  Status replay_put(TreeId tree, std::string_view key, std::string_view value) override;
  Status replay_erase(TreeId tree, std::string_view key) override;
  Status replay_create(TreeId tree) override;
  Status replay_drop(TreeId tree) override;
  Status replay_rows(TreeId tree, std::int64_t change) override;
  Status replayed(Lsn at) override;
  Result<btree::Tree*> replay_tree(TreeId id);

  // Raises the floor and purges what that allows. Failures are met again by the next step.
  Status purge_step(std::uint64_t budget) QUIRE_REQUIRES(maintenance_mutex_);
  // After a commit that left so much for purge; not when somebody is at it already.
  void purge_after_commit(std::uint64_t work) QUIRE_EXCLUDES(maintenance_mutex_);
  // BA-9: moves up to `budget` pages from the end of the file to its front, to be cut off after the next publish. Begins
  // when more than half of the file is free, or at once for compact.
  enum class Shrink { when_worth_it, always };
  Status shrink_step(std::uint64_t budget, Shrink when) QUIRE_REQUIRES(maintenance_mutex_);
  Status plan_shrink(Shrink when) QUIRE_REQUIRES(maintenance_mutex_);
  Status list_pages_to_move() QUIRE_REQUIRES(maintenance_mutex_);
  // The end of the file moves into free places before it, as far as that is little work and gains something.
  Status shrink_at_close() QUIRE_EXCLUDES(maintenance_mutex_);
  Status touch_page(PageId id);
  Status cut_file() QUIRE_REQUIRES(maintenance_mutex_);
  Status compact_trees() QUIRE_EXCLUDES(maintenance_mutex_);

  // In a poisoned engine nobody is waited for: what is active will never end.
  bool active(Xid xid) const noexcept override { return !poisoned_.load(seq_cst) && status_.active(xid); }
  std::string describe(Xid xid) const override { return writers_.describe(xid); }
  std::string describe_tree(TreeId tree) const override QUIRE_EXCLUDES(catalog_mutex_);

  Status undo(txn::WriteTransaction& transaction, const txn::UndoRecord& record, std::uint64_t handle) override;
  Status purge(Xid xid, const txn::UndoRecord& record, std::uint64_t handle) override;
  void add_activity(Statistics& s) const;
  // Xids of open transactions, and their numbers.
  std::map<Xid, std::uint64_t> numbers_by_xid() const;
  Result<VerifyReport> verify_published(const checkpoint::StoredNotes& notes);
  Result<btree::Tree> find_tree(TreeId id) QUIRE_EXCLUDES(roots_mutex_);
  void note_root(TreeId id, PageId root) QUIRE_EXCLUDES(roots_mutex_);
  Status drop_tree(TreeId id, PageId root);
  Status free_replaced(const catalog::ReplacedValue& value);

  // What a restore takes in place of the log beside the file.
  struct Restore {
    std::string directory;
    std::string database;  // whose log is archived: the name of its file
    Replay::Until until;
    Replay::Found found;   // filled in
  };

  // Constant after open.
  Restore* restore_ = nullptr;  // null but while a restore opens the file
  std::shared_ptr<Quiet> quiet_;  // what a read-only engine of an unclean file works in
  os::Environment& environment_;
  Options options_;
  space::PageFile file_;
  os::FileIdentity file_identity_;
  bool read_only_ = false;
  std::uint64_t memory_limit_ = 0;
  std::uint64_t log_buffer_bytes_ = 0;  // of each of its two; 0: there will be no log
  std::uint64_t first_xid_ = 1;  // of this run: every transaction below it is finished
  const std::uint32_t fork_generation_ = os::fork_generation();
  const std::uint64_t number_;  // of this engine in this process
  const std::shared_ptr<CloseReport> close_report_ = std::make_shared<CloseReport>();

  // Own synchronization.
  space::PageTable table_;
  space::BlockAllocator blocks_;
  space::Bitmap bitmap_;
  buffer::Pool pool_;
  buffer::Resources resources_;
  checkpoint::Checkpoint checkpoint_;
  txn::Snapshots snapshots_;
  Visibility visibility_{snapshots_};
  RowCounts counts_;
  txn::StatusTable status_;
  Writers writers_;
  lock::ThreadParking parking_;
  lock::LockTable locks_;
  txn::PurgeQueue purge_queue_;  // its steps: under the maintenance mutex
  Atomic<bool> poisoned_{false};
  Atomic<std::uint64_t> commits_{0};
  Atomic<std::uint64_t> next_xid_{1};
  Atomic<std::uint32_t> next_tree_{catalog::first_free_tree.raw};
  Atomic<std::uint64_t> clock_{0};        // timestamp of the newest commit; changed under the commit mutex, or in a flip
  Atomic<std::uint64_t> horizon_{0};      // as of the last purge
  Atomic<std::uint64_t> purge_due_{0};    // records that commits since the last step ask for
  Atomic<std::uint32_t> incarnation_{0};  // of the log, or of the last one
  Atomic<bool> clean_{true};  // no undo page, ghost or tree being dropped: nothing for recovery to do
  Atomic<bool> closing_{false};
  os::Mutex log_begin_mutex_;  // before the checkpoint's
  std::unique_ptr<wal::LogWriter> log_;  // set once, before log_now_
  Atomic<wal::LogWriter*> log_now_{nullptr};
  Atomic<bool> log_begun_{false};  // commits may append
  Atomic<std::uint64_t> operations_{0};  // of commits
  std::optional<wal::Archiver> archiver_;  // set before log_now_, used by background steps and close

  // Of background steps.
  std::uint64_t commits_seen_ = 0;
  Atomic<std::uint64_t> commits_done_with_{0};
  std::uint64_t commits_at_checkpoint_ = 0;
  std::uint64_t operations_at_checkpoint_ = 0;
  std::uint64_t checkpoint_due_us_ = 0;
  std::uint64_t sync_due_us_ = 0;
  std::unique_ptr<Background> background_;  // null where the environment wants none

  // The order of commits: timestamp, status, counts and place in the order of visibility are one step. A leaf but for the mutexes of
  // those; inside the log mutex where there is a log.
  os::Mutex commit_mutex_;
  mutable os::Mutex catalog_mutex_;  // a leaf
  CatalogPointer committed_catalog_ QUIRE_GUARDED_BY(catalog_mutex_);  // with commits that are not visible yet
  Atomic<std::uint64_t> committed_catalog_version_{1};
  mutable os::Mutex roots_mutex_;  // a leaf
  std::map<TreeId, PageId> roots_ QUIRE_GUARDED_BY(roots_mutex_);  // those met so far

  // Who clears away and moves pages: one at a time, beside everybody else. Before the checkpoint's mutex.
  os::Mutex maintenance_mutex_;
  struct Sweep {
    TreeId tree;
    std::string position;
  };
  std::vector<PageId> to_move_ QUIRE_GUARDED_BY(maintenance_mutex_);    // pages that lie behind where the file shall end
  std::uint64_t move_behind_ QUIRE_GUARDED_BY(maintenance_mutex_) = 0;  // that block; 0: no shrinking under way
  std::vector<Sweep> sweeps_ QUIRE_GUARDED_BY(maintenance_mutex_);      // trees that may hold ghosts that no purge knows of
  os::Mutex ghosts_mutex_;  // a leaf
  std::vector<TreeId> ghosts_restored_ QUIRE_GUARDED_BY(ghosts_mutex_);  // trees in which a rollback has put one back

  // Of recovery.
  std::optional<btree::Tree> replay_tree_;  // the one used last
  std::map<TreeId, std::int64_t> replay_rows_;
  bool needs_log_ = false;  // the log that was found is not applied yet: what is published before goes on from the same LSN
  Lsn log_end_{};  // of the log that was found, or that closing leaves behind

  mutable os::Mutex recovering_mutex_;
  // Those of a crash that recovery has not done with; a checkpoint in between lists them on.
  std::vector<checkpoint::ActiveTransaction> recovering_ QUIRE_GUARDED_BY(recovering_mutex_);
};

}  // namespace quire::engine
