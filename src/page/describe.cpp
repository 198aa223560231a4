// Text forms of fields and bytes.
//
// Used by dumps, page pictures and golden files, so the form of a byte does not depend on the locale or the
// terminal.
#include "page/describe.hpp"

#include <algorithm>
#include <cstdint>

namespace quire::page {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

// Length of the valid UTF-8 sequence of two to four bytes at the front; 0 when there is none.
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first >= 0xF0 && first <= 0xF4 ? 4 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xC2 && first < 0xE0 ? 2 : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) || (first == 0xF0 && byte(1) < 0x90) ||
      (first == 0xF4 && byte(1) > 0x8F)) {
    return 0;
  }
  return length;
}

std::string hex(Bytes bytes) {
  std::string text;
  for (const std::byte b : bytes) {
    text += hex_digits[static_cast<unsigned>(b) >> 4];
    text += hex_digits[static_cast<unsigned>(b) & 15];
  }
  return text;
}

}  // namespace

std::string describe_fields(const Layout& layout, Bytes page) {
  std::size_t width = 0;
  for (const Field& field : layout.fields) width = std::max(width, field.name.size());
  std::string text;
  for (const Field& field : layout.fields) {
    text += "  " + std::string(field.name) + std::string(width + 2 - field.name.size(), ' ');
    const Bytes bytes = page.subspan(field.offset, field.bytes);
    if (field.bytes > sizeof(std::uint64_t)) {
      text += hex(bytes);
    } else {
      std::uint64_t value = 0;
      std::memcpy(&value, bytes.data(), bytes.size());
      text += std::to_string(value);
    }
    text += '\n';
  }
  return text;
}

std::string printable(std::string_view bytes, std::size_t bytes_max) {
  std::string text;
  std::size_t i = 0;
  while (i < bytes.size()) {
    if (i >= bytes_max) return text + "...";
    const auto byte = static_cast<unsigned char>(bytes[i]);
    const std::size_t sequence = byte >= 0x80 ? utf8_sequence(bytes.substr(i)) : 0;
    if (sequence != 0) {
      text.append(bytes.substr(i, sequence));
      i += sequence;
      continue;
    }
    if (byte == '\\') {
      text += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7F) {
      text += static_cast<char>(byte);
    } else {
      text += "\\x";
      text += hex_digits[byte >> 4];
      text += hex_digits[byte & 15];
    }
    ++i;
  }
  return text;
}

}  // namespace quire::page
