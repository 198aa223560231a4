// Goal: through an overlay files look as if they had been changed, and below nothing has.
// Method: files below with content; random operations against strings, through several handles, with names that move, with
//         memory that suffices and that does not; what is below is compared byte by byte and operation by operation.
//         What an overlay has in common with all file systems is in os/file_conformance_test.cpp.
#include "os/overlay.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "os/mem/mem_file_system.hpp"
#include "os/sim/sim_file_system.hpp"
#include "os/test_files.hpp"

namespace quire::os {
namespace {

std::string random_text(Random& random, std::size_t bytes) {
  std::string text(bytes, ' ');
  for (char& c : text) c = static_cast<char>('a' + random.below(26));
  return text;
}

// An open that finds the file; the files that there are tell that nothing was created.
bool looks_only(OperationKind kind) {
  switch (kind) {
    case OperationKind::open: case OperationKind::read: case OperationKind::size: case OperationKind::exists: case OperationKind::list: return true;
    default: return false;
  }
}

// Files of a simulated file system, and what became of them in an overlay.
class Model {
 public:
  Model(std::uint64_t seed, const OverlayFileSystem::Options& options) : random_(seed), below_({.seed = seed}), overlay_(below_, options) {
    for (int i = 0; i < 3; ++i) {
      const std::string path = "/db/file" + std::to_string(i);
      known_[path] = random_text(random_, random_.below(30000));
      below_.install(path, known_[path]);
    }
    before_ = known_;
    below_.observe([this](const Operation& operation) { changes_ += looks_only(operation.kind) ? 0 : 1; });
  }

  void step() {
    switch (random_.below(12)) {
      case 0: return rename();
      case 1: return remove();
      case 2: return create();
      default: return use(pick());
    }
  }

  void check_all() {
    std::vector<std::string> names;
    for (const auto& [path, content] : known_) {
      names.push_back(path.substr(4));
      ASSERT_EQ(whole_text(*open_or_stop(overlay_, path, to_read)), content) << path;
    }
    ASSERT_EQ(*overlay_.list("/db"), names);
  }

  void check_below() {
    ASSERT_EQ(below_.files().size(), before_.size());
    for (const auto& [path, content] : before_) ASSERT_EQ(below_.contents(path).value(), content) << path;
  }

  std::uint64_t changes_below() const { return changes_; }
  OverlayFileSystem& overlay() { return overlay_; }

 private:
  std::string pick() {
    if (known_.empty()) return {};
    return std::next(known_.begin(), static_cast<std::ptrdiff_t>(random_.below(known_.size())))->first;
  }
  std::string new_name() { return "/db/new" + std::to_string(random_.below(4)); }

  void rename() {
    const std::string from = pick();
    if (from.empty()) return;
    const std::string to = random_.chance(1, 2) ? new_name() : pick();
    const bool fresh = random_.chance(1, 3);
    const Status moved = fresh ? overlay_.rename_new(from, to) : overlay_.rename(from, to);
    if (fresh && known_.contains(to)) {
      ASSERT_EQ(moved, Code::exists);
      return;
    }
    ASSERT_TRUE(moved.ok()) << moved.to_string();
    if (from == to) return;
    known_[to] = known_[from];
    known_.erase(from);
  }

  void remove() {
    const std::string path = pick();
    if (path.empty() || random_.chance(2, 3)) return;
    ASSERT_TRUE(overlay_.remove(path).ok());
    EXPECT_FALSE(*overlay_.exists(path));
    EXPECT_EQ(overlay_.open(path, to_write), Code::not_found);
    known_.erase(path);
  }

  void create() {
    const std::string path = random_.chance(1, 4) ? "/db/file" + std::to_string(random_.below(3)) : new_name();
    const Result<std::unique_ptr<File>> made = overlay_.open(path, {.write = true, .create = true, .must_not_exist = true});
    ASSERT_EQ(made.ok(), !known_.contains(path));
    if (made.ok()) known_[path] = "";
  }

