// SimDisk: names, syncs, and composing an image of the whole disk.
//
// What a sync makes durable is the least that the profile promises: on an ordered device everything up to the
// newest change of what is synced, but not what came later; on a journaled one the names up to the file's own.
#include "os/sim/sim_disk.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/assert.hpp"
#include "base/hash.hpp"

namespace quire::os {

SimInodePointer SimDisk::find(const std::string& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second;
}

std::vector<std::string> SimDisk::names_in(const std::string& directory) const {
  std::vector<std::string> found;
  for (const auto& [path, inode] : names_) {
    if (directory_of(path) == directory) found.push_back(path.substr(path.rfind('/') + 1));
  }
  return found;
}

std::vector<std::string> SimDisk::paths() const {
  std::vector<std::string> all;
  for (const auto& [path, inode] : names_) all.push_back(path);
  return all;
}

bool SimDisk::is_directory(const std::string& path) const {
  const std::string prefix = path == "/" ? path : path + "/";
  const auto found = names_.lower_bound(prefix);
  return path == "/" || (found != names_.end() && found->first.starts_with(prefix));
}

SimInodePointer SimDisk::create(const std::string& path) {
  auto inode = std::make_shared<SimInode>(++inode_count_);
  std::erase_if(created_, [](const std::weak_ptr<SimInode>& old) { return old.expired(); });
  created_.push_back(inode);
  change_names({{.path = path, .inode = inode}});
  return inode;
}

void SimDisk::remove(const std::string& path) { change_names({{.path = path, .inode = nullptr}}); }

void SimDisk::rename(const std::string& source, const std::string& target) {
  if (source == target) return;
  change_names({{.path = source, .inode = nullptr}, {.path = target, .inode = find(source)}});
}

void SimDisk::change_names(std::vector<Assignment> assignments) {
  pending_names_.push_back({.sequence = ++sequence_, .assignments = std::move(assignments)});
  apply(names_, pending_names_.back());
}

// A file has one name. So when a crash lost the first of two renames and kept the second, the name before
// the first goes too.
void SimDisk::apply(Names& names, const NameChange& change) {
  for (const Assignment& assignment : change.assignments) {
    if (assignment.inode == nullptr) {
      names.erase(assignment.path);
      continue;
    }
    std::erase_if(names, [&](const auto& entry) { return entry.second == assignment.inode; });
    names[assignment.path] = assignment.inode;
  }
}

void SimDisk::write(SimInode& inode, std::uint64_t offset, Bytes from) {
  inode.write(++sequence_, offset, from, profile_);
}

void SimDisk::resize(SimInode& inode, std::uint64_t bytes) { inode.resize(++sequence_, bytes); }

void SimDisk::sync(SimInode& inode) {
  if (profile_.ordered) {
    flush_until(inode.newest_pending());
    return;
  }
  inode.flush_until(std::numeric_limits<std::uint64_t>::max(), profile_);
  if (profile_.directory != DirectoryDurability::journaled) return;
  // The journal is one: with the newest change of this file's name go all before it.
  std::uint64_t newest = 0;
  for (const NameChange& change : pending_names_) {
    for (const Assignment& assignment : change.assignments) {
      if (assignment.inode.get() == &inode) newest = change.sequence;
    }
  }
  flush_names_until(newest);
}

void SimDisk::sync_directory(const std::string& directory) {
  const bool prefix = profile_.ordered || profile_.directory == DirectoryDurability::journaled;
  if (!prefix) {
    flush_names_of(directory);
    return;
  }
  std::uint64_t newest = 0;
  for (const NameChange& change : pending_names_) {
    for (const Assignment& assignment : change.assignments) {
      if (directory_of(assignment.path) == directory) newest = change.sequence;
    }
  }
  if (profile_.ordered) {
    flush_until(newest);
  } else {
    flush_names_until(newest);
  }
}

// The changes of one directory. A rename from or to another directory is one step, so with it goes what
// happened to its other name before.
void SimDisk::flush_names_of(const std::string& directory) {
  std::set<std::string> touched;
  std::vector<bool> chosen(pending_names_.size());
  for (std::size_t at = pending_names_.size(); at-- > 0;) {
    const std::vector<Assignment>& assignments = pending_names_[at].assignments;
    chosen[at] = std::any_of(assignments.begin(), assignments.end(), [&](const Assignment& assignment) {
      return directory_of(assignment.path) == directory || touched.contains(assignment.path);
    });
    if (!chosen[at]) continue;
    for (const Assignment& assignment : assignments) touched.insert(assignment.path);
  }
  std::vector<NameChange> left;
  for (std::size_t at = 0; at < pending_names_.size(); ++at) {
    if (chosen[at]) {
      apply(durable_names_, pending_names_[at]);
    } else {
      left.push_back(std::move(pending_names_[at]));
    }
  }
  pending_names_ = std::move(left);
}

void SimDisk::flush_names_until(std::uint64_t sequence) {
  for (const NameChange& change : pending_names_) {
    if (change.sequence <= sequence) apply(durable_names_, change);
  }
  std::erase_if(pending_names_, [&](const NameChange& change) { return change.sequence <= sequence; });
}

void SimDisk::flush_until(std::uint64_t sequence) {
  for (const std::weak_ptr<SimInode>& known : created_) {
    if (const SimInodePointer inode = known.lock()) inode->flush_until(sequence, profile_);
  }
  flush_names_until(sequence);
}

void SimDisk::sync_all() { flush_until(std::numeric_limits<std::uint64_t>::max()); }

void SimDisk::lose_pending(SimInode& inode, Random& random) { inode.lose_pending(random, profile_); }

void SimDisk::drop_caches() {
  for (const std::weak_ptr<SimInode>& known : created_) {
    if (const SimInodePointer inode = known.lock()) inode->drop_cache(profile_);
  }
}

// Files that some image can name, in a fixed order.
std::map<std::uint64_t, SimInodePointer> SimDisk::reachable() const {
  std::map<std::uint64_t, SimInodePointer> inodes;
  for (const auto& [path, inode] : durable_names_) inodes.emplace(inode->number(), inode);
  for (const NameChange& change : pending_names_) {
    for (const Assignment& assignment : change.assignments) {
      if (assignment.inode != nullptr) inodes.emplace(assignment.inode->number(), assignment.inode);
    }
  }
  return inodes;
}

void SimDisk::compose_names(Pick& pick, Names& names) const {
  std::vector<std::uint64_t> sequences;
  for (const NameChange& change : pending_names_) sequences.push_back(change.sequence);
  const bool strict = profile_.directory == DirectoryDurability::strict && !profile_.ordered;
  if (sequences.empty() || strict) return;
  const bool prefix = profile_.directory == DirectoryDurability::journaled && !profile_.ordered;
  const std::size_t kept_first =
      prefix ? pick.choose({.kind = Slot::Kind::name, .can_tear = false, .sequences = sequences}) : 0;
  for (std::size_t at = 0; at < pending_names_.size(); ++at) {
    const std::span<const std::uint64_t> one(&sequences[at], 1);
    const bool kept =
        prefix ? at < kept_first : pick.choose({.kind = Slot::Kind::name, .can_tear = false, .sequences = one}) > 0;
    if (!kept) continue;
    apply(names, pending_names_[at]);
  }
}

SimDisk SimDisk::compose(Pick& pick, std::uint64_t tear_seed) const {
  SimDisk image(profile_);
  image.inode_count_ = inode_count_;
  std::map<std::uint64_t, SimInodePointer> survivors;
  for (const auto& [number, inode] : reachable()) {
    survivors.emplace(number, SimInode::settled(*inode, inode->compose(pick, profile_, tear_seed)));
  }
  Names names = durable_names_;
  compose_names(pick, names);
  for (const auto& [path, inode] : names) {
    const SimInodePointer& survivor = survivors.at(inode->number());
    image.names_.emplace(path, survivor);
    image.created_.push_back(survivor);
  }
  image.durable_names_ = image.names_;
  return image;
}

SimDisk SimDisk::clone() const {
  SimDisk copy(profile_);
  copy.sequence_ = sequence_;
  copy.inode_count_ = inode_count_;
  std::map<std::uint64_t, SimInodePointer> clones;
  for (const auto& [number, inode] : reachable()) {
    copy.created_.push_back(clones.emplace(number, inode->clone()).first->second);
  }
  for (const auto& [path, inode] : names_) copy.names_.emplace(path, clones.at(inode->number()));
  for (const auto& [path, inode] : durable_names_) copy.durable_names_.emplace(path, clones.at(inode->number()));
  copy.pending_names_ = pending_names_;
  for (NameChange& change : copy.pending_names_) {
    for (Assignment& assignment : change.assignments) {
      if (assignment.inode != nullptr) assignment.inode = clones.at(assignment.inode->number());
    }
  }
  return copy;
}

std::uint64_t SimDisk::taken_chunks() const {
  std::map<std::uint64_t, std::uint64_t> taken;
  for (const auto& [path, inode] : names_) taken[inode->number()] = inode->taken_chunks();
  for (const std::weak_ptr<SimInode>& known : created_) {
    const SimInodePointer inode = known.lock();
    if (inode != nullptr && inode->handles > 0) taken[inode->number()] = inode->taken_chunks();
  }
  std::uint64_t sum = 0;
  for (const auto& [number, chunks] : taken) sum += chunks;
  return sum;
}

std::uint64_t SimDisk::content_hash() const {
  std::uint64_t hash = 0;
  static const Chunk zeros;
  for (const auto& [path, inode] : names_) {
    hash = hash64(as_bytes(path), hash) + inode->cached().size();
    for (std::uint64_t at = 0; at * chunk_bytes < inode->cached().size(); ++at) {
      const ChunkPointer chunk = inode->cached().chunk(at);
      hash = hash64(Bytes(chunk == nullptr ? zeros.bytes : chunk->bytes), hash);
    }
  }
  return hash;
}

}  // namespace quire::os
