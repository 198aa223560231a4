// Dirty word: which epoch a page's changes belong to, in 32 bits of its slot.
//
//   bits 0-29  tag of the epoch, 0 when the page is clean
//   bit 30     an image of the page is being written
//   bit 31     an undo page without an image in the file, changed by an action of this epoch: the flip may keep it back (CK-9)
//
// At most two epochs are under way, so a tag that is not the running epoch's is that of the one being written.
#pragma once

#include <cstdint>

#include "base/ids.hpp"

namespace quire::buffer::dirty {

inline constexpr std::uint32_t tag_mask = (std::uint32_t{1} << 30) - 1;
inline constexpr std::uint32_t in_flight = std::uint32_t{1} << 30;
inline constexpr std::uint32_t may_stay = std::uint32_t{1} << 31;

constexpr std::uint32_t tag(Epoch epoch) noexcept { return static_cast<std::uint32_t>(epoch.raw % tag_mask) + 1; }

}  // namespace quire::buffer::dirty
