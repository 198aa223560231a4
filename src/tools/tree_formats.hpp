// Formats of tree pictures: SVG drawn by our own layout, dot for Graphviz, JSON for programs.
//
// All three draw from a btree::TreePicture and read nothing themselves; the text format is btree/draw.
//
// Threads   functions without state
#pragma once

#include <string>

#include "btree/picture.hpp"
#include "tools/printer.hpp"

namespace quire::tools {

std::string tree_svg(const btree::TreePicture& picture);
std::string tree_dot(const btree::TreePicture& picture);
Document tree_document(const btree::TreePicture& picture);

// "height 2, 20 rows, 5 pages of 4 KiB, leaves 70 % full".
std::string tree_summary(const btree::TreePicture& picture);

// Page, fences, prefix and space of a node, a line each.
std::string node_details(const btree::PictureNode& node);

}  // namespace quire::tools
