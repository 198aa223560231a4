// Every byte of a small file, flipped, one at a time.
//
// Goal     a precise error or a right answer, never a wrong one, a crash or a hang: of a file that was closed, and of one
//          that was not, with pages of undo and of active transactions, on whose recovery no page is trusted unchecked
// Method   each byte, or one of so many (QUIRE_EVERY_BYTE), on a fresh copy; open, verify, read everything. Eight
//          parts, so that they run side by side
#include "engine/test_engine.hpp"

#include "base/random.hpp"
#include "support/environment.hpp"

namespace quire::engine {
namespace {

using testing::HasSubstr;

constexpr std::size_t parts = 8;

// A database whose power went while a transaction was active that a checkpoint had written down: half of its changes are
// in the file, and the undo records for them.
SmallDatabase make_unclean_database() {
  os::SimEnvironment machine({.seed = 1});
  SmallDatabase small;
  const EnginePointer engine = open_shared(machine.environment(), test_path, small_options()).value();
  std::map<std::string, std::optional<std::string>> rows;
  for (int i = 0; i < 60; ++i) rows["key" + std::to_string(i)] = std::string(70, 'a');
  rows["large"] = std::string(9000, 'A');
  QUIRE_ASSERT(commit_rows(*engine, rows).ok());
  for (const auto& [key, value] : rows) small.rows[key] = *value;
  std::optional<Writer> writer;
  QUIRE_ASSERT(Writer::begin(*engine, {}, writer).ok());
  const catalog::KeyspaceRecord record = *writer->catalog().find(default_keyspace);
  for (int i = 0; i < 60; i += 2) {
    const std::string key = "key" + std::to_string(i);
    const Result<bool> changed = i % 4 == 0 ? writer->erase(record, key) : writer->put(record, key, std::string(90, 'b'));
    QUIRE_ASSERT(changed.ok());
  }
  QUIRE_ASSERT(writer->put(record, "large", std::string(5000, 'B')).ok());
  QUIRE_ASSERT(writer->put(record, "new", "row").ok());
  QUIRE_ASSERT(engine->checkpoint().ok());
  small.bytes = machine.files().contents(test_path).value();
  // What has been reserved ahead holds nothing.
  const std::unique_ptr<os::File> file = machine.files().open(test_path, {}).value();
  const std::uint64_t used = space::read_superblock(*file, test_path)->file_blocks * space::block_bytes;
  if (used < small.bytes.size()) small.bytes.resize(used);
  return small;
}

Status examine(const SmallDatabase& small, const std::string& bytes, Mode mode) {
  os::SimEnvironment machine({.seed = 1});
  machine.files().install(test_path, bytes);
  QUIRE_ASSIGN(const EnginePointer engine, open_shared(machine.environment(), test_path, small_options(mode)));
  QUIRE_TRY(engine->verify(0).status());
  QUIRE_ASSIGN(const Model rows, rows_of(*engine));
  return rows == small.rows ? Status() : Status(Code::unknown_outcome, "other rows than were committed");
}

class EveryByte : public testing::TestWithParam<std::size_t> {
 protected:
  // How many flips were noticed.
  std::uint64_t flip_all(const SmallDatabase& small, Mode mode) const {
    const std::uint64_t one_in = test::number_from_environment("QUIRE_EVERY_BYTE", 1);
    Random random(GetParam() + 1);
    std::uint64_t noticed = 0;
    std::string bytes = small.bytes;
    for (std::size_t at = GetParam(); at < bytes.size(); at += parts) {
      if (one_in > 1 && !random.chance(1, one_in)) continue;
      const char right = bytes[at];
      bytes[at] = static_cast<char>(right ^ (1 << random.below(8)));
      const Status status = examine(small, bytes, mode);
      bytes[at] = right;
      if (status.ok()) continue;
      ++noticed;
      EXPECT_EQ(status, Code::corrupt) << "byte " << at << ": " << status.to_string();
      EXPECT_THAT(std::string(status.message()), HasSubstr(test_path)) << "byte " << at;
    }
    return noticed;
  }
};

TEST_P(EveryByte, of_a_closed_file_is_refused_by_name_or_read_right) {
  static const SmallDatabase small = make_small_database();
  ASSERT_EQ(examine(small, small.bytes, Mode::open).to_string(), "ok");
  EXPECT_GT(flip_all(small, Mode::open), 0u);
}

TEST_P(EveryByte, of_a_file_with_an_active_transaction_is_refused_by_name_or_read_right) {
  static const SmallDatabase small = make_unclean_database();
  ASSERT_EQ(examine(small, small.bytes, Mode::open).to_string(), "ok");
  EXPECT_GT(flip_all(small, Mode::open), 0u);
}

INSTANTIATE_TEST_SUITE_P(parts, EveryByte, testing::Range(std::size_t{0}, parts));

}  // namespace
}  // namespace quire::engine
