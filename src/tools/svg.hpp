// Svg: a drawing made of rectangles, lines and texts, as one SVG file.
//
// Text is set in a monospaced font whose advance is known well enough to fit boxes around it. Coordinates are pixels
// at 96 dpi; whatever is drawn widens the picture.
//
// Threads   one thread at a time
#pragma once

#include <string>
#include <string_view>

namespace quire::tools {

// & < > and quotes; characters that XML forbids become U+FFFD.
std::string xml_text(std::string_view text);

// The text in at most `width_max` columns, with an ellipsis in its middle: keys often differ at their end.
std::string fit_middle(std::string_view utf8, std::size_t width_max);

struct SvgPoint {
  double x = 0;
  double y = 0;
};

struct SvgBox {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;

  double right() const noexcept { return x + width; }
  double bottom() const noexcept { return y + height; }
  double center() const noexcept { return x + width / 2; }
  double middle() const noexcept { return y + height / 2; }
};

enum class SvgAlign { left, center, right };

struct SvgText {
  double size = 12;
  const char* color = "#1f2933";
  SvgAlign align = SvgAlign::left;
  bool bold = false;
};

struct SvgPaint {
  const char* fill = "none";
  const char* stroke = "none";
  double stroke_width = 1;
  double radius = 0;
  double opacity = 1;
};

class Svg {
 public:
  static double text_pixels(std::string_view text, double size);

  void rect(const SvgBox& box, const SvgPaint& paint);
  // Baseline at `at.y`. The text is escaped here.
  void text(SvgPoint at, std::string_view text, const SvgText& how = {});
  // A curve that leaves downwards and arrives from above.
  struct Stroke {
    const char* color;
    double width = 1.3;
  };
  void edge(SvgPoint from, SvgPoint to, Stroke stroke);
  // A dashed line with an arrow head.
  void link(SvgPoint from, SvgPoint to, const char* color);
  void line(SvgPoint from, SvgPoint to, const char* color);

  // Everything drawn until the end of a group shows `tooltip` under the mouse.
  void begin_group(std::string_view tooltip);
  void end_group();

  // The whole file; `title` is its name for readers of text.
  std::string finish(std::string_view title, double margin) const;

 private:
  void reach(double x, double y) noexcept;
  std::string body_;
  double width_ = 0;
  double height_ = 0;
};

}  // namespace quire::tools
