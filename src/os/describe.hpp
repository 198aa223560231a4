// What file operations were attempted, in words: the first half of every error text of the file systems.
//
//   cannot write 8192 bytes at offset 40960 of /x/y.qdb
//
// The second half, after ": ", says why.
#pragma once

#include <cstdint>
#include <string>

namespace quire::os {

struct FileRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

inline std::string cannot(const char* verb, const std::string& path) {
  return std::string("cannot ") + verb + " " + path;
}

inline std::string cannot(const char* verb, const std::string& path, FileRange range) {
  return std::string("cannot ") + verb + " " + std::to_string(range.bytes) + " bytes at offset " +
         std::to_string(range.offset) + " of " + path;
}

inline std::string cannot_resize(const std::string& path, std::uint64_t bytes) {
  return "cannot set the size of " + path + " to " + std::to_string(bytes) + " bytes";
}

inline std::string cannot_rename(const std::string& source, const std::string& target) {
  return "cannot rename " + source + " to " + target;
}

}  // namespace quire::os
