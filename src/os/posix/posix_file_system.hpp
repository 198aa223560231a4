// PosixFileSystem: opens, names and removes files of the operating system.
//
// Threads   any; it has no state
#pragma once

#include "os/file.hpp"

namespace quire::os {

class PosixFileSystem final : public FileSystem {
 public:
  // Links are resolved first, and the file itself is then opened with O_NOFOLLOW, so that what was checked
  // is what is opened. Devices, pipes, sockets and directories are refused before anything is opened.
  Result<std::unique_ptr<File>> open(const std::string& path, OpenFile how) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& source, const std::string& target) override;
  Status rename_new(const std::string& source, const std::string& target) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Status sync_directory(const std::string& directory) override;
  Result<std::string> resolve(const std::string& path) override;
};

}  // namespace quire::os
