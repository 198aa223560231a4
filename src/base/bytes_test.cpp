// Goal: integers are stored in the byte order that the format states, at any alignment.
// Method: known bytes, and a round trip of random numbers through an unaligned place.
#include "base/bytes.hpp"

#include <gtest/gtest.h>

#include <array>

#include "base/random.hpp"

namespace quire {
namespace {

TEST(bytes, stores_little_endian) {
  std::array<std::byte, 4> place{};
  store_le(place.data(), std::uint32_t{0x01020304});
  EXPECT_EQ(as_text(place), std::string_view("\x04\x03\x02\x01", 4));
}

TEST(bytes, stores_big_endian) {
  std::array<std::byte, 4> place{};
  store_be(place.data(), std::uint32_t{0x01020304});
  EXPECT_EQ(as_text(place), std::string_view("\x01\x02\x03\x04", 4));
}

TEST(bytes, loads_what_was_stored_at_any_alignment) {
  Random random(1);
  std::array<std::byte, 24> place{};
  for (int round = 0; round < 1000; ++round) {
    const std::uint64_t number = random.next() >> random.below(64);
    std::byte* at = place.data() + random.below(16);
    store_le(at, number);
    EXPECT_EQ(load_le<std::uint64_t>(at), number);
    EXPECT_EQ(load_be<std::uint64_t>(at), swap_bytes(number));
    store_be(at, static_cast<std::uint16_t>(number));
    EXPECT_EQ(load_be<std::uint16_t>(at), static_cast<std::uint16_t>(number));
  }
}

TEST(bytes, big_endian_makes_memcmp_order_numbers) {
  Random random(2);
  for (int round = 0; round < 1000; ++round) {
    const std::uint64_t a = random.next() >> random.below(64);
    const std::uint64_t b = random.next() >> random.below(64);
    std::array<std::byte, 8> of_a{};
    std::array<std::byte, 8> of_b{};
    store_be(of_a.data(), a);
    store_be(of_b.data(), b);
    EXPECT_EQ(a < b, std::memcmp(of_a.data(), of_b.data(), 8) < 0);
  }
}

TEST(bytes, views_text_as_bytes_and_back) {
  const std::string_view text("a\0b", 3);
  EXPECT_EQ(as_text(as_bytes(text)), text);
  EXPECT_EQ(as_text(as_bytes(text).data(), 1), "a");
}

TEST(bytes, copies_nothing_from_nothing) {
  std::byte place{7};
  copy_bytes(&place, std::string_view());
  EXPECT_EQ(place, std::byte{7});
}

}  // namespace
}  // namespace quire
