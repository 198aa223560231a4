// Page pictures: see page_formats.hpp.
//
// The map is the page cut into lines of equal length, so that a byte of every region takes the same room.
#include "tools/page_formats.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/amounts.hpp"
#include "tools/svg.hpp"

namespace quire::tools {

namespace {

using btree::PagePicture;
using btree::PageRegion;
using btree::PageSlot;
using btree::RegionKind;

constexpr double margin = 28;
constexpr double map_width = 1024;
constexpr std::uint32_t map_rows = 16;
constexpr double map_row_height = 24;
constexpr double offset_width = 52;
constexpr double line_height = 17;
constexpr std::size_t slots_shown = 48;
constexpr std::size_t key_columns = 40;
constexpr std::size_t value_columns = 44;
constexpr const char* color_text = "#1f2933";
constexpr const char* color_quiet = "#66788a";

const char* color_of(RegionKind kind) {
  switch (kind) {
    case RegionKind::header: return "#7d8fa8";
    case RegionKind::slots: return "#8fb3e8";
    case RegionKind::free: return "#f1f4f7";
    case RegionKind::record: return "#a9d3ae";
    case RegionKind::fence: return "#e8c685";
    case RegionKind::dead: return "#d9a79a";
    case RegionKind::ids: return "#8fb3e8";
    case RegionKind::content: return "#c9d8c9";
  }
  return "#ffffff";
}

class PageDrawing {
 public:
  explicit PageDrawing(const PagePicture& picture) : picture_(picture) {}

  std::string draw() {
    const std::string title = fmt::format("page {}: {}{}", picture_.page, picture_.type, picture_.keyspace.empty() ? "" : " of keyspace " + picture_.keyspace);
    svg_.text({margin, margin + 16}, title, {20, color_text, SvgAlign::left, true});
    svg_.text({margin, margin + 38}, fmt::format("{} bytes at block {}, {}", group_digits(picture_.page_bytes), picture_.block, count_of(picture_.blocks, "block")),
              {12, color_quiet});
    y_ = margin + 60;
    draw_map();
    draw_sums();
    const double top = y_;
    draw_fields(top);
    draw_slots(top);
    return svg_.finish(title, margin);
  }

 private:
  void draw_map() {
    const std::uint32_t row_bytes = picture_.page_bytes / map_rows;
    for (const PageRegion& region : picture_.regions) draw_region(region, row_bytes);
    for (std::uint32_t row = 0; row < map_rows; ++row) {
      const double y = y_ + map_row_height * row;
      svg_.text({margin + offset_width - 8, y + 16}, std::to_string(row * row_bytes), {10, color_quiet, SvgAlign::right});
    }
    y_ += map_row_height * map_rows + 12;
  }

  // One rectangle for each line that the region touches; the label goes into the widest.
  void draw_region(const PageRegion& region, std::uint32_t row_bytes) {
    const double scale = map_width / row_bytes;
    SvgBox widest;
    svg_.begin_group(fmt::format("{} at {}, {}{}{}", btree::region_name(region.kind), region.offset, count_of(region.bytes, "byte"),
                                 region.label.empty() ? "" : ": ", region.label));
    for (std::uint32_t at = region.offset; at < region.offset + region.bytes;) {
      const std::uint32_t row = at / row_bytes;
      const std::uint32_t end = std::min(region.offset + region.bytes, (row + 1) * row_bytes);
      const SvgBox box{margin + offset_width + scale * (at - row * row_bytes), y_ + map_row_height * row + 1, scale * (end - at), map_row_height - 2};
      svg_.rect(box, {color_of(region.kind), "#ffffff", 0.7, 0, 1});
      if (box.width > widest.width) widest = box;
      at = end;
    }
    const auto columns = static_cast<std::size_t>((widest.width - 6) / Svg::text_pixels("m", 10));
    if (widest.width > 24 && !region.label.empty() && columns >= 3) {
      svg_.text({widest.x + 3, widest.y + 15}, fit_middle(region.label, columns), {10, color_text});
    }
    svg_.end_group();
  }

