// SimDisk: a simulated disk: files, their names, and what of both a crash keeps.
//
// Names are kept like bytes: the durable ones, the ones seen now, and the changes between, each with the
// number of its operation. Directories themselves exist without being made: Quire makes none.
//
// One counter numbers the changes of all files and names, so that on an ordered device a crash image is
// everything up to one number, plus some first sectors of the operation behind it.
//
// Invariants   1. a pending name change lists at least one name that is not durable yet
//              2. on an ordered device everything before the newest durable change is durable
// Threads      guarded by the file system
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "os/sim/device_profile.hpp"
#include "os/sim/sim_inode.hpp"

namespace quire::os {

using SimInodePointer = std::shared_ptr<SimInode>;  // shared by names and open files, as on a real disk

class SimDisk {
 public:
  explicit SimDisk(const DeviceProfile& profile) noexcept : profile_(profile) {}
  SimDisk(SimDisk&&) noexcept = default;
  SimDisk& operator=(SimDisk&&) noexcept = default;

  const DeviceProfile& profile() const noexcept { return profile_; }

  // Null when there is none.
  SimInodePointer find(const std::string& path) const;
  std::vector<std::string> names_in(const std::string& directory) const;
  std::vector<std::string> paths() const;
  bool is_directory(const std::string& path) const;

  // Changes, seen at once and pending.
  SimInodePointer create(const std::string& path);
  void remove(const std::string& path);
  void rename(const std::string& source, const std::string& target);
  void write(SimInode& inode, std::uint64_t offset, Bytes from);
  void resize(SimInode& inode, std::uint64_t bytes);

  void sync(SimInode& inode);
  void sync_directory(const std::string& directory);
  void sync_all();
  void lose_pending(SimInode& inode, Random& random);
  void drop_caches();

  // What a crash leaves, as `pick` decides: a disk without anything pending.
  SimDisk compose(Pick& pick, std::uint64_t tear_seed) const;

  // What the end of a process leaves: everything, still pending.
  SimDisk clone() const;

  // Chunks taken by files that have a name or are open.
  std::uint64_t taken_chunks() const;

  // A number for the state that a reboot without a crash would show: names and contents.
  std::uint64_t content_hash() const;

 private:
  struct Assignment {
    std::string path;
    SimInodePointer inode;  // null: the name is gone
  };
  struct NameChange {
    std::uint64_t sequence = 0;
    std::vector<Assignment> assignments;  // a rename has two, and a crash keeps both or none
  };
  using Names = std::map<std::string, SimInodePointer>;

  void change_names(std::vector<Assignment> assignments);
  static void apply(Names& names, const NameChange& change);
  void flush_names_of(const std::string& directory);
  void flush_names_until(std::uint64_t sequence);
  void flush_until(std::uint64_t sequence);
  std::map<std::uint64_t, SimInodePointer> reachable() const;
  void compose_names(Pick& pick, Names& names) const;

  DeviceProfile profile_;
  std::uint64_t sequence_ = 0;
  std::uint64_t inode_count_ = 0;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> pending_names_;
  std::vector<std::weak_ptr<SimInode>> created_;  // to find files that are open and have no name
};

}  // namespace quire::os
