// Medians: see results.hpp.
#include "bench/results.hpp"

#include <algorithm>

namespace quire::bench {

const std::vector<Measurement>& Results::runs(const std::string& kind, const std::string& row, Promise promise) const {
  static const std::vector<Measurement> none;
  const auto found = runs_.find({kind, row, promise});
  return found == runs_.end() ? none : found->second;
}

double number_of(const Measurement& measurement, const Row& row) noexcept {
  const double operations = static_cast<double>(measurement.operations);
  switch (row.unit) {
    case Unit::per_second: return measurement.per_second();
    case Unit::bytes: return operations;
    case Unit::milliseconds: return operations > 0 ? measurement.seconds * 1e3 / operations : 0;
    case Unit::tail: return measurement.p999_us / 1e3;
    case Unit::bytes_per_byte:
      return operations > 0 ? static_cast<double>(measurement.written_bytes) / (operations * (key_bytes + value_bytes))
                            : 0;
  }
  return 0;
}

bool is_better(double one, double other, const Row& row) noexcept {
  return row.unit == Unit::per_second ? one > other : one < other;
}

const Measurement& median_of(const std::vector<Measurement>& runs, const Row& row) {
  std::vector<const Measurement*> sorted;
  for (const Measurement& run : runs) sorted.push_back(&run);
  std::sort(sorted.begin(), sorted.end(), [&](const Measurement* one, const Measurement* other) {
    return is_better(number_of(*one, row), number_of(*other, row), row);
  });
  return *sorted[sorted.size() / 2];
}

}  // namespace quire::bench
