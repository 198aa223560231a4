// Pictures of trees as text.
//
// Small trees are drawn node by node, indented by level; large ones a line per level. Everything goes through copies of
// pages, so that no latch is held while text grows.
#include "btree/draw.hpp"

#include "base/try.hpp"
#include "btree/verify.hpp"
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

std::string keys_of(const NodeView& node, const DrawOptions& options) {
  const std::uint32_t shown = options.keys_per_node;
  std::string text;
  const std::uint32_t count = node.count();
  for (std::uint32_t i = 0; i < count; ++i) {
    if (count > shown && i == shown / 2) {
      text += (text.empty() ? "" : " | ") + std::string("... ") + std::to_string(count - shown) + " more ...";
      i = count - (shown - shown / 2) - 1;
      continue;
    }
    text += (text.empty() ? "" : " | ") + key_text(options.text, node.key(i), key_bytes_shown);
  }
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

Status draw_node(const Tree& tree, PageId id, std::uint32_t height, const DrawOptions& options, std::string& text) {
  QUIRE_ASSIGN(const std::vector<std::byte> image, copy_page(tree, id));
  const NodeView node(image.data(), tree.pool().page_bytes());
  text += std::string((height - 1 - node.level()) * 2, ' ') + (node.leaf() ? "leaf " : "inner ") + number(id) + ", " +
          std::to_string(node.count()) + " keys, " + percent(node.fill()) + " full";
  if (node.right_sibling() != no_page) text += ", right " + std::to_string(node.right_sibling().raw);
  text += ": " + keys_of(node, options) + "\n";
  for (std::uint32_t i = 0; !node.leaf() && i <= node.count(); ++i) {
    QUIRE_TRY(draw_node(tree, node.child(i), height, options, text));
  }
  return Status();
}

void summarise(const Survey& survey, std::string& text) {
  for (std::size_t level = survey.pages_per_level.size(); level-- > 0;) {
    text += "level " + std::to_string(level) + ": " + std::to_string(survey.pages_per_level[level]) +
            (level == 0 ? " leaf pages" : survey.pages_per_level[level] == 1 ? " inner page" : " inner pages") + "\n";
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

Result<std::string> draw(const Tree& tree, const DrawOptions& options) {
  QUIRE_ASSIGN(const Survey survey, btree::survey(tree, {.read_large_values = false}));
  const std::uint64_t pages = survey.inner_pages + survey.leaf_pages;
  std::string text = "tree " + std::to_string(tree.id().raw) + ": height " + std::to_string(survey.height) + ", " +
                     std::to_string(survey.rows) + " rows, " + std::to_string(pages) + " pages";
  if (survey.overflow_pages != 0) text += " and " + std::to_string(survey.overflow_pages) + " overflow pages";
  text += ", leaves " + percent(survey.leaf_fill_sum / static_cast<double>(survey.leaf_pages)) + " full\n";
  if (pages > options.pages_max) {
    summarise(survey, text);
    QUIRE_ASSIGN(const std::vector<std::byte> root, copy_page(tree, tree.root()));
    const NodeView node(root.data(), tree.pool().page_bytes());
    text += "root " + number(tree.root()) + ": " + keys_of(node, options) + "\n";
    return text;
  }
  QUIRE_TRY(draw_node(tree, tree.root(), survey.height, options, text));
  return text;
}

Result<std::string> dump(const Tree& tree, const Text& text) {
  QUIRE_ASSIGN(const std::uint32_t height, height_of(tree));
  Dump state{tree, text, height, {}};
  QUIRE_TRY(dump_node(state, tree.root()));
  return std::move(state.picture);
}

std::string describe_node(Bytes page) {
  const NodeView node(page.data(), static_cast<std::uint32_t>(page.size()));
  std::string text = page::describe_fields(node_layout, page);
  text += "fences " + fences_of(node) + ", prefix '" + printable(node.prefix(), key_bytes_shown) + "'\n";
  text += std::to_string(node.count()) + " slots, " + std::to_string(node.free_bytes()) + " bytes free, " + percent(node.fill()) + " full\n";
  for (std::uint32_t i = 0; i < node.count(); ++i) {
    text += "  slot " + std::to_string(i) + ": " + printable(node.key(i), key_bytes_shown);
    if (!node.leaf()) {
      text += " -> page " + std::to_string(node.child(i).raw) + "\n";
      continue;
    }
    const ValueAt value = node.value(i);
    text += " = ";
    // The page may be damaged: nobody has checked it.
    const bool stub = value.overflow && value.bytes.size() == overflow::stub_bytes;
    text += stub ? "overflow, " + std::to_string(overflow::load_stub(value.bytes).length) + " bytes"
                 : printable(value.bytes, value_bytes_shown);
    text += "\n";
  }
  if (!node.leaf()) text += "  last child: page " + std::to_string(node.child(node.count()).raw) + "\n";
  return text;
}

}  // namespace quire::btree
