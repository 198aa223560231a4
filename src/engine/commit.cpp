// Publishing, and what goes with it: what a flip writes down, purge.
//
// The point of no return of a commit through a checkpoint is the flip: from then on its transaction is on no list of active
// ones. Readers see it when the publish has succeeded.
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "engine/engine.hpp"
#include "overflow/layout.hpp"

namespace quire::engine {

using txn::UndoRecord;
using txn::UndoType;

namespace {

// Leaves of a tree with old ghosts that one step looks at.
constexpr int leaves_per_sweep = 16;

constexpr std::uint32_t writers_per_horizon = 16;

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
  return visibility_.with_visible([&](const CatalogPointer& visible) { return Reader(snapshots_.acquire_slot(), snapshots_, visible); });
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
  if (committing != nullptr) counts_.commit(committing->transaction.xid(), committing->changes, committing->transaction.horizon());
  state.counts = counts_.all();
  os::Lock lock(active_mutex_);
  if (committing != nullptr) {
    QUIRE_ASSERT(active_ == &committing->transaction);
    active_ = nullptr;  // from this flip on it cannot be taken back
  }
  state.active = recovering_;
  if (active_ != nullptr) active_->note_flip();
  if (active_ != nullptr && active_->changed_anything() && !seeded_bug("leave_active_out_of_flip")) {
    state.active.push_back({active_->xid(), active_->head(), active_->operations()});
  }
  // Also when everything is taken back already, its undo pages may not be freed yet.
  const bool undo_is_used = active_ != nullptr && active_->operations() > 0;
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

Xid Engine::horizon_of_writer() noexcept {
  if (writers_until_horizon_ == 0) {
    writer_horizon_ = snapshots_.horizon();
    writers_until_horizon_ = writers_per_horizon;
  }
  --writers_until_horizon_;
  return writer_horizon_;
}

Status Engine::purge_step(std::uint64_t budget) {
  resources_.room = space::BlockAllocator::Room::standing;
  Result<bool> done = purge_queue_.step(snapshots_.horizon(), budget, *this, undo_log_);
  Status status = done.status();
  for (int i = 0; status.ok() && *done && i < leaves_per_sweep && !sweeps_.empty(); ++i) {
    Sweep& sweep = sweeps_.back();
    Result<btree::Tree> tree = find_tree(sweep.tree);
    status = tree.status();
    if (tree == Code::not_found) status = Status();  // dropped meanwhile
    if (tree.ok()) status = tree->sweep_ghosts(sweep.position, Xid{first_xid_});
    if (status.ok() && (!tree.ok() || sweep.position.empty())) sweeps_.pop_back();
  }
  resources_.give_spare_units();
  resources_.room = space::BlockAllocator::Room::ordinary;
  return status;
}

Status Engine::checkpoint(std::uint64_t timeout_us) {
  QUIRE_TRY(usable());
  if (read_only_) return Status();
  Status entered = writer_slot_.enter(timeout_us);
  if (entered == Code::invalid || entered == Code::busy) return publish();
  QUIRE_TRY(std::move(entered));
  const txn::WriterTurn turn(writer_slot_);
  QUIRE_TRY(purge_step(UINT64_MAX));
  return publish();
}

Result<btree::Tree> Engine::find_tree(TreeId id) {
  const auto known = roots_.find(id);
  if (known != roots_.end()) return tree(id, known->second);
  QUIRE_ASSIGN(const PageId root, catalog::find_root(resources_, id));
  roots_.emplace(id, root);
  return tree(id, root);
}

// Tree pages that no row of the system tree names must not be published, so everything happens between two flips.
Status Engine::drop_tree(TreeId id, PageId root) {
  {
    // On a full disk it does not begin; its way through the page table is short.
    buffer::Action room(resources_);
    QUIRE_TRY(room.prepare({.dirty = dirty_pages_to_drop}));
  }
  roots_.erase(id);
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
  return tree.undo(transaction, record, handle);
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

// Slice by slice: a checkpoint that comes in between finds the value's row and what is left of its pages.
Status Engine::free_replaced(const catalog::ReplacedValue& value) {
  for (bool gone = false; !gone;) {
    os::Lock no_flip(pool_.flip_mutex());
    QUIRE_ASSIGN(gone, catalog::free_replaced(resources_, value));
  }
  return Status();
}

}  // namespace quire::engine
