// OverlayFileSystem: a file system over another one, to which nothing that is written ever gets.
//
//   OverlayFileSystem overlay(environment.files, {});
//   Environment quiet{overlay, environment.clock, environment.entropy};   // run a whole recovery in it
//
// What was not written reads as the file system below has it. Blocks that were written live in memory, and beyond
// `memory_bytes` in a temporary file without a name. Names that were created, renamed or removed are so here alone. Syncs do
// nothing. Locks of files that exist below are taken there, so that other processes keep away; exclusive ones need a file that
// may be written to, so ask for shared ones.
//
// A file below must keep its content while it is seen through this: hold a lock on it.
//
// Invariants   1. nothing below changes, but for the temporary file, which is made only when memory does not suffice
//              2. each block of a file is in one slot or is read from below
// Owner        the file system below outlives this one; files opened from it are closed before it ends
// Threads      any; a mutex guards everything but reading from below
// Errors       those of the file system below; limit, as files in memory
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "os/file.hpp"
#include "os/sync.hpp"

namespace quire::os {

class OverlayFileSystem final : public FileSystem {
 public:
  struct Options {
    std::uint64_t memory_bytes = 64 << 20;
    FileSystem* spill_files = nullptr;  // where the temporary file is made; null: below
    std::string spill_directory = {};   // in it; empty: beside the file that did not fit
  };

  OverlayFileSystem(FileSystem& below, Options options);
  explicit OverlayFileSystem(FileSystem& below) : OverlayFileSystem(below, Options()) {}
  ~OverlayFileSystem() override;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenFile how) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& source, const std::string& target) override;
  Status rename_new(const std::string& source, const std::string& target) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Status sync_directory(const std::string& directory) override;
  Result<std::string> resolve(const std::string& path) override;

  // What was written and is still there.
  std::uint64_t memory_bytes_used() const;
  std::uint64_t spilled_bytes() const;

 private:
  friend class OverlayFile;

  struct Held {
    const File* owner = nullptr;
    LockMode mode = LockMode::shared;
  };
  // A file, whatever its names are.
  struct Inode {
    std::string below_path;         // empty: it is not there
    FileIdentity identity;
    std::uint64_t size = 0;
    std::uint64_t below_bytes = 0;  // of the file below, from its start, are seen
    std::unordered_map<std::uint64_t, std::uint64_t> slots;  // by block
    std::vector<Held> locks;        // of a file that is not below
  };
  using InodePointer = std::shared_ptr<Inode>;

  // ---- names
  Result<InodePointer> find(const std::string& path) QUIRE_REQUIRES(mutex_);  // null: there is none
  bool is_directory(const std::string& path) const QUIRE_REQUIRES(mutex_);
  Status move_name(const std::string& source, const std::string& target, bool replace) QUIRE_EXCLUDES(mutex_);
  void forget(InodePointer inode) QUIRE_REQUIRES(mutex_);

  // ---- blocks
  Result<std::uint64_t> take_slot(const std::string& path) QUIRE_REQUIRES(mutex_);
  Status read_slot(std::uint64_t slot, std::size_t offset, MutableBytes into) QUIRE_REQUIRES(mutex_);
  Status write_slot(std::uint64_t slot, std::size_t offset, Bytes from) QUIRE_REQUIRES(mutex_);
  void give_slot(std::uint64_t slot) QUIRE_REQUIRES(mutex_);
  Status open_spill(const std::string& path) QUIRE_REQUIRES(mutex_);
  Status cut(Inode& inode, std::uint64_t bytes) QUIRE_REQUIRES(mutex_);

  // Constant.
  FileSystem& below_;
  const Options options_;
  const std::uint64_t memory_slots_;
  const std::uint64_t device_;  // of files that are not below

  mutable Mutex mutex_;
  std::map<std::string, InodePointer> names_ QUIRE_GUARDED_BY(mutex_);  // null: removed; others are as below
  std::uint64_t inode_count_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::size_t open_files_ QUIRE_GUARDED_BY(mutex_) = 0;
  // Slots with numbers below memory_slots_ are in memory, the others in the temporary file.
  std::vector<std::unique_ptr<std::byte[]>> memory_ QUIRE_GUARDED_BY(mutex_);
  std::vector<std::uint64_t> free_memory_ QUIRE_GUARDED_BY(mutex_);
  std::unique_ptr<File> spill_ QUIRE_GUARDED_BY(mutex_);
  std::uint64_t spill_slots_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::vector<std::uint64_t> free_spill_ QUIRE_GUARDED_BY(mutex_);
};

}  // namespace quire::os
