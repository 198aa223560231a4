// Checksums: XXH3-64, the only hash of the file format.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace quire {

// XXH3-64 of `bytes` with `seed`.
std::uint64_t hash64(Bytes bytes, std::uint64_t seed = 0) noexcept;

// hash64 (seed 0) of bytes that come in pieces. One thread at a time.
class StreamedHash {
 public:
  StreamedHash() noexcept;
  StreamedHash(const StreamedHash&) = delete;
  StreamedHash& operator=(const StreamedHash&) = delete;

  void add(Bytes piece) noexcept;
  // Of everything so far; more may follow.
  std::uint64_t value() const noexcept;

 private:
  static constexpr std::size_t state_bytes = 576;
  alignas(64) std::byte state_[state_bytes];
};

}  // namespace quire
