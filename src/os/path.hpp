// Paths of file systems that live in memory: absolute, and only one way to write each.
#pragma once

#include <string>

namespace quire::os {

// "/a/b" for "/a//b", "a/b/", "./a/c/../b"; "/" for "" and "/".
std::string normalized_path(const std::string& path);

}  // namespace quire::os
