// PosixFile: the calls, their retries, and their error texts.
//
// Why fdatasync is enough: it also writes what is needed to find the data again, that is the size and the
// extents; only times may be old after a crash, and Quire reads no times.
// Why sync is retried only after EINTR: an interrupted call has reported nothing about any page. After every
// other error Linux may have marked the pages clean, so a second call would succeed without the data (WAL-7).
#include "os/posix/posix_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/assert.hpp"
#include "base/try.hpp"
#include "os/describe.hpp"
#include "os/posix/file_lock.hpp"
#include "os/posix/system_error.hpp"

namespace quire::os {

namespace {

// Offsets of the system are signed.
constexpr std::uint64_t file_bytes_max = 0x7fffffffffffffff;

Status check_range(const char* verb, const std::string& path, FileRange range) {
  if (range.offset <= file_bytes_max && range.bytes <= file_bytes_max - range.offset) return {};
  return Status(Code::limit, cannot(verb, path, range) + ": a file cannot be that large");
}

}  // namespace

PosixFile::PosixFile(Opened opened) noexcept
    : descriptor_(std::move(opened.descriptor)),
      identity_(opened.identity),
      path_(std::move(opened.path)),
      write_(opened.write) {
  if (opened.random_reads) read_ahead_.switch_on(descriptor_.number());
}

PosixFile::~PosixFile() {
  forget_lock(descriptor_.number());
  descriptor_.close();
  restore_holder_name(identity_);
}

Status PosixFile::require_write(const char* verb) const {
  if (write_) return {};
  return Status(Code::read_only, cannot(verb, path_) + ": it was opened for reading only");
}

Result<std::size_t> PosixFile::read_at(std::uint64_t offset, MutableBytes into) {
  QUIRE_TRY(check_range("read", path_, {.offset = offset, .bytes = into.size()}));
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = retry_interrupted([&] {
      return ::pread(descriptor_.number(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    });
    if (got < 0) return system_error(errno, cannot("read", path_, {.offset = offset, .bytes = into.size()}));
    if (got == 0) break;  // the end of the file
    done += static_cast<std::size_t>(got);
  }
  read_ahead_.note(descriptor_.number(), offset, done);
  return done;
}

Status PosixFile::write_at(std::uint64_t offset, Bytes from) {
  QUIRE_TRY(require_write("write to"));
  QUIRE_TRY(check_range("write", path_, {.offset = offset, .bytes = from.size()}));
  std::size_t done = 0;
  while (done < from.size()) {
    const ssize_t put = retry_interrupted([&] {
      return ::pwrite(descriptor_.number(), from.data() + done, from.size() - done, static_cast<off_t>(offset + done));
    });
    // A transfer of nothing without an error would loop for ever; it means that there is no room.
    if (put <= 0) {
      const int error = put == 0 ? ENOSPC : errno;
      return system_error(error, cannot("write", path_, {.offset = offset, .bytes = from.size()}));
    }
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Status PosixFile::store_at(std::uint64_t offset, Bytes from) {
  if (write_ && stored_map_.store(descriptor_.number(), offset, from)) return {};
  return write_at(offset, from);
}

Status PosixFile::sync() {
  stored_map_.before_sync();
  if (retry_interrupted([&] { return ::fdatasync(descriptor_.number()); }) == 0) return {};
  return system_error(errno, cannot("sync", path_));
}

Result<std::uint64_t> PosixFile::size() {
  struct stat information = {};
  if (::fstat(descriptor_.number(), &information) != 0) return system_error(errno, cannot("ask the size of", path_));
  return static_cast<std::uint64_t>(information.st_size);
}

Status PosixFile::allocate(std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 0) return {};
  QUIRE_TRY(require_write("reserve space in"));
  QUIRE_TRY(check_range("reserve", path_, {.offset = offset, .bytes = bytes}));
  QUIRE_ASSIGN(const std::uint64_t old_size, size());
  // A gap between the old end and `offset` is reserved too: afterwards no write below the new end may fail.
  const std::uint64_t begin = std::min(offset, old_size);
  const std::uint64_t end = offset + bytes;
  const int answer = retry_interrupted(
      [&] { return ::fallocate(descriptor_.number(), 0, static_cast<off_t>(begin), static_cast<off_t>(end - begin)); });
  if (answer == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS) {
    return system_error(errno, cannot("reserve", path_, {.offset = offset, .bytes = bytes}));
  }
  if (end <= old_size) return {};
  return reserve_by_writing(*this, {.old_size = old_size, .new_size = end});
}

Status reserve_by_writing(File& file, Growth growth) {
  static constexpr std::array<std::byte, 65536> zeros{};
  for (std::uint64_t at = growth.old_size; at < growth.new_size;) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), growth.new_size - at));
    Status written = file.write_at(at, Bytes(zeros).first(count));
    if (!written.ok()) {
      [[maybe_unused]] const Status ignored = file.truncate(growth.old_size);  // the first failure is the one to tell
      return written;
    }
    at += count;
  }
  return {};
}

Status PosixFile::truncate(std::uint64_t bytes) {
  QUIRE_TRY(require_write("set the size of"));
  QUIRE_TRY(check_range("set the size", path_, {.offset = bytes, .bytes = 0}));
  stored_map_.forget();
  if (retry_interrupted([&] { return ::ftruncate(descriptor_.number(), static_cast<off_t>(bytes)); }) == 0) return {};
  return system_error(errno, cannot_resize(path_, bytes));
}

Status PosixFile::lock(LockMode mode) {
  if (mode == LockMode::exclusive) QUIRE_TRY(require_write("lock, for this handle alone,"));
  return lock_file({.descriptor = descriptor_.number(), .identity = identity_, .path = path_}, mode);
}

}  // namespace quire::os
