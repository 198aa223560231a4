// Creating a file.
//
// A new database is built in full under a name of its own in the same directory, `.quire-<hash of the name>-<random>`, synced, and
// then renamed to its path, which must not exist: the path shows either nothing or a whole database, and no power cut
// can leave something that must be told apart from a damaged file. Whoever loses the race for the path removes its own
// file and opens the other's. An empty file at the path, as programs make one to reserve a temporary name, is replaced
// under its lock.
//
// Invariants   no file is truncated, replaced or removed but this call's own, an empty one at the path, and unlocked
//              leftovers of creations of the same path
// Errors       as the file system says; on every error the path is as it was
#include "base/try.hpp"
#include "engine/engine.hpp"
#include "os/hook.hpp"
#include "os/io_trace.hpp"

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

std::string hex(std::uint64_t value) {
  std::string text(16, '0');
  for (std::size_t i = text.size(); i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

// What the names of unfinished databases for this path begin with. Short, whatever the length of the path's own name.
std::string unfinished_prefix(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  return ".quire-" + hex(hash64(as_bytes(name))) + "-";
}

// Leftovers of creations that a crash ended; one that is locked is still being built.
void remove_leftovers(os::FileSystem& files, const std::string& path) {
  const std::string directory = os::directory_of(path);
  const Result<std::vector<std::string>> names = files.list(directory);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(unfinished_prefix(path))) continue;
    const std::string leftover = directory + "/" + name;
    const Result<std::unique_ptr<os::File>> file = files.open(leftover, {.write = true});
    if (!file.ok() || !(*file)->lock(os::LockMode::exclusive).ok()) continue;
    (void)os::told(files.remove(leftover), "remove", "file", leftover, "create").ok();
  }
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
  QUIRE_ASSIGN(std::unique_ptr<os::File> file,
               environment.files.open(path, {.write = true, .create = true, .must_not_exist = true}));
  QUIRE_TRY(os::told(file->lock(os::LockMode::exclusive), "create", "file", path, "create"));
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
  remove_leftovers(files, path);
  const std::string fresh = os::directory_of(path) + "/" + unfinished_prefix(path) + hex(environment.entropy.next());
  Status status = build_file(environment, fresh, options);
  if (status.ok()) {
    status = placeholder != nullptr ? files.rename(fresh, path) : files.rename_new(fresh, path);
    status = os::told(std::move(status), "rename", "file", path, "create");
  }
  if (status.ok()) return status;
  (void)os::told(files.remove(fresh), "remove", "file", fresh, "create").ok();
  // Another process was quicker; its database is the one.
  return status == Code::exists ? Status() : status;
}

}  // namespace quire::engine
