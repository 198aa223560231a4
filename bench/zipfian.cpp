// Zipf-distributed ranks: see zipfian.hpp.
#include "bench/zipfian.hpp"

#include <algorithm>
#include <cmath>

namespace quire::bench {

namespace {

double weight_of_first(std::uint64_t ranks, double theta) {
  double sum = 0;
  for (std::uint64_t i = ranks; i > 0; --i) sum += std::pow(static_cast<double>(i), -theta);  // small ones first
  return sum;
}

// Uniform in [0, 1).
double draw_share(Random& random) noexcept { return static_cast<double>(random.next() >> 11) * 0x1p-53; }

}  // namespace

Zipfian::Zipfian(std::uint64_t count, double theta)
    : count_(count),
      alpha_(1 / (1 - theta)),
      total_(weight_of_first(count, theta)),
      first_two_(weight_of_first(2, theta)) {
  if (count <= 2) return;  // every draw ends before it needs eta
  eta_ = (1 - std::pow(2 / static_cast<double>(count), 1 - theta)) / (1 - first_two_ / total_);
}

std::uint64_t Zipfian::draw(Random& random) const noexcept {
  const double share = draw_share(random);
  const double weight = share * total_;
  if (count_ == 1 || weight < 1) return 0;
  if (count_ == 2 || weight < first_two_) return 1;
  const double rank = static_cast<double>(count_) * std::pow(eta_ * share - eta_ + 1, alpha_);
  return std::min(static_cast<std::uint64_t>(rank), count_ - 1);
}

}  // namespace quire::bench
