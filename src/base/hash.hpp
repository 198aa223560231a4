// Checksums: XXH3-64, the only hash of the file format.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace quire {

// XXH3-64 of `bytes` with `seed`.
std::uint64_t hash64(Bytes bytes, std::uint64_t seed = 0) noexcept;

}  // namespace quire
