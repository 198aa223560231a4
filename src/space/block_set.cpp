// BlockSet: bit arithmetic.
//
// A run never crosses a word, so every operation on one is a mask on one word, and the search for a free run looks at 64
// blocks at a time.
#include "space/block_set.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"

namespace quire::space {

namespace {

std::uint64_t run_mask(Block first, std::uint32_t blocks) noexcept {
  QUIRE_ASSERT(blocks >= 1 && blocks <= 16);
  QUIRE_ASSERT(first.raw % BlockSet::word_bits + blocks <= BlockSet::word_bits);
  const std::uint64_t ones = (std::uint64_t{1} << blocks) - 1;
  return ones << first.raw % BlockSet::word_bits;
}

// One bit at the start of each aligned run of `blocks` absent blocks.
std::uint64_t absent_runs(std::uint64_t word, std::uint32_t blocks) noexcept {
  std::uint64_t absent = ~word;
  for (std::uint32_t width = 1; width < blocks; width *= 2) absent &= absent >> width;
  // Bits 0, blocks, 2 * blocks, ...
  const std::uint64_t starts = blocks == 1 ? ~std::uint64_t{0} : ~std::uint64_t{0} / ((std::uint64_t{1} << blocks) - 1);
  return absent & starts;
}

}  // namespace

void BlockSet::resize(std::uint64_t blocks) {
  if (blocks < blocks_) {
    words_.resize((blocks + word_bits - 1) / word_bits);
    if (blocks % word_bits != 0) words_.back() &= (std::uint64_t{1} << blocks % word_bits) - 1;
  } else {
    words_.resize((blocks + word_bits - 1) / word_bits, 0);
  }
  blocks_ = blocks;
}

bool BlockSet::contains(Block first, std::uint32_t blocks) const noexcept {
  const std::uint64_t mask = run_mask(first, blocks);
  return (word(first.raw / word_bits) & mask) == mask;
}

bool BlockSet::contains_any(Block first, std::uint32_t blocks) const noexcept {
  return (word(first.raw / word_bits) & run_mask(first, blocks)) != 0;
}

void BlockSet::insert(Block first, std::uint32_t blocks) noexcept {
  QUIRE_ASSERT(first.raw + blocks <= blocks_);
  words_[first.raw / word_bits] |= run_mask(first, blocks);
}

void BlockSet::erase(Block first, std::uint32_t blocks) noexcept {
  QUIRE_ASSERT(first.raw + blocks <= blocks_);
  words_[first.raw / word_bits] &= ~run_mask(first, blocks);
}

void BlockSet::clear() noexcept { std::fill(words_.begin(), words_.end(), 0); }

std::optional<Block> BlockSet::find_absent(std::uint32_t blocks, Block from) const noexcept {
  for (std::size_t i = from.raw / word_bits; i < words_.size(); ++i) {
    if (words_[i] == ~std::uint64_t{0}) continue;
    std::uint64_t runs = absent_runs(words_[i], blocks);
    if (i == from.raw / word_bits) runs &= ~std::uint64_t{0} << from.raw % word_bits;
    if (runs == 0) continue;
    const Block found{i * word_bits + static_cast<std::uint64_t>(std::countr_zero(runs))};
    if (found.raw + blocks > blocks_) return std::nullopt;
    return found;
  }
  return std::nullopt;
}

std::uint64_t BlockSet::count_absent(std::uint32_t blocks) const noexcept {
  std::uint64_t runs = 0;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    std::uint64_t starts = absent_runs(words_[i], blocks);
    const std::uint64_t inside = blocks_ - i * word_bits;
    if (inside < word_bits) {
      const std::uint64_t whole = inside / blocks * blocks;
      starts &= whole == 0 ? 0 : (std::uint64_t{1} << whole) - 1;
    }
    runs += static_cast<std::uint64_t>(std::popcount(starts));
  }
  return runs;
}

std::uint64_t BlockSet::end() const noexcept {
  for (std::size_t i = words_.size(); i-- > 0;) {
    if (words_[i] != 0) return i * word_bits + (word_bits - static_cast<std::uint64_t>(std::countl_zero(words_[i])));
  }
  return 0;
}

std::uint64_t BlockSet::count() const noexcept {
  std::uint64_t total = 0;
  for (const std::uint64_t word : words_) total += static_cast<std::uint64_t>(std::popcount(word));
  return total;
}

}  // namespace quire::space
