// Checksums: XXH3-64 by the xxHash library.
#include "base/hash.hpp"

#include <xxhash.h>

namespace quire {

std::uint64_t hash64(Bytes bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace quire
