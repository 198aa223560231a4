// OverlayFile: reading through, and writing into slots.
//
// Reading looks for slots under the mutex and reads what is left from below without it, so that readers of a file nobody
// wrote to do not wait for each other.
#include "os/overlay_file.hpp"

#include <algorithm>

#include "base/try.hpp"

namespace quire::os {

namespace {

constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 44;

Status check_range(const std::string& words, FileRange range) {
  if (range.offset <= file_bytes_max && range.bytes <= file_bytes_max - range.offset) return {};
  return Status(Code::limit, words + ": a file that is kept in memory cannot be that large");
}

}  // namespace

OverlayFile::~OverlayFile() {
  Lock held(files_.mutex_);
  std::erase_if(opened_.inode->locks, [&](const OverlayFileSystem::Held& lock) { return lock.owner == this; });
  files_.forget(std::move(opened_.inode));
  --files_.open_files_;
}

Status OverlayFile::require_write(const char* verb) const {
  if (opened_.write) return {};
  return Status(Code::read_only, cannot(verb, opened_.path) + ": it was opened for reading only");
}

Result<std::size_t> OverlayFile::read_at(std::uint64_t offset, MutableBytes into) {
  std::vector<Gap> gaps;
  std::uint64_t below_bytes = 0;
  {
    Lock held(files_.mutex_);
    const std::uint64_t size = opened_.inode->size;
    if (offset >= size) return std::size_t{0};
    into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size - offset)));
    below_bytes = opened_.inode->below_bytes;
    QUIRE_TRY(read_slots(offset, into, gaps));
  }
  for (const Gap& gap : gaps) QUIRE_TRY(read_below(below_bytes, gap));
  return into.size();
}

Status OverlayFile::read_slots(std::uint64_t offset, MutableBytes into, std::vector<Gap>& gaps) {
  const auto& slots = opened_.inode->slots;
  for (std::size_t done = 0; done < into.size();) {
    const std::uint64_t place = offset + done;
    const auto at = static_cast<std::size_t>(place % overlay_block_bytes);
    const std::size_t bytes = std::min(into.size() - done, static_cast<std::size_t>(overlay_block_bytes) - at);
    const auto slot = slots.find(place / overlay_block_bytes);
    if (slot != slots.end()) {
      QUIRE_TRY(files_.read_slot(slot->second, at, into.subspan(done, bytes)));
    } else if (!gaps.empty() && gaps.back().offset + gaps.back().into.size() == place) {
      gaps.back().into = into.subspan(static_cast<std::size_t>(gaps.back().offset - offset), gaps.back().into.size() + bytes);
    } else {
      gaps.push_back({place, into.subspan(done, bytes)});
    }
    done += bytes;
  }
  return {};
}

// Zeros behind what is seen of the file below.
Status OverlayFile::read_below(std::uint64_t below_bytes, Gap gap) {
  std::size_t got = 0;
  if (gap.offset < below_bytes) {
    const auto seen = static_cast<std::size_t>(std::min<std::uint64_t>(gap.into.size(), below_bytes - gap.offset));
    QUIRE_ASSIGN(got, opened_.below->read_at(gap.offset, gap.into.first(seen)));
  }
  std::fill(gap.into.begin() + static_cast<std::ptrdiff_t>(got), gap.into.end(), std::byte{0});
  return {};
}

Status OverlayFile::write_at(std::uint64_t offset, Bytes from) {
  QUIRE_TRY(require_write("write to"));
  QUIRE_TRY(check_range(cannot("write", opened_.path, {.offset = offset, .bytes = from.size()}), {.offset = offset, .bytes = from.size()}));
  Lock held(files_.mutex_);
  for (std::size_t done = 0; done < from.size();) {
    const std::uint64_t place = offset + done;
    const auto at = static_cast<std::size_t>(place % overlay_block_bytes);
    const std::size_t bytes = std::min(from.size() - done, static_cast<std::size_t>(overlay_block_bytes) - at);
    QUIRE_TRY(write_block(place / overlay_block_bytes, at, from.subspan(done, bytes)));
    done += bytes;
    opened_.inode->size = std::max(opened_.inode->size, place + bytes);
  }
  return {};
}

// A block that had no slot gets one, filled up with what it held.
Status OverlayFile::write_block(std::uint64_t block, std::size_t at, Bytes from) {
  auto& slots = opened_.inode->slots;
  const auto found = slots.find(block);
  if (found != slots.end()) return files_.write_slot(found->second, at, from);
  Block whole;
  if (from.size() < whole.size()) {
    QUIRE_TRY(read_below(opened_.inode->below_bytes, {block * overlay_block_bytes, whole}));
    std::copy(from.begin(), from.end(), whole.begin() + static_cast<std::ptrdiff_t>(at));
    from = whole;
  }
  QUIRE_ASSIGN(const std::uint64_t slot, files_.take_slot(opened_.path));
  Status written = files_.write_slot(slot, 0, from);
  if (!written.ok()) {
    files_.give_slot(slot);
    return written;
  }
  slots.emplace(block, slot);
  return {};
}

Result<std::uint64_t> OverlayFile::size() {
  Lock held(files_.mutex_);
  return opened_.inode->size;
}

Status OverlayFile::allocate(std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 0) return {};
  QUIRE_TRY(require_write("reserve space in"));
  QUIRE_TRY(check_range(cannot("reserve", opened_.path, {.offset = offset, .bytes = bytes}), {.offset = offset, .bytes = bytes}));
  Lock held(files_.mutex_);
  opened_.inode->size = std::max(opened_.inode->size, offset + bytes);
  return {};
}

Status OverlayFile::truncate(std::uint64_t bytes) {
  QUIRE_TRY(require_write("set the size of"));
  QUIRE_TRY(check_range(cannot_resize(opened_.path, bytes), {.offset = bytes, .bytes = 0}));
  Lock held(files_.mutex_);
  return files_.cut(*opened_.inode, bytes);
}

Status OverlayFile::lock(LockMode mode) {
  if (opened_.below != nullptr) return opened_.below->lock(mode);
  if (mode == LockMode::exclusive) QUIRE_TRY(require_write("lock, for this handle alone,"));
  Lock held(files_.mutex_);
  return lock_here(mode);
}

Status OverlayFile::lock_here(LockMode mode) {
  OverlayFileSystem::Held* mine = nullptr;
  for (OverlayFileSystem::Held& other : opened_.inode->locks) {
    if (other.owner == this) {
      mine = &other;
    } else if (mode == LockMode::exclusive || other.mode == LockMode::exclusive) {
      return Status(Code::busy, opened_.path + " is in use by another handle of this process");
    }
  }
  if (mine != nullptr) {
    mine->mode = mode;
  } else {
    opened_.inode->locks.push_back({.owner = this, .mode = mode});
  }
  return {};
}

}  // namespace quire::os
