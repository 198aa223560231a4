// Picture output: one picture in the format asked for, to the output or to a file.
//
// PNG is made by another program from what Quire draws itself: rsvg-convert from the SVG, else dot from the
// description in dot's language.
//
// Threads   one thread at a time
// Errors    not_found when PNG is asked for and neither program is there; io when the file cannot be written
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "tools/printer.hpp"

namespace quire::tools {

enum class PictureFormat { text, dot, svg, json, png };

// Null when there is no format of this name.
std::optional<PictureFormat> picture_format(std::string_view name);

// The forms of one picture; those not asked for are not made. Without `dot` there is no such form.
struct PictureForms {
  std::function<std::string()> text = {};
  std::function<std::string()> dot = {};
  std::function<std::string()> svg = {};
  std::function<Document()> json = {};
};

struct PictureTarget {
  PictureFormat format = PictureFormat::text;
  std::string file = {};  // empty: the printer
};

Status print_picture(Printer& printer, const PictureForms& forms, const PictureTarget& target);

// Writes under a temporary name and renames, so that a file appears when it is complete.
Status write_file(const std::string& path, std::string_view content);

}  // namespace quire::tools
