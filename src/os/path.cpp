// Paths: the directory part of a path, by text alone.
#include "os/file.hpp"

namespace quire::os {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  if (slash == 0) return "/";
  return path.substr(0, slash);
}

}  // namespace quire::os
