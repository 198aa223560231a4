// Tags: the first byte of every column of a key.
//
// The order of the tags is the order of the types, and among numbers the order of sign and size class.
// All tags are in 0x01..0x7F, so an inverted tag is at least 0x80: a descending column never passes for an
// ascending one.
//
// Layout       tag    column                                     bytes after the tag
//              08     NULL, NaN                                  none
//              10 11  false, true                                none
//              18     -infinity .. -2^64                         8
//              19     integers -2^64 .. -2^55                    8
//              1A-20  -2^55 .. -1, size class 7 down to 1        7..1, and fraction
//              21     above -1, below 0                          8
//              22     0                                          none
//              23     above 0, below 1                           8
//              24-2A  1 .. 2^55, size class 1 up to 7            1..7, and fraction
//              2B     integers 2^55 .. 2^64                      8
//              2C     2^64 .. infinity                           8
//              40     text                                       escaped bytes, terminator 00
//              48     JSON                                       escaped bytes, terminator 00
//              50     blob                                       escaped bytes, terminator 00
#pragma once

#include <cstdint>

namespace quire::record {

using Tag = std::uint8_t;

inline constexpr Tag null_tag = 0x08;
inline constexpr Tag false_tag = 0x10;
inline constexpr Tag true_tag = 0x11;
inline constexpr Tag number_tag_min = 0x18;
inline constexpr Tag zero_tag = 0x22;
inline constexpr Tag number_tag_max = 0x2c;
inline constexpr Tag text_tag = 0x40;
inline constexpr Tag json_tag = 0x48;
inline constexpr Tag blob_tag = 0x50;

// Distance of a number's tag from zero_tag, upwards when positive and downwards when negative.
inline constexpr Tag below_one_class = 1;  // 0 < |x| < 1: the bits of the float64
inline constexpr Tag first_size_class = 2;  // 1 <= |x| < 2^55: class 1 + n has n bytes of integer part
inline constexpr Tag last_size_class = 8;
inline constexpr Tag wide_class = 9;   // 2^55 <= |x| < 2^64: 8 bytes of integer
inline constexpr Tag huge_class = 10;  // 2^64 <= |x|: the bits of the float64

static_assert(number_tag_min == zero_tag - huge_class && number_tag_max == zero_tag + huge_class);
static_assert(null_tag > 0 && blob_tag < 0x80, "an inverted tag must differ from every tag");

}  // namespace quire::record
