// Suggestions: which known names a mistyped one may have meant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quire::tools {

// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
std::size_t edit_distance(std::string_view left, std::string_view right);

// The names that are closest to `name` or begin with it, at most three; none when all are far.
std::vector<std::string> similar_names(std::string_view name, const std::vector<std::string>& known);

// "" or "; did you mean a, b or c?".
std::string suggestion(std::string_view name, const std::vector<std::string>& known);

}  // namespace quire::tools
