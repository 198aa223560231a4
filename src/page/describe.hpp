// Text forms for people: fields of a layout, and bytes that may not be printable.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "page/field.hpp"

namespace quire::page {

// One line per field, "  name                 value"; `page` begins where the layout's offset 0 is. Fields longer
// than eight bytes are shown in hex.
std::string describe_fields(const Layout& layout, Bytes page);

// Printable ASCII and valid UTF-8 as they are, other bytes and the backslash as \xNN or \\; cut to `bytes_max` with "...".
std::string printable(std::string_view bytes, std::size_t bytes_max);

}  // namespace quire::page
