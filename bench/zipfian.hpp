// Zipf-distributed ranks: rank r, from 0 on, comes about 1 / (r + 1)^theta as often as rank 0.
//
// The method of Gray, Sundaresan, Englert, Baclawski and Weinberger, "Quickly Generating Billion-Record Synthetic
// Databases", SIGMOD 1994, which YCSB uses too: the first two ranks are exact, all others come from the inverse of a
// continuous approximation, which draws rank 2 a fifth too often and later ones ever more nearly as often as it should. Making one costs a sum over all ranks, drawing a power.
//
// Threads   does not change after it was made; any number of threads may draw, each from a Random of its own
#pragma once

#include <cstdint>

#include "base/random.hpp"

namespace quire::bench {

class Zipfian {
 public:
  // `count` is at least 1, `theta` in (0, 1).
  Zipfian(std::uint64_t count, double theta);

  std::uint64_t count() const noexcept { return count_; }
  // In [0, count).
  std::uint64_t draw(Random& random) const noexcept;

 private:
  std::uint64_t count_;
  double alpha_;
  double total_;      // of the weights of all ranks, where rank 0 weighs 1
  double first_two_;  // of the weights of ranks 0 and 1
  double eta_ = 0;
};

}  // namespace quire::bench
