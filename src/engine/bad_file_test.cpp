// Files that are not what they should be.
//
// Goal     junk, truncated, zeroed and foreign files, newer formats and single flipped bytes give one clear error or
//          are read right; never a crash, never a wrong answer; a file that is refused keeps every byte (I15)
// Method   a small real database; each damage on a fresh copy; open, read everything, verify
#include "engine/test_engine.hpp"

#include "base/random.hpp"
#include "support/environment.hpp"

namespace quire::engine {
namespace {

using testing::HasSubstr;

const SmallDatabase& good() {
  static const SmallDatabase small = make_small_database();
  return small;
}

// Opens, reads everything and verifies. ok when all that went well and the rows are the right ones.
Status examine(os::SimEnvironment& machine, Mode mode) {
  QUIRE_ASSIGN(const EnginePointer engine, open_shared(machine.environment(), test_path, small_options(mode)));
  QUIRE_TRY(engine->verify(0).status());
  QUIRE_ASSIGN(const Model rows, rows_of(*engine));
  return rows == good().rows ? Status() : Status(Code::unknown_outcome, "other rows than were written");
}

// The outcome for a file of these bytes; a refused file must be as it was.
Status outcome_of(const std::string& bytes, Mode mode = Mode::open) {
  os::SimEnvironment machine({.seed = 1});
  machine.files().install(test_path, bytes);
  Status status = examine(machine, mode);
  if (!open_shared(machine.environment(), test_path, small_options(mode)).ok() || mode == Mode::read_only) {
    EXPECT_TRUE(machine.files().contents(test_path).value() == bytes) << "a refused file was changed: " << status.to_string();
  }
  return status;
}

void expect_refused(const std::string& bytes, Code code, const std::string& text) {
  for (const Mode mode : {Mode::create, Mode::open, Mode::read_only}) {
    const Status status = outcome_of(bytes, mode);
    EXPECT_EQ(status, code) << status.to_string();
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
    EXPECT_THAT(std::string(status.message()), HasSubstr(test_path));
  }
}

TEST(bad_file, is_not_the_small_database_itself) {
  EXPECT_EQ(outcome_of(good().bytes).to_string(), "ok");
  EXPECT_EQ(outcome_of(good().bytes, Mode::read_only).to_string(), "ok");
}

TEST(bad_file, of_junk_is_refused) {
  Random random(1);
  std::string junk(50000, '\0');
  for (char& c : junk) c = static_cast<char>(random.next());
  expect_refused(junk, Code::corrupt, "is not a Quire database");
  expect_refused("x", Code::corrupt, "is not a Quire database");
  expect_refused("name,country\nOslo,NO\n", Code::corrupt, "is not a Quire database");
}

TEST(bad_file, of_zeros_is_refused) {
  expect_refused(std::string(1, '\0'), Code::corrupt, "both superblocks are zeros");
  expect_refused(std::string(good().bytes.size(), '\0'), Code::corrupt, "both superblocks are zeros");
}

TEST(bad_file, of_sqlite_is_called_by_its_name) {
  expect_refused(std::string("SQLite format 3\0", 16) + std::string(8176, '\0'), Code::corrupt, "a file in SQLite's format");
}

TEST(bad_file, with_zeroed_superblocks_is_refused) {
  std::string bytes = good().bytes;
  bytes.replace(0, 2 * 4096, std::string(2 * 4096, '\0'));
  expect_refused(bytes, Code::corrupt, "both superblocks are zeros");
}

// Every copy replaced by one that says `change`, with its checksum right.
std::string with_superblocks(const std::function<void(std::byte*)>& change) {
  std::string bytes = good().bytes;
  for (const std::size_t at : {0u, 2048u, 4096u, 6144u}) {
    std::vector<std::byte> copy(space::superblock_bytes);
    std::memcpy(copy.data(), bytes.data() + at, copy.size());
    change(copy.data());
    space::sb::checksum.set(copy.data(), hash64({copy.data(), space::sb::checksum_offset}));
    bytes.replace(at, copy.size(), as_text(copy));
  }
  return bytes;
}

TEST(bad_file, of_a_newer_format_is_unsupported) {
  expect_refused(with_superblocks([](std::byte* p) { space::sb::format.set(p, 99); }), Code::unsupported, "format 99");
  expect_refused(with_superblocks([](std::byte* p) { space::sb::required.set(p, 4); }), Code::unsupported, "features");
}

// Nothing has to be taken back, but it takes no flag to know that.
TEST(bad_file, that_says_it_was_not_closed_cleanly_is_recovered) {
  EXPECT_EQ(outcome_of(with_superblocks([](std::byte* p) { space::sb::flags.set(p, 0); })).to_string(), "ok");
}

TEST(bad_file, with_impossible_superblock_values_is_corrupt) {
  expect_refused(with_superblocks([](std::byte* p) { space::sb::page_shift.set(p, 3); }), Code::corrupt, "page size");
  expect_refused(with_superblocks([](std::byte* p) { space::sb::file_blocks.set(p, 1 << 20); }), Code::corrupt, "truncated");
  expect_refused(with_superblocks([](std::byte* p) { space::sb::file_blocks.set(p, 1); }), Code::corrupt, "blocks in the file");
  expect_refused(with_superblocks([](std::byte* p) { space::sb::table_depth.set(p, 9); }), Code::corrupt, "depth");
  expect_refused(with_superblocks([](std::byte* p) { space::sb::bitmap_depth.set(p, 9); }), Code::corrupt, "depth");
}

// Values that a superblock with a right checksum could hold, were it written by a mistaken or hostile hand.
TEST(bad_file, with_random_superblock_values_is_refused_or_read_right) {
  Random random(5);
  for (int round = 0; round < 400; ++round) {
    const std::uint64_t offset = random.between({56, 160});
    const auto flip = static_cast<std::byte>(1u << random.below(8));
    const std::string bytes = with_superblocks([&](std::byte* p) { p[offset] ^= flip; });
    const Status status = outcome_of(bytes);
    const bool clear = status.ok() || status == Code::corrupt || status == Code::unsupported || status == Code::limit;
    EXPECT_TRUE(clear) << "byte " << offset << ": " << status.to_string();
  }
}

// SB-1: the slot is a function of the generation, so a superblock in the other slot was misdirected.
TEST(bad_file, with_superblocks_in_the_wrong_slots_is_corrupt) {
  std::string bytes = good().bytes;
  std::swap_ranges(bytes.begin(), bytes.begin() + 4096, bytes.begin() + 4096);
  expect_refused(bytes, Code::corrupt, "wrong slot");
  // The newest one in both slots: the one in its own counts.
  std::string doubled = good().bytes;
  const auto generation = [&](std::size_t at) { return space::sb::generation.get(as_bytes(doubled).data() + at); };
  const std::size_t newest = generation(0) > generation(4096) ? 0 : 4096;
  doubled.replace(4096 - newest, 4096, good().bytes, newest, 4096);
  EXPECT_EQ(outcome_of(doubled).to_string(), "ok");
}

TEST(bad_file, cut_off_anywhere_is_refused) {
  const std::string& whole = good().bytes;
  std::vector<std::size_t> lengths{1, 511, 512, 2048, 4095, 4096, 4097, 8191, 8192, 8193, whole.size() - 4096, whole.size() - 1};
  for (std::size_t bytes = 1; bytes < whole.size(); bytes += 1009) lengths.push_back(bytes);
  for (const std::size_t bytes : lengths) {
    const Status status = outcome_of(whole.substr(0, bytes));
    EXPECT_EQ(status, Code::corrupt) << bytes << " bytes: " << status.to_string();
    EXPECT_FALSE(status.message().empty());
  }
}

TEST(bad_file, with_something_behind_its_end_is_read_right) {
  EXPECT_EQ(outcome_of(good().bytes + std::string(100000, 'x')).to_string(), "ok");
  EXPECT_EQ(outcome_of(good().bytes + "x").to_string(), "ok");
}

TEST(bad_file, with_a_flipped_byte_is_refused_by_name_or_read_right) {
  const std::string& whole = good().bytes;
  const std::uint64_t samples = test::number_from_environment("QUIRE_SAMPLES", 1200);
  Random random(7);
  std::uint64_t noticed = 0;
  for (std::uint64_t sample = 0; sample < samples; ++sample) {
    std::string bytes = whole;
    const std::uint64_t at = random.chance(1, 8) ? random.below(8192) : random.below(whole.size());
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
    const Status status = outcome_of(bytes, sample % 2 == 0 ? Mode::open : Mode::read_only);
    if (status.ok()) continue;
    ++noticed;
    EXPECT_EQ(status, Code::corrupt) << "byte " << at << ": " << status.to_string();
    EXPECT_THAT(std::string(status.message()), HasSubstr(test_path)) << "byte " << at;
  }
  EXPECT_GT(noticed, samples / 4);
}

// Whole blocks: zeroed, swapped with a neighbour, replaced by the block of an older state.
TEST(bad_file, with_a_wrong_block_is_refused_by_name_or_read_right) {
  const std::string& whole = good().bytes;
  std::uint64_t noticed = 0;
  for (std::size_t block = 2; block + 1 < whole.size() / 4096; ++block) {
    std::string zeroed = whole;
    zeroed.replace(block * 4096, 4096, std::string(4096, '\0'));
    std::string swapped = whole;
    swapped.replace(block * 4096, 4096, whole, (block + 1) * 4096, 4096);
    swapped.replace((block + 1) * 4096, 4096, whole, block * 4096, 4096);
    for (const std::string& bytes : {zeroed, swapped}) {
      const Status status = outcome_of(bytes);
      EXPECT_TRUE(status.ok() || status == Code::corrupt) << "block " << block << ": " << status.to_string();
      noticed += status.ok() ? 0 : 1;
    }
  }
  EXPECT_GT(noticed, 8u);
}

}  // namespace
}  // namespace quire::engine
