// SimFile: passes calls on to the file system, after the checks that depend on how the file was opened.
#include "os/sim/sim_file.hpp"

#include "base/try.hpp"
#include "os/describe.hpp"

namespace quire::os {

SimFile::SimFile(SimFileSystem& files, Opened opened) noexcept : files_(files), opened_(std::move(opened)) {}

SimFile::~SimFile() { files_.close(opened_.inode, *this); }

Status SimFile::require_write(const char* verb) const {
  if (opened_.write) return {};
  return Status(Code::read_only, cannot(verb, opened_.path) + ": it was opened for reading only");
}

Result<std::size_t> SimFile::read_at(std::uint64_t offset, MutableBytes into) {
  return files_.read(*opened_.inode,
                     {.kind = OperationKind::read,
                      .path = opened_.path,
                      .offset = offset,
                      .bytes = into.size(),
                      .inode = opened_.inode.get()},
                     into);
}

Status SimFile::write_at(std::uint64_t offset, Bytes from) {
  QUIRE_TRY(require_write("write to"));
  return files_.write(*opened_.inode, {.kind = OperationKind::write,
                                       .path = opened_.path,
                                       .offset = offset,
                                       .bytes = from.size(),
                                       .detail = from,
                                       .inode = opened_.inode.get()});
}

Status SimFile::sync() {
  return files_.sync(*opened_.inode, {.kind = OperationKind::sync, .path = opened_.path, .inode = opened_.inode.get()});
}

Result<std::uint64_t> SimFile::size() {
  return files_.size(*opened_.inode, {.kind = OperationKind::size, .path = opened_.path, .inode = opened_.inode.get()});
}

Status SimFile::allocate(std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 0) return {};
  QUIRE_TRY(require_write("reserve space in"));
  return files_.allocate(*opened_.inode, {.kind = OperationKind::allocate,
                                          .path = opened_.path,
                                          .offset = offset,
                                          .bytes = bytes,
                                          .inode = opened_.inode.get()});
}

Status SimFile::truncate(std::uint64_t bytes) {
  QUIRE_TRY(require_write("set the size of"));
  return files_.truncate(
      *opened_.inode,
      {.kind = OperationKind::truncate, .path = opened_.path, .offset = bytes, .inode = opened_.inode.get()});
}

Status SimFile::lock(LockMode mode) {
  if (mode == LockMode::exclusive) QUIRE_TRY(require_write("lock, for this handle alone,"));
  return files_.lock(*opened_.inode, *this,
                     {.kind = OperationKind::lock, .path = opened_.path, .inode = opened_.inode.get()}, mode);
}

FileIdentity SimFile::identity() const { return {.device = opened_.device, .inode = opened_.inode->number()}; }

}  // namespace quire::os
