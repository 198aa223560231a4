// What was measured: every run of every row, engine and promise, and the medians.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "bench/rows.hpp"

namespace quire::bench {

class Results {
 public:
  void add(const std::string& kind, const std::string& row, Promise promise, const Measurement& measurement) {
    runs_[{kind, row, promise}].push_back(measurement);
  }
  void add_error(std::string text) { errors_.push_back(std::move(text)); }

  // All runs, empty when there are none.
  const std::vector<Measurement>& runs(const std::string& kind, const std::string& row, Promise promise) const;
  const std::vector<std::string>& errors() const noexcept { return errors_; }

 private:
  std::map<std::tuple<std::string, std::string, Promise>, std::vector<Measurement>> runs_;
  std::vector<std::string> errors_;
};

// The run in the middle by the row's number; the worse of two middles. `runs` is not empty.
const Measurement& median_of(const std::vector<Measurement>& runs, const Row& row);

// The row's number: operations per second, or bytes.
double number_of(const Measurement& measurement, const Row& row) noexcept;

// Whether one number of this row is better than another.
bool is_better(double one, double other, const Row& row) noexcept;

// The machine and the build: processor, cores, memory, file system of `folder`, compiler, version.
nlohmann::ordered_json machine_facts(const std::string& folder);

}  // namespace quire::bench
