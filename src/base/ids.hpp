// Identifiers. Each kind is its own type, so that a page number is never taken for a block number.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace quire {

template <class Tag, class Rep>
struct Id {
  Rep raw{};
  friend constexpr auto operator<=>(Id, Id) = default;
};

using PageId = Id<struct PageTag, std::uint64_t>;    // stable logical number of a page; 0 is no page
using Block = Id<struct BlockTag, std::uint64_t>;    // place in the file, in units of 4 KiB; 0 and 1 are superblocks
using Epoch = Id<struct EpochTag, std::uint64_t>;    // number of the checkpoint that will contain a change
using TreeId = Id<struct TreeTag, std::uint32_t>;    // number of a tree; 0 is no tree, never reused
using Lsn = Id<struct LsnTag, std::uint64_t>;        // byte position in the log
using Xid = Id<struct XidTag, std::uint64_t>;        // number of a writing transaction, 48 bits
using Timestamp = Id<struct TimestampTag, std::uint64_t>;  // place of a commit among all commits; 0 is before the first
using FrameId = Id<struct FrameTag, std::uint32_t>;  // place in memory, index into the frame arena

inline constexpr PageId no_page{0};

}  // namespace quire

template <class Tag, class Rep>
struct std::hash<quire::Id<Tag, Rep>> {
  std::size_t operator()(quire::Id<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.raw); }
};
