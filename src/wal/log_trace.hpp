// What the log and its archive do with their files, told to os::IoObserver: kinds `log` and `archive`, named by path.
//
// Reasons of a log: append (records), segment (the next one is made), recycle (from one that a checkpoint released), release
// (removed instead), failed (making it did), close, open (a header is looked at), recovery, leftover (of an earlier life).
//
// Threads   any
#pragma once

#include "os/file.hpp"
#include "os/io_trace.hpp"

namespace quire::wal {

// A part of a file.
inline void tell_log(std::string_view operation, const std::string& path, std::uint64_t offset, std::uint64_t bytes, std::string_view why) {
  os::tell_io([&] { return os::IoEvent{.operation = operation, .kind = "log", .name = path, .offset = offset, .bytes = bytes, .reason = why}; });
}

// A whole file, or its directory's entry of it, if it succeeded.
inline Status told_log(Status status, std::string_view operation, const std::string& path, std::string_view why) {
  return os::told(std::move(status), operation, "log", path, why);
}

inline Status sync_log_directory(os::FileSystem& files, const std::string& directory, std::string_view why) {
  return os::told(files.sync_directory(directory), "sync", "directory", directory, why);
}

}  // namespace quire::wal
