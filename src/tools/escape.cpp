// Escapes: see escape.hpp.
//
// UTF-8 is checked as Unicode defines it: no overlong forms, no surrogates, nothing beyond U+10FFFF. The
// control characters U+0080 to U+009F are escaped too, since terminals obey them.
#include "tools/escape.hpp"

namespace quire::tools {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

unsigned byte_at(std::string_view text, std::size_t index) noexcept {
  return static_cast<unsigned char>(text[index]);
}

int hex_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

void append_hex_escape(std::string& out, unsigned byte) {
  out += "\\x";
  out += hex_digits[byte >> 4];
  out += hex_digits[byte & 15];
}

// What a single letter after a backslash stands for; -1 for none.
int letter_escape(char letter) noexcept {
  switch (letter) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case '0': return '\0';
    case '\\': case '"': case '\'': return letter;
    default: return -1;
  }
}

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t index) noexcept {
  const unsigned lead = byte_at(text, index);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) == 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  if (length == 0 || index + length > text.size()) return 0;
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (lead == 0xe0) low = 0xa0;   // overlong
  if (lead == 0xed) high = 0x9f;  // surrogates
  if (lead == 0xf0) low = 0x90;   // overlong
  if (lead == 0xf4) high = 0x8f;  // beyond U+10FFFF
  for (std::size_t i = 1; i < length; ++i) {
    const unsigned byte = byte_at(text, index + i);
    if (byte < low || byte > high) return 0;
    low = 0x80;
    high = 0xbf;
  }
  return length;
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string escape(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    const unsigned byte = byte_at(bytes, i);
    const std::size_t length = utf8_length(bytes, i);
    const bool second_control = length == 2 && byte == 0xc2 && byte_at(bytes, i + 1) < 0xa0;
    if (bytes[i] == '\\') {
      out += "\\\\";
    } else if (byte < 0x20 || byte == 0x7f || length == 0) {
      append_hex_escape(out, byte);
    } else if (second_control) {
      append_hex_escape(out, byte);
      append_hex_escape(out, byte_at(bytes, i + 1));
    } else {
      out += bytes.substr(i, length);
    }
    i += length == 0 ? 1 : length;
  }
  return out;
}

Result<std::string> unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return Status(Code::invalid, "the text ends with a single backslash (write \\\\ for one)");
    if (text[i] == 'x') {
      const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return Status(Code::invalid, "\\x needs two hexadecimal digits");
      out += static_cast<char>(high * 16 + low);
      i += 2;
      continue;
    }
    const int letter = letter_escape(text[i]);
    if (letter < 0) {
      return Status(Code::invalid, std::string("unknown escape \\") + text[i] + " (known: \\\\ \\\" \\n \\t \\r \\0 \\xNN)");
    }
    out += static_cast<char>(letter);
  }
  return out;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out += hex_digits[byte_at(bytes, i) >> 4];
    out += hex_digits[byte_at(bytes, i) & 15];
  }
  return out;
}

Result<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return Status(Code::invalid, "an odd number of hexadecimal digits");
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return Status(Code::invalid, "not a hexadecimal digit");
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

}  // namespace quire::tools
