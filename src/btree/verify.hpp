// Verification and survey of a whole tree.
//
// Checked beyond what each page's own check sees: every child lies between its parent's separators (fences equal),
// levels go down by one, right links name the next node of the level in order, overflow values have their
// length and checksum.
//
// Threads   any; while no one changes the tree
// Errors    corrupt: the first damage found, with page and what was expected
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "btree/picture.hpp"
#include "btree/tree.hpp"
#include "quire/statistics.hpp"

namespace quire::btree {

// Smallest and largest of some lengths; their sum and number give the mean.
class SpreadCount {
 public:
  void add(std::uint64_t length) noexcept {
    min_ = count_ == 0 ? length : std::min(min_, length);
    max_ = std::max(max_, length);
    sum_ += length;
    ++count_;
  }
  Spread spread() const noexcept {
    return {min_, count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_), max_};
  }

 private:
  std::uint64_t min_ = 0;
  std::uint64_t max_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t count_ = 0;
};

struct Survey {
  std::uint32_t height = 0;
  std::uint64_t rows = 0;            // ghosts not counted
  std::uint64_t ghosts = 0;
  std::uint64_t inner_pages = 0;
  std::uint64_t leaf_pages = 0;
  std::uint64_t overflow_pages = 0;
  std::uint64_t key_bytes = 0;
  std::uint64_t value_bytes = 0;
  double inner_fill_sum = 0;
  double leaf_fill_sum = 0;
  std::vector<std::uint64_t> pages_per_level;  // index 0 is the leaf level
  std::array<std::uint64_t, fill_steps> leaf_fill_histogram{};  // leaves by tenths of fill
  SpreadCount key_lengths;
  SpreadCount value_lengths;
  SpreadCount leaf_rows;
};

struct SurveyOptions {
  bool read_large_values = true;              // check overflow values' content
  std::function<Status(PageId)> page = {};    // called for every page of the tree
};

Result<Survey> survey(const Tree& tree, const SurveyOptions& options = {});

// The same as the public interface tells it, without the keyspace's name.
TreeStatistics statistics_of(const Survey& survey);

}  // namespace quire::btree
