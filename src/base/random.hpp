// Random: a small deterministic generator for tests, simulation and randomised algorithms.
//
// xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018; reference code
// at prng.di.unimi.it, public domain), its state filled by splitmix64 as its authors advise. The same seed
// gives the same numbers on every machine and compiler, which std:: distributions do not promise.
//
// Not for secrets: os/environment.hpp has Entropy for those.
//
// Threads   one object, one thread
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/assert.hpp"

namespace quire {

// One step of splitmix64. Also a good mixer of a single number: equal inputs give equal outputs.
constexpr std::uint64_t split_mix(std::uint64_t& state) noexcept {
  state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

class Random {
 public:
  // Both ends included.
  struct Between {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
  };

  constexpr explicit Random(std::uint64_t seed) noexcept {
    for (std::uint64_t& word : state_) word = split_mix(seed);
  }

  constexpr std::uint64_t next() noexcept {
    const std::uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate_left(state_[3], 45);
    return result;
  }

  // Uniform in [0, limit); limit is at least 1. Numbers of the incomplete last round are drawn again, so
  // that no result is favoured.
  constexpr std::uint64_t below(std::uint64_t limit) noexcept {
    QUIRE_ASSERT(limit > 0);
    const std::uint64_t unfair = (0 - limit) % limit;  // 2^64 mod limit
    std::uint64_t number = next();
    while (number < unfair) number = next();
    return number % limit;
  }

  constexpr std::uint64_t between(Between range) noexcept {
    QUIRE_ASSERT(range.from <= range.to);
    const std::uint64_t width = range.to - range.from;
    return width == ~std::uint64_t{0} ? next() : range.from + below(width + 1);
  }

  // True `numerator` times out of `denominator`.
  constexpr bool chance(std::uint64_t numerator, std::uint64_t denominator) noexcept {
    return below(denominator) < numerator;
  }

  // Puts the elements of a random-access range into a random order (Fisher and Yates).
  template <class Range>
  constexpr void shuffle(Range& range) noexcept {
    for (std::size_t left = range.size(); left > 1; --left) {
      const auto chosen = static_cast<std::size_t>(below(left));
      using std::swap;
      swap(range[left - 1], range[chosen]);
    }
  }

  // A generator of its own, so that drawing more numbers in one place does not change another.
  constexpr Random fork() noexcept { return Random(next()); }

 private:
  static constexpr std::uint64_t rotate_left(std::uint64_t word, int bits) noexcept {
    return (word << bits) | (word >> (64 - bits));
  }

  std::uint64_t state_[4] = {};
};

}  // namespace quire
