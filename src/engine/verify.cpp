// verify() and statistics() of a whole database.
//
// Every page of every tree is reached exactly once, every page number is in a tree or free, every block belongs to one
// page, table page or bitmap page, and the bitmap says exactly that (storage.md 14). Images are read from the
// file again, also those of pages in memory.
#include "base/try.hpp"
#include "btree/verify.hpp"
#include "engine/engine.hpp"
#include "overflow/overflow.hpp"

namespace quire::engine {

namespace {

Status damage(const std::string& what) { return Status(Code::corrupt, what); }

// Which pages and blocks have been met.
class Census {
 public:
  Census(space::PageFile& file, space::PageTable& table, std::uint64_t blocks) : file_(file), table_(table) {
    pages_.resize(table.next_page().raw);
    blocks_.resize(blocks);
    if (blocks >= space::superblock_blocks) blocks_.insert(Block{0}, space::superblock_blocks);
  }

  Status page(PageId id) {
    if (id.raw >= pages_.size()) return damage("page " + std::to_string(id.raw) + " was never allocated");
    if (pages_[id.raw]) return damage("page " + std::to_string(id.raw) + " is referred to twice");
    pages_[id.raw] = true;
    ++count_;
    return Status();
  }

  Status block(const space::Entry& entry, const std::string& owner) {
    const Block first = entry.block();
    if (first.raw + entry.blocks() > blocks_.size()) {
      return damage(owner + " lies at block " + std::to_string(first.raw) + ", beyond the end of the file");
    }
    if (blocks_.contains_any(first, entry.blocks())) {
      return damage(owner + " shares block " + std::to_string(first.raw) + " with another page");
    }
    blocks_.insert(first, entry.blocks());
    return Status();
  }

  // `complete`: every page that is in use has been met, but undo pages.
  Status table_entries(bool complete) {
    std::vector<std::byte> image(file_.page_bytes());
    return table_.for_each([&](PageId id, const space::Entry& entry) -> Status {
      const std::string name = "page " + std::to_string(id.raw);
      if (entry.free()) return pages_[id.raw] ? damage(name + " is in a tree, but marked free") : Status();
      // Undo pages belong to no tree; a closed file has none.
      if (complete && !pages_[id.raw] && entry.kind() != space::EntryKind::undo) return damage(name + " is marked in use, but in no tree");
      if (pages_[id.raw] && entry.kind() == space::EntryKind::undo) return damage(name + " is in a tree, but marked as undo");
      QUIRE_TRY(file_.read(entry, id.raw, name, image, {.word = "verify"}));
      return block(entry, name);
    });
  }

  Status entry_pages(const space::EntryTree& entries) {
    std::vector<std::byte> image(file_.page_bytes());
    for (std::uint32_t level = 0; level < entries.depth(); ++level) {
      for (std::uint64_t i = 0; i < entries.level(level).size(); ++i) {
        QUIRE_TRY(entries.read(level, i, image, {.word = "verify"}));
        QUIRE_TRY(block(entries.level(level)[i], entries.name(level, i)));
      }
    }
    return Status();
  }

  Status compare(const space::BlockSet& published) const {
    for (std::size_t i = 0; i < published.words().size(); ++i) {
      const std::uint64_t wrong = published.word(i) ^ blocks_.word(i);
      if (wrong == 0) continue;
      const std::uint64_t block = i * space::BlockSet::word_bits + static_cast<std::uint64_t>(std::countr_zero(wrong));
      return damage("block " + std::to_string(block) + (published.contains(Block{block}, 1)
                                                            ? " is marked used in the bitmap, but nothing refers to it"
                                                            : " is referred to, but marked free in the bitmap"));
    }
    return Status();
  }

  std::uint64_t pages() const noexcept { return count_; }
  std::uint64_t blocks() const noexcept { return blocks_.count(); }

