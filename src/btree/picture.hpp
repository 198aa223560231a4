// Picture: what a drawing of a tree needs, taken from its pages once, in no particular format.
//
// One walk reads every node. Small trees keep all of them; larger ones keep, per level, the first and last few nodes
// and what can be summed up about the rest, so that a picture of any tree takes little memory. The formats (text
// here, SVG, dot and JSON in tools/) all draw from this and read nothing themselves.
//
// Threads   any; while no one changes the tree
// Errors    corrupt as met on the way
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "btree/tree.hpp"

namespace quire::btree {

// How bytes of a tree are shown; empty shows them as printable text. Separators of inner nodes are cut short, so the
// function for keys gets some that are no whole keys.
struct Text {
  std::function<std::string(std::string_view)> key = {};
  std::function<std::string(std::string_view)> value = {};
};

struct PictureOptions {
  std::uint64_t pages_max = 200;    // trees of more nodes are summed up level by level
  std::uint32_t keys_per_node = 4;  // the first and last ones are taken, the rest counted
  std::uint32_t edge_nodes = 2;     // of a summed-up level: taken at either end
  Text text = {};
};

struct PictureNode {
  PageId page{};
  std::uint32_t level = 0;  // 0 is a leaf
  std::uint32_t keys = 0;   // in the page, ghosts too
  std::uint32_t ghosts = 0;
  std::uint32_t row_headers = 0;
  std::uint32_t large_values = 0;    // kept in overflow pages
  std::uint32_t free_bytes = 0;
  double fill = 0;                   // 0 to 1
  PageId right{};                    // no_page in the last node of a level
  std::string lower;                 // fences as text; the lower one of the first node is empty
  std::string upper;
  bool has_upper = false;            // the last node of a level has no upper fence
  std::string prefix;                // what all keys of the node share, as printable bytes
  std::vector<std::string> first;    // keys as text
  std::vector<std::string> last;     // behind those left out; empty when all keys are in `first`
  std::vector<PageId> children;      // of an inner node: keys + 1

  std::uint32_t hidden_keys() const noexcept { return keys - static_cast<std::uint32_t>(first.size() + last.size()); }
};

inline constexpr std::size_t fill_steps = 10;

// The tenth that a fill of 0 to 1 lies in; a full page counts as the last one.
std::size_t fill_step(double fill) noexcept;

struct PictureLevel {
  std::uint32_t level = 0;
  std::uint64_t pages = 0;
  std::uint64_t keys = 0;
  double fill_sum = 0;
  std::array<std::uint64_t, fill_steps> fill_histogram{};  // nodes by tenths of fill
  std::vector<PictureNode> nodes;                          // left to right
  std::uint64_t hidden = 0;                                // nodes left out in the middle of `nodes`

  double fill() const noexcept { return pages == 0 ? 0 : fill_sum / static_cast<double>(pages); }
};

struct TreePicture {
  std::string name;   // of the keyspace; empty when the tree is drawn by number
  std::string title;  // in place of "keyspace NAME" above the drawing
  TreeId tree{};
  PageId root{};
  std::uint32_t page_bytes = 0;
  std::uint64_t rows = 0;
  std::uint64_t ghosts = 0;
  std::uint64_t large_values = 0;
  std::uint64_t overflow_pages = 0;
  std::vector<PictureLevel> levels;  // from the root down

  std::uint32_t height() const noexcept { return static_cast<std::uint32_t>(levels.size()); }
  // The title, or what stands for it.
  std::string heading() const;
  std::uint64_t pages() const noexcept;  // overflow pages not counted
  bool summed_up() const noexcept;
};

Result<TreePicture> picture(const Tree& tree, const PictureOptions& options = {});

}  // namespace quire::btree
