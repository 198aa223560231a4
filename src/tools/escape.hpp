// Escapes: bytes as one line of printable text and back.
//
// Control characters and bytes that are not UTF-8 become \xNN, a backslash becomes \\; every other
// character of UTF-8 stays as it is. So text without tab and newline separates by tab and newline.
//
// Threads   functions without state
// Errors    unescape: invalid for a backslash that starts no escape
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "quire/status.hpp"

namespace quire::tools {

// Bytes of the UTF-8 character at `text[index]`; 0 when the bytes there are no UTF-8.
std::size_t utf8_length(std::string_view text, std::size_t index) noexcept;
bool is_utf8(std::string_view text) noexcept;

std::string escape(std::string_view bytes);

// The reverse. Understands also \n, \t, \r, \0, \" and \'.
Result<std::string> unescape(std::string_view text);

// Lower-case hexadecimal, two digits a byte.
std::string to_hex(std::string_view bytes);
// invalid when `text` is not an even number of hexadecimal digits of either case.
Result<std::string> from_hex(std::string_view text);

}  // namespace quire::tools
