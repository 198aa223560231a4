// RowTable: see row_table.hpp.
//
// When the rows are wider than the terminal, the widest column is narrowed to the next one, and so on, so
// that short columns such as keys stay whole.
#include "tools/row_table.hpp"

#include <algorithm>

#include "tools/text_width.hpp"

namespace quire::tools {

namespace {

constexpr std::size_t sample_rows = 500;
constexpr std::size_t cell_width_min = 8;   // to which columns shrink when the terminal is narrow
constexpr std::string_view gap = "  ";

std::string padded(const Cell& cell, std::size_t width, bool right) {
  std::string text = fit_width(cell.text, width);
  const std::string blanks(width - std::min(width, text_width(text)), ' ');
  return right ? blanks + text : text + blanks;
}

}  // namespace

RowTable::RowTable(Printer& printer, std::vector<std::string> heads) : printer_(printer), heads_(std::move(heads)) {}

void RowTable::add(std::vector<Cell> row) {
  ++rows_;
  row.resize(heads_.size());
  if (begun_) return print(row);
  first_.push_back(std::move(row));
  if (first_.size() == sample_rows) begin();
}

void RowTable::finish() {
  if (!begun_ && rows_ > 0) begin();
}

void RowTable::begin() {
  begun_ = true;
  decide_widths();
  std::vector<Cell> head;
  std::vector<Cell> rule;
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    head.push_back({heads_[i], false});
    rule.push_back({std::string(widths_[i], '-'), false});
  }
  print(head);
  print(rule);
  for (const std::vector<Cell>& row : first_) print(row);
  first_.clear();
}

void RowTable::decide_widths() {
  widths_.clear();
  right_.assign(heads_.size(), true);
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    std::size_t width = text_width(heads_[i]);
    for (const std::vector<Cell>& row : first_) {
      width = std::max(width, text_width(row[i].text));
      if (!row[i].number && !row[i].text.empty()) right_[i] = false;
    }
    widths_.push_back(width);
  }
  // The widest column gives way until the line fits.
  const auto line_width = [this] {
    std::size_t sum = (widths_.size() - 1) * gap.size();
    for (const std::size_t width : widths_) sum += width;
    return sum;
  };
  for (std::size_t over = line_width(); over > printer_.columns(); over = line_width()) {
    const auto widest = std::max_element(widths_.begin(), widths_.end());
    if (*widest <= cell_width_min) break;
    const std::size_t second = [&] {
      std::size_t width = cell_width_min;
      for (auto it = widths_.begin(); it != widths_.end(); ++it) {
        if (it != widest) width = std::max(width, *it);
      }
      return width;
    }();
    const std::size_t less = std::min(over - printer_.columns(), std::max<std::size_t>(*widest - std::min(second, *widest), 1));
    *widest = std::max(*widest - less, cell_width_min);
  }
}

void RowTable::print(const std::vector<Cell>& row) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) line += gap;
    line += padded(row[i], widths_[i], right_[i]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  printer_.line(line);
}

}  // namespace quire::tools
