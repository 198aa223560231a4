// Tree pictures as SVG: the layout.
//
// Levels lie below each other, the root on top. In a small tree every node stands above the middle of its children; in
// a tree that was summed up each level is a row of its first nodes, a box that counts the others, and its last
// nodes. Inner nodes have a port beside each key, where the edge to that child begins.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tools/amounts.hpp"
#include "tools/svg.hpp"
#include "tools/tree_formats.hpp"

namespace quire::tools {

namespace {

using btree::PictureLevel;
using btree::PictureNode;
using btree::TreePicture;

constexpr double margin = 28;
constexpr double head_height = 24;
constexpr double row_height = 18;
constexpr double foot_height = 20;
constexpr double node_gap = 34;
constexpr double port_width = 10;
constexpr double key_size = 12;
constexpr double small_size = 10;
constexpr double pad = 9;
constexpr double node_width_min = 128;
constexpr double histogram_width = 250;
constexpr double histogram_height = 112;
constexpr std::size_t key_columns_max = 24;
constexpr double legend_height = 44;
constexpr std::size_t thin_edges_from = 32;  // children of one node; a sheaf of thick lines would be a blot

constexpr const char* color_text = "#1f2933";
constexpr const char* color_quiet = "#66788a";
constexpr const char* color_edge = "#8096b2";
constexpr const char* color_link = "#b0742a";
constexpr const char* color_full = "#4d8f57";
constexpr const char* color_rest = "#dde3ea";
constexpr const char* color_note = "#b3441e";

struct Palette {
  const char* fill;
  const char* head;
  const char* stroke;
};
constexpr Palette leaf_palette{"#f4faf4", "#dcefdd", "#4d8f57"};
constexpr Palette inner_palette{"#f3f7fd", "#d9e6f8", "#4a78c0"};

const Palette& palette_of(std::uint32_t level) { return level == 0 ? leaf_palette : inner_palette; }

// Keys as shown, with the count of those between them.
std::vector<std::string> cells_of(const PictureNode& node) {
  std::vector<std::string> cells;
  for (const std::string& key : node.first) cells.push_back(fit_middle(key, key_columns_max));
  if (node.hidden_keys() > 0) cells.push_back(fmt::format("\u2026 {} more", group_digits(node.hidden_keys())));
  for (const std::string& key : node.last) cells.push_back(fit_middle(key, key_columns_max));
  return cells;
}

// Ghosts and large values, which most nodes do not have.
std::string remarks_of(const PictureNode& node) {
  std::string text;
  if (node.ghosts != 0) text = count_of(node.ghosts, "ghost");
  if (node.large_values != 0) text += (text.empty() ? "" : ", ") + count_of(node.large_values, "large value");
  return text;
}

// One box of the picture: a node, or what was left out of a level.
struct Placed {
  const PictureNode* node = nullptr;  // null: the box that counts
  const PictureLevel* level = nullptr;
  std::vector<std::string> cells;
  SvgBox box;
  double subtree_width = 0;
  std::size_t first_child = 0;  // in the row below, of a tree that shows every node

  bool leaf() const noexcept { return level->level == 0; }
};

double head_width(const PictureNode& node) {
  return 2 * pad + Svg::text_pixels(fmt::format("page {}  {}", node.page.raw, count_of(node.keys, "key")), key_size);
}

Placed make_placed(const PictureNode& node, const PictureLevel& level) {
  Placed placed{&node, &level, cells_of(node), {}, 0, 0};
  double width = std::max(node_width_min, head_width(node));
  double rows = 1;
  if (placed.leaf()) {
    for (const std::string& cell : placed.cells) width = std::max(width, 2 * pad + Svg::text_pixels(cell, key_size));
    rows = std::max<double>(1, static_cast<double>(placed.cells.size()));
  } else {
    double cells = port_width;
    for (const std::string& cell : placed.cells) cells += Svg::text_pixels(cell, key_size) + 2 * pad + port_width;
    width = std::max(width, cells);
  }
  const double remarks = remarks_of(node).empty() ? 0 : row_height;
  width = std::max(width, 2 * pad + Svg::text_pixels(remarks_of(node), small_size));
  placed.box.width = width;
  placed.box.height = head_height + rows * row_height + 8 + remarks + foot_height;
  return placed;
}

class TreeDrawing {
 public:
  explicit TreeDrawing(const TreePicture& picture) : picture_(picture) {}

