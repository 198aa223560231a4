// StoredMap: mapping a file at its first store.
#include "os/posix/stored_map.hpp"

#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstring>
#include <utility>

namespace quire::os {

namespace {

// These overwrite blocks that are there in place, so that a store cannot run out of room. Others copy on write - XFS those
// that a copy of the file shares - or answer from another machine.
bool overwrites_in_place(int descriptor) noexcept {
  struct statfs information = {};
  if (::fstatfs(descriptor, &information) != 0) return false;
  const auto kind = static_cast<std::uint64_t>(information.f_type) & 0xffffffff;
  return kind == EXT4_SUPER_MAGIC || kind == TMPFS_MAGIC;
}

}  // namespace

StoredMap::State StoredMap::map(int descriptor) noexcept {
  Lock lock(mutex_);
  if (const State state = state_.load(acquire); state != State::unknown) return state;
  struct stat information = {};
  void* got = MAP_FAILED;
  if (overwrites_in_place(descriptor) && ::fstat(descriptor, &information) == 0 && information.st_size > 0) {
    got = ::mmap(nullptr, static_cast<std::size_t>(information.st_size), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  }
  if (got != MAP_FAILED) {
    data_ = static_cast<std::byte*>(got);
    bytes_ = static_cast<std::uint64_t>(information.st_size);
  }
  state_.store(got == MAP_FAILED ? State::refused : State::mapped, release);
  return state_.load(relaxed);
}

bool StoredMap::store(int descriptor, std::uint64_t offset, Bytes from) noexcept {
  State state = state_.load(acquire);
  if (state == State::unknown) state = map(descriptor);
  if (state != State::mapped || offset > bytes_ || from.size() > bytes_ - offset) return false;
  std::memcpy(data_ + offset, from.data(), from.size());
  return true;
}

// The content is the file's, and stays: only this process's way to it is laid anew at the next store.
void StoredMap::before_sync() noexcept {
  if (state_.load(acquire) == State::mapped) ::madvise(data_, static_cast<std::size_t>(bytes_), MADV_DONTNEED);
}

void StoredMap::forget() noexcept {
  Lock lock(mutex_);
  if (state_.exchange(State::unknown, acq_rel) != State::mapped) return;
  ::munmap(std::exchange(data_, nullptr), static_cast<std::size_t>(std::exchange(bytes_, 0)));
}

}  // namespace quire::os
