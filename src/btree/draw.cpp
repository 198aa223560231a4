// Pictures of trees as text.
//
// Small trees are drawn node by node, indented by level; large ones a line per level. Everything goes through copies of
// pages, so that no latch is held while text grows.
#include "btree/draw.hpp"

#include "base/try.hpp"
#include "overflow/overflow.hpp"
#include "page/describe.hpp"

namespace quire::btree {

namespace {

using page::printable;

constexpr std::size_t key_bytes_shown = 40;
constexpr std::size_t value_bytes_shown = 60;

std::string percent(double fraction) { return std::to_string(static_cast<int>(fraction * 100 + 0.5)) + " %"; }

std::string number(PageId id) { return "page " + std::to_string(id.raw); }

std::string key_text(const Text& text, std::string_view key, std::size_t bytes_max) {
  return text.key ? text.key(key) : printable(key, bytes_max);
}

bool inside_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Long keys lose their middle: neighbours often differ at their end only.
std::string shortened(const std::string& text) {
  if (text.size() <= key_bytes_shown) return text;
  std::size_t head = (key_bytes_shown - 3) / 2;
  while (head > 0 && inside_character(text[head])) --head;
  std::size_t tail = text.size() - (key_bytes_shown - 3) / 2;
  while (tail < text.size() && inside_character(text[tail])) ++tail;
  return text.substr(0, head) + "..." + text.substr(tail);
}

std::string keys_of(const PictureNode& node) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : " | ") + part; };
  for (const std::string& key : node.first) add(shortened(key));
  if (node.hidden_keys() > 0) add("... " + std::to_string(node.hidden_keys()) + " more ...");
  for (const std::string& key : node.last) add(shortened(key));
  return text;
}

Result<std::vector<std::byte>> copy_page(const Tree& tree, PageId id) {
  QUIRE_ASSIGN(const buffer::ReadPage page, tree.pool().read(id));
  return std::vector<std::byte>(page.bytes().begin(), page.bytes().end());
}

std::string fences_of(const NodeView& node) {
  const std::optional<std::string_view> upper = node.upper_fence();
  return "(" + (node.lower_fence().empty() ? "-inf" : printable(node.lower_fence(), key_bytes_shown)) + ", " +
         (upper ? printable(*upper, key_bytes_shown) + "]" : "+inf)");
}

std::string counted(std::uint64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

void draw_node(const PictureNode& node, const std::string& indent, std::string& text) {
  text += indent + (node.level == 0 ? "leaf " : "inner ") + number(node.page) + ", " + counted(node.keys, "key") + ", " +
          percent(node.fill) + " full";
  if (node.ghosts != 0) text += ", " + counted(node.ghosts, "ghost");
  if (node.large_values != 0) text += ", " + counted(node.large_values, "large value");
  if (node.right != no_page) text += ", right " + std::to_string(node.right.raw);
  const std::string keys = keys_of(node);
  text += (keys.empty() ? "" : ": " + keys) + "\n";
}

// Where the children of the nodes of a level begin in the next one.
void draw_below(const TreePicture& picture, std::size_t depth, std::vector<std::size_t>& next, std::string& text) {
  const PictureNode& node = picture.levels[depth].nodes[next[depth]++];
  draw_node(node, std::string(depth * 2, ' '), text);
  for (std::size_t i = 0; i < node.children.size(); ++i) draw_below(picture, depth + 1, next, text);
}

void draw_levels(const TreePicture& picture, std::string& text) {
  for (const PictureLevel& level : picture.levels) {
    text += "level " + std::to_string(level.level) + ": " + counted(level.pages, level.level == 0 ? "leaf page" : "inner page") + ", " +
            counted(level.keys, "key") + ", " + percent(level.fill()) + " full; pages by tenths of fill:";
    for (const std::uint64_t count : level.fill_histogram) text += " " + std::to_string(count);
    text += "\n";
    for (std::size_t i = 0; i < level.nodes.size(); ++i) {
      if (level.hidden != 0 && i == level.nodes.size() / 2) text += "  ... " + std::to_string(level.hidden) + " more pages ...\n";
      draw_node(level.nodes[i], "  ", text);
    }
  }
}

// The picture so far, and how to go on.
struct Dump {
  const Tree& tree;
  const Text& text;
  std::uint32_t height;
  std::string picture;
};

std::string value_text(const ValueAt& value, const Text& text) {
  if (value.overflow) {
    const overflow::Stub stub = overflow::load_stub(value.bytes);
    return std::to_string(stub.length) + " bytes in overflow pages from page " + std::to_string(stub.first.raw);
  }
  return text.value ? text.value(value.bytes) : printable(value.bytes, SIZE_MAX);
}

Status dump_node(Dump& dump, PageId id) {
  QUIRE_ASSIGN(const std::vector<std::byte> image, copy_page(dump.tree, id));
  const NodeView node(image.data(), dump.tree.pool().page_bytes());
  const std::string indent((dump.height - 1 - node.level()) * 2, ' ');
  dump.picture += indent + (node.leaf() ? "leaf " : "inner ") + number(id) + " " + fences_of(node) + " prefix '" +
                  printable(node.prefix(), key_bytes_shown) + "'";
  if (node.right_sibling() != no_page) dump.picture += " right " + std::to_string(node.right_sibling().raw);
  dump.picture += "\n";
  for (std::uint32_t i = 0; node.leaf() && i < node.count(); ++i) {
    dump.picture += indent + "  " + key_text(dump.text, node.key(i), SIZE_MAX) + " = " + value_text(node.value(i), dump.text) + "\n";
  }
  for (std::uint32_t i = 0; !node.leaf() && i <= node.count(); ++i) {
    QUIRE_TRY(dump_node(dump, node.child(i)));
    if (i < node.count()) dump.picture += indent + "  <= " + key_text(dump.text, node.key(i), SIZE_MAX) + "\n";
  }
  return Status();
}

Result<std::uint32_t> height_of(const Tree& tree) {
  QUIRE_ASSIGN(const std::vector<std::byte> image, copy_page(tree, tree.root()));
  return NodeView(image.data(), tree.pool().page_bytes()).level() + 1;
}

}  // namespace

