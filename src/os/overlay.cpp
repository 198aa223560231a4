// OverlayFileSystem: names and slots.
//
// A file of the file system below is known from its first opening on: how long it was then, and where it lies. Its names here
// may change, what lies below does not.
#include "os/overlay.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/assert.hpp"
#include "base/try.hpp"
#include "os/describe.hpp"
#include "os/identity.hpp"
#include "os/overlay_file.hpp"

namespace quire::os {

namespace {

constexpr int spill_names_max = 1000;

Status not_found(const std::string& words) { return Status(Code::not_found, words + ": No such file"); }

}  // namespace

OverlayFileSystem::OverlayFileSystem(FileSystem& below, Options options)
    : below_(below),
      options_(std::move(options)),
      memory_slots_(options_.memory_bytes / overlay_block_bytes),
      device_(next_memory_device()) {}

OverlayFileSystem::~OverlayFileSystem() {
  Lock held(mutex_);
  QUIRE_ASSERT(open_files_ == 0);  // an OverlayFile must not outlive its file system
}

// ---- names

Result<OverlayFileSystem::InodePointer> OverlayFileSystem::find(const std::string& path) {
  const auto known = names_.find(path);
  if (known != names_.end()) return known->second;
  Result<std::unique_ptr<File>> opened = below_.open(path, {});
  if (opened == Code::not_found) return InodePointer();
  if (!opened.ok()) return opened.status();
  auto inode = std::make_shared<Inode>();
  inode->below_path = path;
  inode->identity = (*opened)->identity();
  QUIRE_ASSIGN(inode->size, (*opened)->size());
  inode->below_bytes = inode->size;
  names_.emplace(path, inode);
  return inode;
}

bool OverlayFileSystem::is_directory(const std::string& path) const {
  const std::string inside = path + "/";
  for (auto at = names_.lower_bound(inside); at != names_.end() && at->first.starts_with(inside); ++at) {
    if (at->second != nullptr) return true;
  }
  return false;
}

Result<std::unique_ptr<File>> OverlayFileSystem::open(const std::string& path, OpenFile how) {
  QUIRE_ASSIGN(const std::string whole, below_.resolve(path));
  const std::string words = cannot(how.create ? "create" : "open", whole);
  if ((how.create && !how.write) || (how.must_not_exist && !how.create)) {
    return Status(Code::invalid, words + ": creating needs writing, must_not_exist needs create");
  }
  Lock held(mutex_);
  QUIRE_ASSIGN(InodePointer inode, find(whole));
  if (inode == nullptr && is_directory(whole)) return Status(Code::invalid, words + ": it is a directory, not a regular file");
  if (inode != nullptr && how.must_not_exist) return Status(Code::exists, words + ": File exists");
  if (inode == nullptr && !how.create) return not_found(words);
  std::unique_ptr<File> below;
  if (inode == nullptr) {
    inode = std::make_shared<Inode>();
    inode->identity = {.device = device_, .inode = ++inode_count_};
    names_[whole] = inode;
  } else if (!inode->below_path.empty()) {
    QUIRE_ASSIGN(below, below_.open(inode->below_path, {.random_reads = how.random_reads}));
  }
  ++open_files_;
  return std::unique_ptr<File>(std::make_unique<OverlayFile>(
      *this, OverlayFile::Opened{.inode = std::move(inode), .below = std::move(below), .path = whole, .write = how.write}));
}

Status OverlayFileSystem::remove(const std::string& path) {
  QUIRE_ASSIGN(const std::string whole, below_.resolve(path));
  Lock held(mutex_);
  QUIRE_ASSIGN(InodePointer found, find(whole));
  if (found == nullptr) return not_found(cannot("remove", whole));
  names_[whole] = nullptr;
  forget(std::move(found));
  return {};
}

Status OverlayFileSystem::rename(const std::string& source, const std::string& target) { return move_name(source, target, true); }
Status OverlayFileSystem::rename_new(const std::string& source, const std::string& target) { return move_name(source, target, false); }

Status OverlayFileSystem::move_name(const std::string& source, const std::string& target, bool replace) {
  QUIRE_ASSIGN(const std::string from, below_.resolve(source));
  QUIRE_ASSIGN(const std::string to, below_.resolve(target));
  Lock held(mutex_);
  QUIRE_ASSIGN(const InodePointer moved, find(from));
  if (moved == nullptr) return not_found(cannot_rename(from, to));
  QUIRE_ASSIGN(InodePointer replaced, find(to));
  if (is_directory(to)) return Status(Code::io, cannot_rename(from, to) + ": Is a directory");
  if (replaced != nullptr && !replace) return Status(Code::exists, cannot_rename(from, to) + ": File exists");
  if (from == to) return {};
  names_[from] = nullptr;
  names_[to] = moved;
  forget(std::move(replaced));
  return {};
}

Result<bool> OverlayFileSystem::exists(const std::string& path) {
  QUIRE_ASSIGN(const std::string whole, below_.resolve(path));
  {
    Lock held(mutex_);
    const auto known = names_.find(whole);
    if (known != names_.end()) return known->second != nullptr || is_directory(whole);
    if (is_directory(whole)) return true;
  }
  return below_.exists(whole);
}

Result<std::vector<std::string>> OverlayFileSystem::list(const std::string& directory) {
  QUIRE_ASSIGN(const std::string whole, below_.resolve(directory));
  QUIRE_ASSIGN(const std::vector<std::string> below, below_.list(whole));
  std::set<std::string> found(below.begin(), below.end());
  Lock held(mutex_);
  for (const auto& [path, inode] : names_) {
    if (directory_of(path) != whole) continue;
    const std::string name = path.substr(path.rfind('/') + 1);
    if (inode != nullptr) {
      found.insert(name);
    } else {
      found.erase(name);
    }
  }
  return std::vector<std::string>(found.begin(), found.end());
}

Status OverlayFileSystem::sync_directory(const std::string&) { return {}; }

Result<std::string> OverlayFileSystem::resolve(const std::string& path) { return below_.resolve(path); }

// A name or a handle is gone, and this was its pointer; with the last of them goes what was written.
void OverlayFileSystem::forget(InodePointer inode) {
  if (inode == nullptr || inode.use_count() > 1) return;
  for (const auto& [block, slot] : inode->slots) give_slot(slot);
}

// ---- blocks

Result<std::uint64_t> OverlayFileSystem::take_slot(const std::string& path) {
  if (!free_memory_.empty()) {
    const std::uint64_t slot = free_memory_.back();
    free_memory_.pop_back();
    memory_[slot] = std::make_unique<std::byte[]>(overlay_block_bytes);
    return slot;
  }
  if (memory_.size() < memory_slots_) {
    memory_.push_back(std::make_unique<std::byte[]>(overlay_block_bytes));
    return memory_.size() - 1;
  }
  if (!free_spill_.empty()) {
    const std::uint64_t slot = free_spill_.back();
    free_spill_.pop_back();
    return slot;
  }
  if (spill_ == nullptr) QUIRE_TRY(open_spill(path));
  return memory_slots_ + spill_slots_++;
}

void OverlayFileSystem::give_slot(std::uint64_t slot) {
  if (slot < memory_slots_) {
    memory_[slot].reset();
    free_memory_.push_back(slot);
  } else {
    free_spill_.push_back(slot);
  }
}

Status OverlayFileSystem::read_slot(std::uint64_t slot, std::size_t offset, MutableBytes into) {
  if (slot < memory_slots_) {
    std::copy_n(memory_[slot].get() + offset, into.size(), into.begin());
    return {};
  }
  QUIRE_ASSIGN(const std::size_t got, spill_->read_at((slot - memory_slots_) * overlay_block_bytes + offset, into));
  return got == into.size() ? Status() : Status(Code::io, "the temporary file of what was not to be written ends too early");
}

Status OverlayFileSystem::write_slot(std::uint64_t slot, std::size_t offset, Bytes from) {
  if (slot >= memory_slots_) return spill_->write_at((slot - memory_slots_) * overlay_block_bytes + offset, from);
  std::copy(from.begin(), from.end(), memory_[slot].get() + offset);
  return {};
}

// The name is gone as soon as the file is open, so that nothing is left behind whatever happens.
Status OverlayFileSystem::open_spill(const std::string& path) {
  FileSystem& files = options_.spill_files == nullptr ? below_ : *options_.spill_files;
  const std::string directory = options_.spill_directory.empty() ? directory_of(path) : options_.spill_directory;
  const std::string base = directory + path.substr(path.rfind('/')) + ".overlay-";
  for (int i = 0;; ++i) {
    const std::string name = base + std::to_string(i);
    Result<std::unique_ptr<File>> opened = files.open(name, {.write = true, .create = true, .must_not_exist = true});
    if (opened == Code::exists && i < spill_names_max) continue;
    if (!opened.ok()) return opened.status();
    QUIRE_TRY(files.remove(name));
    spill_ = std::move(*opened);
    return {};
  }
}

// Bytes behind the size are zeros, so that a file that grows again shows no old ones.
Status OverlayFileSystem::cut(Inode& inode, std::uint64_t bytes) {
  if (bytes < inode.size) {
    const auto last = inode.slots.find(bytes / overlay_block_bytes);
    const auto at = static_cast<std::size_t>(bytes % overlay_block_bytes);
    if (at != 0 && last != inode.slots.end()) {
      const std::vector<std::byte> zeros(static_cast<std::size_t>(overlay_block_bytes) - at);
      QUIRE_TRY(write_slot(last->second, at, zeros));
    }
    for (auto entry = inode.slots.begin(); entry != inode.slots.end();) {
      const bool is_behind = entry->first * overlay_block_bytes >= bytes;
      if (is_behind) give_slot(entry->second);
      entry = is_behind ? inode.slots.erase(entry) : std::next(entry);
    }
    inode.below_bytes = std::min(inode.below_bytes, bytes);
  }
  inode.size = bytes;
  return {};
}

std::uint64_t OverlayFileSystem::memory_bytes_used() const {
  Lock held(mutex_);
  return (memory_.size() - free_memory_.size()) * overlay_block_bytes;
}

std::uint64_t OverlayFileSystem::spilled_bytes() const {
  Lock held(mutex_);
  return (spill_slots_ - free_spill_.size()) * overlay_block_bytes;
}

}  // namespace quire::os
