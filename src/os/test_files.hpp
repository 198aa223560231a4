// Shorthand of the tests in os/: files as strings.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/file.hpp"

namespace quire::os {

inline constexpr OpenFile to_create{.write = true, .create = true, .must_not_exist = false};
inline constexpr OpenFile to_write{.write = true, .create = false, .must_not_exist = false};
inline constexpr OpenFile to_read{};

// Stops the program when the file cannot be opened.
inline std::unique_ptr<File> open_or_stop(FileSystem& files, const std::string& path, OpenFile how = to_create) {
  return files.open(path, how).value();
}

inline Status put(File& file, std::uint64_t offset, std::string_view text) {
  return file.write_at(offset, as_bytes(text));
}

// So many bytes of one letter.
inline std::string repeated(std::size_t bytes, char letter) { return std::string(bytes, letter); }

// The range, or what there is of it; "failed: ..." when it cannot be read.
inline std::string text_at(File& file, std::uint64_t offset, std::size_t bytes) {
  std::vector<std::byte> into(bytes);
  const Result<std::size_t> got = file.read_at(offset, into);
  if (!got.ok()) return "failed: " + got.status().to_string();
  return std::string(as_text(Bytes(into).first(*got)));
}

inline std::string whole_text(File& file) {
  const Result<std::uint64_t> size = file.size();
  if (!size.ok()) return "failed: " + size.status().to_string();
  return text_at(file, 0, static_cast<std::size_t>(*size));
}

}  // namespace quire::os
