// What was measured: every run of every row, engine and promise, and the medians.
#pragma once

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "bench/engine.hpp"
#include "bench/meter.hpp"
#include "bench/rows.hpp"

namespace quire::bench {

class Results {
 public:
  void add(const std::string& kind, const std::string& row, Promise promise, const Measurement& measurement) {
    runs_[{kind, row, promise}].push_back(measurement);
  }
  // Something that was left out, and why.
  void add_note(std::string text) {
    if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) notes_.push_back(std::move(text));
  }
  void add_error(std::string text) { errors_.push_back(std::move(text)); }

  // All runs, empty when there are none.
  const std::vector<Measurement>& runs(const std::string& kind, const std::string& row, Promise promise) const;
  const std::vector<std::string>& errors() const noexcept { return errors_; }
  const std::vector<std::string>& notes() const noexcept { return notes_; }

 private:
  std::map<std::tuple<std::string, std::string, Promise>, std::vector<Measurement>> runs_;
  std::vector<std::string> errors_;
  std::vector<std::string> notes_;
};

// The run in the middle by the row's number; the worse of two middles. `runs` is not empty.
const Measurement& median_of(const std::vector<Measurement>& runs, const Row& row);

// The row's number in its unit.
double number_of(const Measurement& measurement, const Row& row) noexcept;

// Whether one number of this row is better than another.
bool is_better(double one, double other, const Row& row) noexcept;

// The machine and the build: processor, cores, memory, file system of `folder`, compiler, version.
nlohmann::ordered_json machine_facts(const std::string& folder);

}  // namespace quire::bench
