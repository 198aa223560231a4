// Page picture: see picture_page.hpp.
//
// A node's heap is what its slots and fences point to; bytes of the heap that nothing points to are dead, and come
// back when the node is compacted.
#include "btree/picture_page.hpp"

#include <algorithm>
#include <array>

#include "overflow/overflow.hpp"
#include "page/describe.hpp"

namespace quire::btree {

namespace {

using page::PageType;

constexpr std::size_t value_bytes_shown = 60;
constexpr std::size_t map_columns = 64;
constexpr std::size_t map_lines = 2;
constexpr std::size_t dump_columns = 16;
constexpr const char* hex_digits = "0123456789abcdef";

struct KindText {
  const char* name;
  char letter;
};
constexpr KindText kind_texts[region_kinds] = {{"header", 'H'}, {"slots", 'S'}, {"free", '.'}, {"records", 'r'},
                                               {"fences", 'f'}, {"dead", 'x'},  {"page ids", 'i'}, {"content", 'c'}};

std::string hex_of(Bytes bytes) {
  std::string text;
  for (const std::byte b : bytes) {
    text += hex_digits[static_cast<unsigned>(b) >> 4];
    text += hex_digits[static_cast<unsigned>(b) & 15];
  }
  return text;
}

void add_fields(const page::Layout& layout, Bytes page, PagePicture& picture) {
  for (const page::Field& field : layout.fields) {
    const Bytes bytes = page.subspan(field.offset, field.bytes);
    std::uint64_t number = 0;
    if (bytes.size() <= sizeof number) std::memcpy(&number, bytes.data(), bytes.size());
    picture.fields.push_back({std::string(field.name), bytes.size() <= sizeof number ? std::to_string(number) : hex_of(bytes)});
  }
}

// Takes regions in any order; completes them to the whole page.
class Regions {
 public:
  explicit Regions(std::uint32_t page_bytes) : page_bytes_(page_bytes) {}

  void add(RegionKind kind, std::uint32_t offset, std::uint32_t bytes, std::string label = {}) {
    if (bytes != 0 && offset < page_bytes_) found_.push_back({kind, offset, bytes, std::move(label)});
  }

  // The gap that begins at `free_from` is free, every other one of the kind `gap`.
  std::vector<PageRegion> complete(std::uint32_t free_from, RegionKind gap) {
    std::stable_sort(found_.begin(), found_.end(), [](const PageRegion& a, const PageRegion& b) { return a.offset < b.offset; });
    std::vector<PageRegion> regions;
    std::uint32_t at = 0;
    const auto fill = [&](std::uint32_t to) {
      if (to > at) regions.push_back({at == free_from ? RegionKind::free : gap, at, to - at, {}});
      at = std::max(at, to);
    };
    for (PageRegion& region : found_) {
      fill(region.offset);
      const std::uint32_t end = std::min(page_bytes_, region.offset + region.bytes);
      if (end <= at) continue;
      regions.push_back({region.kind, at, end - at, std::move(region.label)});
      at = end;
    }
    fill(page_bytes_);
    return regions;
  }

