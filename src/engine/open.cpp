// Opening and closing a file.
//
// A file that was not closed is recovered also for reading only; then over an overlay, so that no byte changes.
//
// What was read is made durable before it is trusted (RC-1): the superblock that was chosen, and the name under which
// the file was found, which a creation that died before its last sync may have left to the page cache.
#include <algorithm>

#include "base/contain.hpp"
#include "base/try.hpp"
#include "engine/engine.hpp"
#include "os/io_trace.hpp"
#include "os/overlay.hpp"
#include "overflow/overflow.hpp"

namespace quire::engine {

namespace {

constexpr std::uint64_t memory_limit_min = std::uint64_t{1} << 20;
constexpr std::uint64_t log_limit_min = std::uint64_t{64} << 10;

Status too_small(const std::string& option, std::uint64_t bytes, std::uint64_t least) {
  return Status(Code::invalid, "Options::" + option + " is " + std::to_string(bytes) + " bytes; at least " + std::to_string(least) + " expected");
}

Status check_options(const Options& options) {
  if (options.page_size != 0 && !page::is_page_size(options.page_size)) {
    return Status(Code::invalid, "Options::page_size is " + std::to_string(options.page_size) +
                                     "; 4096, 8192, 16384, 32768 or 65536 expected");
  }
  if (options.memory_limit < memory_limit_min) return too_small("memory_limit", options.memory_limit, memory_limit_min);
  if (options.log_limit < log_limit_min) return too_small("log_limit", options.log_limit, log_limit_min);
  if (!options.archive_dir.empty() && options.journal != Journal::log) {
    return Status(Code::invalid, "Options::archive_dir is set, but without a log (Options::journal) there is nothing to archive");
  }
  return Status();
}

// A 32nd of the memory for each of the two buffers: 4 MiB from 128 MiB on. A log never holds more than its limit.
constexpr std::uint64_t log_buffers = 2;
constexpr std::uint64_t memory_per_log_buffer = 32;
constexpr std::uint64_t log_buffer_bytes_max = std::uint64_t{4} << 20;

std::uint64_t log_buffer_bytes(const Options& options) {
  return std::min({options.memory_limit / memory_per_log_buffer, options.log_limit, log_buffer_bytes_max});
}

// Numbers engines from 1 on.
std::uint64_t next_number() {
  static Atomic<std::uint64_t> last{0};
  return last.fetch_add(1, relaxed) + 1;
}

}  // namespace

// Everything that is written stays in memory, or in a temporary file.
struct Engine::Quiet {
  explicit Quiet(os::Environment& below) : files(below.files), environment{files, below.clock, below.entropy} {}
  os::OverlayFileSystem files;
  os::Environment environment;
};

Engine::Engine(os::Environment& environment, std::unique_ptr<os::File> file, const std::string& path, std::shared_ptr<Quiet> quiet)
    : quiet_(std::move(quiet)),
      environment_(environment),
      file_(std::move(file), path),
      file_identity_(file_.file().identity()),
      number_(next_number()),
      table_(file_),
      blocks_(file_.file()),
      bitmap_(file_),
      pool_(file_, table_, blocks_),
      resources_{pool_, table_, blocks_},
      checkpoint_(file_, resources_, bitmap_),
      writers_(resources_, environment.clock),
      parking_(environment.clock),
      locks_(*this, parking_) {}

Engine::~Engine() {
  // A clean close gives back what the file grew ahead, and removes the log. A failure costs nothing but the space.
  // In a child of fork() the file is the parent's, which may have grown it since.
  // Its thread too is the parent's.
  if (!ours()) (void)background_.release();
  background_.reset();
  // What is left undone the next opening does.
  (void)contain_no_memory([&] { return close(); }).ok();
}

Status Engine::close() {
  if (catalog() == nullptr || read_only_ || !ours()) return Status();
  Status finished = usable();
  if (finished.ok()) finished = keep_commits();
  if (finished.ok()) finished = finish();
  close_report_->set(check_archive(finished));
  QUIRE_TRY(std::move(finished));
  if (!closing_.load(relaxed)) return Status();
  // After a publish that failed the file keeps its length: either state may be the one that is found.
  QUIRE_TRY(shrink_at_close());
  QUIRE_TRY(close_log());
  return trim_file();
}

Status Engine::assemble(const space::Superblock& superblock, std::uint64_t memory_bytes) {
  file_.configure(superblock.page_bytes, superblock.uuid);
  pool_.register_kind(page::PageType::inner, btree::node_kind());
  pool_.register_kind(page::PageType::leaf, btree::node_kind());
  pool_.register_kind(page::PageType::overflow_index, overflow::index_kind());
  pool_.register_kind(page::PageType::overflow_data, overflow::data_kind());
  pool_.register_kind(page::PageType::undo, txn::undo_kind());
  QUIRE_TRY(pool_.open(memory_bytes));
  checkpoint_.start(superblock);
  return Status();
}

Status Engine::load(const space::Superblock& superblock) {
  QUIRE_TRY(table_.load_root(superblock.table_root, superblock.table_depth, superblock.next_page));
  QUIRE_ASSIGN(const std::uint64_t bytes, file_.file().size());
  QUIRE_ASSIGN(space::BlockSet published, bitmap_.load(superblock));
  blocks_.open(std::move(published), {file_.page_blocks(), bytes / space::block_bytes});
  first_xid_ = superblock.next_xid.raw;
  next_xid_.store(first_xid_, relaxed);
  clean_.store((superblock.flags & space::superblock_flag::clean) != 0, relaxed);
  next_tree_.store(superblock.next_tree.raw, relaxed);
  clock_.store(superblock.clock, relaxed);
  QUIRE_TRY(recover(superblock));
  status_.open(Xid{first_xid_});
  const Timestamp limit{clock_.load(relaxed) + 1};
  QUIRE_ASSIGN(catalog::Catalog loaded, catalog::load(resources_, {limit, true, nullptr, &status_, Xid{}}));
  {
    os::Lock alone(maintenance_mutex_);
    for (const auto& [name, record] : loaded.keyspaces) {
      if (counts_.ghosts(record.tree) && !read_only_) sweeps_.push_back({record.tree, {}});
    }
  }
  os::Lock lock(catalog_mutex_);
  committed_catalog_ = std::make_shared<const catalog::Catalog>(std::move(loaded));
  visibility_.open(committed_catalog_, limit);
  return Status();
}

// The first checkpoint of a new file.
Status Engine::format() {
  table_.create();
  blocks_.open_empty(file_.page_blocks());
  QUIRE_TRY(catalog::create(resources_).status());
  Status published = checkpoint_.publish(checkpoint::Checkpoint::State{.next_tree = catalog::first_free_tree, .active = {}, .counts = {}});
  resources_.give_spare_units();
  // Nobody has seen the file: whatever became of its superblock, it was not created.
  if (published == Code::unknown_outcome) return Status(Code::io, "cannot create " + path() + ": " + std::string(published.message()));
  QUIRE_TRY(std::move(published));
  QUIRE_TRY(trim_file());
  return file_.sync({.word = "create"});
}

Status Engine::trim_file() {
  const std::uint64_t wanted = checkpoint_.published().file_blocks * space::block_bytes;
  QUIRE_ASSIGN(const std::uint64_t bytes, file_.file().size());
  return bytes > wanted ? file_.truncate(wanted, {.word = "trim"}) : Status();
}

Result<std::shared_ptr<Engine>> Engine::open(os::Environment& environment, const std::string& path, const Options& options) {
  QUIRE_TRY(check_options(options));
  const bool read_only = options.mode == Mode::read_only;
  if (!read_only && !options.archive_dir.empty()) {
    const Status listed = environment.files.list(options.archive_dir).status();
    if (!listed.ok()) return Status(Code::invalid, "Options::archive_dir must be a directory that exists: " + std::string(listed.message()));
  }
  if (options.mode == Mode::create) {
    QUIRE_TRY(create_if_missing(environment, path, options));
  } else {
    QUIRE_ASSIGN(const bool there, environment.files.exists(path));
    if (!there) return Status(Code::not_found, path + " does not exist");
  }

  QUIRE_ASSIGN(std::unique_ptr<os::File> file, environment.files.open(path, {.write = !read_only, .random_reads = true}));
  QUIRE_TRY(file->lock(read_only ? os::LockMode::shared : os::LockMode::exclusive));
  QUIRE_ASSIGN(const space::Superblock superblock, space::read_superblock(*file, path));
  const bool clean = (superblock.flags & space::superblock_flag::clean) != 0;
  if (!read_only || clean) return open_file(environment, std::move(file), path, superblock, options, nullptr);
  // Its recovery changes no byte either. The lock stays until the other one is taken.
  auto quiet = std::make_shared<Quiet>(environment);
  QUIRE_ASSIGN(std::unique_ptr<os::File> overlaid, quiet->files.open(path, {.write = true, .random_reads = true}));
  QUIRE_TRY(overlaid->lock(os::LockMode::shared));
  file.reset();
  os::Environment& inside = quiet->environment;
  return open_file(inside, std::move(overlaid), path, superblock, options, std::move(quiet));
}

Result<std::shared_ptr<Engine>> Engine::open_file(os::Environment& environment, std::unique_ptr<os::File> file, const std::string& path,
                                                  const space::Superblock& superblock, const Options& options,
                                                  std::shared_ptr<Quiet> quiet, Restore* restore) {
  const bool read_only = options.mode == Mode::read_only;
  const bool changes = !read_only || quiet != nullptr;
  std::shared_ptr<Engine> engine(new Engine(environment, std::move(file), path, std::move(quiet)));
  engine->options_ = options;
  if (options.journal == Journal::copy_on_write) engine->options_.durability = Durability::sync;
  if (read_only) engine->options_.archive_dir.clear();
  engine->read_only_ = true;  // until it is known to be a database
  if (changes && !seeded_bug("trust_superblock_before_sync")) QUIRE_TRY(engine->file_.settle(superblock));
  if (!read_only && !seeded_bug("skip_directory_sync")) {
    const std::string directory = os::directory_of(path);
    QUIRE_TRY(os::told(environment.files.sync_directory(directory), "sync", "directory", directory, "open"));
  }
  const bool will_log = !read_only && environment.lasting && options.journal == Journal::log;
  if (will_log) engine->log_buffer_bytes_ = log_buffer_bytes(options);
  QUIRE_TRY(engine->assemble(superblock, options.memory_limit - log_buffers * engine->log_buffer_bytes_));
  engine->memory_limit_ = options.memory_limit;
  engine->poisoned_.store(true, release);  // until it is open in full: closing it early changes nothing
  engine->read_only_ = !changes;
  engine->restore_ = restore;
  QUIRE_TRY(engine->load(superblock));
  engine->restore_ = nullptr;
  engine->options_.on_recovery = nullptr;  // what it refers to may end with the call
  engine->read_only_ = read_only;
  engine->poisoned_.store(false, release);
  return engine;
}

}  // namespace quire::engine
