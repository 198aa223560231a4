// New rows, which threads put while others read those that are there already.
//
// Row i of them has the key that is missing after row order()[i]: they lie everywhere between the rows of the workload.
//
// Threads   any number at once
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "bench/workload.hpp"

namespace quire::bench {

class Inserts {
 public:
  explicit Inserts(const Workload& workload) : workload_(workload), there_(workload.rows()) {}

  // The next row for the caller to put; nothing when every key is used up.
  std::optional<std::uint64_t> claim() {
    const std::uint64_t row = claimed_.fetch_add(1);
    if (row < there_.size()) return row;
    return std::nullopt;
  }
  // The caller has put a row that it claimed.
  void note(std::uint64_t row) {
    there_[row] = true;
    std::uint64_t end = end_;
    while (end < there_.size() && there_[end]) {
      if (end_.compare_exchange_weak(end, end + 1)) ++end;
    }
  }
  // All rows before this one are there.
  std::uint64_t end() const noexcept { return end_; }

  Key key(std::uint64_t row) const { return Key::missing(workload_.order()[row]); }

 private:
  const Workload& workload_;
  std::vector<std::atomic<bool>> there_;
  std::atomic<std::uint64_t> claimed_ = 0;
  std::atomic<std::uint64_t> end_ = 0;
};

}  // namespace quire::bench
