// ChunkedBytes: a growing array of bytes whose copies share memory until one of them changes.
//
// The content of files in memory and of simulated files. A crash image is a copy of a file with a few
// sectors replaced, and a test makes a hundred thousand of them, so a copy must cost nothing: the array is
// cut into chunks of 4 KiB held by shared pointers, and the list of pointers is shared too.
//
// Invariants   1. a chunk that is missing, or lies behind the list, reads as zeros
//              2. bytes of the last chunk behind the size are zero, so that growing never shows old bytes
//              3. a chunk or list that more than one owner holds is copied before it changes
// Threads      one object, one thread at a time; objects that share chunks must not be used by two threads
//              at once either
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace quire::os {

inline constexpr std::uint32_t chunk_bytes = 4096;

struct Chunk {
  std::array<std::byte, chunk_bytes> bytes{};
};

// Null stands for a chunk of zeros. Change the chunk only as its single owner.
using ChunkPointer = std::shared_ptr<Chunk>;

class ChunkedBytes {
 public:
  std::uint64_t size() const noexcept { return size_; }

  // How many bytes were there to read: fewer than asked for only at the end.
  std::size_t read(std::uint64_t offset, MutableBytes into) const noexcept;

  // Grows as needed.
  void write(std::uint64_t offset, Bytes from);

  // New bytes are zero, and so are bytes that come back after having been cut off.
  void resize(std::uint64_t bytes);

  ChunkPointer chunk(std::uint64_t index) const noexcept;
  bool has_chunk(std::uint64_t index) const noexcept;

  // Shares `content` from now on, less what lies behind the size.
  void set_chunk(std::uint64_t index, ChunkPointer content);

  std::string to_string() const;

 private:
  using List = std::vector<ChunkPointer>;

  List& own_list();
  Chunk& own_chunk(std::uint64_t index);
  void clear_behind_size();

  std::uint64_t size_ = 0;
  std::shared_ptr<List> list_;
};

}  // namespace quire::os
