// Recovery after a run that did not close the file, and leaving a file that needs none.
//
// The published checkpoint is consistent but for these things: changes of transactions that had not ended at its flip, the undo
// pages that kept before images, and what waited for purge: replaced large values, ghosts, trees that were being dropped.
// What was committed after it is in the log, if it had one. So:
//
//   scan the log -> undo what the log does not commit -> apply what it does -> free undo pages and leftovers -> publish
//
// All undo comes before any redo. Ghosts of keyspaces are swept beside normal work. Until the publish nothing durable
// changes but by a checkpoint that a full disk asks for, and that one is as good a beginning as the one before; so a
// recovery that is interrupted is simply run again (RC-8). Then the log is removed: the file is one file, and clean.
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "engine/engine.hpp"
#include "os/hook.hpp"
#include "wal/archive_reader.hpp"

namespace quire::engine {

Result<Engine::FoundLog> Engine::find_log(const space::Superblock& superblock) {
  FoundLog log;
  if (!environment_.lasting) return log;
  QUIRE_ASSIGN(log.files, wal::list_segments(environment_.files, path()));
  const bool logged = (superblock.flags & space::superblock_flag::logged) != 0;
  if (log.files.empty() && !logged) return log;
  wal::LogChoice choice{.identity = {superblock.uuid, superblock.incarnation}, .database = path()};
  if (logged) choice.from = superblock.checkpoint_lsn;
  QUIRE_ASSIGN(log.segments, wal::choose_segments(environment_.files, log.files, choice));
  return log;
}

Status Engine::remove_log(const FoundLog& log) {
  if (log.files.empty()) return Status();
  return wal::remove_segments(environment_.files, log.files);
}

Result<std::unique_ptr<wal::RecordSource>> Engine::open_log(const space::Superblock& superblock, const FoundLog& log) {
  if (!restore_) {
    const wal::LogIdentity identity{superblock.uuid, superblock.incarnation};
    return std::unique_ptr<wal::RecordSource>(
        std::make_unique<wal::LogReader>(environment_.files, log.segments, identity, superblock.checkpoint_lsn));
  }
  QUIRE_ASSIGN(wal::ArchiveReader reader, wal::ArchiveReader::open(environment_.files, restore_->directory, restore_->database,
                                                                   {.uuid = superblock.uuid, .from = superblock.checkpoint_lsn}));
  return std::unique_ptr<wal::RecordSource>(std::make_unique<wal::ArchiveReader>(std::move(reader)));
}

Status Engine::recover(const space::Superblock& superblock) {
  QUIRE_ASSIGN(const FoundLog log, find_log(superblock));
  incarnation_.store(superblock.incarnation, relaxed);
  log_end_ = superblock.checkpoint_lsn;
  QUIRE_ASSIGN(const checkpoint::StoredNotes notes, checkpoint_.notes());
  counts_.load(notes.notes.counts);
  if ((superblock.flags & space::superblock_flag::clean) != 0 && !restore_) return read_only_ ? Status() : remove_log(log);

  std::optional<buffer::StandingRoom> room(resources_);
  std::vector<Xid> active;
  for (const checkpoint::ActiveTransaction& each : notes.notes.active) active.push_back(each.xid);
  Replay replay(superblock.checkpoint_lsn, std::move(active), restore_ ? restore_->until : Replay::Until());
  const bool redoes = restore_ || (superblock.flags & space::superblock_flag::logged) != 0;
  needs_log_ = redoes && !restore_;
  const Lsn log_end_at_most = log.segments.usable.empty() ? superblock.checkpoint_lsn : log.segments.usable.back().end();
  RecoveryMeter meter(redoes ? options_.on_recovery : nullptr, superblock.checkpoint_lsn, log_end_at_most);
  if (redoes) QUIRE_TRY(scan_log(superblock, log, replay, meter));
  QUIRE_TRY(undo_active(notes.notes.active, replay));
  QUIRE_TRY(os::hook("recover.undone"));
  if (redoes) QUIRE_TRY(redo(superblock, log, replay, meter));
  needs_log_ = false;
  QUIRE_ASSIGN(const std::vector<PageId> undo_pages, table_.undo_pages());
  for (const PageId id : undo_pages) QUIRE_TRY(buffer::free_page(resources_, id));
  QUIRE_TRY(clear_leftovers());
  QUIRE_TRY(drop_unfinished_trees());
  room.reset();
  {
    os::Lock lock(recovering_mutex_);
    recovering_.clear();
  }
  if (redoes && archives()) {
    QUIRE_TRY(wal::archive_rest(environment_.files, log.segments.usable, log_end_, options_.archive_dir));
  }
  incarnation_.fetch_add(1, relaxed);  // WAL-5
  clean_.store(true, release);
  QUIRE_TRY(publish());
  QUIRE_TRY(os::hook("recover.published"));
  QUIRE_TRY(remove_log(log));
  meter.finished();
  return Status();
}

// RC-3, after making sure that what is read is durable (RC-1).
Status Engine::scan_log(const space::Superblock& superblock, const FoundLog& log, Replay& replay, RecoveryMeter& meter) {
  if (!restore_) QUIRE_TRY(wal::settle_segments(environment_.files, log.segments.usable));
  QUIRE_ASSIGN(const std::unique_ptr<wal::RecordSource> source, open_log(superblock, log));
  MeteredSource metered(*source, meter);
  QUIRE_TRY(replay.scan(metered));
  const Replay::Found& found = replay.found();
  if (restore_) {
    restore_->found = found;
    log_end_ = std::max(log_end_, found.last_commit_end);
    return Status();
  }
  QUIRE_ASSIGN(const wal::LogEnd end, static_cast<wal::LogReader&>(*source).end());
  QUIRE_TRY(end.check());
  log_end_ = end.lsn;
  meter.scanned(log_end_);
  if (found.newest_checkpoint <= superblock.generation) return Status();
  return Status(Code::corrupt, "the log of " + path() + " tells of checkpoint " + std::to_string(found.newest_checkpoint.raw) +
                                   ", but the newest readable superblock is of checkpoint " + std::to_string(superblock.generation.raw) +
                                   ": the other one is damaged");
}

// RC-5.
Status Engine::redo(const space::Superblock& superblock, const FoundLog& log, Replay& replay, RecoveryMeter& meter) {
  const Replay::Found& found = replay.found();
  next_xid_.store(std::max(next_xid_.load(relaxed), found.newest_xid.raw + 1), relaxed);
  first_xid_ = next_xid_.load(relaxed);
  clock_.store(std::max(clock_.load(relaxed), found.clock), relaxed);
  QUIRE_ASSIGN(const std::unique_ptr<wal::RecordSource> source, open_log(superblock, log));
  MeteredSource metered(*source, meter);
  QUIRE_TRY(replay.apply(metered, *this));
  for (const auto& [tree, change] : replay_rows_) {
    if (counts_.adjust(tree, change)) continue;
    return Status(Code::corrupt, "the log of " + path() + " takes more rows out of tree " + std::to_string(tree.raw) + " than it has");
  }
  return Status();
}

// RC-4. A transaction that the log commits keeps what it had not taken back.
Status Engine::undo_active(const std::vector<checkpoint::ActiveTransaction>& active, const Replay& replay) {
  {
    os::Lock lock(recovering_mutex_);
    recovering_ = active;
  }
  txn::UndoLog undo_pages(resources_);  // those there are; it appends nothing
  for (std::size_t i = 0; i < active.size(); ++i) {
    const checkpoint::ActiveTransaction& each = active[i];
    const std::uint32_t kept = replay.kept(each.xid);
    txn::WriteTransaction transaction(undo_pages, each.xid, each.undo_head, each.last_operation);
    Status undone = transaction.rollback_above(kept, *this, [&] {
      {
        os::Lock lock(recovering_mutex_);
        recovering_[i].undo_head = transaction.head();
      }
      resources_.give_spare_units();
      return publish();
    });
    QUIRE_TRY(std::move(undone));
    os::Lock lock(recovering_mutex_);
    recovering_[i].undo_head = transaction.head();
  }
  return Status();
}

Result<btree::Tree*> Engine::replay_tree(TreeId id) {
  if (!replay_tree_ || replay_tree_->id() != id) {
    Result<btree::Tree> found = find_tree(id);
    if (found == Code::not_found) {
      return Status(Code::corrupt, "the log of " + path() + " changes tree " + std::to_string(id.raw) + ", which does not exist");  // DD-2
    }
    QUIRE_ASSIGN(replay_tree_, std::move(found));
  }
  return &*replay_tree_;
}

Status Engine::replay_put(TreeId id, std::string_view key, std::string_view value) {
  QUIRE_ASSIGN(btree::Tree* tree, replay_tree(id));
  if (key.empty() || key.size() > btree::key_bytes_max(page_bytes())) {
    return Status(Code::corrupt, "the log of " + path() + " puts a key of " + std::to_string(key.size()) + " bytes");
  }
  return tree->put(key, value).status();
}

Status Engine::replay_erase(TreeId id, std::string_view key) {
  QUIRE_ASSIGN(btree::Tree* tree, replay_tree(id));
  return tree->erase(key).status();
}

Status Engine::replay_create(TreeId id) {
  next_tree_.store(std::max(next_tree_.load(relaxed), id.raw + 1), relaxed);
  Result<btree::Tree> found = find_tree(id);
  if (found != Code::not_found) return found.status();
  QUIRE_ASSIGN(const btree::Tree created, btree::Tree::create(resources_, id));
  return catalog::write_tree_row(resources_, {.tree = id, .root = created.root(), .schema = {}}, nullptr);
}

Status Engine::replay_drop(TreeId id) {
  replay_rows_.erase(id);
  counts_.erase(id);
  replay_tree_.reset();
  Result<btree::Tree> found = find_tree(id);
  if (found == Code::not_found) return Status();
  QUIRE_TRY(found.status());
  QUIRE_TRY(drop_tree(id, found->root()));
  return catalog::erase_tree_row(resources_, id);
}

Status Engine::replay_rows(TreeId id, std::int64_t change) {
  replay_rows_[id] += change;
  return Status();
}

Status Engine::replayed(Lsn) { return os::hook("recover.replayed"); }

Status Engine::clear_leftovers() {
  QUIRE_ASSIGN(const std::vector<catalog::ReplacedValue> values, catalog::load_replaced(resources_));
  for (const catalog::ReplacedValue& value : values) QUIRE_TRY(free_replaced(value));
  btree::Tree names = tree(catalog::names_tree, catalog::names_root);
  std::string position;
  do {
    QUIRE_TRY(names.sweep_ghosts(position, Xid{first_xid_}));
  } while (!position.empty());
  return Status();
}

Status Engine::drop_unfinished_trees() {
  QUIRE_ASSIGN(const std::vector<catalog::TreeRow> rows, catalog::load_tree_rows(resources_));
  for (const catalog::TreeRow& row : rows) {
    if (!row.dropping) continue;
    QUIRE_TRY(drop_tree(row.tree, row.root));
    QUIRE_TRY(catalog::erase_tree_row(resources_, row.tree));
    counts_.erase(row.tree);
  }
  return Status();
}

Status Engine::finish() {
  os::Lock alone(maintenance_mutex_);
  QUIRE_TRY(purge_step(UINT64_MAX));
  if (!purge_queue_.empty()) return Status();
  QUIRE_TRY(writers_.clear());
  if (sweeps_.empty()) counts_.forget_ghosts();
  resources_.give_spare_units();
  clean_.store(true, release);
  if (const wal::LogWriter* running = log()) {
    // The whole log is in the archive, or it stays where it is. What checkpoints tell it from here on is nobody's.
    if (archiver_) QUIRE_TRY(archiver_->finish());
    log_end_ = running->tail();
  }
  closing_.store(true, release);
  return publish();
}

}  // namespace quire::engine
