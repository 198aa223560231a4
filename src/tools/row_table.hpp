// RowTable: rows with aligned columns for people, printed while they come.
//
// The first rows decide the widths; then head and rows are printed and later rows follow at once, so a
// table of any length takes little memory. Columns that hold only numbers are aligned right. A cell
// that is wider than its column ends in an ellipsis.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/printer.hpp"

namespace quire::tools {

struct Cell {
  std::string text;       // printable, one line
  bool number = false;    // aligned right when the whole column is
};

class RowTable {
 public:
  // The printer outlives the table.
  RowTable(Printer& printer, std::vector<std::string> heads);

  void add(std::vector<Cell> row);
  // Prints what is left. Nothing at all when there was no row.
  void finish();
  std::uint64_t rows() const noexcept { return rows_; }

 private:
  void begin();
  void decide_widths();
  void print(const std::vector<Cell>& row);

  Printer& printer_;
  std::vector<std::string> heads_;
  std::vector<std::vector<Cell>> first_;  // until the widths are decided
  std::vector<std::size_t> widths_;
  std::vector<bool> right_;
  std::uint64_t rows_ = 0;
  bool begun_ = false;
};

}  // namespace quire::tools
