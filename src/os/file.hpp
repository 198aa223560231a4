// Files: the interface between Quire and an operating system's storage.
//
// Three implementations: os/posix (real files), os/mem (memory only), os/sim (files whose crashes, faults
// and reorderings come from a seed). Everything above sees only this.
//
// Durability   write_at and truncate may be lost or torn until sync() returns ok; a new name, a rename and
//              a removal may be lost until sync_directory() returns ok
// Threads      a File may be used from several threads at once; a FileSystem too
// Errors       full (no space, quota), io (everything else the system says), busy (lock), not_found, exists,
//              read_only (no permission or read-only place), invalid (not a regular file, senseless flags),
//              limit (beyond the largest file); texts name the path, the operation and the offset
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "quire/status.hpp"

namespace quire::os {

enum class LockMode { shared, exclusive };

// What makes two paths the same file within one machine.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend auto operator<=>(const FileIdentity&, const FileIdentity&) = default;
};

// An open file. Closing is destruction; it releases locks.
class File {
 public:
  virtual ~File() = default;

  // Reads into.size() bytes at offset; fewer only where the file ends. Retries interrupted and short reads.
  virtual Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) = 0;

  // Writes all of `from` at offset, extending the file as needed, or fails (then any part may be written).
  virtual Status write_at(std::uint64_t offset, Bytes from) = 0;

  // write_at within the file, for few bytes at a time: where that is safe they are stored into memory that the file is mapped
  // to, which needs no call to the system (docs/decisions/0011-stores-into-the-log.md). Never beside truncate. Everything else
  // is as if it were write_at, and write_at is what it is here.
  virtual Status store_at(std::uint64_t offset, Bytes from) { return write_at(offset, from); }

  // Makes every completed write and the size durable. After a failure nothing may be assumed about what
  // is durable, and it is never to be retried (WAL-7).
  virtual Status sync() = 0;

  virtual Result<std::uint64_t> size() = 0;

  // Makes room: the file has at least offset + bytes afterwards, new bytes read as zero, and writes below
  // that end do not fail for lack of space. Falls back to writing zeros where the system cannot reserve, so
  // it must not overlap in time with a write beyond the old end. A hole that truncate made stays one there.
  virtual Status allocate(std::uint64_t offset, std::uint64_t bytes) = 0;

  virtual Status truncate(std::uint64_t bytes) = 0;

  // Locks the whole file against other processes, without waiting. busy names the holder's process if known.
  virtual Status lock(LockMode mode) = 0;

  virtual FileIdentity identity() const = 0;
};

struct OpenFile {
  bool write = false;            // else reading only
  bool create = false;           // create with mode 0600 when missing (needs write)
  bool must_not_exist = false;   // with create: fail with `exists` when present
  bool random_reads = false;     // advice: reads come from anywhere, so read no more than is asked for, unless they follow each other
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Opens a regular file; anything else (directory, device, dangling link) is refused by name.
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenFile how) = 0;
  virtual Status remove(const std::string& path) = 0;
  // Replaces `target` if present.
  virtual Status rename(const std::string& source, const std::string& target) = 0;
  // The same, but `exists` when there is a target, which is then untouched; one step also between processes.
  virtual Status rename_new(const std::string& source, const std::string& target) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  // Names (without directory) of the entries of a directory, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  // Makes names created, renamed or removed in the directory durable.
  virtual Status sync_directory(const std::string& directory) = 0;
  // The path with links resolved; the last component need not exist.
  virtual Result<std::string> resolve(const std::string& path) = 0;
};

// "a/b/c" -> "a/b"; "c" -> "."; "/c" -> "/".
std::string directory_of(const std::string& path);

}  // namespace quire::os
