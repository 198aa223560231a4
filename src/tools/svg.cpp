// Svg: see svg.hpp.
//
// Numbers are written with one decimal, so that a picture of the same thing is the same file everywhere.
#include "tools/svg.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/escape.hpp"
#include "tools/text_width.hpp"

namespace quire::tools {

namespace {

constexpr double advance = 0.602;  // of common monospaced fonts, in font sizes
constexpr const char* font = "'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace";

const char* anchor(SvgAlign align) {
  return align == SvgAlign::left ? "start" : align == SvgAlign::center ? "middle" : "end";
}

}  // namespace

std::string xml_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if (length > 1) {
      out += text.substr(i, length);
    } else if (length == 0 || byte < 0x20) {
      out += "\xEF\xBF\xBD";
    } else {
      switch (text[i]) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        default: out += text[i];
      }
    }
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string fit_middle(std::string_view utf8, std::size_t width_max) {
  if (text_width(utf8) <= width_max) return std::string(utf8);
  if (width_max < 3) return fit_width(utf8, width_max);
  const std::size_t tail_width = (width_max - 1) / 2;
  std::size_t tail = utf8.size();
  while (tail > 0) {
    std::size_t before = tail - 1;
    while (before > 0 && (static_cast<unsigned char>(utf8[before]) & 0xC0) == 0x80) --before;
    if (text_width(utf8.substr(before)) > tail_width) break;
    tail = before;
  }
  return fit_width(utf8, width_max - tail_width) + std::string(utf8.substr(tail));
}

double Svg::text_pixels(std::string_view text, double size) { return static_cast<double>(text_width(text)) * size * advance; }

void Svg::reach(double x, double y) noexcept {
  width_ = std::max(width_, x);
  height_ = std::max(height_, y);
}

void Svg::rect(const SvgBox& box, const SvgPaint& paint) {
  reach(box.right(), box.bottom());
  body_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"", box.x, box.y, box.width, box.height);
  if (paint.radius > 0) body_ += fmt::format(" rx=\"{:.1f}\"", paint.radius);
  body_ += fmt::format(" fill=\"{}\"", paint.fill);
  if (paint.stroke != std::string_view("none")) body_ += fmt::format(" stroke=\"{}\" stroke-width=\"{:.1f}\"", paint.stroke, paint.stroke_width);
  if (paint.opacity < 1) body_ += fmt::format(" opacity=\"{:.2f}\"", paint.opacity);
  body_ += "/>\n";
}

void Svg::text(SvgPoint at, std::string_view text, const SvgText& how) {
  const double pixels = text_pixels(text, how.size);
  reach(at.x + (how.align == SvgAlign::left ? pixels : how.align == SvgAlign::center ? pixels / 2 : 0), at.y + how.size * 0.3);
  body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:.1f}\" fill=\"{}\" text-anchor=\"{}\"{}>{}</text>\n", at.x, at.y,
                       how.size, how.color, anchor(how.align), how.bold ? " font-weight=\"bold\"" : "", xml_text(text));
}

void Svg::edge(SvgPoint from, SvgPoint to, Stroke stroke) {
  const double bend = (to.y - from.y) * 0.5;
  body_ += fmt::format("<path d=\"M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:.1f}\"/>\n",
                       from.x, from.y, from.x, from.y + bend, to.x, to.y - bend, to.x, to.y, stroke.color, stroke.width);
}

void Svg::link(SvgPoint from, SvgPoint to, const char* color) {
  body_ += fmt::format("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\" stroke-dasharray=\"5 3\"/>\n",
                       from.x, from.y, to.x - 5, to.y, color);
  body_ += fmt::format("<path d=\"M{:.1f} {:.1f}l-7 -3.5v7z\" fill=\"{}\"/>\n", to.x, to.y, color);
}

void Svg::line(SvgPoint from, SvgPoint to, const char* color) {
  reach(std::max(from.x, to.x), std::max(from.y, to.y));
  body_ += fmt::format("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" stroke=\"{}\"/>\n", from.x, from.y, to.x, to.y, color);
}

void Svg::begin_group(std::string_view tooltip) { body_ += fmt::format("<g><title>{}</title>\n", xml_text(tooltip)); }
void Svg::end_group() { body_ += "</g>\n"; }

std::string Svg::finish(std::string_view title, double margin) const {
  const double width = width_ + margin;
  const double height = height_ + margin;
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
             "font-family=\"{2}\">\n<title>{3}</title>\n<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n",
             width, height, font, xml_text(title)) +
         body_ + "</svg>\n";
}

}  // namespace quire::tools
