// OverlayFile: an open file of an OverlayFileSystem.
//
// Blocks of 4 KiB that were written come from their slots, everything else from the file below, as far as it is seen, or is
// zeros.
//
// Owner     whoever opened it; it must be closed before its file system ends
// Threads   any; the mutex of the file system guards what it touches
#pragma once

#include <array>
#include <string>
#include <vector>

#include "os/describe.hpp"
#include "os/overlay.hpp"

namespace quire::os {

inline constexpr std::uint64_t overlay_block_bytes = 4096;

class OverlayFile final : public File {
 public:
  struct Opened {
    OverlayFileSystem::InodePointer inode;
    std::unique_ptr<File> below;  // null: the file is not there
    std::string path;
    bool write = false;
  };

  OverlayFile(OverlayFileSystem& files, Opened opened) noexcept : files_(files), opened_(std::move(opened)) {}
  ~OverlayFile() override;

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override;
  Status write_at(std::uint64_t offset, Bytes from) override;
  Status sync() override { return {}; }
  Result<std::uint64_t> size() override;
  Status allocate(std::uint64_t offset, std::uint64_t bytes) override;
  Status truncate(std::uint64_t bytes) override;
  Status lock(LockMode mode) override;
  FileIdentity identity() const override { return opened_.inode->identity; }

 private:
  using Block = std::array<std::byte, overlay_block_bytes>;

  // A part of what is read that no slot has.
  struct Gap {
    std::uint64_t offset = 0;
    MutableBytes into{};
  };

  Status require_write(const char* verb) const;
  Status lock_here(LockMode mode) QUIRE_REQUIRES(files_.mutex_);
  Status read_slots(std::uint64_t offset, MutableBytes into, std::vector<Gap>& gaps) QUIRE_REQUIRES(files_.mutex_);
  Status read_below(std::uint64_t below_bytes, Gap gap);
  Status write_block(std::uint64_t block, std::size_t at, Bytes from) QUIRE_REQUIRES(files_.mutex_);

  OverlayFileSystem& files_;
  Opened opened_;
};

}  // namespace quire::os
