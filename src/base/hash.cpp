// Checksums: XXH3-64 by the xxHash library.
#include "base/hash.hpp"

#define XXH_STATIC_LINKING_ONLY  // the size of its state
#include <xxhash.h>

#include <new>

namespace quire {

std::uint64_t hash64(Bytes bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

namespace {

XXH3_state_t* state_in(std::byte* bytes) noexcept { return std::launder(reinterpret_cast<XXH3_state_t*>(bytes)); }

}  // namespace

StreamedHash::StreamedHash() noexcept {
  static_assert(sizeof(XXH3_state_t) <= state_bytes && alignof(XXH3_state_t) <= 64);
  XXH3_64bits_reset(::new (state_) XXH3_state_t);
}

void StreamedHash::add(Bytes piece) noexcept { XXH3_64bits_update(state_in(state_), piece.data(), piece.size()); }

std::uint64_t StreamedHash::value() const noexcept {
  return XXH3_64bits_digest(state_in(const_cast<std::byte*>(state_)));
}

}  // namespace quire
