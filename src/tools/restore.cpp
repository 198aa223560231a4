// quire restore: see restore.hpp.
//
// A time is taken apart by hand, since strptime and std::get_time go by the machine's locale and zone; the calendar is that
// of <chrono>, which asks no clock.
#include "tools/restore.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/try.hpp"
#include "tools/amounts.hpp"
#include "tools/escape.hpp"
#include "wal/print.hpp"

namespace quire::tools {

namespace {

constexpr std::uint64_t second_us = 1'000'000;
constexpr std::size_t decimals_max = 6;

// Takes that many digits from the front.
bool take_number(std::string_view& text, std::size_t digits, std::uint32_t& number) {
  if (text.size() < digits) return false;
  const char* const end = text.data() + digits;
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) return false;
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".5" is half a second.
bool take_decimals(std::string_view& text, std::uint32_t& micros) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > decimals_max || !take_number(text, digits, micros)) return false;
  for (std::size_t i = digits; i < decimals_max; ++i) micros *= 10;
  return true;
}

void print_report(const RestoreRequest& request, const RestoreReport& report, Printer& printer) {
  const std::string time = wal::utc_text(report.last_wall_us);
  const bool any = report.commits != 0;
  if (printer.json()) {
    printer.document({{"restored", request.target}, {"commits", report.commits},
                      {"last_lsn", any ? Document(report.last_lsn) : Document()}, {"last_wall_us", any ? Document(report.last_wall_us) : Document()},
                      {"last_time", any ? Document(time) : Document()}, {"more", report.more}});
    return;
  }
  std::string text = fmt::format("{}: the backup and {} of the archive", escape(request.target), count_of(report.commits, "commit"));
  if (any) text += fmt::format(", the last at LSN {}, made {}", report.last_lsn, time);
  printer.line(text + (report.more ? "; the archive holds later commits" : "; the archive holds no later one"));
}

}  // namespace

Result<std::uint64_t> parse_utc(std::string_view text) {
  const std::string_view whole = text;
  const auto wrong = [&] {
    return Status(Code::invalid, fmt::format("a time is like 2026-03-01 12:00:00.000000 (UTC), or microseconds since 1970, not '{}'", escape(whole)));
  };
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    std::uint64_t micros = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), micros);
    return error == std::errc() ? Result<std::uint64_t>(micros) : wrong();
  }
  std::uint32_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0;
  bool fits = take_number(text, 4, year) && take(text, "-") && take_number(text, 2, month) && take(text, "-") && take_number(text, 2, day) &&
              take(text, " T") && take_number(text, 2, hour) && take(text, ":") && take_number(text, 2, minute) && take(text, ":") &&
              take_number(text, 2, second);
  if (fits && take(text, ".")) fits = take_decimals(text, micros);
  if (fits) take(text, "Z");
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month), std::chrono::day(day)};
  if (!fits || !text.empty() || !date.ok() || year < 1970 || hour > 23 || minute > 59 || second > 59) return wrong();
  const auto days = static_cast<std::uint64_t>(std::chrono::sys_days(date).time_since_epoch().count());
  return ((days * 24 + hour) * 3600 + minute * 60 + second) * second_us + micros;
}

Status restore_database(const RestoreRequest& request, Printer& printer) {
  QUIRE_ASSIGN(const RestoreReport report, Database::restore(request.backup, request.archive, request.target, request.point));
  print_report(request, report, printer);
  return {};
}

}  // namespace quire::tools
