// Formats of tree pictures: titles, JSON and dot. See tree_formats.hpp; SVG is in tree_svg.cpp.
//
// dot gets a table for each node, because its own record shapes cannot show a fill bar.
#include "tools/tree_formats.hpp"

#include <fmt/format.h>

#include "tools/amounts.hpp"
#include "tools/svg.hpp"

namespace quire::tools {

namespace {

using btree::PictureLevel;
using btree::PictureNode;
using btree::TreePicture;

constexpr std::size_t dot_key_columns = 24;
constexpr int dot_bar_pixels = 90;

Document document_of(const PictureNode& node) {
  Document keys = Document::array();
  for (const std::string& key : node.first) keys.push_back(key);
  for (const std::string& key : node.last) keys.push_back(key);
  Document document = {{"page", node.page.raw},
                       {"kind", node.level == 0 ? "leaf" : "inner"},
                       {"count", node.keys},
                       {"ghosts", node.ghosts},
                       {"row_headers", node.row_headers},
                       {"large_values", node.large_values},
                       {"free_bytes", node.free_bytes},
                       {"fill", node.fill},
                       {"right", node.right == no_page ? Document() : Document(node.right.raw)},
                       {"lower", node.lower.empty() ? Document() : Document(node.lower)},
                       {"upper", node.has_upper ? Document(node.upper) : Document()},
                       {"prefix", node.prefix},
                       {"keys", std::move(keys)},
                       {"hidden_keys", node.hidden_keys()}};
  if (node.level == 0) return document;
  document["children"] = Document::array();
  for (const PageId child : node.children) document["children"].push_back(child.raw);
  return document;
}

std::string dot_cell(const std::string& text, const char* attributes = "") {
  return fmt::format("<td{}>{}</td>", attributes, xml_text(fit_middle(text, dot_key_columns)));
}

std::string dot_bar(const PictureNode& node, std::size_t columns) {
  const int full = static_cast<int>(node.fill * dot_bar_pixels + 0.5);
  std::string bar = fmt::format("<tr><td colspan=\"{}\" border=\"0\"><table border=\"0\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"0\"><tr>", columns);
  if (full > 0) bar += fmt::format("<td width=\"{}\" height=\"6\" fixedsize=\"true\" bgcolor=\"#4d8f57\"></td>", full);
  if (full < dot_bar_pixels) bar += fmt::format("<td width=\"{}\" height=\"6\" fixedsize=\"true\" bgcolor=\"#dde3ea\"></td>", dot_bar_pixels - full);
  return bar + fmt::format("<td><font point-size=\"9\"> {:.0f} %</font></td></tr></table></td></tr>", node.fill * 100);
}

// Keys of an inner node stand side by side, those of a leaf below each other.
std::string dot_node(const PictureNode& node) {
  std::vector<std::string> keys = node.first;
  if (node.hidden_keys() > 0) keys.push_back(fmt::format("… {} more", node.hidden_keys()));
  keys.insert(keys.end(), node.last.begin(), node.last.end());
  const bool leaf = node.level == 0;
  const std::size_t columns = leaf ? 1 : std::max<std::size_t>(keys.size(), 1);
  std::string table = fmt::format("<table border=\"0\" cellborder=\"1\" cellspacing=\"0\" cellpadding=\"4\" bgcolor=\"{}\">", leaf ? "#eef7ee" : "#e8f0fb");
  table += fmt::format("<tr><td colspan=\"{}\"><b>page {}</b>  {}</td></tr>", columns, node.page.raw, count_of(node.keys, "key"));
  if (leaf) {
    for (const std::string& key : keys) table += "<tr>" + dot_cell(key, " align=\"left\"") + "</tr>";
  } else {
    table += "<tr>";
    for (const std::string& key : keys) table += dot_cell(key);
    table += keys.empty() ? "<td></td></tr>" : "</tr>";
  }
  return fmt::format("  p{} [label=<{}{}</table>>, tooltip=\"page {}\"];\n", node.page.raw, table, dot_bar(node, columns), node.page.raw);
}

void dot_level(const PictureLevel& level, std::string& text) {
  std::string same = "  { rank=same;";
  std::string previous;
  const std::string hidden = fmt::format("hidden{}", level.level);
  for (std::size_t i = 0; i < level.nodes.size(); ++i) {
    if (level.hidden != 0 && i == level.nodes.size() / 2) {
      text += fmt::format("  {} [shape=box, style=dashed, label=\"… {} more pages\"];\n", hidden, level.hidden);
      if (!previous.empty()) text += fmt::format("  {} -> {} [style=invis];\n", previous, hidden);
      same += " " + hidden + ";";
      previous = hidden;
    }
    const PictureNode& node = level.nodes[i];
    const std::string name = fmt::format("p{}", node.page.raw);
    text += dot_node(node);
    if (!previous.empty()) text += fmt::format("  {} -> {} [{}];\n", previous, name, previous == hidden ? "style=invis" : "style=dashed, color=\"#b0742a\", constraint=false");
    same += " " + name + ";";
    previous = name;
  }
  text += same + " }\n";
}

}  // namespace

std::string tree_summary(const TreePicture& picture) {
  std::string text = fmt::format("height {}, {}, {} of {} KiB", picture.height(), count_of(picture.rows, "row"), count_of(picture.pages(), "page"),
                                 picture.page_bytes / 1024);
  if (picture.overflow_pages != 0) text += fmt::format(" and {}", count_of(picture.overflow_pages, "overflow page"));
  return text + fmt::format(", leaves {:.0f} % full", picture.levels.back().fill() * 100);
}

std::string node_details(const PictureNode& node) {
  std::string text = fmt::format("{} page {}: {}, {:.1f} % full, {} bytes free", node.level == 0 ? "leaf" : "inner", node.page.raw,
                                 count_of(node.keys, "key"), node.fill * 100, node.free_bytes);
  if (node.ghosts != 0) text += fmt::format(", {}", count_of(node.ghosts, "ghost"));
  if (node.row_headers != 0) text += fmt::format(", {}", count_of(node.row_headers, "row header"));
  if (node.large_values != 0) text += fmt::format(", {}", count_of(node.large_values, "large value"));
  text += fmt::format("; covers ({}, {}", node.lower.empty() ? "first key" : node.lower, node.has_upper ? node.upper + "]" : "last key)");
  if (!node.prefix.empty()) text += "; prefix " + node.prefix;
  return text;
}

Document tree_document(const TreePicture& picture) {
  Document levels = Document::array();
  for (const PictureLevel& level : picture.levels) {
    Document nodes = Document::array();
    for (const PictureNode& node : level.nodes) nodes.push_back(document_of(node));
    levels.push_back({{"level", level.level}, {"pages", level.pages}, {"keys", level.keys}, {"fill", level.fill()},
                      {"fill_histogram", level.fill_histogram}, {"hidden", level.hidden}, {"nodes", std::move(nodes)}});
  }
  return {{"keyspace", picture.name}, {"tree", picture.tree.raw}, {"root", picture.root.raw}, {"page_size", picture.page_bytes},
          {"height", picture.height()}, {"rows", picture.rows}, {"ghosts", picture.ghosts}, {"pages", picture.pages()},
          {"large_values", picture.large_values}, {"overflow_pages", picture.overflow_pages}, {"levels", std::move(levels)}};
}

std::string tree_dot(const TreePicture& picture) {
  std::string text = "digraph tree {\n";
  text += fmt::format("  graph [fontname=\"monospace\", labelloc=t, ranksep=0.7, label=<<b>{}</b><br/>{}>];\n", xml_text(picture.heading()),
                      xml_text(tree_summary(picture)));
  text += "  node [shape=plain, fontname=\"monospace\", fontsize=11];\n  edge [color=\"#8096b2\", arrowsize=0.6];\n";
  for (const PictureLevel& level : picture.levels) dot_level(level, text);
  for (std::size_t depth = 0; depth + 1 < picture.levels.size(); ++depth) {
    const PictureLevel& below = picture.levels[depth + 1];
    for (const PictureNode& node : picture.levels[depth].nodes) {
      bool to_hidden = false;
      for (const PageId child : node.children) {
        const bool shown = std::any_of(below.nodes.begin(), below.nodes.end(), [&](const PictureNode& n) { return n.page == child; });
        if (shown) text += fmt::format("  p{} -> p{};\n", node.page.raw, child.raw);
        to_hidden = to_hidden || !shown;
      }
      if (to_hidden) text += fmt::format("  p{} -> hidden{};\n", node.page.raw, below.level);
    }
  }
  return text + "}\n";
}

}  // namespace quire::tools
