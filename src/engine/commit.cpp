// Publishing, and what goes with it: what a flip writes down, purge.
//
// The point of no return of a commit through a checkpoint is the flip: from then on its transaction is on no list of active
// ones. Readers see it when the publish has succeeded.
#include <algorithm>

#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "engine/engine.hpp"
#include "overflow/layout.hpp"

namespace quire::engine {

using txn::UndoRecord;
using txn::UndoType;

namespace {

// Records that purge looks at in one go: enough to keep up with any sequence of transactions.
constexpr std::uint64_t purge_work_min = 64;

// Leaves of a tree with old ghosts that one step looks at.
constexpr int leaves_per_sweep = 16;

// Room asked for before a tree is dropped; freed pages take none but for their way through the page table.
constexpr std::uint32_t dirty_pages_to_drop = 6;

}  // namespace

Status Engine::usable() const {
  if (!ours()) {
    return Status(Code::invalid, path() + " was opened before fork(); a child must open it itself, after the parent has closed it");
  }
  if (!poisoned_.load(acquire)) return Status();
  return Status(Code::poisoned, "an earlier change of " + path() + " failed while it was being written; close every handle of it and open it again");
}

Result<Reader> Engine::begin_read() {
  QUIRE_TRY(await_own_commit());
  return visibility_.with_visible([&](const CatalogPointer& visible) {
    return Reader(snapshots_.acquire_slot({.now_us = environment_.clock.monotonic_us()}), snapshots_, status_, visible);
  });
}

// Catalog and limit belong together: who changes the catalog commits under its mutex.
Reader Engine::begin_writer_read(std::uint64_t transaction) {
  const txn::SnapshotHolder holder{.now_us = environment_.clock.monotonic_us(), .transaction = transaction};
  os::Lock lock(catalog_mutex_);
  return Reader(snapshots_.acquire_writer_slot(holder), snapshots_, status_, committed_catalog_);
}

CatalogPointer Engine::renew(Reader& reader, std::uint64_t& version) {
  os::Lock lock(catalog_mutex_);
  reader.renew();
  version = committed_catalog_version_.load(relaxed);
  return committed_catalog_;
}

checkpoint::Checkpoint::State Engine::state_at_flip(const Committing* committing) {
  checkpoint::Checkpoint::State state;
  const wal::LogWriter* log = log_now_.load(acquire);
  const bool running = log != nullptr && !closing_.load(relaxed);
  state.logged = needs_log_ || running;
  // A log that is still to be applied is needed from where it was.
  state.log_tail = running ? log->tail() : needs_log_ ? Lsn{} : log_end_;
  state.incarnation = incarnation_.load(relaxed);
  if (committing != nullptr) clock_.fetch_add(1, relaxed);
  state.clock = clock_.load(relaxed);
  state.next_xid = Xid{next_xid_.load(relaxed)};
  state.next_tree = TreeId{next_tree_.load(relaxed)};
  // Here, not after the publish: another checkpoint may follow at once, and must count what this one commits.
  if (committing != nullptr) counts_.commit_unseen(committing->changes);
  state.counts = counts_.all();
  if (committing != nullptr) committing->transaction.set_ended();  // from this flip on it cannot be taken back
  {
    os::Lock lock(recovering_mutex_);
    state.active = recovering_;
  }
  bool undo_is_used = false;
  writers_.for_each([&](const Writers::Place& place) {
    txn::WriteTransaction* transaction = place.transaction.load(acquire);
    if (transaction == nullptr || transaction->ended()) return;
    transaction->note_flip();
    // Also when everything is taken back already, its undo pages may not be freed yet.
    undo_is_used = undo_is_used || transaction->operations() > 0;
    if (!transaction->changed_anything() || seeded_bug("leave_active_out_of_flip")) return;
    state.active.push_back({transaction->xid(), transaction->head(), transaction->operations()});
  });
  state.clean = committing == nullptr && !undo_is_used && !state.logged && clean_.load(acquire);
  return state;
}

Status Engine::publish(const Committing* committing, const checkpoint::Checkpoint::Pace& pace) {
  if (committing != nullptr) clean_.store(false, release);
  Status published = checkpoint_.publish([&] { return state_at_flip(committing); }, pace);
  if (!published.ok()) {
    poison();
    // What is committed is in the log or in the checkpoint before: no commit is in question.
    // An opening that met a full disk can be tried again; a handle that did in the middle of a superblock cannot go on.
    const Code code = catalog() == nullptr && checkpoint_.doubt() == Code::full ? Code::full : Code::io;
    if (committing == nullptr && published == Code::unknown_outcome) return Status(code, "a checkpoint of " + path() + " failed: " + std::string(published.message()));
  } else if (const wal::LogWriter* log = log_now_.load(acquire)) {
    visibility_.advance(log->durable_lsn());
  }
  return published;
}

// The floor is raised before anything below it goes: whoever still finds a row's header then knows that everybody sees it.
Status Engine::purge_step(std::uint64_t budget) {
  const buffer::StandingRoom room(resources_);
  const Timestamp horizon = snapshots_.horizon();
  horizon_.store(horizon.raw, relaxed);
  status_.raise_floor(horizon, Xid{next_xid_.load(acquire)});
  {
    os::Lock lock(ghosts_mutex_);
    for (const TreeId tree : ghosts_restored_) {
      const bool known = std::any_of(sweeps_.begin(), sweeps_.end(), [&](const Sweep& sweep) { return sweep.tree == tree && sweep.position.empty(); });
      if (!known) sweeps_.push_back({tree, {}});
    }
    ghosts_restored_.clear();
  }
  Result<bool> done = purge_queue_.step(horizon, budget, *this);
  Status status = done.status();
  for (int i = 0; status.ok() && *done && i < leaves_per_sweep && !sweeps_.empty(); ++i) {
    Sweep& sweep = sweeps_.back();
    Result<btree::Tree> tree = find_tree(sweep.tree);
    status = tree.status();
    if (tree == Code::not_found) status = Status();  // dropped meanwhile
    if (tree.ok()) status = tree->sweep_ghosts(sweep.position, status_.floor());
    if (status.ok() && (!tree.ok() || sweep.position.empty())) sweeps_.pop_back();
  }
  writers_.rewind_idle();
  return status;
}

void Engine::purge_after_commit(std::uint64_t work) {
  if (purge_due_.fetch_add(work, relaxed) + work < purge_work_min || !maintenance_mutex_.try_lock()) return;
  // What cannot be done now is met again.
  const os::Lock alone(maintenance_mutex_, os::Lock::Locked{});
  (void)purge_step(purge_due_.exchange(0, relaxed)).ok();
}

Status Engine::checkpoint() {
  QUIRE_TRY(usable());
  if (read_only_) return Status();
  os::Lock alone(maintenance_mutex_);
  QUIRE_TRY(purge_step(UINT64_MAX));
  return publish();
}

Result<btree::Tree> Engine::find_tree(TreeId id) {
  {
    os::Lock lock(roots_mutex_);
    const auto known = roots_.find(id);
    if (known != roots_.end()) return tree(id, known->second);
  }
  QUIRE_ASSIGN(const PageId root, catalog::find_root(resources_, id));
  note_root(id, root);
  return tree(id, root);
}

void Engine::note_root(TreeId id, PageId root) {
  os::Lock lock(roots_mutex_);
  roots_.insert_or_assign(id, root);
}

// Tree pages that no row of the system tree names must not be published, so everything happens between two flips.
Status Engine::drop_tree(TreeId id, PageId root) {
  {
    // On a full disk it does not begin; its way through the page table is short.
    buffer::Action room(resources_);
    QUIRE_TRY(room.prepare({.dirty = dirty_pages_to_drop}));
  }
  {
    os::Lock lock(roots_mutex_);
    roots_.erase(id);
  }
  Status dropped = tree(id, root).drop();
  if (!dropped.ok()) poison();  // some of its pages are gone
  return dropped;
}

Status Engine::undo(txn::WriteTransaction& transaction, const UndoRecord& record, std::uint64_t handle) {
  if (record.type == UndoType::create) {
    os::Lock no_flip(pool_.flip_mutex());
    QUIRE_TRY(drop_tree(record.tree, PageId{load_le<std::uint64_t>(as_bytes(record.value).data())}));
    transaction.stepped_back(record);
    return Status();
  }
  if (record.type == UndoType::drop) {
    os::Lock no_flip(pool_.flip_mutex());
    transaction.stepped_back(record);
    return Status();
  }
  QUIRE_ASSIGN(btree::Tree tree, find_tree(record.tree));
  QUIRE_TRY(tree.undo(transaction, record, handle));
  if (record.type != UndoType::update || (record.flags & txn::undo_flag::ghost) == 0) return Status();
  // Its purge may have come by while the row was no ghost.
  os::Lock lock(ghosts_mutex_);
  if (ghosts_restored_.empty() || ghosts_restored_.back() != record.tree) ghosts_restored_.push_back(record.tree);
  return Status();
}

Status Engine::purge(Xid xid, const UndoRecord& record, std::uint64_t handle) {
  if (record.type == UndoType::drop) {
    os::Lock no_flip(pool_.flip_mutex());
    QUIRE_TRY(drop_tree(record.tree, PageId{load_le<std::uint64_t>(as_bytes(record.value).data())}));
    Status erased = catalog::erase_tree_row(resources_, record.tree);
    if (!erased.ok()) poison();
    if (erased.ok()) counts_.erase(record.tree);
    return erased;
  }
  if (record.type == UndoType::update) {
    return free_replaced({record.tree, overflow::load_stub(record.value).first});
  }
  Result<btree::Tree> tree = find_tree(record.tree);
  // Its tree was dropped, and the ghost with it.
  if (tree == Code::not_found) return Status();
  QUIRE_TRY(tree.status());
  return tree->purge_ghost(xid, record.key, handle);
}

std::string Engine::describe_tree(TreeId tree) const {
  if (tree == catalog::names_tree) return "the list of keyspaces";
  const CatalogPointer now = committed_catalog();
  for (const auto& [name, record] : now->keyspaces) {
    if (record.tree == tree) return "keyspace '" + name + "'";
  }
  return "tree " + std::to_string(tree.raw);
}

// Slice by slice: a checkpoint that comes in between finds the value's row and what is left of its pages.
Status Engine::free_replaced(const catalog::ReplacedValue& value) {
  for (bool gone = false; !gone;) {
    os::Lock no_flip(pool_.flip_mutex());
    QUIRE_ASSIGN(gone, catalog::free_replaced(resources_, value));
  }
  return Status();
}

}  // namespace quire::engine
