// PosixFileSystem: names, and the checks before a file is opened.
//
// open() checks twice: before, so that no device is even touched (opening some has effects) and the message
// can say what the thing is; after, on the descriptor, because the name may have changed hands in between.
#include "os/posix/posix_file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/try.hpp"
#include "os/describe.hpp"
#include "os/posix/descriptor.hpp"
#include "os/posix/posix_file.hpp"
#include "os/posix/system_error.hpp"

namespace quire::os {

namespace {

constexpr mode_t owner_only = 0600;

// Links resolved; the path must exist. errno tells why when there is no answer.
std::string real_path(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return {};
  std::string text(resolved);
  ::free(resolved);
  return text;
}

const char* kind_name(mode_t mode) noexcept {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISLNK(mode)) return "a link to nothing";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Status check_regular(const std::string& path, mode_t mode) {
  if (S_ISREG(mode)) return {};
  return Status(Code::invalid, cannot("open", path) + ": it is " + kind_name(mode) + ", not a regular file");
}

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, OpenFile how) {
  if ((how.create && !how.write) || (how.must_not_exist && !how.create)) {
    return Status(Code::invalid, cannot("open", path) + ": creating needs writing, must_not_exist needs create");
  }
  QUIRE_ASSIGN(std::string resolved, resolve(path));
  struct stat information = {};
  if (::lstat(resolved.c_str(), &information) == 0) QUIRE_TRY(check_regular(resolved, information.st_mode));

  int flags = (how.write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  if (how.create) flags |= O_CREAT;
  if (how.must_not_exist) flags |= O_EXCL;
  Descriptor descriptor(retry_interrupted([&] { return ::open(resolved.c_str(), flags, owner_only); }));
  if (!descriptor.is_open()) return system_error(errno, cannot(how.create ? "create" : "open", resolved));
  // Asked again of what is open now: the name may have been given to something else since.
  if (::fstat(descriptor.number(), &information) != 0) return system_error(errno, cannot("open", resolved));
  QUIRE_TRY(check_regular(resolved, information.st_mode));
  const FileIdentity identity{.device = information.st_dev, .inode = information.st_ino};
  return std::unique_ptr<File>(std::make_unique<PosixFile>(PosixFile::Opened{
      .descriptor = std::move(descriptor), .identity = identity, .path = std::move(resolved), .write = how.write,
      .random_reads = how.random_reads}));
}

Status PosixFileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return {};
  return system_error(errno, cannot("remove", path));
}

Status PosixFileSystem::rename(const std::string& source, const std::string& target) {
  if (::rename(source.c_str(), target.c_str()) == 0) return {};
  return system_error(errno, cannot_rename(source, target));
}

Status PosixFileSystem::rename_new(const std::string& source, const std::string& target) {
  if (::renameat2(AT_FDCWD, source.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EINVAL || errno == ENOSYS) {
    // A file system without it: a second name fails when the name is taken, and then the first one goes.
    if (::link(source.c_str(), target.c_str()) == 0) return remove(source);
  }
  return system_error(errno, cannot_rename(source, target));
}

Result<bool> PosixFileSystem::exists(const std::string& path) {
  struct stat information = {};
  if (::stat(path.c_str(), &information) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return system_error(errno, cannot("look for", path));
}

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& directory) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return system_error(errno, cannot("list", directory));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(stream);
  if (error != 0) return system_error(error, cannot("list", directory));
  std::sort(names.begin(), names.end());
  return names;
}

Status PosixFileSystem::sync_directory(const std::string& directory) {
  Descriptor descriptor(
      retry_interrupted([&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!descriptor.is_open()) return system_error(errno, cannot("sync the directory", directory));
  // EINVAL says that this kind of file system has nothing to sync for a directory.
  if (retry_interrupted([&] { return ::fsync(descriptor.number()); }) == 0 || errno == EINVAL) return {};
  return system_error(errno, cannot("sync the directory", directory));
}

Result<std::string> PosixFileSystem::resolve(const std::string& path) {
  std::string whole = real_path(path);
  if (!whole.empty()) return whole;
  if (errno != ENOENT) return system_error(errno, cannot("resolve", path));
  struct stat information = {};
  if (::lstat(path.c_str(), &information) == 0 && S_ISLNK(information.st_mode)) {
    return check_regular(path, information.st_mode);
  }
  const std::size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return system_error(ENOENT, cannot("resolve", path));
  std::string directory = real_path(directory_of(path));
  if (directory.empty()) return system_error(errno, cannot("resolve", path));
  if (directory.back() != '/') directory += '/';
  return directory + name;
}

}  // namespace quire::os
