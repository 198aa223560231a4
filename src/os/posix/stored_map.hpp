// StoredMap: a file mapped into memory, for small stores without calls to the system.
//
// A store through a shared mapping lands in the system's page cache as a write does: it survives the process, other readers
// see it, fdatasync makes it durable. But what a write reports, a store does not survive: without room for the page, or when
// the page cannot be read, the process gets a signal. So files are mapped only on file systems that overwrite in place, and
// only as far as they reach; all else is refused, and goes the way of a write.
//
// Invariants   1. [data, data + bytes) is mapped until forget(), whatever other threads store
// Threads      store, before_sync: any number at once; forget: alone
// Errors       none: what cannot be mapped is refused for good
#pragma once

#include <cstdint>

#include "base/atomic.hpp"
#include "base/bytes.hpp"
#include "os/sync.hpp"

namespace quire::os {

class StoredMap {
 public:
  StoredMap() = default;
  StoredMap(const StoredMap&) = delete;
  StoredMap& operator=(const StoredMap&) = delete;
  ~StoredMap() { forget(); }

  // False when nothing was stored.
  bool store(int descriptor, std::uint64_t offset, Bytes from) noexcept;
  // The file is about to be written to the disk. For every page that is mapped the system would then tell all processors not to
  // store into it unnoticed; now it tells them once.
  void before_sync() noexcept;
  // The file is about to get another size.
  void forget() noexcept;

 private:
  enum class State : std::uint8_t { unknown, mapped, refused };
  State map(int descriptor) noexcept QUIRE_EXCLUDES(mutex_);

  os::Mutex mutex_;
  Atomic<State> state_{State::unknown};
  std::byte* data_ = nullptr;  // published by state_
  std::uint64_t bytes_ = 0;
};

}  // namespace quire::os
