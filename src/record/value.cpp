// Values as text for people: names of types and Value::to_string.
//
// A float64 prints as the shortest text that reads back to the same number, and never looks like an
// integer, so that 1 and 1.0 stay distinguishable on a screen.
#include "quire/value.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "base/assert.hpp"

namespace quire {

namespace {

std::string print_float(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  std::array<char, 32> buffer;  // the longest shortest form, -1.2345678901234567e-308, has 24 characters
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  QUIRE_ASSERT(error == std::errc());
  std::string text(buffer.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string print_blob(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2 + 3);
  text += "x'";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  text += '\'';
  return text;
}

}  // namespace

std::string_view type_name(Type type) noexcept {
  switch (type) {
    case Type::null: return "null";
    case Type::boolean: return "boolean";
    case Type::int64: return "int64";
    case Type::float64: return "float64";
    case Type::text: return "text";
    case Type::json: return "json";
    case Type::blob: return "blob";
  }
  return "unknown type";
}

std::string Value::to_string() const {
  switch (type()) {
    case Type::null: return "null";
    case Type::boolean: return boolean() ? "true" : "false";
    case Type::int64: return std::to_string(int64());
    case Type::float64: return print_float(float64());
    case Type::text: return text();
    case Type::json: return json();
    case Type::blob: return print_blob(blob());
  }
  QUIRE_UNREACHABLE("a value has one of seven types");
}

}  // namespace quire
