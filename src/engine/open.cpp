// Opening, creating and closing a file.
//
// A new database is built in full beside its path, as `<path>-new`, synced, and then renamed: the path shows either
// nothing or a whole database, and no power cut can leave something that must be told apart from a
// damaged file. Two processes that create at once meet at the lock of `<path>-new`.
#include "base/try.hpp"
#include "engine/engine.hpp"
#include "os/hook.hpp"
#include "overflow/overflow.hpp"

namespace quire::engine {

namespace {

constexpr std::uint64_t memory_limit_min = std::uint64_t{1} << 20;
constexpr std::uint64_t first_generation = 1;  // the first publish is number 2, superblock A

Status check_options(const Options& options) {
  if (options.page_size != 0 && !page::is_page_size(options.page_size)) {
    return Status(Code::invalid, "Options::page_size is " + std::to_string(options.page_size) +
                                     "; 4096, 8192, 16384, 32768 or 65536 expected");
  }
  if (options.memory_limit < memory_limit_min) {
    return Status(Code::invalid, "Options::memory_limit is " + std::to_string(options.memory_limit) + " bytes; at least " +
                                     std::to_string(memory_limit_min) + " expected");
  }
  return Status();
}

space::Uuid make_uuid(os::Entropy& entropy) {
  space::Uuid uuid;
  store_le(uuid.data(), entropy.next());
  store_le(uuid.data() + 8, entropy.next());
  return uuid;
}

}  // namespace

Engine::Engine(os::Environment& environment, std::unique_ptr<os::File> file, const std::string& path)
    : environment_(environment),
      file_(std::move(file), path),
      file_identity_(file_.file().identity()),
      table_(file_),
      blocks_(file_.file()),
      bitmap_(file_),
      pool_(file_, table_),
      resources_{pool_, table_, blocks_},
      checkpoint_(file_, resources_, bitmap_),
      turnstile_(environment.clock) {}

Engine::~Engine() {
  // A clean close gives back what the file grew ahead. A failure costs nothing but the space.
  // In a child of fork() the file is the parent's, which may have grown it since.
  if (ours() && !read_only_ && !poisoned_.load(acquire)) (void)trim_file().ok();
}

Status Engine::assemble(const space::Superblock& superblock, std::uint64_t memory_bytes) {
  file_.configure(superblock.page_bytes, superblock.uuid);
  pool_.register_kind(page::PageType::inner, btree::node_kind());
  pool_.register_kind(page::PageType::leaf, btree::node_kind());
  pool_.register_kind(page::PageType::overflow_index, overflow::index_kind());
  pool_.register_kind(page::PageType::overflow_data, overflow::data_kind());
  memory_limit_ = memory_bytes;
  QUIRE_TRY(pool_.open(memory_bytes));
  checkpoint_.start(superblock);
  return Status();
}

Status Engine::load(const space::Superblock& superblock) {
  QUIRE_TRY(table_.load_root(superblock.table_root, superblock.table_depth, superblock.next_page));
  QUIRE_ASSIGN(const std::uint64_t bytes, file_.file().size());
  QUIRE_ASSIGN(space::BlockSet published, bitmap_.load(superblock));
  blocks_.open(std::move(published), {file_.page_blocks(), bytes / space::block_bytes});
  QUIRE_ASSIGN(catalog::Catalog loaded, catalog::load(resources_));
  loaded.next_tree = superblock.next_tree;
  install(std::make_shared<catalog::Catalog>(std::move(loaded)));
  return Status();
}

// The first checkpoint of a new file.
Status Engine::format() {
  table_.create();
  space::BlockSet superblocks;
  superblocks.resize(space::superblock_blocks);
  superblocks.insert(Block{0}, space::superblock_blocks);
  blocks_.open(std::move(superblocks), {file_.page_blocks(), 0});
  QUIRE_ASSIGN(const catalog::Catalog created, catalog::create(resources_));
  Status published = checkpoint_.publish({created.next_tree, 0});
  // Nobody has seen the file: whatever became of its superblock, it was not created.
  if (published == Code::unknown_outcome) return Status(Code::io, "cannot create " + path() + ": " + std::string(published.message()));
  QUIRE_TRY(std::move(published));
  QUIRE_TRY(trim_file());
  return file_.sync();
}

Status Engine::trim_file() {
  const std::uint64_t wanted = checkpoint_.published().file_blocks * space::block_bytes;
  QUIRE_ASSIGN(const std::uint64_t bytes, file_.file().size());
  return bytes > wanted ? file_.file().truncate(wanted) : Status();
}

Status Engine::create_file(os::Environment& environment, const std::string& path, const Options& options) {
  const std::string fresh = path + "-new";
  {
    QUIRE_ASSIGN(std::unique_ptr<os::File> file, environment.files.open(fresh, {.write = true, .create = true}));
    QUIRE_TRY(file->lock(os::LockMode::exclusive));
    // Whoever held the lock before may have finished and renamed the file away.
    QUIRE_ASSIGN(const bool still_there, environment.files.exists(fresh));
    if (!still_there) return Status(Code::busy, path + " was created by another process at this moment; open it again");
    QUIRE_TRY(file->truncate(0));
    space::Superblock superblock;
    superblock.page_bytes = options.page_size == 0 ? page::page_bytes_default : options.page_size;
    superblock.uuid = make_uuid(environment.entropy);
    superblock.generation = Epoch{first_generation};
    superblock.next_tree = catalog::first_free_tree;
    superblock.file_blocks = space::superblock_blocks;
    superblock.created_us = environment.clock.wall_us();
    Engine engine(environment, std::move(file), fresh);
    QUIRE_TRY(engine.assemble(superblock, memory_limit_min));
    QUIRE_TRY(engine.format());
    QUIRE_TRY(os::hook("create.before_rename"));
    QUIRE_TRY(environment.files.rename(fresh, path));
  }
  if (seeded_bug("skip_directory_sync")) return Status();
  return environment.files.sync_directory(os::directory_of(path));
}

Result<std::shared_ptr<Engine>> Engine::open(os::Environment& environment, const std::string& path, const Options& options) {
  QUIRE_TRY(check_options(options));
  const bool read_only = options.mode == Mode::read_only;
  QUIRE_ASSIGN(const bool there, environment.files.exists(path));
  bool create = !there;
  if (there && options.mode == Mode::create) {
    // An empty file, as a program that makes temporary names leaves it, counts as not there.
    QUIRE_ASSIGN(std::unique_ptr<os::File> file, environment.files.open(path, {}));
    QUIRE_ASSIGN(const std::uint64_t bytes, file->size());
    create = bytes == 0;
  }
  if (create && options.mode != Mode::create) return Status(Code::not_found, path + " does not exist");
  if (create) QUIRE_TRY(create_file(environment, path, options));

  QUIRE_ASSIGN(std::unique_ptr<os::File> file, environment.files.open(path, {.write = !read_only}));
  QUIRE_TRY(file->lock(read_only ? os::LockMode::shared : os::LockMode::exclusive));
  std::shared_ptr<Engine> engine(new Engine(environment, std::move(file), path));
  engine->read_only_ = true;  // until it is known to be a database: closing changes nothing
  QUIRE_ASSIGN(const space::Superblock superblock, space::read_superblock(engine->file_.file(), path));
  if ((superblock.flags & space::superblock_flag::clean) == 0) {
    return Status(Code::unclean, path + " was not closed cleanly and needs its log; this version keeps none");
  }
  if (!read_only && !seeded_bug("trust_superblock_before_sync")) QUIRE_TRY(space::settle_superblock(engine->file_.file(), superblock));
  QUIRE_TRY(engine->assemble(superblock, options.memory_limit));
  QUIRE_TRY(engine->load(superblock));
  engine->read_only_ = read_only;
  return engine;
}

}  // namespace quire::engine
