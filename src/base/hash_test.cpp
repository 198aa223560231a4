// Goal: checksums are XXH3-64 as published, so that files stay readable.
// Method: known answers of the xxHash project's own test vectors.
#include "base/hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace quire {
namespace {

// The input of the xxHash sanity test: bytes of a multiplicative generator.
std::array<std::byte, 2243> sanity_input() {
  std::array<std::byte, 2243> input{};
  std::uint64_t generator = 2654435761u;
  for (std::byte& byte : input) {
    byte = static_cast<std::byte>(generator >> 56);
    generator *= 11400714785074694797u;
  }
  return input;
}

TEST(hash, gives_the_published_answers) {
  const auto input = sanity_input();
  const Bytes bytes(input);
  EXPECT_EQ(hash64(bytes.first(0)), 0x2D06800538D394C2u);
  EXPECT_EQ(hash64(bytes.first(1)), 0xC44BDFF4074EECDBu);
  EXPECT_EQ(hash64(bytes.first(6)), 0x27B56A84CD2D7325u);
  EXPECT_EQ(hash64(bytes.first(12)), 0xA713DAF0DFBB77E7u);
  EXPECT_EQ(hash64(bytes.first(24)), 0xA3FE70BF9D3510EBu);
  EXPECT_EQ(hash64(bytes.first(48)), 0x397DA259ECBA1F11u);
  EXPECT_EQ(hash64(bytes.first(80)), 0xBCDEFBBB2C47C90Au);
  EXPECT_EQ(hash64(bytes.first(195)), 0xCD94217EE362EC3Au);
  EXPECT_EQ(hash64(bytes.first(403)), 0xCDEB804D65C6DEA4u);
}

TEST(hash, depends_on_the_seed) {
  const Bytes text = as_bytes("quire");
  EXPECT_EQ(hash64(text), hash64(text, 0));
  EXPECT_NE(hash64(text, 1), hash64(text, 2));
}

TEST(hash, takes_nothing_at_all) { EXPECT_EQ(hash64({}), 0x2D06800538D394C2u); }

TEST(streamed_hash, is_the_hash_of_the_whole_however_it_is_cut) {
  const auto input = sanity_input();
  for (const std::size_t length : {0u, 1u, 240u, 241u, 256u, 1024u, 2243u}) {
    const Bytes whole = Bytes(input).first(length);
    for (const std::size_t step : {1u, 7u, 64u, 255u, 3000u}) {
      StreamedHash hash;
      for (std::size_t at = 0; at < length; at += step) hash.add(whole.subspan(at, std::min(step, length - at)));
      EXPECT_EQ(hash.value(), hash64(whole)) << length << " in steps of " << step;
    }
  }
}

TEST(streamed_hash, may_be_asked_on_the_way) {
  const auto input = sanity_input();
  StreamedHash hash;
  hash.add(Bytes(input).first(100));
  EXPECT_EQ(hash.value(), hash64(Bytes(input).first(100)));
  hash.add(Bytes(input).subspan(100, 900));
  EXPECT_EQ(hash.value(), hash64(Bytes(input).first(1000)));
}

}  // namespace
}  // namespace quire