  std::string draw() {
    place_nodes();
    if (picture_.summed_up()) {
      center_rows();
    } else {
      measure(0, 0);
      arrange(0, 0, margin);
    }
    stack_rows();
    draw_title();
    draw_edges();
    for (const std::vector<Placed>& row : rows_) {
      draw_links(row);
      for (const Placed& placed : row) placed.node != nullptr ? draw_node(placed) : draw_hidden(placed);
    }
    draw_legend();
    return svg_.finish(picture_.heading() + ": " + tree_summary(picture_), margin);
  }

 private:
  // ---- layout

  void place_nodes() {
    for (const PictureLevel& level : picture_.levels) {
      std::vector<Placed>& row = rows_.emplace_back();
      std::size_t children = 0;
      for (std::size_t i = 0; i < level.nodes.size(); ++i) {
        if (level.hidden != 0 && i == level.nodes.size() / 2) {
          row.push_back({nullptr, &level, {}, {0, 0, histogram_width, histogram_height}, 0, 0});
        }
        row.push_back(make_placed(level.nodes[i], level));
        row.back().first_child = children;
        children += level.nodes[i].children.size();
      }
    }
  }

  double measure(std::size_t depth, std::size_t index) {
    Placed& placed = rows_[depth][index];
    double below = 0;
    for (std::size_t i = 0; i < placed.node->children.size(); ++i) {
      below += (i == 0 ? 0 : node_gap) + measure(depth + 1, placed.first_child + i);
    }
    placed.subtree_width = std::max(placed.box.width, below);
    return placed.subtree_width;
  }

  void arrange(std::size_t depth, std::size_t index, double x) {
    Placed& placed = rows_[depth][index];
    double below = 0;
    for (std::size_t i = 0; i < placed.node->children.size(); ++i) {
      below += (i == 0 ? 0 : node_gap) + rows_[depth + 1][placed.first_child + i].subtree_width;
    }
    placed.box.x = x + (placed.subtree_width - placed.box.width) / 2;
    double at = x + (placed.subtree_width - below) / 2;
    for (std::size_t i = 0; i < placed.node->children.size(); ++i) {
      arrange(depth + 1, placed.first_child + i, at);
      at += rows_[depth + 1][placed.first_child + i].subtree_width + node_gap;
    }
  }

  static double row_width(const std::vector<Placed>& row) {
    double width = -node_gap;
    for (const Placed& placed : row) width += placed.box.width + node_gap;
    return width;
  }

  void center_rows() {
    double widest = 0;
    for (const std::vector<Placed>& row : rows_) widest = std::max(widest, row_width(row));
    for (std::vector<Placed>& row : rows_) {
      double x = margin + (widest - row_width(row)) / 2;
      for (Placed& placed : row) {
        placed.box.x = x;
        x += placed.box.width + node_gap;
      }
    }
  }

  // Flat edges cannot be told apart, so wide pictures have their levels further apart.
  void stack_rows() {
    double right = 0;
    for (const std::vector<Placed>& row : rows_) right = std::max(right, row.back().box.right());
    const double gap = std::clamp(right * 0.04, 56.0, 360.0);
    double y = margin + 66;
    for (std::vector<Placed>& row : rows_) {
      double height = 0;
      for (Placed& placed : row) {
        placed.box.y = y;
        height = std::max(height, placed.box.height);
      }
      y += height + gap;
    }
    bottom_ = y - gap;
  }

  // ---- drawing

  void draw_title() {
    svg_.text({margin, margin + 16}, picture_.heading(), {20, color_text, SvgAlign::left, true});
    std::string summary = tree_summary(picture_);
    if (picture_.ghosts != 0) summary += fmt::format(", {}", count_of(picture_.ghosts, "ghost"));
    svg_.text({margin, margin + 38}, summary, {12, color_quiet});
  }

  // Where the edge to child `index` begins: beside its key, or spread over the cell that counts keys.
  static double port_of(const Placed& placed, std::size_t index) {
    const PictureNode& node = *placed.node;
    const std::size_t shown_before = node.first.size();
    const std::size_t hidden = node.hidden_keys();
    double x = placed.box.x + (placed.box.width - cells_width(placed)) / 2;
    std::size_t child = 0;
    for (std::size_t i = 0; i <= placed.cells.size(); ++i) {
      if (child == index) return x + port_width / 2;
      if (i == placed.cells.size()) break;
      const double cell = Svg::text_pixels(placed.cells[i], key_size) + 2 * pad;
      if (hidden > 0 && i == shown_before) {
        if (index < child + hidden) return x + port_width + cell * static_cast<double>(index - child) / static_cast<double>(hidden);
        child += hidden;
      } else {
        ++child;
      }
      x += port_width + cell;
    }
    return placed.box.center();
  }

  static double cells_width(const Placed& placed) {
    double width = port_width;
    for (const std::string& cell : placed.cells) width += Svg::text_pixels(cell, key_size) + 2 * pad + port_width;
    return width;
  }

