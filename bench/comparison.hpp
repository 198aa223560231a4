// Quire's numbers beside those of the others: medians, ratios, and whether the targets of a row are met.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/engine.hpp"
#include "bench/results.hpp"
#include "bench/runner.hpp"

namespace quire::bench {

// The better of the kinds of one column; nothing was measured when kind is null.
struct Cell {
  const EngineKind* kind = nullptr;
  const Measurement* median = nullptr;
  double number = 0;
  Promise promise = Promise::durable;
};

// How many times better Quire is than another, above 1 for less bytes and less time too.
struct Ratio {
  double times = 0;
  std::string other;  // a column
};

// A target of a row, and what was measured.
struct Verdict {
  std::string wanted;   // such as "2.0 x lmdb"
  double measured = 0;  // a ratio, or for a limit the number itself in the unit of `wanted`
  bool met = false;
};

class Comparison {
 public:
  Comparison(const RunOptions& options, const std::vector<EngineKind>& kinds, const Results& results);

  // Of the engines that ran, Quire first.
  const std::vector<std::string>& columns() const noexcept { return columns_; }
  bool has_peers() const noexcept { return columns_.size() > 1 && columns_.front() == "quire"; }

  Cell cell(const std::string& column, const Row& row, Promise promise) const;
  // The same, or if there is nothing of this promise what there is of the next stronger one.
  Cell cell_or_stronger(const std::string& column, const Row& row, Promise promise) const;

  // Both sides of a ratio may have a stronger promise than asked for, where they have no such number.
  std::optional<Ratio> to_best_peer(const Row& row, Promise promise) const;
  std::optional<Ratio> to(const std::string& column, const Row& row, Promise promise) const;
  // The targets of a row and promise that can be judged from what was measured.
  std::vector<Verdict> verdicts(const Row& row, Promise promise) const;

 private:
  // The best one of those peers that a predicate takes.
  template <class Takes>
  std::optional<Ratio> to_best(const Row& row, Promise promise, Takes&& takes) const;
  std::optional<Verdict> judge(const Row& row, const Target& target) const;
  std::optional<Verdict> judge_limit(const Cell& own, const Target& target) const;

  const RunOptions& options_;
  const std::vector<EngineKind>& kinds_;
  const Results& results_;
  std::vector<std::string> columns_;
};

}  // namespace quire::bench
