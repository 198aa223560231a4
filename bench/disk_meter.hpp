// Bytes that a process has written to the disk, as near as the system tells.
//
// Linux counts for a process the pages it makes dirty or writes past the system's cache, without those of files that go
// before they are written; but in whole folios, which may be many times as large as the page. For the device it counts
// what really goes there, from everybody. Both are too much, so the smaller one is the better one.
#pragma once

#include <cstdint>
#include <string>

namespace quire::bench {

class DiskMeter {
 public:
  // Begins to count, for this process and the device that `folder` lies on.
  explicit DiskMeter(const std::string& folder);
  // Since then. What was written must have been synced.
  std::uint64_t bytes() const;

 private:
  std::string device_stat_;  // a file of the kernel; may not exist
  std::uint64_t process_start_ = 0;
  std::uint64_t device_start_ = 0;
};

}  // namespace quire::bench
