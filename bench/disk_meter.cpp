// Counters of the kernel: see disk_meter.hpp.
#include "bench/disk_meter.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <fstream>

#include "bench/workload.hpp"

namespace quire::bench {

namespace {

constexpr std::uint64_t sector_bytes = 512;

std::uint64_t bytes_of_process() {
  std::ifstream file("/proc/self/io");
  std::uint64_t written = 0;
  std::uint64_t cancelled = 0;
  std::string name;
  for (std::uint64_t number = 0; file >> name >> number;) {
    if (name == "write_bytes:") written = number;
    if (name == "cancelled_write_bytes:") cancelled = number;
  }
  return written - std::min(written, cancelled);
}

// The seventh number is that of the sectors written. 0 when there is no such file.
std::uint64_t bytes_of_device(const std::string& stat_file) {
  std::ifstream file(stat_file);
  std::uint64_t number = 0;
  for (int i = 0; i < 7; ++i) {
    if (!(file >> number)) return 0;
  }
  return number * sector_bytes;
}

std::string stat_file_of(const std::string& folder) {
  struct stat state {};
  if (::stat(folder.c_str(), &state) != 0) throw BenchError("cannot look at " + folder);
  return "/sys/dev/block/" + std::to_string(major(state.st_dev)) + ":" + std::to_string(minor(state.st_dev)) + "/stat";
}

}  // namespace

DiskMeter::DiskMeter(const std::string& folder)
    : device_stat_(stat_file_of(folder)),
      process_start_(bytes_of_process()),
      device_start_(bytes_of_device(device_stat_)) {}

std::uint64_t DiskMeter::bytes() const {
  const std::uint64_t process = bytes_of_process() - process_start_;
  const std::uint64_t device_now = bytes_of_device(device_stat_);
  return device_now == 0 ? process : std::min(process, device_now - device_start_);
}

}  // namespace quire::bench
