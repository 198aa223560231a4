// Goal: a field table that leaves out, repeats or overlaps a byte is refused, and FieldAt touches exactly the
//       bytes its table names.
// Method: examples at compile time; every table of the page header against a byte-by-byte copy.
#include "page/field.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "page/layout.hpp"

namespace quire::page {
namespace {

constexpr Field whole[] = {{"a", 8, 4}, {"b", 12, 1}, {"c", 13, 3}};
constexpr Field with_gap[] = {{"a", 8, 4}, {"b", 13, 3}};
constexpr Field overlapping[] = {{"a", 8, 4}, {"b", 11, 5}};
constexpr Field disordered[] = {{"b", 12, 4}, {"a", 8, 4}};
constexpr Field empty_field[] = {{"a", 8, 4}, {"b", 12, 0}, {"c", 12, 4}};

static_assert(packed(whole, 8, 16));
static_assert(!packed(whole, 7, 16), "begins late");
static_assert(!packed(whole, 9, 16), "begins early");
static_assert(!packed(whole, 8, 17), "ends early");
static_assert(!packed(whole, 8, 15), "ends late");
static_assert(!packed(with_gap, 8, 16));
static_assert(!packed(overlapping, 8, 16));
static_assert(!packed(disordered, 8, 16));
static_assert(!packed(empty_field, 8, 16));
static_assert(packed({}, 8, 8), "nothing covers nothing");
static_assert(field(whole, "c").offset == 13 && field(whole, "c").bytes == 3);

TEST(field, packed_is_true_only_when_every_byte_belongs_to_one_field) {
  // All tables of up to three fields within six bytes, against a count per byte.
  constexpr std::uint32_t bytes = 6;
  std::uint64_t accepted = 0;
  for (std::uint32_t code = 0; code < 7 * 7 * 7 * 7 * 7 * 7; ++code) {
    std::uint32_t digits = code;
    Field fields[3];
    for (Field& f : fields) {
      f.offset = digits % 7;
      digits /= 7;
      f.bytes = digits % 7;
      digits /= 7;
    }
    std::uint32_t at = 0;
    bool right = true;
    for (const Field& f : fields) {
      right = right && f.offset == at && f.bytes > 0;
      at += f.bytes;
    }
    right = right && at == bytes;
    ASSERT_EQ(packed(fields, 0, bytes), right) << code;
    accepted += right ? 1 : 0;
  }
  EXPECT_EQ(accepted, 10u);  // ways to cut six bytes in three
}

TEST(field, access_touches_the_bytes_of_the_field_alone) {
  static constexpr Field fields[] = {{"one", 0, 1}, {"two", 1, 2}, {"four", 3, 4}, {"eight", 7, 8}};
  static_assert(packed(fields, 0, 15));
  const FieldAt<std::uint8_t> one{field(fields, "one")};
  const FieldAt<std::uint16_t> two{field(fields, "two")};
  const FieldAt<std::uint32_t> four{field(fields, "four")};
  const FieldAt<std::uint64_t> eight{field(fields, "eight")};
  std::vector<std::byte> bytes(15);
  one.set(bytes.data(), 0x01);
  two.set(bytes.data(), 0x0302);
  four.set(bytes.data(), 0x07060504);
  eight.set(bytes.data(), 0x0F0E0D0C0B0A0908);
  for (std::size_t i = 0; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], std::byte(i + 1)) << "little-endian at byte " << i;
  EXPECT_EQ(one.get(bytes.data()), 0x01);
  EXPECT_EQ(two.get(bytes.data()), 0x0302);
  EXPECT_EQ(four.get(bytes.data()), 0x07060504u);
  EXPECT_EQ(eight.get(bytes.data()), 0x0F0E0D0C0B0A0908u);
}

TEST(page_layout, has_the_header_of_the_design) {
  EXPECT_EQ(header::type.offset, 0u);
  EXPECT_EQ(header::flags.offset, 1u);
  EXPECT_EQ(header::layout.offset, 2u);
  EXPECT_EQ(header::tree_id.offset, 4u);
  EXPECT_EQ(header::page_id.offset, 8u);
  EXPECT_EQ(header::max_xid.offset, 16u);
  EXPECT_EQ(header::generation.offset, 24u);
}

TEST(page_layout, knows_the_page_sizes) {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t bytes = 0; bytes <= 3 * page_bytes_max; ++bytes) {
    if (is_page_size(bytes)) sizes.push_back(bytes);
  }
  EXPECT_EQ(sizes, (std::vector<std::uint64_t>{4096, 8192, 16384, 32768, 65536}));
  EXPECT_FALSE(is_page_size(std::uint64_t{1} << 32 | 4096));
}

TEST(page_layout, formats_a_page_and_forgets_what_was_in_it) {
  std::vector<std::byte> bytes(4096, std::byte{0xFF});
  format_page(bytes, {PageType::leaf, TreeId{7}, PageId{0x123456789A}});
  EXPECT_EQ(type_of(bytes.data()), PageType::leaf);
  EXPECT_EQ(tree_of(bytes.data()), TreeId{7});
  EXPECT_EQ(id_of(bytes.data()), PageId{0x123456789A});
  EXPECT_EQ(header::generation.get(bytes.data()), 0u);
  for (std::size_t i = header_bytes; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], std::byte{0}) << i;
}

TEST(page_layout, keeps_every_offset_of_a_page_in_sixteen_bits) {
  for (std::uint32_t offset = 1; offset <= page_bytes_max; ++offset) ASSERT_EQ(end_offset(to_offset16(offset)), offset);
}

TEST(page_layout, names_every_type) {
  for (std::size_t type = 0; type < page_type_count; ++type) {
    EXPECT_NE(page_type_name(static_cast<PageType>(type)), "unknown") << type;
  }
  EXPECT_EQ(page_type_name(PageType::bitmap), "bitmap");
  EXPECT_EQ(page_type_name(static_cast<PageType>(14)), "unknown");
  EXPECT_EQ(page_type_name(static_cast<PageType>(255)), "unknown");
}

}  // namespace
}  // namespace quire::page
