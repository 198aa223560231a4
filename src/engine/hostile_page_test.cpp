// Pages whose checksum is right and whose content is not.
//
// Goal     whoever can write the file can make every checksum right; reading such a file gives rows or an error, never
//          a crash, an endless walk or a step beyond a page (run under AddressSanitizer)
// Method   one page of a small real database changed in the file and its entry's checksum with it; then verify, a
//          scan both ways, gets and a walk
#include "engine/test_engine.hpp"

#include "base/random.hpp"
#include "support/environment.hpp"

namespace quire::engine {
namespace {

// Changes some bits of a page on disk, and its checksum in the page table to fit.
void tamper(Engine& engine, os::SimEnvironment& machine, PageId id, Random& random) {
  ASSERT_TRUE(engine.table().load(id).ok());
  space::Entry& entry = engine.table().find(id)->entry;
  std::vector<std::byte> image(engine.page_bytes());
  ASSERT_TRUE(engine.file().read(entry, id.raw, "the page", image).ok());
  const std::uint64_t changes = random.between({1, 3});
  for (std::uint64_t i = 0; i < changes; ++i) {
    // Mostly where structure is: header, slots, the newest records.
    const std::uint64_t at = random.chance(3, 4) ? random.below(400) : random.below(image.size());
    const auto mask = random.chance(1, 4) ? static_cast<std::byte>(random.next()) : static_cast<std::byte>(1u << random.below(8));
    image[at] ^= mask;
    ASSERT_TRUE(machine.files().damage(test_path, entry.block().raw * space::block_bytes + at, mask).ok());
  }
  entry.checksum = engine.file().checksum(image, id.raw);
}

// True when the engine noticed. Everything is read; what it gives is unspecified, that it gives something is not.
bool read_everything(Engine& engine) {
  const Result<VerifyReport> report = engine.verify(0);
  EXPECT_TRUE(report.ok() || report == Code::corrupt) << report.status().to_string();
  const std::shared_ptr<const catalog::Catalog> catalog = engine.catalog();
  const btree::Tree tree = engine.tree(*catalog->find(default_keyspace));
  btree::TreeCursor cursor(tree);
  std::string value;
  for (const bool forward : {true, false}) {
    std::uint64_t moves = 0;
    Status at = forward ? cursor.first() : cursor.last();
    for (; at.ok() && moves < 10000; at = forward ? cursor.next() : cursor.prev(), ++moves) {
      const Status read = cursor.read_value(value);
      EXPECT_TRUE(read.ok() || read == Code::corrupt) << read.to_string();
    }
    EXPECT_TRUE(at == Code::not_found || at == Code::corrupt) << at.to_string() << " after " << moves << " moves";
  }
  for (const char* key : {"key1", "key42", "key99", "large", "a", "z"}) {
    const Status got = tree.get(key, value);
    EXPECT_TRUE(got.ok() || got == Code::not_found || got == Code::corrupt) << got.to_string();
  }
  std::uint64_t pages = 0;
  const Status walked = tree.walk([&](PageId, btree::PageRole, std::uint32_t) {
    return ++pages < 10000 ? Status() : Status(Code::interrupted);
  });
  EXPECT_TRUE(walked.ok() || walked == Code::corrupt) << walked.to_string();
  return !report.ok();
}

TEST(hostile_page, gives_rows_or_an_error) {
  const SmallDatabase small = make_small_database();
  const std::uint64_t samples = test::number_from_environment("QUIRE_SAMPLES", 800);
  std::uint64_t noticed = 0;
  for (std::uint64_t sample = 1; sample <= samples && !testing::Test::HasFailure(); ++sample) {
    SCOPED_TRACE("sample " + std::to_string(sample));
    Random random(sample);
    os::SimEnvironment machine({.seed = 1});
    machine.files().install(test_path, small.bytes);
    const EnginePointer engine = open_shared(machine.environment(), test_path, small_options(Mode::read_only)).value();
    const std::uint64_t end = engine->table().next_page().raw;
    PageId id{random.between({3, end - 1})};
    ASSERT_TRUE(engine->table().load(id).ok());
    if (engine->table().find(id)->entry.free()) continue;
    tamper(*engine, machine, id, random);
    noticed += read_everything(*engine) ? 1 : 0;
  }
  EXPECT_GT(noticed, samples / 3);
}

}  // namespace
}  // namespace quire::engine
