// Ratios and targets: see comparison.hpp.
#include "bench/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace quire::bench {

namespace {

std::optional<Ratio> ratio_of(const Cell& own, const Cell& other, const Row& row) {
  if (own.kind == nullptr || other.kind == nullptr || own.number <= 0 || other.number <= 0) return std::nullopt;
  const bool more_is_better = row.unit == Unit::per_second;
  return Ratio{more_is_better ? own.number / other.number : other.number / own.number, other.kind->column};
}

}  // namespace

Comparison::Comparison(const RunOptions& options, const std::vector<EngineKind>& kinds, const Results& results)
    : options_(options), kinds_(kinds), results_(results) {
  for (const EngineKind& kind : kinds) {
    if (std::find(columns_.begin(), columns_.end(), kind.column) == columns_.end()) columns_.push_back(kind.column);
  }
}

Cell Comparison::cell(const std::string& column, const Row& row, Promise promise) const {
  Cell best;
  for (const EngineKind& kind : kinds_) {
    if (kind.column != column) continue;
    const std::vector<Measurement>& runs = results_.runs(kind.name, std::string(row.name), promise);
    if (runs.empty()) continue;
    const Measurement& median = median_of(runs, row);
    const double number = number_of(median, row);
    if (best.kind == nullptr || is_better(number, best.number, row)) best = {&kind, &median, number};
  }
  return best;
}

Cell Comparison::quire_cell(const Row& row, Promise promise) const {
  const Cell own = cell("quire", row, promise);
  return own.kind != nullptr ? own : cell("quire", row, Promise::durable);
}

std::optional<Ratio> Comparison::to_best(const Row& row, Promise promise, Peers peers) const {
  Cell best;
  for (const std::string& column : columns_) {
    const Cell one = column.starts_with("quire") ? Cell{} : cell(column, row, promise);
    if (one.kind == nullptr || (peers == Peers::b_trees && one.kind->family != Family::b_tree)) continue;
    if (best.kind == nullptr || is_better(one.number, best.number, row)) best = one;
  }
  return ratio_of(quire_cell(row, promise), best, row);
}

std::optional<Ratio> Comparison::to_best_peer(const Row& row, Promise promise) const {
  return to_best(row, promise, Peers::all);
}

std::optional<Ratio> Comparison::to(const std::string& column, const Row& row, Promise promise) const {
  return ratio_of(quire_cell(row, promise), cell(column, row, promise), row);
}

std::optional<Verdict> Comparison::judge(const Row& row, const Target& target) const {
  const Cell own = cell("quire", row, Promise::durable);
  if (own.kind == nullptr) return std::nullopt;
  const auto at_least = [&](const std::optional<Ratio>& ratio, std::string_view other) -> std::optional<Verdict> {
    if (!ratio) return std::nullopt;
    return Verdict{fmt::format("{:.1f} x {}", target.factor, other), ratio->times, ratio->times >= target.factor};
  };
  switch (target.against) {
    case Against::nothing: return std::nullopt;
    case Against::best_peer: return at_least(to_best_peer(row, Promise::durable), "best");
    case Against::best_b_tree: return at_least(to_best(row, Promise::durable, Peers::b_trees), "best B-tree");
    case Against::lmdb: return at_least(to("lmdb", row, Promise::durable), "lmdb");
    case Against::own_row: {
      const Row& other = *find_row(target.row);
      return at_least(ratio_of(own, cell("quire", other, Promise::durable), row), fmt::format("own {}", target.row));
    }
    case Against::bytes_per_row: {
      const double limit = target.factor * static_cast<double>(options_.count);
      return Verdict{fmt::format("<= {:.4g} MB", limit / 1e6), own.number / 1e6, own.number <= limit};
    }
    case Against::milliseconds:
      return Verdict{fmt::format("< {:.4g} ms", target.factor), own.number, own.number < target.factor};
  }
  return std::nullopt;
}

std::vector<Verdict> Comparison::verdicts(const Row& row) const {
  std::vector<Verdict> all;
  for (const Target& target : row.targets) {
    if (auto verdict = judge(row, target)) all.push_back(std::move(*verdict));
  }
  return all;
}

}  // namespace quire::bench