  void use(const std::string& path) {
    if (path.empty()) return;
    const auto file = open_or_stop(overlay_, path, to_write);
    const auto other = open_or_stop(overlay_, path, to_read);
    std::string& model = known_[path];
    for (int i = 0; i < 6; ++i) {
      const auto offset = static_cast<std::size_t>(random_.below(40000));
      const auto bytes = static_cast<std::size_t>(random_.below(9000));
      const std::uint64_t choice = random_.below(6);
      if (choice == 0) {
        ASSERT_TRUE(file->truncate(offset).ok());
        model.resize(offset);
      } else if (choice == 1 && bytes > 0) {
        ASSERT_TRUE(file->allocate(offset, bytes).ok());
        model.resize(std::max(model.size(), offset + bytes));
      } else if (choice < 4 && bytes > 0) {
        const std::string text = random_text(random_, bytes);
        ASSERT_TRUE(put(*file, offset, text).ok());
        model.resize(std::max(model.size(), offset + bytes));
        model.replace(offset, bytes, text);
      } else {
        ASSERT_EQ(text_at(*other, offset, bytes), offset < model.size() ? model.substr(offset, bytes) : "");
      }
      ASSERT_EQ(*other->size(), model.size());
      ASSERT_TRUE(file->sync().ok());
    }
  }

  Random random_;
  SimFileSystem below_;
  OverlayFileSystem overlay_;
  std::map<std::string, std::string> known_;
  std::map<std::string, std::string> before_;
  std::uint64_t changes_ = 0;
};

TEST(overlay, agrees_with_strings_and_changes_nothing_below) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model model(seed, {});
    for (int step = 0; step < 60; ++step) {
      model.step();
      if (testing::Test::HasFatalFailure()) return;
    }
    model.check_all();
    model.check_below();
    EXPECT_EQ(model.changes_below(), 0u);
    EXPECT_EQ(model.overlay().spilled_bytes(), 0u);
  }
}

TEST(overlay, agrees_with_strings_when_memory_does_not_suffice) {
  for (std::uint64_t seed = 100; seed <= 140; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MemFileSystem elsewhere;
    Model model(seed, {.memory_bytes = 12288, .spill_files = &elsewhere, .spill_directory = "/tmp"});
    std::uint64_t spilled_most = 0;
    for (int step = 0; step < 60; ++step) {
      model.step();
      if (testing::Test::HasFatalFailure()) return;
      spilled_most = std::max(spilled_most, model.overlay().spilled_bytes());
      EXPECT_LE(model.overlay().memory_bytes_used(), 12288u);
    }
    model.check_all();
    model.check_below();
    EXPECT_GT(spilled_most, 0u);
    EXPECT_EQ(model.changes_below(), 0u);
    EXPECT_TRUE(elsewhere.list("/tmp")->empty()) << "the temporary file has a name";
  }
}

TEST(overlay, makes_its_temporary_file_below_unless_told_otherwise) {
  SimFileSystem below;
  below.install("/db/a", repeated(100, 'x'));
  {
    OverlayFileSystem overlay(below, {.memory_bytes = 4096});
    const auto file = open_or_stop(overlay, "/db/a", to_write);
    ASSERT_TRUE(put(*file, 0, repeated(20000, 'y')).ok());
    EXPECT_EQ(whole_text(*file), repeated(20000, 'y'));
    EXPECT_GT(below.used_bytes(), 10000u);
    EXPECT_EQ(below.files(), std::vector<std::string>{"/db/a"});
    EXPECT_EQ(*overlay.list("/db"), std::vector<std::string>{"a"});
  }
  EXPECT_EQ(below.contents("/db/a").value(), repeated(100, 'x'));
  EXPECT_LE(below.used_bytes(), 4096u);
}

