// Numbers in keys.
//
// A number is its sign and its magnitude m. The tag says sign and size class; the bytes of a negative
// number are those of m inverted, so larger magnitudes sort lower. The classes of m, in order:
//
//   below one   0 < m < 1        the 8 bytes of the float64, big-endian; among positive float64 the bits
//                                order as the numbers do
//   size n      1 <= m < 2^55    n bytes, 1 to 7, of the integer 2 * floor(m) + (m has a fraction), as few
//                                as hold it; then the fraction, if there is one
//   wide        2^55 <= m < 2^64 8 bytes of m, which is an integer here
//   huge        2^64 <= m        the 8 bytes of the float64; only a float64 gets here, infinity included
//
// The fraction is what the float64's significand holds after its binary point: 52 - e bits with
// e = floor(log2 m), put at the front of as few whole bytes as hold them. Two numbers with the same
// integer part have the same e, hence fractions of the same length, so they order as big-endian bytes.
// A whole number sorts before those with its integer part and a fraction because the low bit is clear.
//
// Invariants   1. at most 9 bytes with the tag: integer part and fraction have e + 2 and 52 - e bits, and 54
//                 bits cut in two fill at most 8 whole bytes
//              2. tag and integer part determine the length, so what follows cannot change the order
//              3. every number has one encoding; reading refuses all others
#include "record/key_number.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <cmath>
#include <limits>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/try.hpp"

namespace quire::record {

namespace {

constexpr std::size_t significand_bits = 52;  // stored ones; the leading 1 is implied
constexpr std::uint64_t significand_mask = (std::uint64_t{1} << significand_bits) - 1;
constexpr std::uint64_t exponent_bias = 1023;

constexpr std::uint64_t wide_min = std::uint64_t{1} << 55;     // smallest magnitude of the wide class
constexpr std::uint64_t int64_min_magnitude = std::uint64_t{1} << 63;
constexpr std::uint64_t inexact_mask = (std::uint64_t{1} << 11) - 1;  // a float64 in [2^63, 2^64) has these clear
constexpr double huge_min = 18446744073709551616.0;            // 2^64
constexpr std::uint64_t huge_min_bits = std::bit_cast<std::uint64_t>(huge_min);
constexpr std::uint64_t one_bits = std::bit_cast<std::uint64_t>(1.0);
constexpr std::uint64_t infinity_bits = std::uint64_t{0x7ff} << significand_bits;

constexpr std::size_t bits_in(std::uint64_t number) { return static_cast<std::size_t>(std::bit_width(number)); }
constexpr std::size_t bytes_for(std::size_t bits) { return (bits + 7) / 8; }

// Bits and bytes of the fraction of a float64 whose integer part is `whole`; none from 2^52 on.
struct FractionSize {
  explicit FractionSize(std::uint64_t whole)
      : bits(significand_bits - std::min(bits_in(whole) - 1, significand_bits)),
        bytes(bytes_for(bits)),
        padding_bits(bytes * 8 - bits) {}
  std::size_t bits;
  std::size_t bytes;
  std::size_t padding_bits;
};

// Collects the bytes of one number and appends them at once.
class NumberWriter {
 public:
  NumberWriter(Tag tag_class, bool negative) : negative_(negative) {
    buffer_[0] = static_cast<char>(negative ? zero_tag - tag_class : zero_tag + tag_class);
  }

  // The low `count` bytes of `number`, big-endian.
  void put(std::uint64_t number, std::size_t count) {
    QUIRE_ASSERT(count >= 1 && used_ + count <= number_bytes_max);
    if (negative_) number = ~number;
    const std::uint64_t swapped = swap_bytes(number << (8 * (8 - count)));
    std::memcpy(&buffer_[used_], &swapped, sizeof swapped);
    used_ += count;
  }

  void append_to(std::string& out) const { out.append(buffer_.data(), used_); }

