// PosixFile: a regular file of the operating system, read and written by position.
//
// No buffer of our own: what write_at has accepted is in the system's page cache and visible to every other reader, as are
// the calls to strace. store_at alone goes around the calls, into the same page cache (stored_map.hpp).
//
// Owner     whoever opened it; closing (destruction) releases its lock
// Threads   any number at once; allocate must not overlap in time with a write behind the old end of the
//           file, because the fallback for systems that cannot reserve writes zeros there
// Errors    see os/file.hpp; EINTR and short transfers never reach the caller
#pragma once

#include <string>

#include "os/file.hpp"
#include "os/posix/descriptor.hpp"
#include "os/posix/read_ahead.hpp"
#include "os/posix/stored_map.hpp"

namespace quire::os {

class PosixFile final : public File {
 public:
  struct Opened {
    Descriptor descriptor;
    FileIdentity identity;
    std::string path;
    bool write = false;
    bool random_reads = false;
  };

  explicit PosixFile(Opened opened) noexcept;
  ~PosixFile() override;

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override;
  Status write_at(std::uint64_t offset, Bytes from) override;
  Status store_at(std::uint64_t offset, Bytes from) override;
  Status sync() override;
  Result<std::uint64_t> size() override;
  Status allocate(std::uint64_t offset, std::uint64_t bytes) override;
  Status truncate(std::uint64_t bytes) override;
  Status lock(LockMode mode) override;
  FileIdentity identity() const override { return identity_; }

 private:
  Status require_write(const char* verb) const;

  // Constant after open.
  Descriptor descriptor_;
  const FileIdentity identity_;
  const std::string path_;
  const bool write_;
  ReadAhead read_ahead_;

  StoredMap stored_map_;
};

struct Growth {
  std::uint64_t old_size = 0;
  std::uint64_t new_size = 0;
};

// What allocate does where the system cannot reserve: writes zeros behind the old end. A file that cannot be
// filled gets its old size back.
Status reserve_by_writing(File& file, Growth growth);

}  // namespace quire::os
