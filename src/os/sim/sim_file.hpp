// SimFile: an open file of a SimFileSystem. It holds a position in the tables of its file system and no
// state of its own; the work is done there.
//
// Owner     whoever opened it; it must be closed before its file system ends
// Threads   any; the mutex of the file system guards what it touches
#pragma once

#include <string>

#include "os/sim/sim_file_system.hpp"

namespace quire::os {

class SimFile final : public File {
 public:
  struct Opened {
    SimInodePointer inode;
    std::string path;
    bool write = false;
    std::uint64_t device = 0;
  };

  SimFile(SimFileSystem& files, Opened opened) noexcept;
  ~SimFile() override;

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override;
  Status write_at(std::uint64_t offset, Bytes from) override;
  Status sync() override;
  Result<std::uint64_t> size() override;
  Status allocate(std::uint64_t offset, std::uint64_t bytes) override;
  Status truncate(std::uint64_t bytes) override;
  Status lock(LockMode mode) override;
  FileIdentity identity() const override;

 private:
  Status require_write(const char* verb) const;

  SimFileSystem& files_;
  const Opened opened_;
};

}  // namespace quire::os
