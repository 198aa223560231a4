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
    if (best.kind == nullptr || is_better(number, best.number, row)) best = {&kind, &median, number, promise};
  }
  return best;
}

Cell Comparison::cell_or_stronger(const std::string& column, const Row& row, Promise promise) const {
  for (std::size_t i = static_cast<std::size_t>(promise) + 1; i-- > 0;) {
    const Cell one = cell(column, row, all_promises[i]);
    if (one.kind != nullptr) return one;
  }
  return {};
}

template <class Takes>
std::optional<Ratio> Comparison::to_best(const Row& row, Promise promise, Takes&& takes) const {
  Cell best;
  for (const std::string& column : columns_) {
    const Cell one = column.starts_with("quire") ? Cell{} : cell_or_stronger(column, row, promise);
    if (one.kind == nullptr || !takes(*one.kind)) continue;
    if (best.kind == nullptr || is_better(one.number, best.number, row)) best = one;
  }
  return ratio_of(cell_or_stronger("quire", row, promise), best, row);
}

std::optional<Ratio> Comparison::to_best_peer(const Row& row, Promise promise) const {
  return to_best(row, promise, [](const EngineKind&) { return true; });
}

std::optional<Ratio> Comparison::to(const std::string& column, const Row& row, Promise promise) const {
  return ratio_of(cell_or_stronger("quire", row, promise), cell_or_stronger(column, row, promise), row);
}

std::optional<Verdict> Comparison::judge_limit(const Cell& own, const Target& target) const {
  const Measurement& measured = *own.median;
  switch (target.against) {
    case Against::bytes_per_row: {
      const double limit = target.factor * static_cast<double>(options_.count);
      return Verdict{fmt::format("<= {:.4g} MB", limit / 1e6), own.number / 1e6, own.number <= limit};
    }
    case Against::milliseconds:
      return Verdict{fmt::format("< {:.4g} ms", target.factor), own.number, own.number < target.factor};
    case Against::per_second:
      return Verdict{fmt::format(">= {:.4g}k/s", target.factor / 1e3), own.number / 1e3, own.number >= target.factor};
    case Against::own_median: {
      if (measured.p50_us <= 0) return std::nullopt;
      const double medians = measured.p999_us / measured.p50_us;
      return Verdict{fmt::format("<= {:.4g} x p50", target.factor), medians, medians <= target.factor};
    }
    case Against::empty_seconds: {
      const auto empty = static_cast<double>(measured.empty_seconds);
      return Verdict{fmt::format("<= {:.4g} s without a commit", target.factor), empty, empty <= target.factor};
    }
    default: return std::nullopt;
  }
}

std::optional<Verdict> Comparison::judge(const Row& row, const Target& target) const {
  const Cell own = cell("quire", row, target.promise);
  if (own.kind == nullptr) return std::nullopt;
  const auto at_least = [&](const std::optional<Ratio>& ratio, std::string_view other) -> std::optional<Verdict> {
    if (!ratio) return std::nullopt;
    return Verdict{fmt::format("{:.1f} x {}", target.factor, other), ratio->times, ratio->times >= target.factor};
  };
  switch (target.against) {
    case Against::nothing: return std::nullopt;
    case Against::best_peer: return at_least(to_best_peer(row, target.promise), "best");
    case Against::best_b_tree: {
      const auto b_tree = [](const EngineKind& kind) { return kind.family == Family::b_tree; };
      return at_least(to_best(row, target.promise, b_tree), "best B-tree");
    }
    case Against::best_of: {
      const auto among = [&](const EngineKind& kind) {
        return std::find(target.columns.begin(), target.columns.end(), kind.column) != target.columns.end();
      };
      return at_least(to_best(row, target.promise, among), fmt::format("best of {}", fmt::join(target.columns, ", ")));
    }
    case Against::lmdb: return at_least(to("lmdb", row, target.promise), "lmdb");
    case Against::own_row: {
      const Cell other = cell("quire", *find_row(target.row), target.promise);
      return at_least(ratio_of(own, other, row), fmt::format("own {}", target.row));
    }
    default: return judge_limit(own, target);
  }
}

std::vector<Verdict> Comparison::verdicts(const Row& row, Promise promise) const {
  std::vector<Verdict> all;
  for (const Target& target : row.targets) {
    if (target.promise != promise) continue;
    if (auto verdict = judge(row, target)) all.push_back(std::move(*verdict));
  }
  return all;
}

}  // namespace quire::bench
