// Mapping: anonymous memory from mmap, aligned so that the system can back it with huge pages.
//
// What the system does not know - huge pages, taking memory ahead - is advice that it may ignore.
#include "os/memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "base/assert.hpp"
#include "os/posix/system_error.hpp"

namespace quire::os {

namespace {

constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

constexpr std::size_t round_up(std::size_t value, std::size_t unit) noexcept {
  return (value + unit - 1) / unit * unit;
}

std::size_t page_bytes() noexcept {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

Result<Mapping> Mapping::reserve(std::size_t bytes) {
  Mapping mapping;
  if (bytes == 0) return mapping;
  const std::string attempt = "cannot reserve " + std::to_string(bytes) + " bytes of memory";
  if (bytes > SIZE_MAX - 2 * huge_page_bytes) return system_error(ENOMEM, attempt);
  const std::size_t length = round_up(bytes, huge_page_bytes);
  const std::size_t slack = length + huge_page_bytes;
  void* got = ::mmap(nullptr, slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (got == MAP_FAILED) return system_error(errno, attempt);
  // One huge page more than needed was mapped; what lies before and behind the aligned part goes back.
  auto* const start = static_cast<std::byte*>(got);
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  const std::size_t before = round_up(address, huge_page_bytes) - address;
  if (before > 0) ::munmap(start, before);
  if (before < huge_page_bytes) ::munmap(start + before + length, huge_page_bytes - before);
  // Refused where huge pages are switched off; small ones do as well.
  ::madvise(start + before, length, MADV_HUGEPAGE);
  mapping.data_ = start + before;
  mapping.size_ = bytes;
  return mapping;
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  // The old memory leaves with `other`, which is about to end.
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, round_up(size_, huge_page_bytes));
}

void Mapping::populate([[maybe_unused]] std::size_t offset, [[maybe_unused]] std::size_t bytes) noexcept {
  QUIRE_ASSERT(offset <= size_ && bytes <= size_ - offset);
#if defined(MADV_POPULATE_WRITE)
  const std::size_t first = offset / page_bytes() * page_bytes();
  if (bytes > 0) ::madvise(data_ + first, offset + bytes - first, MADV_POPULATE_WRITE);
#endif
}

void Mapping::discard(std::size_t offset, std::size_t bytes) noexcept {
  QUIRE_ASSERT(offset <= size_);
  QUIRE_ASSERT(bytes <= size_ - offset);
  // Only whole pages can go back; the edges are cleared by hand.
  const std::size_t end = offset + bytes;
  const std::size_t first = std::min(round_up(offset, page_bytes()), end);
  const std::size_t last = std::max(end / page_bytes() * page_bytes(), first);
  std::memset(data_ + offset, 0, first - offset);
  std::memset(data_ + last, 0, end - last);
  if (last > first && ::madvise(data_ + first, last - first, MADV_DONTNEED) != 0) {
    std::memset(data_ + first, 0, last - first);
  }
}

std::size_t physical_memory_bytes() noexcept {
  constexpr std::size_t unknown = std::size_t{1} << 30;
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  if (pages <= 0) return unknown;
  return static_cast<std::size_t>(pages) * page_bytes();
}

}  // namespace quire::os