  void draw_sums() {
    double x = margin + offset_width;
    for (std::size_t i = 0; i < btree::region_kinds; ++i) {
      const auto kind = static_cast<RegionKind>(i);
      const std::uint64_t bytes = picture_.bytes_of(kind);
      if (bytes == 0) continue;
      svg_.rect({x, y_, 14, 12}, {color_of(kind), "#66788a", 0.6, 2, 1});
      const std::string text = fmt::format("{} {} ({:.0f} %)", btree::region_name(kind), group_digits(bytes),
                                           100.0 * static_cast<double>(bytes) / picture_.page_bytes);
      svg_.text({x + 20, y_ + 10}, text, {11, color_text});
      x += 20 + Svg::text_pixels(text, 11) + 24;
    }
    y_ += 44;
  }

  void draw_fields(double y) {
    svg_.text({margin, y}, "header", {13, color_text, SvgAlign::left, true});
    for (const btree::PageField& field : picture_.fields) {
      y += line_height;
      svg_.text({margin, y}, field.name, {11, color_quiet});
      svg_.text({margin + 120, y}, fit_middle(field.value, 24), {11, color_text});
    }
  }

  void draw_slots(double y) {
    if (picture_.slots.empty()) return;
    const double x = margin + 320;
    svg_.text({x, y}, "slots", {13, color_text, SvgAlign::left, true});
    svg_.text({x + 48, y}, "number, offset, bytes, key, value", {11, color_quiet});
    const std::size_t count = picture_.slots.size();
    for (std::size_t i = 0; i < count; ++i) {
      y += line_height;
      if (count > slots_shown && i == slots_shown / 2) {
        svg_.text({x, y}, fmt::format("\u2026 {} more \u2026", count - slots_shown), {11, color_quiet});
        i = count - slots_shown / 2 - 1;
        continue;
      }
      draw_slot({x, y}, i);
    }
  }

  void draw_slot(SvgPoint at, std::size_t index) {
    const PageSlot& slot = picture_.slots[index];
    svg_.text({at.x + 24, at.y}, std::to_string(index), {11, color_quiet, SvgAlign::right});
    svg_.text({at.x + 74, at.y}, std::to_string(slot.offset), {11, color_quiet, SvgAlign::right});
    svg_.text({at.x + 116, at.y}, std::to_string(slot.bytes), {11, color_quiet, SvgAlign::right});
    svg_.text({at.x + 132, at.y}, fit_middle(slot.key, key_columns), {11, color_text});
    svg_.text({at.x + 410, at.y}, fit_middle(slot.value, value_columns), {11, color_quiet});
  }

  const PagePicture& picture_;
  Svg svg_;
  double y_ = 0;
};

}  // namespace

std::string page_svg(const PagePicture& picture) { return PageDrawing(picture).draw(); }

Document page_document(const PagePicture& picture) {
  Document fields = Document::object();
  for (const btree::PageField& field : picture.fields) fields[field.name] = field.value;
  Document regions = Document::array();
  for (const PageRegion& region : picture.regions) {
    regions.push_back({{"kind", btree::region_name(region.kind)}, {"offset", region.offset}, {"bytes", region.bytes}, {"label", region.label}});
  }
  Document slots = Document::array();
  for (const PageSlot& slot : picture.slots) {
    slots.push_back({{"offset", slot.offset}, {"bytes", slot.bytes}, {"key", slot.key}, {"value", slot.value}});
  }
  return {{"page", picture.page}, {"type", picture.type}, {"keyspace", picture.keyspace}, {"page_size", picture.page_bytes}, {"block", picture.block},
          {"blocks", picture.blocks}, {"fields", std::move(fields)}, {"regions", std::move(regions)}, {"slots", std::move(slots)}};
}

}  // namespace quire::tools
