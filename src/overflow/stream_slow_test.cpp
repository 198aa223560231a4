// Goal: a value of 1 GiB goes in, comes back and is freed, in a pool of 16 MiB.
// Method: pieces of odd sizes from a generator, checkpoints in between; read back whole and at random places; freed in slices.
#include "overflow/reader.hpp"
#include "overflow/test_values.hpp"
#include "overflow/writer.hpp"

namespace quire::overflow {
namespace {

// Byte n of the value is byte n of this text, over and over; its length shares no factor with any page size.
std::string pattern() { return random_text(1000003, 11); }

TEST(overflow_slow, takes_a_value_of_a_gibibyte) {
  os::MemFileSystem files;
  Pages pages(files, {.page_bytes = 8192, .frames = 2048});
  register_kinds(pages);
  constexpr std::uint64_t length = std::uint64_t{1} << 30;
  const std::string text = pattern();
  Writer writer(pages.resources, test_tree);
  while (writer.length() < length) {
    const std::uint64_t at = writer.length() % text.size();
    const std::uint64_t bytes = std::min<std::uint64_t>(length - writer.length(), 777777);
    ASSERT_EQ(writer.append(std::string_view(text).substr(at, bytes)).to_string(), "ok");
  }
  const Stub stub = writer.finish().value();
  pages.publish();
  ASSERT_EQ(stub.length, length);
  ASSERT_EQ(published_pages(pages).size(), pages_for(length, 8192));

  Reader reader(pages.pool, stub);
  std::string into(500000, '\0');
  for (std::uint64_t at = 0; at < length;) {
    const std::size_t bytes = std::min<std::size_t>(into.size(), text.size() - at % text.size());
    const std::size_t got = reader.read(std::as_writable_bytes(std::span(into)).first(bytes)).value();
    ASSERT_EQ(std::string_view(into).substr(0, got), std::string_view(text).substr(at % text.size(), got)) << at;
    at += got;
  }
  Random random(3);
  for (int n = 0; n < 2000; ++n) {
    const std::uint64_t at = random.below(length - 100);
    ASSERT_EQ(reader.read(at, std::as_writable_bytes(std::span(into)).first(1)).value(), 1u);
    ASSERT_EQ(into[0], text[at % text.size()]) << at;
  }
  for (bool all = false; !all;) {
    all = free_some(pages.resources, stub.first, 1000).value();
    pages.publish();
  }
  EXPECT_EQ(published_pages(pages).size(), 0u);
}

}  // namespace
}  // namespace quire::overflow
