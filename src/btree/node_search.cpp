// NodeView::search: by hints, then by heads, then by suffixes.
//
// The hints narrow the search to the slots between two of them. Of these all heads are compared, four at a time and
// without a branch that depends on a key: how many are below the searched one, how many above. What is left
// has the same head and is halved by comparing suffixes; mostly that is one slot or none.
//
// On x86-64 this is SSE2, which every such processor has; elsewhere the same in plain loops. Why not AVX2, and why
// counting and not halving: docs/decisions/0005-simd-search.md.
//
// Threads   any; the bytes may change meanwhile. Whatever the heads are, the counts stay inside the range
#include "btree/node.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace quire::btree {

namespace {

// A longer range is halved first, so that large pages with few hints do not count for long.
constexpr std::uint32_t counted_slots_max = 64;

// How many of some ascending heads are below a head, and how many are not above it.
struct Standing {
  std::uint32_t below = 0;
  std::uint32_t upto = 0;
};

#if defined(__SSE2__)

// SSE2 compares signed numbers; with the highest bit flipped they order like unsigned ones.
__m128i flip(__m128i heads) noexcept { return _mm_xor_si128(heads, _mm_set1_epi32(INT32_MIN)); }
__m128i load(const std::byte* from) noexcept {
  __m128i four;
  std::memcpy(&four, from, sizeof four);
  return four;
}

// One bit for each of 16 comparisons.
std::uint32_t bits(__m128i a, __m128i b, __m128i c, __m128i d) noexcept {
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d))));
}

std::uint32_t sum(__m128i lanes) noexcept {
  lanes = _mm_add_epi32(lanes, _mm_shuffle_epi32(lanes, 0x4E));
  lanes = _mm_add_epi32(lanes, _mm_shuffle_epi32(lanes, 0xB1));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(lanes));
}

Standing among_hints(const std::byte* hints, std::uint32_t head) noexcept {
  const __m128i key = flip(_mm_set1_epi32(static_cast<int>(head)));
  const __m128i a = flip(load(hints));
  const __m128i b = flip(load(hints + 16));
  const __m128i c = flip(load(hints + 32));
  const __m128i d = flip(load(hints + 40));  // hints 10 to 13 once more: the last load must not leave the header
  const auto fourteen = [](std::uint32_t sixteen) { return (sixteen & 0x0FFFu) | (sixteen >> 2 & 0x3000u); };
  const std::uint32_t below =
      fourteen(bits(_mm_cmpgt_epi32(key, a), _mm_cmpgt_epi32(key, b), _mm_cmpgt_epi32(key, c), _mm_cmpgt_epi32(key, d)));
  const std::uint32_t above =
      fourteen(bits(_mm_cmpgt_epi32(a, key), _mm_cmpgt_epi32(b, key), _mm_cmpgt_epi32(c, key), _mm_cmpgt_epi32(d, key)));
  constexpr std::uint32_t end = 1u << hint_count;
  return {static_cast<std::uint32_t>(__builtin_ctz(~below | end)), static_cast<std::uint32_t>(__builtin_ctz(above | end))};
}

Standing among_slots(const std::byte* slots, std::uint32_t count, std::uint32_t head) noexcept {
  const __m128i key = flip(_mm_set1_epi32(static_cast<int>(head)));
  __m128i below = _mm_setzero_si128();
  __m128i above = _mm_setzero_si128();
  std::uint32_t i = 0;
  for (; i + 4 <= count; i += 4) {
    // Slots are a head and four other bytes: the even lanes of two loads.
    const __m128 two = _mm_castsi128_ps(load(slots + i * slot_bytes));
    const __m128 next_two = _mm_castsi128_ps(load(slots + (i + 2) * slot_bytes));
    const __m128i heads = flip(_mm_castps_si128(_mm_shuffle_ps(two, next_two, _MM_SHUFFLE(2, 0, 2, 0))));
    below = _mm_sub_epi32(below, _mm_cmpgt_epi32(key, heads));
    above = _mm_sub_epi32(above, _mm_cmpgt_epi32(heads, key));
  }
  Standing standing{sum(below), count - sum(above)};
  for (; i < count; ++i) {
    const std::uint32_t other = slot_field::head.get(slots + i * slot_bytes);
    standing.below += other < head ? 1 : 0;
    standing.upto -= other > head ? 1 : 0;
  }
  return standing;
}

#else

Standing among_hints(const std::byte* hints, std::uint32_t head) noexcept {
  Standing standing;
  const auto hint = [&](std::uint32_t i) { return load_le<std::uint32_t>(hints + i * sizeof(std::uint32_t)); };
  while (standing.below < hint_count && hint(standing.below) < head) ++standing.below;
  standing.upto = standing.below;
  while (standing.upto < hint_count && hint(standing.upto) <= head) ++standing.upto;
  return standing;
}

Standing among_slots(const std::byte* slots, std::uint32_t count, std::uint32_t head) noexcept {
  Standing standing{0, count};
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t other = slot_field::head.get(slots + i * slot_bytes);
    standing.below += other < head ? 1 : 0;
    standing.upto -= other > head ? 1 : 0;
  }
  return standing;
}

#endif

}  // namespace

SearchResult NodeView::search(std::string_view key) const noexcept {
  const std::uint32_t slots = count();
  const std::size_t prefix_bytes = node_field::prefix_bytes.get(data_);
  const std::string_view rest = key.substr(std::min(prefix_bytes, key.size()));
  const std::uint32_t head = head_of(rest);
  std::uint32_t low = 0;
  std::uint32_t high = slots;
  const std::uint32_t distance = node_field::hint_distance.get(data_);
  if (distance != 0) {
    // Hint k repeats the head of slot (k + 1) * distance.
    const Standing at = among_hints(data_ + node_field::hints_offset, head);
    low = std::min(at.below * distance, slots);
    if (at.upto < hint_count) high = std::clamp((at.upto + 1) * distance, low, slots);
  }
  bool same_head = false;
  while (high - low > counted_slots_max && !same_head) {
    const std::uint32_t middle = low + (high - low) / 2;
    const std::uint32_t middle_head = slot_field::head.get(slot(middle));
    same_head = middle_head == head;
    if (!same_head) (middle_head < head ? low : high) = middle_head < head ? middle + 1 : middle;
  }
  if (high - low <= counted_slots_max) {
    const Standing at = among_slots(slot(low), high - low, head);
    high = low + at.upto;
    low += at.below;
  }
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    const std::uint32_t middle_head = slot_field::head.get(slot(middle));
    const int order = middle_head == head ? suffix(middle).compare(rest) : middle_head < head ? -1 : 1;
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
