// Verification and survey of a whole tree.
//
// Checked beyond what each page's own check sees: every child lies between its parent's separators (fences equal),
// levels go down by one, right links name the next node of the level in order, overflow values have their
// length and checksum.
//
// Threads   any; while no one changes the tree
// Errors    corrupt: the first damage found, with page and what was expected
#pragma once

#include <functional>
#include <vector>

#include "btree/tree.hpp"

namespace quire::btree {

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
};

struct SurveyOptions {
  bool read_large_values = true;              // check overflow values' content
  std::function<Status(PageId)> page = {};    // called for every page of the tree
};

Result<Survey> survey(const Tree& tree, const SurveyOptions& options = {});

}  // namespace quire::btree
