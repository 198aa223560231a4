// BlockSet: a set of blocks as a bit array, with the search for the lowest free aligned run.
//
// Runs have a power-of-two length up to 16 and are aligned to it, so a run never crosses a 64-bit word
// and free space of one run length never fragments.
//
// Threads   none of its own; the owner serialises
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.hpp"

namespace quire::space {

class BlockSet {
 public:
  static constexpr std::uint64_t word_bits = 64;

  // Blocks the set has room for: 0 .. size() - 1. Growing adds absent blocks.
  void resize(std::uint64_t blocks);
  std::uint64_t size() const noexcept { return blocks_; }

  bool contains(Block first, std::uint32_t blocks) const noexcept;      // all of them
  bool contains_any(Block first, std::uint32_t blocks) const noexcept;  // at least one
  void insert(Block first, std::uint32_t blocks) noexcept;
  void erase(Block first, std::uint32_t blocks) noexcept;
  void clear() noexcept;

  // Lowest aligned run of absent blocks within size(), at or after `from`.
  std::optional<Block> find_absent(std::uint32_t blocks, Block from = {}) const noexcept;
  // Number of aligned runs of absent blocks within size().
  std::uint64_t count_absent(std::uint32_t blocks) const noexcept;
  // One more than the highest block in the set; 0 when empty.
  std::uint64_t end() const noexcept;
  std::uint64_t count() const noexcept;

  const std::vector<std::uint64_t>& words() const noexcept { return words_; }
  std::uint64_t word(std::size_t index) const noexcept { return index < words_.size() ? words_[index] : 0; }
  void set_word(std::size_t index, std::uint64_t bits) noexcept { words_[index] = bits; }

 private:
  std::vector<std::uint64_t> words_;
  std::uint64_t blocks_ = 0;
};

}  // namespace quire::space
