// Goal: chunked bytes behave like a string, and copies never feel each other's changes.
// Method: random operations on several copies, each with a std::string as its model.
#include "os/mem/chunked_bytes.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace quire::os {
namespace {

TEST(chunked_bytes, agree_with_strings_across_copies) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    std::vector<ChunkedBytes> all(3);
    std::vector<std::string> models(3);
    for (int step = 0; step < 200; ++step) {
      const auto which = static_cast<std::size_t>(random.below(3));
      const auto other = static_cast<std::size_t>(random.below(3));
      const auto offset = static_cast<std::size_t>(random.below(30000));
      const std::string text(static_cast<std::size_t>(random.below(6000)), static_cast<char>('a' + step % 26));
      switch (random.below(4)) {
        case 0:
          all[which].resize(offset);
          models[which].resize(offset);
          break;
        case 1:
          all[which] = all[other];
          models[which] = models[other];
          break;
        case 2: {
          // One chunk of another array, as an image takes it.
          const std::uint64_t index = offset / chunk_bytes;
          std::string chunk = models[other] + std::string(12 * chunk_bytes - models[other].size(), '\0');
          chunk = chunk.substr(index * chunk_bytes, chunk_bytes);
          all[which].set_chunk(index, all[other].chunk(index));
          for (std::size_t at = 0; at < chunk_bytes && index * chunk_bytes + at < models[which].size(); ++at) {
            models[which][index * chunk_bytes + at] = chunk[at];
          }
          break;
        }
        default:
          all[which].write(offset, as_bytes(text));
          if (!text.empty()) models[which].resize(std::max(models[which].size(), offset + text.size()));
          if (!text.empty()) models[which].replace(offset, text.size(), text);
      }
      for (std::size_t at = 0; at < 3; ++at) ASSERT_EQ(all[at].to_string(), models[at]) << "seed " << seed;
    }
  }
}

TEST(chunked_bytes, share_memory_until_one_changes) {
  ChunkedBytes one;
  one.write(0, as_bytes(std::string(3 * chunk_bytes, 'x')));
  ChunkedBytes other = one;
  EXPECT_EQ(one.chunk(0), other.chunk(0));
  other.write(chunk_bytes, as_bytes("y"));
  EXPECT_EQ(one.chunk(0), other.chunk(0));
  EXPECT_NE(one.chunk(1), other.chunk(1));
  EXPECT_EQ(one.chunk(2), other.chunk(2));
}

TEST(chunked_bytes, take_no_memory_for_holes) {
  ChunkedBytes bytes;
  bytes.resize(std::uint64_t{1} << 40);
  EXPECT_FALSE(bytes.has_chunk(5));
  std::byte byte{1};
  EXPECT_EQ(bytes.read((std::uint64_t{1} << 40) - 1, {&byte, 1}), 1u);
  EXPECT_EQ(byte, std::byte{0});
}

}  // namespace
}  // namespace quire::os
