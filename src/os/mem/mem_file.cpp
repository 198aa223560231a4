// MemFile: bytes, sizes and locks.
//
// A write that does not fit into the quota changes nothing, unlike on a real disk, where a part may be
// written: code that depends on a part being written is wrong, and os/sim finds code that fears none.
#include "os/mem/mem_file.hpp"

#include <algorithm>

#include "base/try.hpp"
#include "os/describe.hpp"

namespace quire::os {

namespace {

constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 44;

Status check_range(const std::string& words, FileRange range) {
  if (range.offset <= file_bytes_max && range.bytes <= file_bytes_max - range.offset) return {};
  return Status(Code::limit, words + ": a file in memory cannot be that large");
}

Status full(const std::string& words) {
  return Status(Code::full, words + ": the quota of the files in memory is used up");
}

}  // namespace

MemFile::MemFile(MemFileSystem& files, Opened opened) noexcept : files_(files), opened_(std::move(opened)) {}

MemFile::~MemFile() {
  Lock held(files_.mutex_);
  MemFileSystem::Inode& inode = *opened_.inode;
  std::erase_if(inode.locks, [&](const MemFileSystem::Held& lock) { return lock.owner == this; });
  --inode.handles;
  --files_.open_files_;
  files_.forget_if_unused(inode);
}

Status MemFile::require_write(const char* verb) const {
  if (opened_.write) return {};
  return Status(Code::read_only, cannot(verb, opened_.path) + ": it was opened for reading only");
}

Result<std::size_t> MemFile::read_at(std::uint64_t offset, MutableBytes into) {
  Lock held(files_.mutex_);
  return opened_.inode->bytes.read(offset, into);
}

Status MemFile::write_at(std::uint64_t offset, Bytes from) {
  QUIRE_TRY(require_write("write to"));
  const std::string words = cannot("write", opened_.path, {.offset = offset, .bytes = from.size()});
  QUIRE_TRY(check_range(words, {.offset = offset, .bytes = from.size()}));
  if (from.empty()) return {};
  Lock held(files_.mutex_);
  MemFileSystem::Inode& inode = *opened_.inode;
  const std::uint64_t new_size = std::max(inode.bytes.size(), offset + from.size());
  if (!files_.fits(inode, new_size)) return full(words);
  files_.resize(inode, new_size);
  inode.bytes.write(offset, from);
  return {};
}

Result<std::uint64_t> MemFile::size() {
  Lock held(files_.mutex_);
  return opened_.inode->bytes.size();
}

Status MemFile::allocate(std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 0) return {};
  QUIRE_TRY(require_write("reserve space in"));
  const std::string words = cannot("reserve", opened_.path, {.offset = offset, .bytes = bytes});
  QUIRE_TRY(check_range(words, {.offset = offset, .bytes = bytes}));
  Lock held(files_.mutex_);
  MemFileSystem::Inode& inode = *opened_.inode;
  const std::uint64_t new_size = std::max(inode.bytes.size(), offset + bytes);
  if (!files_.fits(inode, new_size)) return full(words);
  files_.resize(inode, new_size);
  return {};
}

Status MemFile::truncate(std::uint64_t bytes) {
  QUIRE_TRY(require_write("set the size of"));
  const std::string words = cannot_resize(opened_.path, bytes);
  QUIRE_TRY(check_range(words, {.offset = bytes, .bytes = 0}));
  Lock held(files_.mutex_);
  if (!files_.fits(*opened_.inode, bytes)) return full(words);
  files_.resize(*opened_.inode, bytes);
  return {};
}

Status MemFile::lock(LockMode mode) {
  if (mode == LockMode::exclusive) QUIRE_TRY(require_write("lock, for this handle alone,"));
  Lock held(files_.mutex_);
  MemFileSystem::Held* mine = nullptr;
  for (MemFileSystem::Held& other : opened_.inode->locks) {
    if (other.owner == this) {
      mine = &other;
    } else if (mode == LockMode::exclusive || other.mode == LockMode::exclusive) {
      return Status(Code::busy, opened_.path + " is in use by another handle of this process");
    }
  }
  if (mine == nullptr) {
    opened_.inode->locks.push_back({.owner = this, .mode = mode});
  } else {
    mine->mode = mode;
  }
  return {};
}

FileIdentity MemFile::identity() const { return {.device = files_.device_, .inode = opened_.inode->number}; }

}  // namespace quire::os