  void draw_edges() {
    for (std::size_t depth = 0; depth + 1 < rows_.size(); ++depth) {
      std::map<PageId, const Placed*> below;
      const Placed* rest = nullptr;
      for (const Placed& placed : rows_[depth + 1]) {
        if (placed.node != nullptr) below[placed.node->page] = &placed;
        if (placed.node == nullptr) rest = &placed;
      }
      const Placed* hidden_parents = nullptr;
      for (const Placed& placed : rows_[depth]) {
        if (placed.node == nullptr) {
          hidden_parents = &placed;
        } else {
          draw_edges_of(placed, below, rest);
        }
      }
      if (hidden_parents == nullptr) continue;
      const SvgPoint from{hidden_parents->box.center(), hidden_parents->box.bottom()};
      for (const auto& [page, placed] : below) svg_.edge(from, {placed->box.center(), placed->box.y}, {color_edge});
      if (rest != nullptr) svg_.edge(from, {rest->box.center(), rest->box.y}, {color_edge});
    }
  }

  // Draws edges to the children that are shown, takes those out of `below`, and one edge for all others.
  void draw_edges_of(const Placed& parent, std::map<PageId, const Placed*>& below, const Placed* rest) {
    std::size_t others = 0;
    std::size_t other_index = 0;
    for (std::size_t i = 0; i < parent.node->children.size(); ++i) {
      const auto child = below.find(parent.node->children[i]);
      if (child == below.end()) {
        other_index += i;
        ++others;
        continue;
      }
      svg_.edge({port_of(parent, i), parent.box.bottom()}, {child->second->box.center(), child->second->box.y},
                {color_edge, parent.node->children.size() > thin_edges_from ? 0.5 : 1.3});
      below.erase(child);
    }
    if (others == 0 || rest == nullptr) return;
    svg_.edge({port_of(parent, other_index / others), parent.box.bottom()}, {rest->box.center(), rest->box.y}, {color_edge});
  }

  void draw_links(const std::vector<Placed>& row) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      const Placed& from = row[i];
      const Placed& to = row[i + 1];
      if (from.node != nullptr && to.node != nullptr && from.node->right != to.node->page) continue;
      const double y = std::min(from.box.middle(), to.box.middle());
      svg_.link({from.box.right(), y}, {to.box.x, y}, color_link);
    }
  }

  void draw_node(const Placed& placed) {
    const PictureNode& node = *placed.node;
    const SvgBox& box = placed.box;
    const Palette& palette = palette_of(node.level);
    svg_.begin_group(node_details(node));
    svg_.rect(box, {palette.fill, palette.stroke, 1.3, 5, 1});
    svg_.rect({box.x + 1, box.y + 1, box.width - 2, head_height - 2}, {palette.head, "none", 0, 4, 1});
    svg_.text({box.x + pad, box.y + 16}, fmt::format("page {}", node.page.raw), {key_size, color_text, SvgAlign::left, true});
    svg_.text({box.right() - pad, box.y + 16}, count_of(node.keys, "key"), {small_size, color_quiet, SvgAlign::right});
    double y = box.y + head_height + 4;
    if (placed.leaf()) {
      draw_leaf_keys(placed, y);
      y += row_height * std::max<double>(1, static_cast<double>(placed.cells.size()));
    } else {
      draw_separators(placed, y);
      y += row_height;
    }
    if (const std::string remarks = remarks_of(node); !remarks.empty()) {
      svg_.text({box.x + pad, y + 14}, remarks, {small_size, color_note});
    }
    draw_fill({box.x + pad, box.bottom() - 14, box.width - 2 * pad, 7}, node.fill);
    svg_.end_group();
  }

  static bool counts_hidden(const PictureNode& node, std::size_t cell) { return node.hidden_keys() > 0 && cell == node.first.size(); }

  void draw_leaf_keys(const Placed& placed, double y) {
    for (std::size_t i = 0; i < placed.cells.size(); ++i) {
      const char* color = counts_hidden(*placed.node, i) ? color_quiet : color_text;
      svg_.text({placed.box.x + pad, y + 13 + row_height * static_cast<double>(i)}, placed.cells[i], {key_size, color});
    }
    if (placed.cells.empty()) svg_.text({placed.box.center(), y + 13}, "empty", {key_size, color_quiet, SvgAlign::center});
  }

