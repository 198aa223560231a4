// Anonymous memory for large arenas.
#pragma once

#include <cstddef>

#include "base/bytes.hpp"
#include "quire/status.hpp"

namespace quire::os {

// A zero-filled mapping, 2 MiB aligned, huge pages asked for; pages of it take memory when first touched.
// Movable, unmapped on destruction.
class Mapping {
 public:
  static Result<Mapping> reserve(std::size_t bytes);
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

  // Takes memory for [offset, offset + bytes) ahead of its first touch, which then costs nothing; contents stay. Advice.
  void populate(std::size_t offset, std::size_t bytes) noexcept;

  // Gives the memory of [offset, offset + bytes) back to the system; it reads as zero afterwards.
  void discard(std::size_t offset, std::size_t bytes) noexcept;

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Bytes of physical memory of this machine; 1 GiB when unknown.
std::size_t physical_memory_bytes() noexcept;

}  // namespace quire::os
