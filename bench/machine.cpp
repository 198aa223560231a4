// Facts about the machine and the build that a reader of the numbers needs. No names of machines or people.
#include <sys/sysinfo.h>
#include <sys/vfs.h>

#include <cmath>
#include <fstream>
#include <string>

#include "bench/results.hpp"

#ifndef QUIRE_VERSION
#define QUIRE_VERSION "0.1.0"
#endif

namespace quire::bench {

namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.find(": ") + 2, line.size()));
  }
  return "unknown";
}

std::string file_system_name(const std::string& folder) {
  struct statfs state {};
  if (::statfs(folder.c_str(), &state) != 0) return "unknown";
  switch (static_cast<unsigned long>(state.f_type)) {
    case 0xEF53: return "ext4";
    case 0x58465342: return "xfs";
    case 0x9123683E: return "btrfs";
    case 0x01021994: return "tmpfs";
    case 0x794C7630: return "overlay";
    default: return "other";
  }
}

std::string compiler_name() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

}  // namespace

nlohmann::ordered_json machine_facts(const std::string& folder) {
  struct sysinfo info {};
  ::sysinfo(&info);
  const double memory_gib = static_cast<double>(info.totalram) * info.mem_unit / (1 << 30);
  const double load = static_cast<double>(info.loads[0]) / (1 << SI_LOAD_SHIFT);
  return {{"processor", processor_name()},
          {"cores", get_nprocs()},
          {"memory_gib", std::round(memory_gib * 10) / 10},
          {"file_system", file_system_name(folder)},
          {"load_at_start", std::round(load * 100) / 100},
          {"compiler", compiler_name()},
          {"quire", QUIRE_VERSION}};
}

}  // namespace quire::bench
