// MemFileSystem: names and the quota.
//
// A directory is whatever some file's path begins with. used_bytes_ is kept with every change of a size, and
// a file without a name counts until its last handle is closed, as on a real disk.
#include "os/mem/mem_file_system.hpp"

#include <utility>

#include "base/assert.hpp"
#include "base/try.hpp"
#include "os/describe.hpp"
#include "os/identity.hpp"
#include "os/mem/mem_file.hpp"
#include "os/path.hpp"

namespace quire::os {

namespace {

Status not_found(const std::string& words) { return Status(Code::not_found, words + ": No such file in memory"); }

}  // namespace

MemFileSystem::MemFileSystem(std::uint64_t quota_bytes) : device_(next_memory_device()), quota_bytes_(quota_bytes) {}

MemFileSystem::~MemFileSystem() {
  Lock held(mutex_);
  QUIRE_ASSERT(open_files_ == 0);  // a MemFile must not outlive its file system
}

Result<std::unique_ptr<File>> MemFileSystem::open(const std::string& path, OpenFile how) {
  const std::string whole = normalized_path(path);
  const std::string words = cannot(how.create ? "create" : "open", whole);
  if ((how.create && !how.write) || (how.must_not_exist && !how.create)) {
    return Status(Code::invalid, words + ": creating needs writing, must_not_exist needs create");
  }
  Lock held(mutex_);
  const auto found = names_.find(whole);
  InodePointer inode = found == names_.end() ? nullptr : found->second;
  if (inode == nullptr && is_directory(whole)) {
    return Status(Code::invalid, words + ": it is a directory, not a regular file");
  }
  if (inode != nullptr && how.must_not_exist) return Status(Code::exists, words + ": File exists");
  if (inode == nullptr && !how.create) return not_found(words);
  if (inode == nullptr) {
    inode = std::make_shared<Inode>();
    inode->number = ++inode_count_;
    names_.emplace(whole, inode);
  }
  auto file = std::make_unique<MemFile>(*this, MemFile::Opened{.inode = inode, .path = whole, .write = how.write});
  // Counted when nothing can fail any more; its destructor takes it off.
  ++inode->handles;
  ++open_files_;
  return std::unique_ptr<File>(std::move(file));
}

Status MemFileSystem::remove(const std::string& path) {
  const std::string whole = normalized_path(path);
  Lock held(mutex_);
  const auto found = names_.find(whole);
  if (found == names_.end()) return not_found(cannot("remove", whole));
  lose_name(*found->second);
  names_.erase(found);
  return {};
}

Status MemFileSystem::rename(const std::string& source, const std::string& target) {
  const std::string from = normalized_path(source);
  const std::string to = normalized_path(target);
  Lock held(mutex_);
  const auto found = names_.find(from);
  if (found == names_.end()) return not_found(cannot_rename(from, to));
  if (is_directory(to)) return Status(Code::io, cannot_rename(from, to) + ": Is a directory");
  if (from == to) return {};
  InodePointer inode = found->second;
  names_.erase(found);
  InodePointer& place = names_[to];
  if (place != nullptr) lose_name(*place);
  place = std::move(inode);
  return {};
}

Status MemFileSystem::rename_new(const std::string& source, const std::string& target) {
  {
    Lock held(mutex_);
    if (names_.contains(normalized_path(target))) {
      return Status(Code::exists, cannot_rename(source, normalized_path(target)) + ": File exists");
    }
  }
  return rename(source, target);
}

Result<bool> MemFileSystem::exists(const std::string& path) {
  const std::string whole = normalized_path(path);
  Lock held(mutex_);
  return names_.contains(whole) || is_directory(whole);
}

Result<std::vector<std::string>> MemFileSystem::list(const std::string& directory) {
  const std::string whole = normalized_path(directory);
  Lock held(mutex_);
  std::vector<std::string> found;
  for (const auto& [path, inode] : names_) {
    if (directory_of(path) == whole) found.push_back(path.substr(path.rfind('/') + 1));
  }
  return found;
}

Status MemFileSystem::sync_directory(const std::string&) { return {}; }

Result<std::string> MemFileSystem::resolve(const std::string& path) { return normalized_path(path); }

void MemFileSystem::set_quota(std::uint64_t bytes) {
  Lock held(mutex_);
  quota_bytes_ = bytes;
}

std::uint64_t MemFileSystem::used_bytes() const {
  Lock held(mutex_);
  return used_bytes_;
}

bool MemFileSystem::is_directory(const std::string& path) const {
  if (path == "/") return true;
  const auto found = names_.lower_bound(path + "/");
  return found != names_.end() && found->first.starts_with(path + "/");
}

bool MemFileSystem::fits(const Inode& inode, std::uint64_t new_size) const {
  if (new_size <= inode.bytes.size()) return true;
  const std::uint64_t growth = new_size - inode.bytes.size();
  return used_bytes_ <= quota_bytes_ && growth <= quota_bytes_ - used_bytes_;
}

void MemFileSystem::resize(Inode& inode, std::uint64_t bytes) {
  used_bytes_ = used_bytes_ - inode.bytes.size() + bytes;
  inode.bytes.resize(bytes);
}

void MemFileSystem::lose_name(Inode& inode) {
  inode.named = false;
  forget_if_unused(inode);
}

// The space of a file comes back with its last name and its last open handle.
void MemFileSystem::forget_if_unused(const Inode& inode) {
  if (!inode.named && inode.handles == 0) used_bytes_ -= inode.bytes.size();
}

}  // namespace quire::os