  void draw_separators(const Placed& placed, double y) {
    double x = placed.box.x + (placed.box.width - cells_width(placed)) / 2;
    const double height = row_height + 1;
    for (std::size_t i = 0; i <= placed.cells.size(); ++i) {
      svg_.rect({x + 1, y, port_width - 2, height}, {inner_palette.head, inner_palette.stroke, 0.6, 2, 1});
      x += port_width;
      if (i == placed.cells.size()) break;
      const double width = Svg::text_pixels(placed.cells[i], key_size) + 2 * pad;
      const char* color = counts_hidden(*placed.node, i) ? color_quiet : color_text;
      svg_.text({x + width / 2, y + 13.5}, placed.cells[i], {key_size, color, SvgAlign::center});
      x += width;
    }
  }

  void draw_fill(const SvgBox& room, double fill) {
    const double label = 36;
    const SvgBox bar{room.x, room.y, room.width - label, room.height};
    svg_.rect(bar, {color_rest, "none", 0, 2, 1});
    if (fill > 0) svg_.rect({bar.x, bar.y, std::max(1.0, bar.width * std::min(fill, 1.0)), bar.height}, {color_full, "none", 0, 2, 1});
    svg_.text({room.right(), room.bottom()}, fmt::format("{:.0f} %", fill * 100), {small_size, color_quiet, SvgAlign::right});
  }

  // The nodes that are not drawn, and how full all nodes of the level are.
  void draw_hidden(const Placed& placed) {
    const PictureLevel& level = *placed.level;
    const SvgBox& box = placed.box;
    svg_.begin_group(fmt::format("level {}: {}, {}", level.level, count_of(level.pages, "page"), count_of(level.keys, "key")));
    svg_.rect(box, {"#fbfbfc", palette_of(level.level).stroke, 1, 5, 1});
    svg_.text({box.center(), box.y + 18}, fmt::format("\u2026 {} more pages \u2026", group_digits(level.hidden)),
              {key_size, color_text, SvgAlign::center, true});
    const std::uint64_t most = *std::max_element(level.fill_histogram.begin(), level.fill_histogram.end());
    const double step = (box.width - 2 * pad) / static_cast<double>(btree::fill_steps);
    const double base = box.bottom() - 30;
    for (std::size_t i = 0; i < btree::fill_steps; ++i) {
      const std::uint64_t count = level.fill_histogram[i];
      const double x = box.x + pad + step * static_cast<double>(i);
      const double height = most == 0 ? 0 : 34 * static_cast<double>(count) / static_cast<double>(most);
      if (count == 0) continue;
      svg_.rect({x + 1.5, base - std::max(height, 1.5), step - 3, std::max(height, 1.5)}, {color_full, "none", 0, 1, 1});
      svg_.text({x + step / 2, base - std::max(height, 1.5) - 3}, std::to_string(count), {8, color_quiet, SvgAlign::center});
    }
    svg_.line({box.x + pad, base}, {box.right() - pad, base}, color_edge);
    svg_.text({box.x + pad, base + 11}, "0", {8, color_quiet});
    svg_.text({box.right() - pad, base + 11}, "100 % full", {8, color_quiet, SvgAlign::right});
    svg_.text({box.center(), box.bottom() - 6}, fmt::format("all {}: {:.0f} % full", count_of(level.pages, level.level == 0 ? "leaf page" : "inner page"), level.fill() * 100),
              {small_size, color_quiet, SvgAlign::center});
    svg_.end_group();
  }

  void draw_legend() {
    const double y = bottom_ + legend_height;
    double x = margin;
    const auto label = [&](const char* text) {
      svg_.text({x, y + 9}, text, {small_size, color_quiet});
      x += Svg::text_pixels(text, small_size) + 26;
    };
    const auto swatch = [&](const Palette& palette, const char* text) {
      svg_.rect({x, y, 18, 11}, {palette.head, palette.stroke, 1, 2, 1});
      x += 24;
      label(text);
    };
    if (rows_.size() > 1) swatch(inner_palette, "inner page: a child lies below each port");
    swatch(leaf_palette, "leaf page");
    svg_.rect({x, y + 2, 44, 7}, {color_rest, "none", 0, 2, 1});
    svg_.rect({x, y + 2, 26, 7}, {color_full, "none", 0, 2, 1});
    x += 50;
    label("bytes in use");
    if (rows_.size() > 1) {
      svg_.link({x, y + 6}, {x + 34, y + 6}, color_link);
      x += 40;
      label("right sibling");
    }
    if (picture_.ghosts != 0) label("ghost: removed, but not yet swept");
    if (picture_.large_values != 0) label("large value: kept in overflow pages");
  }

  const TreePicture& picture_;
  std::vector<std::vector<Placed>> rows_;
  Svg svg_;
  double bottom_ = 0;
};

}  // namespace

std::string tree_svg(const TreePicture& picture) { return TreeDrawing(picture).draw(); }

}  // namespace quire::tools
