// Goal: a value that comes in pieces is the value, one that never ends leaves nothing, and any part of it can be read.
// Method: every border length in pieces of every size, over one epoch and many; abandoning at every length and room that runs
//         out at every step, pages counted after; reads at random places against the value; a value longer than memory.
#include "overflow/reader.hpp"
#include "overflow/test_values.hpp"
#include "overflow/writer.hpp"

namespace quire::overflow {
namespace {

Status append_in_pieces(Writer& writer, std::string_view value, std::size_t piece_bytes) {
  for (std::size_t at = 0; at < value.size(); at += piece_bytes) {
    Status status = writer.append(value.substr(at, piece_bytes));
    if (!status.ok()) return status;
  }
  return Status();
}

std::string read_at(Pages& pages, Reader& reader, std::uint64_t offset, std::size_t bytes) {
  std::string into(bytes, '?');
  const Result<std::size_t> got = reader.read(offset, std::as_writable_bytes(std::span(into)));
  if (!got.ok()) return "failed: " + got.status().to_string();
  EXPECT_EQ(reader.position(), std::min(offset, reader.length()) + *got);
  EXPECT_LE(pages.pool.counters().frames_used, pages.pool.counters().frames);
  return into.substr(0, *got);
}

TEST(overflow_writer, makes_the_same_value_of_any_pieces) {
  for (const std::uint32_t page_bytes : {4096u, 65536u}) {
    const std::size_t payload = payload_bytes(page_bytes);
    for (const std::uint64_t length : border_lengths(page_bytes)) {
      os::MemFileSystem files;
      Pages pages(files, {.page_bytes = page_bytes, .frames = 1300});
      register_kinds(pages);
      const std::string value = random_text(length, length);
      for (const std::size_t piece :
           {std::size_t{100}, payload - 1, payload, payload + 1, 5 * payload + 3, std::size_t{1} << 30}) {
        if (length > 300 * payload && piece == 100) continue;
        SCOPED_TRACE("page " + std::to_string(page_bytes) + ", value " + std::to_string(length) + " in " +
                     std::to_string(piece));
        Writer writer(pages.resources, test_tree);
        ASSERT_EQ(append_in_pieces(writer, value, piece).to_string(), "ok");
        EXPECT_EQ(writer.length(), length);
        const Stub stub = writer.finish().value();
        EXPECT_EQ(stub.first, writer.first());
        EXPECT_EQ(stub.checksum, hash64(as_bytes(value)));
        ASSERT_EQ(read_back(pages, stub) == value, true) << read_back(pages, stub).substr(0, 100);
        EXPECT_EQ(writer.append("more").code(), Code::invalid);
        EXPECT_EQ(writer.finish().code(), Code::invalid);
        EXPECT_TRUE(writer.abandon().ok()) << "finished: nothing to abandon";
        pages.publish();
        EXPECT_EQ(published_pages(pages).size(), pages_for(length, page_bytes));
        ASSERT_EQ(free(pages.resources, stub).to_string(), "ok");
        pages.publish();
        EXPECT_EQ(published_pages(pages).size(), 0u);
      }
    }
  }
}

TEST(overflow_writer, reaches_all_that_it_has_written_at_any_moment) {
  os::MemFileSystem files;
  Pages pages(files, {.frames = 64});
  register_kinds(pages);
  const std::string value = random_text(4064 * 1100, 5);  // three index pages
  Writer writer(pages.resources, test_tree);
  for (std::size_t at = 0; at < value.size(); at += 50000) {
    ASSERT_EQ(writer.append(std::string_view(value).substr(at, 50000)).to_string(), "ok");
    pages.publish();
    ASSERT_EQ(published_pages(pages), chain_of(pages, writer.first()));
  }
  const Stub stub = writer.finish().value();
  pages.publish();
  EXPECT_EQ(read_back(pages, stub) == value, true);
}

TEST(overflow_writer, leaves_nothing_when_it_is_dropped_at_any_length) {
  os::MemFileSystem files;
  Pages pages(files, {.frames = 1300});
  register_kinds(pages);
  const std::string value = random_text(4064 * 512, 5);
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{1}, std::size_t{4063}, std::size_t{4064}, std::size_t{4065}, std::size_t{20000},
        std::size_t{4064} * 506, std::size_t{4064} * 507, std::size_t{4064} * 511 + 9}) {
    for (const bool told : {true, false}) {
      SCOPED_TRACE(length);
      {
        Writer writer(pages.resources, test_tree);
        ASSERT_TRUE(writer.append(std::string_view(value).substr(0, length)).ok());
        if (told) {
          EXPECT_EQ(writer.abandon().to_string(), "ok");
          EXPECT_EQ(writer.first(), no_page);
          EXPECT_EQ(writer.append("x").code(), Code::invalid);
        }
      }
      pages.publish();
      ASSERT_EQ(published_pages(pages).size(), 0u);
      ASSERT_EQ(pages.space.blocks.reserved_units(), pages.resources.spare_units());
    }
  }
}

TEST(overflow_writer, leaves_nothing_when_the_disk_is_full_at_any_step) {
  const std::string value = random_text(4064 * 600, 8);
  int failures = 0;
  for (std::uint64_t room = 0;; room += 5 * 4096) {
    os::MemFileSystem files;
    Pages pages(files, {.frames = 1300});
    register_kinds(pages);
    const Stub kept = write(pages.resources, test_tree, random_text(20000, 1)).value();
    pages.publish();
    files.set_quota(files.used_bytes() + room);
    const Result<Stub> written = write(pages.resources, test_tree, value);
    files.set_quota(os::MemFileSystem::no_quota);
    pages.publish();
    EXPECT_EQ(pages.space.blocks.reserved_units(), pages.resources.spare_units());
    EXPECT_EQ(read_back(pages, kept) == random_text(20000, 1), true);
    if (written.ok()) {
      EXPECT_EQ(read_back(pages, *written) == value, true);
      break;
    }
    ++failures;
    ASSERT_EQ(written.code(), Code::full);
    ASSERT_EQ(published_pages(pages), chain_of(pages, kept.first)) << "room of " << room;
  }
  EXPECT_GT(failures, 20);
}

