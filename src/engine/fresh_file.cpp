// FreshFile: names, locks and leftovers.
#include "engine/fresh_file.hpp"

#include "base/contain.hpp"
#include "base/hash.hpp"
#include "base/try.hpp"
#include "os/io_trace.hpp"

namespace quire::engine {

namespace {

// Each attempt has a name of its own; it fails only when someone takes the new file for a leftover before it is locked.
constexpr int attempts_max = 16;

std::string hex(std::uint64_t value) {
  std::string text(16, '0');
  for (std::size_t i = text.size(); i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

// What the names of unfinished files for this path begin with. Short, whatever the length of the path's own name.
std::string unfinished_prefix(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  return ".quire-" + hex(hash64(as_bytes(name))) + "-";
}

void remove_leftovers(os::FileSystem& files, const std::string& path, const char* why) {
  const std::string directory = os::directory_of(path);
  const Result<std::vector<std::string>> names = files.list(directory);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(unfinished_prefix(path))) continue;
    const std::string leftover = directory + "/" + name;
    const Result<std::unique_ptr<os::File>> file = files.open(leftover, {.write = true});
    if (!file.ok() || !(*file)->lock(os::LockMode::exclusive).ok()) continue;
    (void)os::told(files.remove(leftover), "remove", "file", leftover, why).ok();
  }
}

}  // namespace

Result<FreshFile> FreshFile::create(os::Environment& environment, const std::string& path, const char* why) {
  os::FileSystem& files = environment.files;
  remove_leftovers(files, path, why);
  for (int attempt = 1;; ++attempt) {
    const std::string name = os::directory_of(path) + "/" + unfinished_prefix(path) + hex(environment.entropy.next());
    QUIRE_ASSIGN(std::unique_ptr<os::File> file, files.open(name, {.write = true, .create = true, .must_not_exist = true}));
    FreshFile fresh(files, path, name, std::move(file), why);
    Status locked = os::told(fresh.locked_->lock(os::LockMode::exclusive), "create", "file", name, why);
    if (!locked.ok() && (locked != Code::busy || attempt == attempts_max)) return locked;
    // It may have been removed before the lock was there.
    const Result<std::unique_ptr<os::File>> now = files.open(name, {});
    const bool ours = locked.ok() && now.ok() && (*now)->identity() == fresh.locked_->identity();
    if (ours) return fresh;
    if (!now.ok() && (now != Code::not_found || attempt == attempts_max)) return now.status();
  }
}

FreshFile::~FreshFile() {
  if (locked_ == nullptr) return;
  // What is left behind the next one of the path removes (EN-56).
  (void)contain_no_memory([&] { return os::told(files_.remove(path_), "remove", "file", path_, why_); }).ok();
}

Status FreshFile::give_name(Target target) {
  Status renamed = target == Target::replaced ? files_.rename(path_, target_) : files_.rename_new(path_, target_);
  QUIRE_TRY(os::told(std::move(renamed), "rename", "file", target_, why_));
  locked_.reset();
  return Status();
}

}  // namespace quire::engine