 private:
  std::array<char, number_bytes_max + 8> buffer_;  // put() writes 8 bytes and counts fewer
  std::size_t used_ = 1;
  bool negative_;
};

void append_whole(std::string& out, std::uint64_t magnitude, bool negative) {
  QUIRE_ASSERT(magnitude != 0);
  if (magnitude >= wide_min) {
    NumberWriter writer(wide_class, negative);
    writer.put(magnitude, 8);
    return writer.append_to(out);
  }
  const std::size_t bytes = bytes_for(bits_in(magnitude) + 1);
  NumberWriter writer(static_cast<Tag>(first_size_class - 1 + bytes), negative);
  writer.put(magnitude << 1, bytes);
  writer.append_to(out);
}

void append_bits(std::string& out, Tag tag_class, double magnitude, bool negative) {
  NumberWriter writer(tag_class, negative);
  writer.put(std::bit_cast<std::uint64_t>(magnitude), 8);
  writer.append_to(out);
}

Result<Value> read_wide(KeyReader& reader, bool negative) {
  const std::size_t start = reader.offset();
  QUIRE_ASSIGN(const std::uint64_t magnitude, reader.integer(8, negative));
  if (magnitude < wide_min) return reader.corrupt_at(start, "expected an integer of at least 2^55");
  if (magnitude < int64_min_magnitude) {
    const auto number = static_cast<std::int64_t>(magnitude);
    return Value(negative ? -number : number);
  }
  if (negative && magnitude == int64_min_magnitude) return Value(std::numeric_limits<std::int64_t>::min());
  if ((magnitude & inexact_mask) != 0) return reader.corrupt_at(start, "expected an int64 or a float64");
  const auto number = static_cast<double>(magnitude);
  return Value(negative ? -number : number);
}

Result<Value> read_bits(KeyReader& reader, Tag tag_class, bool negative) {
  const std::size_t start = reader.offset();
  QUIRE_ASSIGN(const std::uint64_t bits, reader.integer(8, negative));
  if (tag_class == huge_class) {
    if (bits < huge_min_bits || bits > infinity_bits) return reader.corrupt_at(start, "expected a float64 of at least 2^64");
  } else if (bits == 0 || bits >= one_bits) {
    return reader.corrupt_at(start, "expected a float64 between 0 and 1");
  }
  const auto magnitude = std::bit_cast<double>(bits);
  return Value(negative ? -magnitude : magnitude);
}

// Reads the fraction and joins it to the integer part.
Result<Value> read_fraction(KeyReader& reader, std::uint64_t whole, bool negative) {
  const FractionSize size(whole);
  const std::size_t start = reader.offset();
  if (size.bits == 0) return reader.corrupt_at(start, "expected no fraction from 2^52 on");
  QUIRE_ASSIGN(const std::uint64_t padded, reader.integer(size.bytes, negative));
  const std::uint64_t fraction = padded >> size.padding_bits;
  if (fraction == 0) return reader.corrupt_at(start, "expected a fraction other than 0");
  if (fraction << size.padding_bits != padded) return reader.corrupt_at(start, "expected clear bits after the fraction");
  const std::uint64_t exponent = significand_bits - size.bits + exponent_bias;
  const std::uint64_t significand = (whole << size.bits & significand_mask) | fraction;
  const auto magnitude = std::bit_cast<double>(exponent << significand_bits | significand);
  return Value(negative ? -magnitude : magnitude);
}

}  // namespace

void append_integer(std::string& out, std::int64_t number) {
  if (number == 0) return out.push_back(static_cast<char>(zero_tag));
  const auto bits = static_cast<std::uint64_t>(number);
  append_whole(out, number < 0 ? 0 - bits : bits, number < 0);
}

void append_float(std::string& out, double number) {
  QUIRE_ASSERT(!std::isnan(number));
  if (number == 0) return out.push_back(static_cast<char>(zero_tag));
  const bool negative = number < 0;
  const double magnitude = std::abs(number);
  if (magnitude >= huge_min) return append_bits(out, huge_class, magnitude, negative);
  if (magnitude < 1) return append_bits(out, below_one_class, magnitude, negative);
  const auto whole = static_cast<std::uint64_t>(magnitude);
  const FractionSize size(whole);
  const std::uint64_t fraction = std::bit_cast<std::uint64_t>(magnitude) & ((std::uint64_t{1} << size.bits) - 1);
  if (fraction == 0) return append_whole(out, whole, negative);

  const std::size_t bytes = bytes_for(bits_in(whole) + 1);
  NumberWriter writer(static_cast<Tag>(first_size_class - 1 + bytes), negative);
  writer.put(whole << 1 | 1, bytes);
  writer.put(fraction << size.padding_bits, size.bytes);
  writer.append_to(out);
}

Result<Value> read_number(KeyReader& reader, Tag tag) {
  QUIRE_ASSERT(tag >= number_tag_min && tag <= number_tag_max);
  if (tag == zero_tag) return Value(0);
  const bool negative = tag < zero_tag;
  const auto tag_class = static_cast<Tag>(negative ? zero_tag - tag : tag - zero_tag);
  if (tag_class == wide_class) return read_wide(reader, negative);
  if (tag_class == huge_class || tag_class == below_one_class) return read_bits(reader, tag_class, negative);

  QUIRE_ASSERT(tag_class >= first_size_class && tag_class <= last_size_class);
  const auto bytes = static_cast<std::size_t>(tag_class - first_size_class + 1);
  const std::size_t start = reader.offset();
  QUIRE_ASSIGN(const std::uint64_t doubled, reader.integer(bytes, negative));
  const std::uint64_t whole = doubled >> 1;
  if (whole == 0 || doubled >> (8 * (bytes - 1)) == 0) {
    return reader.corrupt_at(start, "expected an integer part in its shortest form");
  }
  if ((doubled & 1) != 0) return read_fraction(reader, whole, negative);
  const auto number = static_cast<std::int64_t>(whole);
  return Value(negative ? -number : number);
}

}  // namespace quire::record