 private:
  std::uint32_t page_bytes_;
  std::vector<PageRegion> found_;
};

std::string shown_value(const ValueAt& value, const Text& text) {
  if (!value.overflow) return text.value ? text.value(value.bytes) : page::printable(value.bytes, value_bytes_shown);
  if (value.bytes.size() != overflow::stub_bytes) return "a damaged overflow stub";
  const overflow::Stub stub = overflow::load_stub(value.bytes);
  return std::to_string(stub.length) + " bytes in overflow pages from page " + std::to_string(stub.first.raw);
}

void add_node(Bytes page, const Text& text, PagePicture& picture) {
  const NodeView node(page.data(), picture.page_bytes);
  add_fields(node_layout, page, picture);
  Regions regions(picture.page_bytes);
  regions.add(RegionKind::header, 0, node_header_bytes);
  regions.add(RegionKind::slots, node_header_bytes, node.count() * slot_bytes);
  for (std::uint32_t i = 0; i < node.count(); ++i) {
    const std::byte* slot = page.data() + node_header_bytes + i * slot_bytes;
    PageSlot shown{slot_field::offset.get(slot), node.record_bytes(i), {}, {}};
    shown.key = text.key ? text.key(node.key(i)) : page::printable(node.key(i), SIZE_MAX);
    shown.value = node.leaf() ? shown_value(node.value(i), text) : "page " + std::to_string(node.child(i).raw);
    regions.add(RegionKind::record, shown.offset, shown.bytes, shown.key);
    picture.slots.push_back(std::move(shown));
  }
  const std::byte* data = page.data();
  regions.add(RegionKind::fence, page::end_offset(node_field::lower_offset.get(data)), node_field::lower_bytes.get(data), "lower fence");
  if (node_field::upper_bytes.get(data) != no_upper_fence) {
    regions.add(RegionKind::fence, page::end_offset(node_field::upper_offset.get(data)), node_field::upper_bytes.get(data), "upper fence");
  }
  picture.regions = regions.complete(node_header_bytes + node.count() * slot_bytes, RegionKind::dead);
}

void add_overflow_index(Bytes page, PagePicture& picture) {
  add_fields(overflow::index_layout, page, picture);
  const std::uint32_t count = std::min(overflow::index_field::count.get(page.data()), overflow::ids_per_index(picture.page_bytes));
  Regions regions(picture.page_bytes);
  regions.add(RegionKind::header, 0, overflow::index_header_bytes);
  regions.add(RegionKind::ids, overflow::index_header_bytes, count * overflow::page_id_bytes);
  picture.regions = regions.complete(overflow::index_header_bytes + count * overflow::page_id_bytes, RegionKind::content);
}

// Each cell of the map shows the kind that has most of its bytes.
std::string map_cells(const PagePicture& picture, std::uint32_t cells) {
  const std::uint32_t cell_bytes = picture.page_bytes / cells;
  std::string map;
  std::size_t region = 0;
  for (std::uint32_t cell = 0; cell < cells; ++cell) {
    const std::uint32_t from = cell * cell_bytes;
    const std::uint32_t to = from + cell_bytes;
    std::array<std::uint32_t, region_kinds> bytes{};
    while (region < picture.regions.size() && picture.regions[region].offset + picture.regions[region].bytes <= from) ++region;
    for (std::size_t i = region; i < picture.regions.size() && picture.regions[i].offset < to; ++i) {
      const PageRegion& r = picture.regions[i];
      bytes[static_cast<std::size_t>(r.kind)] += std::min(to, r.offset + r.bytes) - std::max(from, r.offset);
    }
    const auto most = std::max_element(bytes.begin(), bytes.end()) - bytes.begin();
    map += kind_texts[most].letter;
  }
  return map;
}

}  // namespace

const char* region_name(RegionKind kind) noexcept { return kind_texts[static_cast<std::size_t>(kind)].name; }
char region_letter(RegionKind kind) noexcept { return kind_texts[static_cast<std::size_t>(kind)].letter; }

std::uint64_t PagePicture::bytes_of(RegionKind kind) const noexcept {
  std::uint64_t sum = 0;
  for (const PageRegion& region : regions) sum += region.kind == kind ? region.bytes : 0;
  return sum;
}

PagePicture picture_page(Bytes page, const Text& text) {
  PagePicture picture;
  picture.page = page::id_of(page.data()).raw;
  picture.page_bytes = static_cast<std::uint32_t>(page.size());
  const PageType type = page::type_of(page.data());
  picture.type = page::page_type_name(type);
  add_fields(page::header_layout, page, picture);
  if (type == PageType::leaf || type == PageType::inner) {
    add_node(page, text, picture);
  } else if (type == PageType::overflow_index) {
    add_overflow_index(page, picture);
  } else {
    picture.regions = {{RegionKind::header, 0, page::header_bytes, {}},
                       {RegionKind::content, page::header_bytes, picture.page_bytes - page::header_bytes, {}}};
  }
  return picture;
}

std::string map_text(const PagePicture& picture) {
  const auto cells = static_cast<std::uint32_t>(map_columns * map_lines);
  const std::string map = map_cells(picture, cells);
  std::string text = "map, " + std::to_string(picture.page_bytes / cells) + " bytes a letter\n";
  for (std::size_t line = 0; line < map_lines; ++line) text += "  " + map.substr(line * map_columns, map_columns) + "\n";
  std::string sums;
  for (std::size_t i = 0; i < region_kinds; ++i) {
    const auto kind = static_cast<RegionKind>(i);
    const std::uint64_t bytes = picture.bytes_of(kind);
    if (bytes == 0) continue;
    sums += (sums.empty() ? "  " : " | ") + std::string(1, region_letter(kind)) + " " + region_name(kind) + " " + std::to_string(bytes);
  }
  return text + sums + "\n";
}

std::string hex_dump(Bytes bytes) {
  std::string text;
  bool repeated = false;
  for (std::size_t at = 0; at < bytes.size(); at += dump_columns) {
    const Bytes line = bytes.subspan(at, std::min(dump_columns, bytes.size() - at));
    const bool same = at != 0 && line.size() == dump_columns && std::memcmp(line.data(), line.data() - dump_columns, dump_columns) == 0;
    const bool last = at + dump_columns >= bytes.size();
    if (same && !last) {
      if (!repeated) text += "  *\n";
      repeated = true;
      continue;
    }
    repeated = false;
    std::string offset;
    for (int digit = 4; digit >= 0; --digit) offset += hex_digits[at >> (4 * digit) & 15];
    text += "  " + offset + " ";
    for (std::size_t i = 0; i < dump_columns; ++i) {
      text += (i == dump_columns / 2 ? "  " : " ") + (i < line.size() ? hex_of(line.subspan(i, 1)) : std::string("  "));
    }
    text += "  ";
    for (const std::byte b : line) {
      const auto byte = static_cast<unsigned char>(b);
      text += byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
    }
    text += "\n";
  }
  return text;
}

}  // namespace quire::btree
