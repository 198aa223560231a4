// Formats of page pictures: SVG, and JSON for programs. The text format is kv::describe_page.
//
// Threads   functions without state
#pragma once

#include <string>

#include "btree/picture_page.hpp"
#include "tools/printer.hpp"

namespace quire::tools {

std::string page_svg(const btree::PagePicture& picture);
Document page_document(const btree::PagePicture& picture);

}  // namespace quire::tools
