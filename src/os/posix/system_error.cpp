// System errors: the table from errno to Code.
//
// A code is chosen by what the caller can do: make room (full), ask for rights (read_only), look elsewhere
// (not_found, exists), free memory (no_memory). Everything else is io.
#include "os/posix/system_error.hpp"

#include <cerrno>
#include <cstring>

namespace quire::os {

namespace {

Code code_of(int error) noexcept {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:  // the process's own limit on file sizes is a quota too
      return Code::full;
    case EACCES:
    case EPERM:
    case EROFS: return Code::read_only;
    case ENOENT:
    case ENOTDIR: return Code::not_found;
    case EEXIST: return Code::exists;
    case ENOMEM: return Code::no_memory;
    default:  // EIO, and EMFILE, ENFILE, ELOOP, EINVAL and so on, told apart by the text
      return Code::io;
  }
}

// strerror_r has two forms; the result tells which one this is.
[[maybe_unused]] const char* error_text(const char* text, const char*) noexcept { return text; }
[[maybe_unused]] const char* error_text(int, const char* buffer) noexcept { return buffer; }

}  // namespace

Status system_error(int error, const std::string& attempt) {
  char buffer[128] = "unknown error";
  const char* text = error_text(::strerror_r(error, buffer, sizeof buffer), buffer);
  return Status(code_of(error), attempt + ": " + text);
}

}  // namespace quire::os
