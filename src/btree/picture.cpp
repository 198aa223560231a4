// Picture: see picture.hpp.
//
// Nodes of a level come in key order, so a level that has grown too long loses the node behind its first few whenever
// one is added at its end.
#include "btree/picture.hpp"

#include <numeric>

#include "base/try.hpp"
#include "overflow/overflow.hpp"
#include "page/describe.hpp"

namespace quire::btree {

namespace {

std::string key_text(const Text& text, std::string_view key) {
  return text.key ? text.key(key) : page::printable(key, SIZE_MAX);
}

// Pages of a value of this length; none of them needs to be read.
std::uint64_t pages_of(const overflow::Stub& stub, std::uint32_t page_bytes) {
  const std::uint64_t payload = overflow::payload_bytes(page_bytes);
  const std::uint64_t data = stub.length / payload + (stub.length % payload == 0 ? 0 : 1);
  const std::uint64_t per_index = overflow::ids_per_index(page_bytes);
  return data + std::max<std::uint64_t>(1, data / per_index + (data % per_index == 0 ? 0 : 1));
}

class Walker {
 public:
  Walker(const Tree& tree, const PictureOptions& options) : tree_(tree), options_(options) {
    picture_.tree = tree.id();
    picture_.root = tree.root();
    picture_.page_bytes = tree.pool().page_bytes();
  }

  Result<TreePicture> run() {
    QUIRE_TRY(node(tree_.root(), std::nullopt));
    return std::move(picture_);
  }

 private:
  Status damage(PageId id, const std::string& what) const {
    return Status(Code::corrupt, "page " + std::to_string(id.raw) + " of tree " + std::to_string(tree_.id().raw) + ": " + what);
  }

  // Pages are copied, so that no latch is held while children are visited and text grows.
  Status node(PageId id, std::optional<std::uint32_t> level) {
    std::vector<std::byte> image;
    {
      QUIRE_ASSIGN(const buffer::ReadPage page, tree_.pool().read(id));
      image.assign(page.bytes().begin(), page.bytes().end());
    }
    const NodeView view(image.data(), picture_.page_bytes);
    if (!view.is_node()) return damage(id, "is no node, but is referred to as one");
    if (level && view.level() != *level) {
      return damage(id, "has level " + std::to_string(view.level()) + ", " + std::to_string(*level) + " expected");
    }
    if (!level) {
      picture_.levels.resize(view.level() + 1);
      for (std::uint32_t i = 0; i <= view.level(); ++i) picture_.levels[i].level = view.level() - i;
    }
    PictureNode taken = take(id, view);
    const std::vector<PageId> children = taken.children;
    add(std::move(taken));
    for (const PageId child : children) {
      if (child == no_page) return damage(id, "a child is missing");
      QUIRE_TRY(node(child, view.level() - 1));
    }
    return Status();
  }

  PictureNode take(PageId id, const NodeView& view) {
    PictureNode node;
    node.page = id;
    node.level = view.level();
    node.keys = view.count();
    node.ghosts = std::min<std::uint32_t>(node_field::ghosts.get(view.data()), node.keys);
    node.row_headers = node_field::row_headers.get(view.data());
    node.free_bytes = view.free_bytes();
    node.fill = view.fill();
    node.right = view.right_sibling();
    if (!view.lower_fence().empty()) node.lower = key_text(options_.text, view.lower_fence());
    const std::optional<std::string_view> upper = view.upper_fence();
    node.has_upper = upper.has_value();
    if (upper) node.upper = key_text(options_.text, *upper);
    node.prefix = page::printable(view.prefix(), SIZE_MAX);
    take_keys(view, node);
    if (view.leaf()) {
      take_values(view, node);
    } else {
      for (std::uint32_t i = 0; i <= node.keys; ++i) node.children.push_back(view.child(i));
    }
    return node;
  }

  void take_keys(const NodeView& view, PictureNode& node) const {
    const std::uint32_t shown = std::min(options_.keys_per_node, node.keys);
    const std::uint32_t first = shown == node.keys ? shown : shown / 2;
    for (std::uint32_t i = 0; i < first; ++i) node.first.push_back(key_text(options_.text, view.key(i)));
    for (std::uint32_t i = node.keys - (shown - first); i < node.keys; ++i) node.last.push_back(key_text(options_.text, view.key(i)));
  }

  void take_values(const NodeView& view, PictureNode& node) {
    picture_.rows += node.keys - node.ghosts;
    picture_.ghosts += node.ghosts;
    for (std::uint32_t i = 0; i < node.keys; ++i) {
      const ValueAt value = view.value(i);
      if (!value.overflow || value.bytes.size() != overflow::stub_bytes) continue;
      ++node.large_values;
      picture_.overflow_pages += pages_of(overflow::load_stub(value.bytes), picture_.page_bytes);
    }
    picture_.large_values += node.large_values;
  }

  void add(PictureNode node) {
    PictureLevel& level = picture_.levels[picture_.levels.size() - 1 - node.level];
    ++level.pages;
    level.keys += node.keys;
    level.fill_sum += node.fill;
    ++level.fill_histogram[fill_step(node.fill)];
    level.nodes.push_back(std::move(node));
    if (++nodes_ <= options_.pages_max) return;
    for (PictureLevel& each : picture_.levels) shorten(each);
  }

  void shorten(PictureLevel& level) const {
    const std::size_t kept = std::size_t{2} * std::max<std::uint32_t>(1, options_.edge_nodes);
    // One node left out would be no shorter than itself.
    if (level.pages <= kept + 1 || level.nodes.size() <= kept) return;
    const auto from = level.nodes.begin() + static_cast<std::ptrdiff_t>(kept / 2);
    const auto gone = static_cast<std::ptrdiff_t>(level.nodes.size() - kept);
    level.nodes.erase(from, from + gone);
    level.hidden += static_cast<std::uint64_t>(gone);
  }

  const Tree& tree_;
  const PictureOptions& options_;
  TreePicture picture_;
  std::uint64_t nodes_ = 0;
};

}  // namespace

std::size_t fill_step(double fill) noexcept {
  const double step = fill * static_cast<double>(fill_steps);
  if (!(step > 0)) return 0;
  return std::min(fill_steps - 1, static_cast<std::size_t>(step));
}

std::string TreePicture::heading() const {
  if (!title.empty()) return title;
  return name.empty() ? "tree " + std::to_string(tree.raw) : "keyspace " + name;
}

std::uint64_t TreePicture::pages() const noexcept {
  return std::accumulate(levels.begin(), levels.end(), std::uint64_t{0}, [](std::uint64_t sum, const PictureLevel& l) { return sum + l.pages; });
}

bool TreePicture::summed_up() const noexcept {
  return std::any_of(levels.begin(), levels.end(), [](const PictureLevel& level) { return level.hidden != 0; });
}

Result<TreePicture> picture(const Tree& tree, const PictureOptions& options) { return Walker(tree, options).run(); }

}  // namespace quire::btree