 private:
  space::PageFile& file_;
  space::PageTable& table_;
  std::vector<bool> pages_;
  std::uint64_t count_ = 0;
  space::BlockSet blocks_;
};

}  // namespace

Result<VerifyReport> Engine::verify(std::uint64_t timeout_us) {
  QUIRE_TRY(usable());
  if (read_only_) {
    QUIRE_ASSIGN(const checkpoint::StoredNotes notes, checkpoint_.notes());
    return verify_published(notes);
  }
  // Nothing changes while it is compared: no writer, nothing dirty, no checkpoint.
  QUIRE_TRY(writers_.close(timeout_us, Writers::Own::invalid));
  const Writers::Alone alone(writers_);
  os::Lock no_maintenance(maintenance_mutex_);
  QUIRE_TRY(usable());
  QUIRE_TRY(publish());
  QUIRE_ASSIGN(const checkpoint::StoredNotes notes, checkpoint_.notes());
  os::Lock no_checkpoint(checkpoint_.mutex());
  return verify_published(notes);
}

Result<VerifyReport> Engine::verify_published(const checkpoint::StoredNotes& notes) {
  Census census(file_, table_, blocks_.physical_blocks());
  const btree::SurveyOptions options{.read_large_values = true, .page = [&](PageId id) { return census.page(id); }};
  QUIRE_TRY(btree::survey(tree(catalog::system_tree, catalog::system_root), options).status());
  QUIRE_TRY(btree::survey(tree(catalog::names_tree, catalog::names_root), options).status());
  VerifyReport report;
  std::map<TreeId, std::uint64_t> rows_of;
  const bool unfinished = !notes.notes.active.empty();
  QUIRE_ASSIGN(const std::vector<catalog::TreeRow> trees, catalog::load_tree_rows(resources_));
  const std::shared_ptr<const catalog::Catalog> now = catalog();
  const auto name_of = [&](TreeId id) {
    for (const auto& [name, record] : now->keyspaces) {
      if (record.tree == id) return "keyspace " + name;
    }
    return "tree " + std::to_string(id.raw);
  };
  for (const catalog::TreeRow& row : trees) {
    Result<btree::Survey> survey = btree::survey(tree(row.tree, row.root), options);
    if (!survey.ok()) return Status(survey.code(), name_of(row.tree) + ": " + std::string(survey.message()));
    rows_of[row.tree] = survey->rows;
  }
  QUIRE_ASSIGN(const std::vector<catalog::ReplacedValue> replaced, catalog::load_replaced(resources_));
  for (const catalog::ReplacedValue& value : replaced) {
    // While a transaction is half written or half taken back, its row may be there beside the value's own.
    if (unfinished) break;
    QUIRE_TRY(overflow::visit_chain(pool_, value.first, [&](PageId id) { return census.page(id); }));
  }
  for (const auto& [name, record] : now->keyspaces) {
    const auto rows = rows_of.find(record.tree);
    if (rows == rows_of.end()) return damage("keyspace " + name + " has no row in the system tree");
    // Rows of a transaction that a crash ended are in the trees of a file that is only read.
    const std::uint64_t counted = counts_.rows(record.tree);
    if (rows->second != counted && !unfinished) {
      return damage("keyspace " + name + " has " + std::to_string(rows->second) + " rows, its count says " + std::to_string(counted));
    }
    report.rows += counted;
    ++report.keyspaces;
  }
  for (const space::Entry& page : notes.pages) QUIRE_TRY(census.block(page, "a notes page"));
  QUIRE_TRY(census.table_entries(!unfinished));
  QUIRE_TRY(census.entry_pages(table_.entries()));
  QUIRE_TRY(census.entry_pages(bitmap_.entries()));
  QUIRE_TRY(census.compare(blocks_.published()));
  blocks_.check_state();
  report.pages = census.pages();
  report.blocks = census.blocks();
  return report;
}

Status Engine::undisturbed(std::uint64_t timeout_us, const std::function<Status()>& look) {
  if (read_only_) return look();
  QUIRE_TRY(writers_.close(timeout_us, Writers::Own::stay));
  const Writers::Alone alone(writers_);
  os::Lock no_maintenance(maintenance_mutex_);
  os::Lock no_checkpoint(checkpoint_.mutex());
  return look();
}

Result<Statistics> Engine::statistics() {
  QUIRE_TRY(usable());
  Statistics s;
  s.page_size = file_.page_bytes();
  s.generation = checkpoint_.published().generation.raw;
  QUIRE_ASSIGN(s.file_bytes, file_.file().size());
  s.free_bytes = blocks_.free_blocks() * space::block_bytes;
  QUIRE_TRY(table_.for_each([&](PageId, const space::Entry& entry) {
    if (entry.kind() == space::EntryKind::page) ++s.pages;
    if (entry.kind() == space::EntryKind::undo) ++s.undo_pages;
    return Status();
  }));
  s.keyspaces = catalog()->keyspaces.size();
  s.memory_limit = memory_limit_;
  // Begun or not: their place is kept free.
  const wal::LogWriter* running = log();
  s.log_buffer_bytes = running != nullptr ? running->buffer_bytes() : 2 * log_buffer_bytes_;
  const buffer::PoolCounters counters = pool_.counters();
  s.frames = counters.frames;
  s.frames_used = counters.frames_used;
  s.page_hits = counters.hits;
  s.page_misses = counters.misses;
  s.page_evictions = counters.evictions;
  s.page_reads = file_.counters().pages_read.load(relaxed);
  s.page_writes = file_.counters().pages_written.load(relaxed);
  s.bytes_written = file_.counters().bytes_written.load(relaxed);
  s.syncs = file_.counters().syncs.load(relaxed);
  s.commits = commits_.load(relaxed);
  add_activity(s);
  return s;
}

}  // namespace quire::engine
