// Pictures of trees as text: an outline, a full dump, and one node field by field.
//
// Threads   any; while no one changes the tree
// Errors    corrupt as met on the way
#pragma once

#include <string>

#include "btree/picture.hpp"

namespace quire::btree {

// A small tree node by node, indented by level; a large one level by level.
std::string draw_text(const TreePicture& picture);
Result<std::string> draw(const Tree& tree, const PictureOptions& options = {});

// Every node with every key and value, in key order.
Result<std::string> dump(const Tree& tree, const Text& text = {});

// Header fields, fences, slots and free space of a node page.
std::string describe_node(Bytes page, const Text& text = {});

}  // namespace quire::btree