TEST(overlay, says_when_the_temporary_file_finds_no_room) {
  SimFileSystem below({.seed = 1, .quota_bytes = 16384});
  below.install("/db/a", repeated(100, 'x'));
  OverlayFileSystem overlay(below, {.memory_bytes = 8192});
  const auto file = open_or_stop(overlay, "/db/a", to_write);
  Status written;
  std::string model = repeated(100, 'x');
  for (std::size_t i = 0; i < 20 && written.ok(); ++i) {
    written = put(*file, i * 4096, repeated(4096, 'y'));
    if (!written.ok()) break;
    model.resize(i * 4096);
    model += repeated(4096, 'y');
  }
  EXPECT_EQ(written, Code::full);
  EXPECT_EQ(whole_text(*file), model);
}

TEST(overlay, gives_memory_back_with_the_last_name_and_handle) {
  MemFileSystem below;
  OverlayFileSystem overlay(below);
  auto file = open_or_stop(overlay, "/a");
  ASSERT_TRUE(put(*file, 0, repeated(8192, 'x')).ok());
  { ASSERT_TRUE(put(*open_or_stop(overlay, "/b"), 0, repeated(4096, 'x')).ok()); }
  EXPECT_EQ(overlay.memory_bytes_used(), 12288u);
  ASSERT_TRUE(overlay.rename("/a", "/b").ok());
  EXPECT_EQ(overlay.memory_bytes_used(), 8192u);
  ASSERT_TRUE(overlay.remove("/b").ok());
  EXPECT_EQ(overlay.memory_bytes_used(), 8192u);
  file.reset();
  EXPECT_EQ(overlay.memory_bytes_used(), 0u);
}

TEST(overlay, takes_locks_below) {
  SimFileSystem below;
  below.install("/db/a", "content");
  OverlayFileSystem overlay(below);
  const auto writer = open_or_stop(below, "/db/a", to_write);
  auto file = open_or_stop(overlay, "/db/a", to_write);
  ASSERT_TRUE(writer->lock(LockMode::exclusive).ok());
  EXPECT_EQ(file->lock(LockMode::shared), Code::busy);
  ASSERT_TRUE(writer->lock(LockMode::shared).ok());
  ASSERT_TRUE(file->lock(LockMode::shared).ok());
  EXPECT_EQ(writer->lock(LockMode::exclusive), Code::busy);
  file.reset();
  EXPECT_TRUE(writer->lock(LockMode::exclusive).ok());
}

TEST(overlay, keeps_the_identity_of_files_below) {
  SimFileSystem below;
  below.install("/db/a", "content");
  OverlayFileSystem overlay(below);
  const FileIdentity identity = open_or_stop(below, "/db/a", to_read)->identity();
  EXPECT_EQ(open_or_stop(overlay, "/db/a", to_write)->identity(), identity);
  ASSERT_TRUE(overlay.rename("/db/a", "/db/b").ok());
  EXPECT_EQ(open_or_stop(overlay, "/db/b", to_read)->identity(), identity);
  EXPECT_NE(open_or_stop(overlay, "/db/a")->identity(), identity);
}

TEST(overlay, passes_failures_of_reading_on) {
  SimFileSystem below;
  below.install("/db/a", repeated(10000, 'x'));
  OverlayFileSystem overlay(below);
  const auto file = open_or_stop(overlay, "/db/a", to_write);
  ASSERT_TRUE(put(*file, 0, repeated(4096, 'y')).ok());
  below.inject({.kind = FaultKind::io_error, .path = "/db/a", .sticky = true});
  std::vector<std::byte> into(100);
  EXPECT_TRUE(file->read_at(10, into).ok());
  EXPECT_EQ(file->read_at(5000, into), Code::io);
  EXPECT_EQ(put(*file, 5000, "z"), Code::io) << "the rest of the block is not known";
  below.clear_faults();
  EXPECT_EQ(text_at(*file, 4990, 20), repeated(20, 'x'));
}

}  // namespace
}  // namespace quire::os
