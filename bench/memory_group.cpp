// Control groups through their files: see memory_group.hpp.
#include "bench/memory_group.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "bench/workload.hpp"

namespace quire::bench {

namespace {

constexpr char v1_root[] = "/sys/fs/cgroup/memory";
constexpr char v2_root[] = "/sys/fs/cgroup";

struct Place {
  std::string folder;  // where the group is made
  std::string limit;   // the file that takes the limit
};

bool write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

// From lines such as "4:memory:/some/group" (v1) and "0::/some/group" (v2).
Place find_place() {
  std::ifstream file("/proc/self/cgroup");
  Place place;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (controllers.find(",memory,") != std::string::npos) {
      return {v1_root + (group == "/" ? "" : group), "memory.limit_in_bytes"};
    }
    if (controllers == ",,") {
      place = {v2_root + std::filesystem::path(group).parent_path().string(), "memory.max"};
    }
  }
  return place;
}

}  // namespace

MemoryGroup::MemoryGroup(const std::string& name, std::uint64_t bytes) {
  if (::geteuid() != 0) throw BenchError("a memory limit needs root");
  const Place place = find_place();
  if (place.folder.empty()) throw BenchError("this system has no control groups");
  const std::string folder = place.folder + "/" + name;
  if (::mkdir(folder.c_str(), 0755) != 0) throw BenchError("cannot make the control group " + folder);
  folder_ = folder;
  if (!write_text(folder + "/" + place.limit, std::to_string(bytes))) {
    ::rmdir(folder.c_str());
    throw BenchError("the control group " + folder + " takes no memory limit");
  }
}

MemoryGroup::~MemoryGroup() { ::rmdir(folder_.c_str()); }

void MemoryGroup::join() const {
  if (!write_text(folder_ + "/cgroup.procs", "0")) throw BenchError("cannot join the control group " + folder_);
}

}  // namespace quire::bench
