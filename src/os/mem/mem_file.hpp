// MemFile: an open file of a MemFileSystem.
//
// Owner     whoever opened it; it must be closed before its file system ends
// Threads   any; the mutex of the file system guards what it touches
#pragma once

#include <string>

#include "os/mem/mem_file_system.hpp"

namespace quire::os {

class MemFile final : public File {
 public:
  struct Opened {
    MemFileSystem::InodePointer inode;
    std::string path;
    bool write = false;
  };

  MemFile(MemFileSystem& files, Opened opened) noexcept;
  ~MemFile() override;

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override;
  Status write_at(std::uint64_t offset, Bytes from) override;
  Status sync() override { return {}; }
  Result<std::uint64_t> size() override;
  Status allocate(std::uint64_t offset, std::uint64_t bytes) override;
  Status truncate(std::uint64_t bytes) override;
  Status lock(LockMode mode) override;
  FileIdentity identity() const override;

 private:
  Status require_write(const char* verb) const;

  MemFileSystem& files_;
  const Opened opened_;
};

}  // namespace quire::os