std::string draw_text(const TreePicture& picture) {
  std::string text = picture.heading() + ": height " + std::to_string(picture.height()) + ", " + counted(picture.rows, "row") + ", " + counted(picture.pages(), "page");
  if (picture.overflow_pages != 0) text += " and " + counted(picture.overflow_pages, "overflow page");
  text += " of " + std::to_string(picture.page_bytes) + " bytes, leaves " + percent(picture.levels.back().fill()) + " full\n";
  if (picture.summed_up()) {
    draw_levels(picture, text);
  } else {
    std::vector<std::size_t> next(picture.levels.size(), 0);
    draw_below(picture, 0, next, text);
  }
  return text;
}

Result<std::string> draw(const Tree& tree, const PictureOptions& options) {
  QUIRE_ASSIGN(const TreePicture drawn, picture(tree, options));
  return draw_text(drawn);
}

Result<std::string> dump(const Tree& tree, const Text& text) {
  QUIRE_ASSIGN(const std::uint32_t height, height_of(tree));
  Dump state{tree, text, height, {}};
  QUIRE_TRY(dump_node(state, tree.root()));
  return std::move(state.picture);
}

std::string describe_node(Bytes page, const Text& shown) {
  const NodeView node(page.data(), static_cast<std::uint32_t>(page.size()));
  std::string text = page::describe_fields(node_layout, page);
  text += "fences " + fences_of(node) + ", prefix '" + printable(node.prefix(), key_bytes_shown) + "'\n";
  text += std::to_string(node.count()) + " slots, " + std::to_string(node.free_bytes()) + " bytes free, " + percent(node.fill()) + " full\n";
  for (std::uint32_t i = 0; i < node.count(); ++i) {
    text += "  slot " + std::to_string(i) + ": " + key_text(shown, node.key(i), key_bytes_shown);
    if (!node.leaf()) {
      text += " -> page " + std::to_string(node.child(i).raw) + "\n";
      continue;
    }
    const ValueAt value = node.value(i);
    text += " = ";
    // The page may be damaged: nobody has checked it.
    const bool stub = value.overflow && value.bytes.size() == overflow::stub_bytes;
    text += stub ? "overflow, " + std::to_string(overflow::load_stub(value.bytes).length) + " bytes"
                 : shown.value && !value.overflow ? shown.value(value.bytes)
                 : printable(value.bytes, value_bytes_shown);
    text += "\n";
  }
  if (!node.leaf()) text += "  last child: page " + std::to_string(node.child(node.count()).raw) + "\n";
  return text;
}

}  // namespace quire::btree
