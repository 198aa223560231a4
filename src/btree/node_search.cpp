// NodeView::search: by hints, then by heads, then by suffixes.
//
// Where all suffixes begin alike and heads leave these bytes out (head_skip), these are compared first.
//
// The hints narrow the search to the slots between two of them. Of these all heads are compared, four at a time and
// without a branch that depends on a key: how many are below the searched one? Slots with the very same head follow;
// mostly that is one or none, and their suffixes decide.
//
// On x86-64 this is SSE2, which every such processor has; elsewhere the same in plain loops. Why not AVX2, and why
// counting and not halving: docs/decisions/0005-simd-search.md.
//
// Threads   any; the bytes may change meanwhile. Whatever the heads are, no index leaves the range
#include "btree/node.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace quire::btree {

namespace {

// A longer range is halved first, so that large pages with few hints do not count for long.
constexpr std::uint32_t counted_slots_max = 64;

#if defined(__SSE2__)

// SSE2 compares signed numbers; with the highest bit flipped they order like unsigned ones.
__m128i flip(__m128i heads) noexcept { return _mm_xor_si128(heads, _mm_set1_epi32(INT32_MIN)); }
__m128i load(const std::byte* from) noexcept {
  __m128i four;
  std::memcpy(&four, from, sizeof four);
  return four;
}

std::uint32_t sum(__m128i lanes) noexcept {
  lanes = _mm_add_epi32(lanes, _mm_shuffle_epi32(lanes, 0x4E));
  lanes = _mm_add_epi32(lanes, _mm_shuffle_epi32(lanes, 0xB1));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(lanes));
}

// Of 14 ascending hints, how many are below a head.
std::uint32_t hints_below(const std::byte* hints, std::uint32_t head) noexcept {
  const __m128i key = flip(_mm_set1_epi32(static_cast<int>(head)));
  const auto below = [key](const std::byte* from) { return _mm_cmpgt_epi32(key, flip(load(from))); };
  const __m128i first = _mm_packs_epi32(below(hints), below(hints + 16));
  const __m128i second = _mm_packs_epi32(below(hints + 32), below(hints + 40));  // 10 and 11 twice: no load may leave the header
  const auto bits = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(first, second)));
  const std::uint32_t fourteen = (bits & 0x0FFFu) | (bits >> 2 & 0x3000u);
  return static_cast<std::uint32_t>(__builtin_ctz(~fourteen));
}

// Heads of four slots, which are a head and four other bytes each.
__m128i heads_at(const std::byte* slots) noexcept {
  const __m128 two = _mm_castsi128_ps(load(slots));
  const __m128 next_two = _mm_castsi128_ps(load(slots + 2 * slot_bytes));
  return flip(_mm_castps_si128(_mm_shuffle_ps(two, next_two, _MM_SHUFFLE(2, 0, 2, 0))));
}

// The first slot of [low, high) whose head is not below, or high. The heads before low are all below, so
// that it does no harm to count some of them again.
std::uint32_t first_not_below(const std::byte* slots, std::uint32_t low, std::uint32_t high, std::uint32_t head) noexcept {
  const std::uint32_t rounded = (high - low + 3) & ~3u;
  if (rounded > high) {
    while (low < high && slot_field::head.get(slots + low * slot_bytes) < head) ++low;
    return low;
  }
  low = high - rounded;
  const __m128i key = flip(_mm_set1_epi32(static_cast<int>(head)));
  __m128i below = _mm_setzero_si128();
  for (std::uint32_t i = low; i < high; i += 4) below = _mm_sub_epi32(below, _mm_cmpgt_epi32(key, heads_at(slots + i * slot_bytes)));
  return low + sum(below);
}

#else

std::uint32_t hints_below(const std::byte* hints, std::uint32_t head) noexcept {
  std::uint32_t below = 0;
  while (below < hint_count && load_le<std::uint32_t>(hints + below * sizeof head) < head) ++below;
  return below;
}

std::uint32_t first_not_below(const std::byte* slots, std::uint32_t low, std::uint32_t high, std::uint32_t head) noexcept {
  while (low < high && slot_field::head.get(slots + low * slot_bytes) < head) ++low;
  return low;
}

#endif

// The first slot of [low, high) whose head is above, or high.
std::uint32_t first_above(const std::byte* slots, std::uint32_t low, std::uint32_t high, std::uint32_t head) noexcept {
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (slot_field::head.get(slots + middle * slot_bytes) > head) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

std::string_view behind(std::string_view suffix, std::uint32_t skipped) noexcept {
  return suffix.substr(std::min<std::size_t>(skipped, suffix.size()));
}

}  // namespace

SearchResult NodeView::search(std::string_view key) const noexcept {
  const std::uint32_t slots = count();
  const std::size_t prefix_bytes = node_field::prefix_bytes.get(data_);
  std::string_view rest = key.substr(std::min(prefix_bytes, key.size()));
  const std::uint32_t skipped = head_skip();
  if (skipped != 0 && slots != 0) {
    // Only a key that begins like all keys here can be among them.
    const int order = rest.substr(0, skipped).compare(suffix(0).substr(0, skipped));
    if (order != 0) return {order < 0 ? 0 : slots, false};
    rest = behind(rest, skipped);
  }
  const std::uint32_t head = head_of(rest);
  const auto head_at = [this](std::uint32_t i) { return slot_field::head.get(slot(i)); };
  std::uint32_t low = 0;
  std::uint32_t high = slots;
  if (const std::uint32_t distance = node_field::hint_distance.get(data_); distance != 0) {
    // Hint k repeats the head of slot (k + 1) * distance.
    const std::uint32_t below = hints_below(data_ + node_field::hints_offset, head);
    low = std::min(below * distance, slots);
    if (below < hint_count) high = std::clamp((below + 1) * distance, low, slots);
  }
  while (high - low > counted_slots_max) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (head_at(middle) < head) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  low = first_not_below(slot(0), low, high, head);
  // Of the slots with this very head, mostly one or none, the suffixes decide.
  if (low >= slots || head_at(low) != head) return {low, false};
  high = low + 1;
  if (high < slots && head_at(high) == head) high = first_above(slot(0), high, slots, head);
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    const int order = behind(suffix(middle), skipped).compare(rest);
    if (order == 0) return {middle, true};
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return {low, false};
}

}  // namespace quire::btree
