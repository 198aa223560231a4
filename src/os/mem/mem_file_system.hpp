// MemFileSystem: files that exist only in this object's memory, for in-memory and temporary databases and
// for tests that do not care about crashes.
//
// Every write is as durable as the object: sync does nothing. Locks between File objects are honoured.
// Paths are absolute; relative ones start at "/". Directories exist without being made.
//
// Owner     owns the content; files opened from it must be closed before it ends
// Threads   a mutex guards everything
// Errors    full when a quota is set and used up
#pragma once

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "os/file.hpp"
#include "os/mem/chunked_bytes.hpp"
#include "os/sync.hpp"

namespace quire::os {

class MemFileSystem final : public FileSystem {
 public:
  static constexpr std::uint64_t no_quota = std::numeric_limits<std::uint64_t>::max();

  explicit MemFileSystem(std::uint64_t quota_bytes = no_quota);
  ~MemFileSystem() override;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenFile how) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& source, const std::string& target) override;
  Status rename_new(const std::string& source, const std::string& target) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Status sync_directory(const std::string& directory) override;
  Result<std::string> resolve(const std::string& path) override;

  void set_quota(std::uint64_t bytes);
  // The sum of the sizes of all files, open ones without a name included. The quota is compared with it.
  std::uint64_t used_bytes() const;

 private:
  friend class MemFile;
  struct Held {
    const File* owner = nullptr;
    LockMode mode = LockMode::shared;
  };
  struct Inode {
    std::uint64_t number = 0;
    ChunkedBytes bytes;
    std::vector<Held> locks;
    std::uint32_t handles = 0;
    bool named = true;
  };
  using InodePointer = std::shared_ptr<Inode>;  // shared by the name and open files

  bool is_directory(const std::string& path) const QUIRE_REQUIRES(mutex_);
  bool fits(const Inode& inode, std::uint64_t new_size) const QUIRE_REQUIRES(mutex_);
  void resize(Inode& inode, std::uint64_t bytes) QUIRE_REQUIRES(mutex_);
  void lose_name(Inode& inode) QUIRE_REQUIRES(mutex_);
  void forget_if_unused(const Inode& inode) QUIRE_REQUIRES(mutex_);

  const std::uint64_t device_;
  mutable Mutex mutex_;
  std::map<std::string, InodePointer> names_ QUIRE_GUARDED_BY(mutex_);
  std::uint64_t inode_count_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::uint64_t quota_bytes_ QUIRE_GUARDED_BY(mutex_);
  std::uint64_t used_bytes_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::size_t open_files_ QUIRE_GUARDED_BY(mutex_) = 0;
};

}  // namespace quire::os
