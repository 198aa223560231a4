// Progress of long work: see progress.hpp.
//
// The clock is read every few rows only, and the line written ten times a second: watching costs nothing.
// Parts of the line are left out by importance until it fits, so it never wraps.
#include "shell/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "tools/amounts.hpp"
#include "tools/text_width.hpp"

namespace quire::shell {

namespace {

constexpr std::uint64_t interval_us = 100'000;
constexpr std::uint64_t rows_between_clocks = 64;
constexpr std::size_t bar_width = 16;

std::string bar(double share) {
  const auto filled = static_cast<std::size_t>(share * bar_width);
  std::string text(filled, '=');
  if (filled < bar_width) text += '>';
  text.resize(bar_width, ' ');
  return "[" + text + "]";
}

}  // namespace

std::string progress_line(const ProgressState& s, unsigned columns) {
  const double seconds = static_cast<double>(std::max<std::uint64_t>(s.time_us, 1)) / 1e6;
  const double share = s.bytes_total == 0 ? 0 : std::min(1.0, static_cast<double>(s.bytes) / static_cast<double>(s.bytes_total));
  // In the order of the line; the number says what goes first when there is no room.
  std::vector<std::pair<int, std::string>> parts = {{1, s.what}};
  if (s.bytes_total > 0) {
    parts.emplace_back(0, fmt::format("{:3.0f} %", share * 100));
    parts.emplace_back(3, bar(share));
  }
  if (s.rows > 0) parts.emplace_back(1, tools::count_of(s.rows, "row"));
  parts.emplace_back(5, tools::byte_amount(s.bytes));
  if (s.rows > 0) parts.emplace_back(4, tools::group_digits(static_cast<std::uint64_t>(static_cast<double>(s.rows) / seconds)) + " rows/s");
  if (share > 0.01 && share < 1) {
    parts.emplace_back(2, "ETA " + tools::time_amount(static_cast<std::uint64_t>(seconds * (1 - share) / share * 1e6)));
  }
  for (int most = 5;; --most) {
    std::string line;
    for (const auto& [importance, text] : parts) {
      if (importance <= most) line += (line.empty() ? "" : "  ") + text;
    }
    if (tools::text_width(line) < columns || most == 0) return tools::fit_width(line, columns > 1 ? columns - 1 : 1);
  }
}

Progress::Progress(std::ostream& stream, bool enabled, unsigned columns, std::string what, std::uint64_t bytes_total, std::uint64_t first_show_us)
    : stream_(stream), enabled_(enabled), columns_(columns), clock_(os::system_environment().clock) {
  state_.what = std::move(what);
  state_.bytes_total = bytes_total;
  start_us_ = clock_.monotonic_us();
  next_us_ = start_us_ + first_show_us;
}

void Progress::update(std::uint64_t rows, std::uint64_t bytes) {
  state_.rows = rows;
  state_.bytes = bytes;
  if (!enabled_ || rows < next_row_) return;
  next_row_ = rows + rows_between_clocks;
  show_when_due();
}

void Progress::update_bytes(std::uint64_t bytes, std::uint64_t bytes_total) {
  state_.bytes = bytes;
  state_.bytes_total = bytes_total;
  if (enabled_) show_when_due();
}

void Progress::show_when_due() {
  const std::uint64_t now_us = clock_.monotonic_us();
  if (now_us < next_us_) return;
  next_us_ = now_us + interval_us;
  state_.time_us = now_us - start_us_;
  show();
}

void Progress::phase(std::string what) {
  state_.what = std::move(what);
  state_.time_us = time_us();
  if (enabled_ && shown_) show();
}

void Progress::show() {
  stream_ << '\r' << progress_line(state_, columns_) << "\x1b[K" << std::flush;
  shown_ = true;
}

void Progress::finish() {
  if (shown_) stream_ << "\r\x1b[K" << std::flush;
  shown_ = false;
  enabled_ = false;
}

}  // namespace quire::shell
