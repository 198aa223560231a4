// A limit of memory, page cache included, for the processes that join: a control group of the kernel.
//
// Works as root with the memory controller of cgroup v1, where the group is made below the one this process is
// in, or v2, where it is made beside it, because a group of v2 cannot hold processes and groups both.
#pragma once

#include <cstdint>
#include <string>

namespace quire::bench {

class MemoryGroup {
 public:
  // Throws BenchError that says why when the machine does not allow it.
  MemoryGroup(const std::string& name, std::uint64_t bytes);
  // The processes that joined are gone.
  ~MemoryGroup();
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  // Puts this process into the group. What it has allocated before does not count.
  void join() const;

 private:
  std::string folder_;
};

}  // namespace quire::bench
