// State word: latch and version of one page, in 64 bits of its slot.
//
//   bits 0-7   state: evicted, unlocked, shared by n, cooling, io, exclusive
//   bits 8-63  version: changes only when an exclusive latch is released and when the page is evicted, belongs to
//              the PageId and is never reset
//
//   evicted   --fault-->   io        --image checked--> unlocked      (fault)
//   io        --failed-->  evicted                                     (fault)
//   unlocked  --clock-->   cooling   --access-->        unlocked      (evict_one, heat)
//   cooling   --clock-->   exclusive --dropped-->       evicted, v+1  (evict_one)
//   unlocked  --write-->   exclusive --released-->      unlocked, v+1 (lock_exclusive)
//   unlocked  --read-->    shared 1 .. shared n --released--> unlocked (lock_shared)
//
// An optimistic reader remembers the word and later checks that version and usability are unchanged.
#pragma once

#include <cstdint>

namespace quire::buffer {

namespace state {
inline constexpr std::uint64_t evicted = 0;
inline constexpr std::uint64_t unlocked = 1;
inline constexpr std::uint64_t shared_first = 2;   // one reader
inline constexpr std::uint64_t shared_last = 240;  // 239 readers
inline constexpr std::uint64_t cooling = 250;
inline constexpr std::uint64_t io = 251;
inline constexpr std::uint64_t exclusive = 252;
}  // namespace state

inline constexpr std::uint64_t state_mask = 255;

constexpr std::uint64_t state_of(std::uint64_t word) { return word & state_mask; }
constexpr std::uint64_t version_of(std::uint64_t word) { return word >> 8; }
constexpr std::uint64_t with_state(std::uint64_t word, std::uint64_t s) { return (word & ~state_mask) | s; }
constexpr std::uint64_t next_version(std::uint64_t word, std::uint64_t s) {
  return ((word & ~state_mask) + state_mask + 1) | s;
}
constexpr bool is_shared(std::uint64_t word) {
  return state_of(word) >= state::shared_first && state_of(word) <= state::shared_last;
}
// Its bytes may be read optimistically.
constexpr bool is_readable(std::uint64_t word) { return state_of(word) == state::unlocked || is_shared(word); }

}  // namespace quire::buffer
