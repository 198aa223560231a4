// Backup: a copy of one published generation, packed.
//
// The generation is pinned, so its blocks stay as they are while writers go on. Its pages are read from the file through
// its own table and written in order of their numbers, with a table and a bitmap of the copy's own; uuid and page
// numbers stay the same, and with them the checksums. The copy is built under a name of its own and renamed when it is durable
// (fresh_file.hpp), so the target is absent or complete.
#include "base/try.hpp"
#include "checkpoint/notes.hpp"
#include "engine/engine.hpp"
#include "engine/fresh_file.hpp"
#include "os/hook.hpp"
#include "os/io_trace.hpp"

namespace quire::engine {

namespace {

constexpr std::size_t run_bytes_max = std::size_t{1} << 20;

// The newest published generation, whose blocks stay for as long as this lives.
class Pinned {
 public:
  Pinned(checkpoint::Checkpoint& checkpoint, space::BlockAllocator& blocks) : blocks_(blocks) {
    os::Lock no_checkpoint(checkpoint.mutex());
    root_ = checkpoint.published();
    blocks_.pin(root_.generation);
  }
  ~Pinned() { blocks_.unpin(root_.generation); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

  const space::Superblock& root() const noexcept { return root_; }

 private:
  space::BlockAllocator& blocks_;
  space::Superblock root_;
};

class Copy {
 public:
  Copy(space::PageFile& source, const space::Superblock& root, std::unique_ptr<os::File> file, const std::string& path)
      : source_(source), root_(root), file_(std::move(file), path), table_(file_), blocks_(file_.file()), bitmap_(file_) {
    file_.configure(root.page_bytes, root.uuid);
  }

  Status run() {
    table_.create();
    blocks_.open_empty(file_.page_blocks());
    QUIRE_TRY(copy_pages());
    QUIRE_TRY(copy_notes());
    return write_roots();
  }

 private:
  Status copy_pages() {
    space::EntryTree entries(source_, space::EntryTree::Use::table);
    const std::uint64_t per_leaf = entries.fanout();
    QUIRE_TRY(entries.load(root_.table_root, root_.table_depth, (root_.next_page.raw + per_leaf - 1) / per_leaf, why_));
    std::vector<std::byte> leaf(root_.page_bytes);
    for (std::uint64_t raw = 1; raw < root_.next_page.raw; ++raw) {
      if (raw == 1 || raw % per_leaf == 0) QUIRE_TRY(entries.read(0, raw / per_leaf, leaf, why_));
      QUIRE_ASSIGN(const PageId id, table_.allocate_id());
      QUIRE_ASSERT(id.raw == raw);
      const space::Entry from = space::load_entry(leaf.data() + raw % per_leaf * space::entry_bytes);
      if (from.free()) continue;
      QUIRE_ASSIGN(const space::Entry to, copy_image(from, raw, "page " + std::to_string(raw)));
      table_.set_entry(id, to, root_.generation);
    }
    return write_run();
  }

  Result<space::Entry> copy_image(const space::Entry& from, std::uint64_t number, const std::string& what) {
    const std::size_t at = run_.size();
    if (at + root_.page_bytes > run_bytes_max) {
      QUIRE_TRY(write_run());
      return copy_image(from, number, what);
    }
    QUIRE_TRY(blocks_.reserve(1));
    space::Entry to = space::Entry::make(blocks_.allocate(root_.generation), file_.page_blocks(), from.kind());
    to.checksum = from.checksum;
    run_.resize(at + root_.page_bytes);
    if (at == 0) run_first_ = to.block();
    QUIRE_ASSERT(to.block().raw == run_first_.raw + at / space::block_bytes);
    QUIRE_TRY(source_.read(from, number, what, MutableBytes(run_).subspan(at), why_));
    return to;
  }

  Status write_run() {
    if (run_.empty()) return Status();
    QUIRE_TRY(os::hook("backup.before_write"));
    QUIRE_TRY(file_.write(run_first_, run_, why_));
    run_.clear();
    return Status();
  }

  Status copy_notes() {
    QUIRE_ASSIGN(const checkpoint::StoredNotes stored, checkpoint::load_notes(source_, root_.notes, why_));
    QUIRE_TRY(blocks_.reserve(stored.pages.size()));
    QUIRE_ASSIGN(const std::vector<space::Entry> pages,
                 checkpoint::write_notes(file_, stored.notes, [&] { return blocks_.allocate(root_.generation); }, why_));
    root_.notes = pages.empty() ? space::Entry{} : pages.front();
    return Status();
  }

  Status write_roots() {
    table_.begin_write(root_.generation);
    QUIRE_TRY(blocks_.reserve(table_.unassigned()));
    QUIRE_TRY(bitmap_.assign(table_, blocks_, root_.generation));
    QUIRE_TRY(table_.write(why_.word));
    QUIRE_TRY(bitmap_.write(blocks_, root_.generation, why_.word));
    // What is in it needs no log; the log from its LSN on may be applied to it.
    root_.flags = static_cast<std::uint8_t>((root_.flags & ~space::superblock_flag::logged) | space::superblock_flag::backup);
    root_.table_root = table_.root();
    root_.table_depth = static_cast<std::uint8_t>(table_.depth());
    root_.bitmap_root = bitmap_.root();
    root_.bitmap_depth = static_cast<std::uint8_t>(bitmap_.depth());
    const std::uint64_t end = blocks_.next_published_end(root_.generation);
    root_.file_blocks = (end + file_.page_blocks() - 1) / file_.page_blocks() * file_.page_blocks();
    QUIRE_TRY(file_.truncate(root_.file_blocks * space::block_bytes, why_));
    QUIRE_TRY(file_.sync(why_));
    QUIRE_TRY(file_.publish(root_, why_));
    return file_.sync(why_);
  }

  space::PageFile& source_;
  space::Superblock root_;  // of the copy
  const space::IoReason why_{"backup", root_.generation};
  space::PageFile file_;
  space::PageTable table_;
  space::BlockAllocator blocks_;
  space::Bitmap bitmap_;
  std::vector<std::byte> run_;  // images for consecutive blocks from run_first_ on
  Block run_first_{};
};

Status exists_already(const std::string& target) {
  return Status(Code::exists, "the backup " + target + " exists already; a backup never replaces a file");
}

}  // namespace

Status Engine::backup(const std::string& path) {
  QUIRE_TRY(usable());
  os::FileSystem& files = environment_.files;
  QUIRE_ASSIGN(const std::string target, files.resolve(path));
  QUIRE_ASSIGN(const bool there, files.exists(target));
  if (there) return exists_already(target);
  if (log() != nullptr) QUIRE_TRY(publish());  // what is in the log only
  const Pinned pinned(checkpoint_, blocks_);
  QUIRE_ASSIGN(FreshFile fresh, FreshFile::create(environment_, target, "backup"));
  {
    QUIRE_ASSIGN(std::unique_ptr<os::File> file, files.open(fresh.path(), {.write = true}));
    QUIRE_TRY(Copy(file_, pinned.root(), std::move(file), fresh.path()).run());
  }
  Status named = fresh.give_name(FreshFile::Target::absent);
  if (named == Code::exists) return exists_already(target);
  QUIRE_TRY(std::move(named));
  const std::string directory = os::directory_of(target);
  Status synced = os::told(files.sync_directory(directory), "sync", "directory", directory, "backup");
  if (synced.ok()) return synced;
  return Status(synced.code(), "the backup " + target + " is complete, but a power cut may take its name away: " + std::string(synced.message()));
}

}  // namespace quire::engine
