// Backup: a copy of one published generation, packed.
//
// The generation is pinned, so its blocks stay as they are while writers go on. Its pages are read from the file through
// its own table and written in order of their numbers, with a table and a bitmap of the copy's own; uuid and page
// numbers stay the same, and with them the checksums. The copy is built under another name and renamed when it is durable.
#include "base/try.hpp"
#include "checkpoint/layout.hpp"
#include "engine/engine.hpp"
#include "os/hook.hpp"
#include "os/io_trace.hpp"

namespace quire::engine {

namespace {

constexpr std::size_t run_bytes_max = std::size_t{1} << 20;

class Copy {
 public:
  Copy(space::PageFile& source, const space::Superblock& root, std::unique_ptr<os::File> file, const std::string& path)
      : source_(source), root_(root), file_(std::move(file), path), table_(file_), blocks_(file_.file()), bitmap_(file_) {
    file_.configure(root.page_bytes, root.uuid);
  }

  Status run() {
    table_.create();
    space::BlockSet superblocks;
    superblocks.resize(space::superblock_blocks);
    superblocks.insert(Block{0}, space::superblock_blocks);
    blocks_.open(std::move(superblocks), {file_.page_blocks(), 0});
    QUIRE_TRY(copy_pages());
    QUIRE_TRY(copy_active());
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

  // `number`: what the image is if it is no page.
  Status write_run(std::uint64_t number = 0) {
    if (run_.empty()) return Status();
    QUIRE_TRY(os::hook("backup.before_write"));
    QUIRE_TRY(file_.write(run_first_, run_, why_, number));
    run_.clear();
    return Status();
  }

  Status copy_active() {
    if (root_.active_transactions.free()) return Status();
    QUIRE_ASSIGN(root_.active_transactions,
                 copy_image(root_.active_transactions, checkpoint::active_page_number, "the page of active transactions"));
    return write_run(checkpoint::active_page_number);
  }

  Status write_roots() {
    table_.begin_write(root_.generation);
    QUIRE_TRY(blocks_.reserve(table_.unassigned()));
    QUIRE_TRY(bitmap_.assign(table_, blocks_, root_.generation));
    QUIRE_TRY(table_.write(why_.word));
    QUIRE_TRY(bitmap_.write(blocks_, root_.generation, why_.word));
    root_.flags |= space::superblock_flag::backup;
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

}  // namespace

Status Engine::backup(const std::string& path) {
  QUIRE_TRY(usable());
  os::FileSystem& files = environment_.files;
  QUIRE_ASSIGN(const std::string target, files.resolve(path));
  QUIRE_ASSIGN(const bool there, files.exists(target));
  if (there) return Status(Code::exists, "the backup " + target + " exists already; a backup never replaces a file");
  space::Superblock root;
  {
    os::Lock no_checkpoint(checkpoint_.mutex());
    root = checkpoint_.published();
    blocks_.pin(root.generation);
  }
  const std::string unfinished = target + ".unfinished";
  Result<std::unique_ptr<os::File>> file = files.open(unfinished, {.write = true, .create = true, .must_not_exist = true});
  Status status = os::told(file.status(), "create", "file", unfinished, "backup");
  if (status.ok()) {
    status = Copy(file_, root, std::move(file).value(), unfinished).run();
    if (status.ok()) status = os::told(files.rename_new(unfinished, target), "rename", "file", target, "backup");
    if (status.ok()) status = os::told(files.sync_directory(os::directory_of(target)), "sync", "directory", os::directory_of(target), "backup");
    if (!status.ok()) (void)os::told(files.remove(unfinished), "remove", "file", unfinished, "backup").ok();
  } else if (status == Code::exists) {
    status = Status(Code::exists, unfinished + " is left over from a backup that did not finish, or one is under way; remove it");
  }
  blocks_.unpin(root.generation);
  return status;
}

}  // namespace quire::engine