TEST(overflow_reader, gives_any_part_of_a_value) {
  os::MemFileSystem files;
  Pages pages(files, {.frames = 1800});
  register_kinds(pages);
  const std::string value = random_text(4064 * 1300 + 77, 4);
  const Stub stub = write(pages.resources, test_tree, value).value();
  pages.publish();
  Pages again(files, {.frames = 16}, pages.space.root);
  register_kinds(again);
  Reader reader(again.pool, stub);
  Random random(2);
  for (int n = 0; n < 500; ++n) {
    const std::uint64_t offset = random.below(value.size() + 5000);
    const std::size_t bytes = random.below(n % 20 == 0 ? 60000 : 300);
    const std::string expected = offset < value.size() ? value.substr(offset, bytes) : std::string();
    ASSERT_EQ(read_at(again, reader, offset, bytes) == expected, true) << offset << " " << bytes;
  }
  EXPECT_EQ(read_at(again, reader, value.size(), 10), "");
  EXPECT_EQ(read_at(again, reader, ~std::uint64_t{0}, 10), "");
}

TEST(overflow_reader, seeks_by_index_pages_alone) {
  os::MemFileSystem files;
  Pages pages(files, {.frames = 1800});
  register_kinds(pages);
  const std::string value = random_text(4064 * 506 * 3, 4);
  const Stub stub = write(pages.resources, test_tree, value).value();
  pages.publish();
  Pages again(files, {.frames = 64}, pages.space.root);
  register_kinds(again);
  Reader reader(again.pool, stub);
  const auto misses_of = [&](std::uint64_t offset) {
    const std::uint64_t before = again.pool.counters().misses;
    EXPECT_EQ(read_at(again, reader, offset, 10), value.substr(offset, 10));
    return again.pool.counters().misses - before;
  };
  EXPECT_EQ(misses_of(value.size() - 10), 4u) << "three index pages and one data page";
  EXPECT_EQ(misses_of(value.size() - 10 - 4064 * 300), 1u) << "the index page is known";
}

TEST(overflow_reader, checks_the_whole_when_it_reads_the_whole) {
  os::MemFileSystem files;
  Pages pages(files, {.frames = 200});
  register_kinds(pages);
  const std::string value = random_text(100000, 4);
  Stub stub = write(pages.resources, test_tree, value).value();
  stub.checksum ^= 1;
  for (const std::size_t piece :
       {std::size_t{1000}, std::size_t{4064}, std::size_t{99999}, std::size_t{100000}, std::size_t{200000}}) {
    Reader reader(pages.pool, stub);
    std::string into(piece, '\0');
    Result<std::size_t> got = 0;
    do got = reader.read(std::as_writable_bytes(std::span(into)));
    while (got.ok() && *got == piece);
    ASSERT_EQ(got.code(), Code::corrupt) << piece;
    EXPECT_THAT(std::string(got.status().message()), testing::HasSubstr("fails its checksum"));
  }
  Reader reader(pages.pool, stub);
  EXPECT_EQ(read_at(pages, reader, 50000, 50000) == value.substr(50000), true) << "a part does not show the whole";
  EXPECT_EQ(read_at(pages, reader, 0, 50000) == value.substr(0, 50000), true);
  EXPECT_THAT(read_at(pages, reader, 50000, 50000), testing::HasSubstr("fails its checksum"))
      << "now all was read in order";
}

TEST(overflow_reader, knows_the_checksum_of_nothing) {
  os::MemFileSystem files;
  Pages pages(files);
  register_kinds(pages);
  Stub stub = write(pages.resources, test_tree, "").value();
  EXPECT_EQ(stub.first, no_page);
  EXPECT_EQ(read_back(pages, stub), "");
  EXPECT_TRUE(free(pages.resources, stub).ok());
  stub.checksum ^= 1;
  EXPECT_THAT(read_back(pages, stub), testing::HasSubstr("fails its checksum"));
}

// Sixteen times as long as memory; checkpoints let the pool give pages away.
TEST(overflow_writer, makes_a_value_longer_than_memory) {
  os::MemFileSystem files;
  Pages pages(files, {.page_bytes = 8192, .frames = 512});
  register_kinds(pages);
  constexpr std::uint64_t length = std::uint64_t{64} << 20;
  const std::string block = random_text(1 << 20, 3);
  Writer writer(pages.resources, test_tree);
  for (std::uint64_t at = 0; at < length; at += block.size()) {
    ASSERT_EQ(writer.append(block).to_string(), "ok");
    pages.publish();
  }
  const Stub stub = writer.finish().value();
  pages.publish();
  EXPECT_EQ(stub.length, length);
  Reader reader(pages.pool, stub);
  for (std::uint64_t at = 0; at < length; at += block.size()) {
    ASSERT_EQ(read_at(pages, reader, at, block.size()) == block, true);
  }
  bool all = false;
  int slices = 0;
  for (; !all; ++slices) {
    all = free_some(pages.resources, stub.first, 300).value();
    pages.publish();
  }
  EXPECT_GT(slices, 20);
  EXPECT_EQ(published_pages(pages).size(), 0u);
}

}  // namespace
}  // namespace quire::overflow
