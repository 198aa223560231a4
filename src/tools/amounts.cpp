// Amounts: see amounts.hpp.
#include "tools/amounts.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace quire::tools {

std::string group_digits(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t place = text.size(); place > 3;) {
    place -= 3;
    text.insert(place, 1, ' ');
  }
  return text;
}

std::string count_of(std::uint64_t number, std::string_view thing) {
  return fmt::format("{} {}{}", group_digits(number), thing, number == 1 ? "" : "s");
}

std::string byte_amount(std::uint64_t bytes) {
  if (bytes < 1024) return count_of(bytes, "byte");
  constexpr std::string_view units = "KMGTPE";
  double amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (amount /= 1024; amount >= 1023.95 && unit + 1 < units.size(); ++unit) amount /= 1024;
  return fmt::format("{:.1f} {}iB", amount, units[unit]);
}

std::string time_amount(std::uint64_t microseconds) {
  const double seconds = static_cast<double>(microseconds) / 1e6;
  if (seconds < 0.9995) return fmt::format("{:.{}f} ms", seconds * 1e3, seconds < 0.0995 ? 1 : 0);
  if (seconds < 99.5) return fmt::format("{:.{}f} s", seconds, seconds < 9.995 ? 2 : 1);
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

Result<std::uint64_t> parse_byte_amount(std::string_view text) {
  const Status wrong(Code::invalid, fmt::format("'{}' is not a size such as 65536, 64M or 1.5GiB", text));
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return wrong;
  std::string unit(rest, text.data() + text.size());
  while (!unit.empty() && unit.front() == ' ') unit.erase(0, 1);
  for (char& c : unit) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  double scale = 1;
  if (!unit.empty() && unit != "b" && unit != "bytes") {
    const std::size_t power = std::string_view("kmgt").find(unit[0]);
    const std::string_view tail = std::string_view(unit).substr(1);
    if (power == std::string_view::npos || (!tail.empty() && tail != "b" && tail != "ib")) return wrong;
    scale = std::ldexp(1.0, static_cast<int>(10 * (power + 1)));
  }
  const double bytes = number * scale;
  if (bytes >= 9e18 || bytes != std::floor(bytes)) return wrong;
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace quire::tools
