// SimFileSystem, what happens to the bytes of a file: reading, writing, syncing, sizes, locks, and what the
// faults make of them.
//
// Order of a call: begin() numbers it, lets the observer look and decides about faults; then the effect
// happens under the mutex. A fault that fires decides what is left of the effect.
#include <algorithm>

#include "base/assert.hpp"
#include "base/try.hpp"
#include "os/describe.hpp"
#include "os/sim/sim_file_system.hpp"

namespace quire::os {

namespace {

constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 44;

Status io_failure(const std::string& words) { return Status(Code::io, words + ": Input/output error (simulated)"); }

Status full_failure(const std::string& words, FaultKind fault = FaultKind::no_space) {
  const bool quota = fault == FaultKind::over_quota;
  return Status(Code::full,
                words + (quota ? ": Disk quota exceeded (simulated)" : ": No space left on device (simulated)"));
}

Status check_range(const std::string& words, FileRange range) {
  if (range.offset <= file_bytes_max && range.bytes <= file_bytes_max - range.offset) return {};
  return Status(Code::limit, words + ": a simulated file cannot be that large");
}

}  // namespace

Result<std::size_t> SimFileSystem::read(SimInode& inode, const Attempt& attempt, MutableBytes into) {
  const std::string words = cannot("read", attempt.path, {.offset = attempt.offset, .bytes = attempt.bytes});
  Turn turn = begin(attempt);
  QUIRE_TRY(std::move(turn.refusal));
  Lock held(mutex_);
  const std::uint64_t size = inode.cached().size();
  const std::uint64_t there = attempt.offset < size ? std::min<std::uint64_t>(into.size(), size - attempt.offset) : 0;
  if (turn.fault == FaultKind::io_error) return io_failure(words);
  if (turn.fault == FaultKind::short_read) {
    inode.cached().read(attempt.offset, into.first(static_cast<std::size_t>(there / 2)));
    return io_failure(words);
  }
  if (turn.fault == FaultKind::bit_rot && there > 0) {
    const std::uint64_t at = attempt.offset + random_.below(there);
    inode.flip(at, static_cast<std::byte>(1u << random_.below(8)));
  }
  return inode.cached().read(attempt.offset, into);
}

Status SimFileSystem::write(SimInode& inode, const Attempt& attempt) {
  const std::string words = cannot("write", attempt.path, {.offset = attempt.offset, .bytes = attempt.bytes});
  QUIRE_TRY(check_range(words, {.offset = attempt.offset, .bytes = attempt.bytes}));
  Turn turn = begin(attempt);
  QUIRE_TRY(std::move(turn.refusal));
  Lock held(mutex_);
  if (turn.fault.has_value()) return write_with_fault(inode, attempt, *turn.fault);
  return write_into_cache(inode, attempt.offset, attempt.detail, words);
}

// As far as there is room.
Status SimFileSystem::write_into_cache(SimInode& inode, std::uint64_t offset, Bytes from, const std::string& words) {
  const std::uint64_t fits = room_for(inode, offset, from.size());
  if (fits > 0) {
    disk_.write(inode, offset, from.first(static_cast<std::size_t>(fits)));
    inode.take_chunks(offset, fits);
  }
  return fits == from.size() ? Status() : full_failure(words);
}

Status SimFileSystem::write_with_fault(SimInode& inode, const Attempt& attempt, FaultKind fault) {
  const std::string words = cannot("write", attempt.path, {.offset = attempt.offset, .bytes = attempt.bytes});
  const auto part = static_cast<std::size_t>(random_.below(attempt.bytes + 1));
  switch (fault) {
    case FaultKind::io_error:
      if (profile_.failed_sync != FailedSync::late) return io_failure(words);
      QUIRE_TRY(write_into_cache(inode, attempt.offset, attempt.detail, words));
      disk_.lose_pending(inode, random_);
      inode.late_failure = true;
      return {};
    case FaultKind::short_write:
      QUIRE_TRY(write_into_cache(inode, attempt.offset, attempt.detail.first(part), words));
      return io_failure(words);
    case FaultKind::no_space:
    case FaultKind::over_quota:
      QUIRE_TRY(write_into_cache(inode, attempt.offset, attempt.detail.first(part), words));
      return full_failure(words, fault);
    case FaultKind::lost_write: return {};
    case FaultKind::stale_write:
      inode.write_cache_only(attempt.offset, attempt.detail);
      inode.take_chunks(attempt.offset, attempt.bytes);
      return {};
    case FaultKind::misdirected_write: {
      const std::uint64_t sectors = inode.cached().size() / profile_.sector_bytes;
      const std::uint64_t meant = attempt.offset / profile_.sector_bytes;
      if (sectors < 2) return {};  // nowhere else to go
      std::uint64_t chosen = random_.below(sectors - 1);
      if (chosen >= meant) ++chosen;
      const std::uint64_t elsewhere = chosen * profile_.sector_bytes;
      return write_into_cache(inode, elsewhere, attempt.detail, words);
    }
    default: QUIRE_UNREACHABLE("a fault that does not apply to writes");
  }
}

Status SimFileSystem::sync(SimInode& inode, const Attempt& attempt) {
  const std::string words = cannot("sync", attempt.path);
  Turn turn = begin(attempt);
  QUIRE_TRY(std::move(turn.refusal));
  Lock held(mutex_);
  if (turn.fault == FaultKind::io_error) {
    disk_.lose_pending(inode, random_);
    if (profile_.failed_sync == FailedSync::reverted) inode.drop_cache(profile_);
    return io_failure(words);
  }
  disk_.sync(inode);
  if (!inode.late_failure) return {};
  // The loss happened earlier; it is told once. What is pending now is written all the same.
  inode.late_failure = false;
  return io_failure(words);
}

Result<std::uint64_t> SimFileSystem::size(SimInode& inode, const Attempt& attempt) {
  QUIRE_TRY(begin_plain(attempt, cannot("ask the size of", attempt.path)));
  Lock held(mutex_);
  return inode.cached().size();
}

Status SimFileSystem::allocate(SimInode& inode, const Attempt& attempt) {
  const std::string words = cannot("reserve", attempt.path, {.offset = attempt.offset, .bytes = attempt.bytes});
  QUIRE_TRY(check_range(words, {.offset = attempt.offset, .bytes = attempt.bytes}));
  Turn turn = begin(attempt);
  QUIRE_TRY(std::move(turn.refusal));
  Lock held(mutex_);
  if (turn.fault == FaultKind::io_error) return io_failure(words);
  if (turn.fault.has_value()) return full_failure(words, *turn.fault);
  const std::uint64_t end = attempt.offset + attempt.bytes;
  const std::uint64_t begins = std::min(attempt.offset, inode.cached().size());
  if (room_for(inode, begins, end - begins) < end - begins) return full_failure(words);
  inode.take_chunks(begins, end - begins);
  if (end > inode.cached().size()) disk_.resize(inode, end);
  return {};
}

Status SimFileSystem::truncate(SimInode& inode, const Attempt& attempt) {
  const std::string words = cannot_resize(attempt.path, attempt.offset);
  QUIRE_TRY(check_range(words, {.offset = attempt.offset, .bytes = 0}));
  QUIRE_TRY(begin_plain(attempt, words));
  Lock held(mutex_);
  disk_.resize(inode, attempt.offset);
  return {};
}

Status SimFileSystem::lock(SimInode& inode, const File& owner, const Attempt& attempt, LockMode mode) {
  QUIRE_TRY(begin_plain(attempt, cannot("lock", attempt.path)));
  Lock held(mutex_);
  HeldSimLock* mine = nullptr;
  for (HeldSimLock& other : inode.locks) {
    if (other.owner == &owner) {
      mine = &other;
    } else if (mode == LockMode::exclusive || other.mode == LockMode::exclusive) {
      return Status(Code::busy, attempt.path + " is in use by another handle of this process");
    }
  }
  if (mine == nullptr) {
    inode.locks.push_back({.owner = &owner, .mode = mode});
    ++locks_held_;
  } else {
    mine->mode = mode;
  }
  return {};
}

void SimFileSystem::close(const SimInodePointer& inode, const File& owner) {
  Lock held(mutex_);
  locks_held_ -= std::erase_if(inode->locks, [&](const HeldSimLock& lock) { return lock.owner == &owner; });
  --inode->handles;
  --open_files_;
}

std::uint64_t SimFileSystem::room_for(const SimInode& inode, std::uint64_t offset, std::uint64_t bytes) const {
  if (quota_bytes_ == unlimited_bytes || bytes == 0) return bytes;
  const std::uint64_t used = disk_.taken_chunks();
  const std::uint64_t quota = quota_bytes_ / chunk_bytes;
  const std::uint64_t free = quota > used ? quota - used : 0;
  if (inode.missing_chunks(offset, bytes) <= free) return bytes;
  // Up to the end of the last chunk that there is room for.
  std::uint64_t fits = 0;
  while (fits < bytes) {
    const std::uint64_t next = std::min(bytes, ((offset + fits) / chunk_bytes + 1) * chunk_bytes - offset);
    if (inode.missing_chunks(offset, next) > free) break;
    fits = next;
  }
  return fits;
}

}  // namespace quire::os
