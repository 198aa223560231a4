// Reader: a large value piece by piece, from any place.
//
//   Reader reader(pool, stub);
//   for (;;) {
//     QUIRE_ASSIGN(const std::size_t bytes, reader.read(buffer));   // on from where the last read ended; 0 is the end
//     ...
//   }
//   QUIRE_ASSIGN(const std::size_t bytes, reader.read(offset, buffer));
//
// Finding a data page costs one step per index page from the last one used on, or from the first. Every page is checked
// by its checksum when it comes from the disk. Who reads the value from its first byte to its last, however cut, also
// learns whether it is the one that the stub means: the read that reaches the end fails when the checksum differs.
//
// Invariants   1. memory: one page
// Threads      one; the stub's row must not change meanwhile, else any error or bytes may come
// Errors       corrupt (a page of another kind, a wrong length or checksum), io
#pragma once

#include <vector>

#include "base/hash.hpp"
#include "buffer/pool.hpp"
#include "overflow/layout.hpp"

namespace quire::overflow {

class Reader {
 public:
  Reader(buffer::Pool& pool, const Stub& stub) : pool_(pool), stub_(stub) {}

  std::uint64_t length() const noexcept { return stub_.length; }
  std::uint64_t position() const noexcept { return position_; }

  // How many bytes were read: fewer than asked for only at the end of the value.
  Result<std::size_t> read(std::uint64_t offset, MutableBytes into);
  Result<std::size_t> read(MutableBytes into) { return read(position_, into); }

 private:
  Status find_index(std::uint64_t number);
  Status load_index(PageId id, std::uint64_t number);
  Status check_whole() const;

  buffer::Pool& pool_;
  const Stub stub_;
  std::uint64_t position_ = 0;
  std::vector<std::byte> index_;  // a copy of index page `index_number_`; empty before the first
  std::uint64_t index_number_ = 0;
  std::uint64_t hashed_ = 0;  // bytes from the front that went into hash_
  StreamedHash hash_;
};

}  // namespace quire::overflow
