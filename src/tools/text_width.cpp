// Text width: see text_width.hpp.
//
// The ranges are the common ones of Unicode's width tables, not all of them: a wrong answer moves a
// column of a table by one place.
#include "tools/text_width.hpp"

#include <cstdint>

#include "tools/escape.hpp"

namespace quire::tools {

namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

constexpr Range narrowest[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f}, {0x0900, 0x0902},
    {0x093c, 0x093c}, {0x0941, 0x0948}, {0x094d, 0x094d}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},
    {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};
constexpr Range widest[] = {
    {0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
    {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

template <std::size_t n>
bool contains(const Range (&ranges)[n], std::uint32_t character) noexcept {
  for (const Range& range : ranges) {
    if (character >= range.first && character <= range.last) return true;
  }
  return false;
}

std::uint32_t decode(std::string_view bytes) noexcept {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (bytes.size() == 1) return lead;
  std::uint32_t character = lead & (0x7fU >> bytes.size());
  for (std::size_t i = 1; i < bytes.size(); ++i) character = character << 6 | (static_cast<unsigned char>(bytes[i]) & 0x3fU);
  return character;
}

std::size_t character_width(std::string_view bytes) noexcept {
  const std::uint32_t character = decode(bytes);
  if (character < 0x300) return 1;
  if (contains(narrowest, character)) return 0;
  return contains(widest, character) ? 2 : 1;
}

}  // namespace

std::size_t text_width(std::string_view utf8) noexcept {
  std::size_t width = 0;
  for (std::size_t i = 0; i < utf8.size();) {
    const std::size_t length = utf8_length(utf8, i);
    width += length == 0 ? 1 : character_width(utf8.substr(i, length));
    i += length == 0 ? 1 : length;
  }
  return width;
}

std::string fit_width(std::string_view utf8, std::size_t width_max) {
  if (utf8.size() <= width_max || text_width(utf8) <= width_max) return std::string(utf8);
  if (width_max == 0) return {};
  std::size_t width = 0;
  std::size_t end = 0;
  while (end < utf8.size()) {
    const std::size_t length = utf8_length(utf8, end);
    const std::size_t next = length == 0 ? 1 : character_width(utf8.substr(end, length));
    if (width + next > width_max - 1) break;
    width += next;
    end += length == 0 ? 1 : length;
  }
  return std::string(utf8.substr(0, end)) + "\u2026";
}

}  // namespace quire::tools
