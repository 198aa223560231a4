// Pictures of trees as text: an outline, a full dump, and one node field by field.
//
// Threads   any; while no one changes the tree
// Errors    corrupt as met on the way
#pragma once

#include <functional>
#include <string>

#include "btree/tree.hpp"

namespace quire::btree {

// How bytes of a tree are shown; empty shows them as printable text. Separators of inner nodes are cut short, so the
// function for keys gets some that are no whole keys.
struct Text {
  std::function<std::string(std::string_view)> key = {};
  std::function<std::string(std::string_view)> value = {};
};

struct DrawOptions {
  std::uint64_t pages_max = 200;    // larger trees are summarised, a line per level
  std::uint32_t keys_per_node = 4;  // the first and last ones shown, the rest counted
  Text text = {};
};

Result<std::string> draw(const Tree& tree, const DrawOptions& options = {});

// Every node with every key and value, in key order.
Result<std::string> dump(const Tree& tree, const Text& text = {});

// Header fields, fences, slots and free space of a node page.
std::string describe_node(Bytes page);

}  // namespace quire::btree
