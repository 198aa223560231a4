// Completion: what the tab key may put at the end of a line.
//
// Threads   one thread at a time
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shell/shell.hpp"

namespace quire::shell {

struct Completions {
  std::size_t start = 0;                // where in the line the completed word begins
  std::vector<std::string> candidates;  // whole words that begin with what is there, sorted
  bool ends_word = true;                // a single candidate is followed by a blank
};

// For a line whose cursor is at its end.
Completions complete(Shell& shell, std::string_view line);

// The longest text with which all candidates begin.
std::string common_beginning(const std::vector<std::string>& candidates);

}  // namespace quire::shell
