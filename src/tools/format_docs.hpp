// Documents of the file format, generated from the layout tables.
//
// Each page explains its layouts in prose and takes every offset, size, number and limit from the tables that the code
// reads and writes by, so that docs/format cannot say anything else than the code does.
#pragma once

#include <string>
#include <vector>

namespace quire::tools {

struct FormatPage {
  std::string file;  // name within docs/format
  std::string text;
};

std::vector<FormatPage> format_pages();

}  // namespace quire::tools
