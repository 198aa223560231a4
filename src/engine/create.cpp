// Creating a file.
//
// A new database is built in full under a name of its own (fresh_file.hpp), synced, and then renamed to its path, which must
// not exist: the path shows either nothing or a whole database, and no power cut can leave something that must be told
// apart from a damaged file. Whoever loses the race for the path opens the other's file. An empty file at the path, as
// programs make one to reserve a temporary name, is replaced under its lock.
//
// Invariants   no file is truncated, replaced or removed but this call's own, an empty one at the path, and unlocked
//              leftovers of creations of the same path
// Errors       as the file system says; on every error the path is as it was
#include "base/try.hpp"
#include "engine/engine.hpp"
#include "engine/fresh_file.hpp"
#include "os/hook.hpp"

namespace quire::engine {

namespace {

constexpr std::uint64_t first_generation = 1;  // the first publish is number 2, superblock A
constexpr std::uint64_t memory_for_creation = std::uint64_t{1} << 20;

space::Uuid make_uuid(os::Entropy& entropy) {
  space::Uuid uuid;
  store_le(uuid.data(), entropy.next());
  store_le(uuid.data() + 8, entropy.next());
  return uuid;
}

// An empty file at the path, locked; null when there is no file, or one with content.
Result<std::unique_ptr<os::File>> lock_placeholder(os::FileSystem& files, const std::string& path) {
  std::unique_ptr<os::File> none;
  QUIRE_ASSIGN(std::unique_ptr<os::File> file, files.open(path, {}));
  QUIRE_ASSIGN(const std::uint64_t bytes, file->size());
  if (bytes != 0) return none;
  QUIRE_ASSIGN(file, files.open(path, {.write = true}));
  QUIRE_TRY(file->lock(os::LockMode::exclusive));
  // Another process may have replaced it before the lock was ours.
  QUIRE_ASSIGN(const std::unique_ptr<os::File> now, files.open(path, {}));
  QUIRE_ASSIGN(const std::uint64_t bytes_now, now->size());
  if (bytes_now != 0 || now->identity() != file->identity()) return none;
  return file;
}

}  // namespace

Status Engine::build_file(os::Environment& environment, const std::string& path, const Options& options) {
  QUIRE_ASSIGN(std::unique_ptr<os::File> file, environment.files.open(path, {.write = true}));
  space::Superblock superblock;
  superblock.page_bytes = options.page_size == 0 ? page::page_bytes_default : options.page_size;
  superblock.uuid = make_uuid(environment.entropy);
  superblock.generation = Epoch{first_generation};
  superblock.next_tree = catalog::first_free_tree;
  superblock.file_blocks = space::superblock_blocks;
  superblock.created_us = environment.clock.wall_us();
  Engine engine(environment, std::move(file), path);
  QUIRE_TRY(engine.assemble(superblock, memory_for_creation));
  QUIRE_TRY(engine.format());
  return os::hook("create.before_rename");
}

Status Engine::create_if_missing(os::Environment& environment, const std::string& path, const Options& options) {
  os::FileSystem& files = environment.files;
  QUIRE_ASSIGN(const bool there, files.exists(path));
  std::unique_ptr<os::File> placeholder;
  if (there) {
    QUIRE_ASSIGN(placeholder, lock_placeholder(files, path));
    if (placeholder == nullptr) return Status();
  }
  QUIRE_ASSIGN(FreshFile fresh, FreshFile::create(environment, path, "create"));
  QUIRE_TRY(build_file(environment, fresh.path(), options));
  Status named = fresh.give_name(placeholder != nullptr ? FreshFile::Target::replaced : FreshFile::Target::absent);
  // Another process was quicker; its database is the one.
  return named == Code::exists ? Status() : named;
}

}  // namespace quire::engine
