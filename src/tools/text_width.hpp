// Text width: how many terminal columns a text takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace quire::tools {

// Combining marks take none, wide characters of East Asia and pictures two, all others one.
std::size_t text_width(std::string_view utf8) noexcept;

// The text, or its beginning and an ellipsis, in at most `width_max` columns.
std::string fit_width(std::string_view utf8, std::size_t width_max);

}  // namespace quire::tools
