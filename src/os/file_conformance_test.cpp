// Goal: all file systems behave alike wherever the interface promises something.
// Method: one suite, run over real files in a temporary directory, files in memory, simulated files, and an overlay over
//         files in memory, once with so little memory that most is in its temporary file.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "base/random.hpp"
#include "os/mem/mem_file_system.hpp"
#include "os/overlay.hpp"
#include "os/posix/posix_file_system.hpp"
#include "os/sim/sim_file_system.hpp"
#include "os/test_files.hpp"

namespace quire::os {
namespace {

class file_conformance : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "posix") {
      char place[] = "conformance.XXXXXX";
      ASSERT_NE(::mkdtemp(place), nullptr);
      files_ = std::make_unique<PosixFileSystem>();
      directory_ = files_->resolve(place).value();
    } else {
      if (GetParam() == "mem") files_ = std::make_unique<MemFileSystem>();
      if (GetParam() == "sim") files_ = std::make_unique<SimFileSystem>(SimOptions{.seed = 1});
      if (GetParam().starts_with("overlay")) {
        below_ = std::make_unique<MemFileSystem>();
        const std::uint64_t memory_bytes = GetParam() == "overlay" ? 64 << 20 : 8192;
        files_ = std::make_unique<OverlayFileSystem>(*below_, OverlayFileSystem::Options{.memory_bytes = memory_bytes});
      }
      directory_ = "/place";
    }
  }

  void TearDown() override {
    if (GetParam() != "posix" || directory_.empty()) return;
    for (const std::string& name : files_->list(directory_).value()) EXPECT_TRUE(files_->remove(path(name)).ok());
    ::rmdir(directory_.c_str());
  }

  FileSystem& files() { return *files_; }
  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  std::unique_ptr<File> open(const std::string& name, OpenFile how = to_create) {
    return open_or_stop(*files_, path(name), how);
  }

  std::string directory_;

 private:
  std::unique_ptr<FileSystem> below_;
  std::unique_ptr<FileSystem> files_;
};

INSTANTIATE_TEST_SUITE_P(all, file_conformance, testing::Values("posix", "mem", "sim", "overlay", "overlay_spilled"),
                         [](const auto& tested) { return tested.param; });

TEST_P(file_conformance, reads_what_was_written) {
  const auto file = open("a");
  EXPECT_TRUE(put(*file, 0, "hello").ok());
  EXPECT_TRUE(put(*file, 3, "p me").ok());
  EXPECT_EQ(whole_text(*file), "help me");
  EXPECT_EQ(text_at(*file, 5, 2), "me");
}

TEST_P(file_conformance, reads_what_was_stored) {
  const auto file = open("a");
  EXPECT_TRUE(put(*file, 0, repeated(10000, 'x')).ok());
  EXPECT_TRUE(file->store_at(4090, as_bytes("over the border")).ok());
  EXPECT_TRUE(file->store_at(9999, as_bytes("beyond")).ok()) << "the end of the file, and of what is mapped";
  EXPECT_EQ(text_at(*file, 4089, 17), "xover the borderx");
  EXPECT_EQ(text_at(*file, 9998, 20), "xbeyond");
  EXPECT_TRUE(put(*file, 4095, "WRITTEN").ok());
  EXPECT_TRUE(file->truncate(4100).ok());
  EXPECT_TRUE(file->store_at(4099, as_bytes("again")).ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_EQ(text_at(*open("a"), 4089, 20), "xover WRITagain");
  EXPECT_TRUE(file->store_at(4090, as_bytes("OVER")).ok()) << "a sync lets go of what is mapped";
  EXPECT_EQ(text_at(*open("a"), 4089, 20), "xOVER WRITagain");
}

TEST_P(file_conformance, reads_less_only_at_the_end) {
  const auto file = open("a");
  EXPECT_TRUE(put(*file, 0, "hello").ok());
  EXPECT_EQ(text_at(*file, 3, 100), "lo");
  EXPECT_EQ(text_at(*file, 5, 1), "");
  EXPECT_EQ(text_at(*file, 1000, 1), "");
  EXPECT_EQ(text_at(*file, 0, 0), "");
}

TEST_P(file_conformance, fills_gaps_with_zeros) {
  const auto file = open("a");
  EXPECT_TRUE(put(*file, 5000, "x").ok());
  EXPECT_EQ(*file->size(), 5001u);
  EXPECT_EQ(text_at(*file, 0, 5000), repeated(5000, '\0'));
}

TEST_P(file_conformance, writes_nothing_without_growing) {
  const auto file = open("a");
  EXPECT_TRUE(file->write_at(100, {}).ok());
  EXPECT_EQ(*file->size(), 0u);
}

TEST_P(file_conformance, forgets_what_truncate_cut_off) {
  const auto file = open("a");
  EXPECT_TRUE(put(*file, 0, repeated(10000, 'x')).ok());
  EXPECT_TRUE(file->truncate(3).ok());
  EXPECT_EQ(whole_text(*file), "xxx");
  EXPECT_TRUE(file->truncate(9000).ok());
  EXPECT_EQ(whole_text(*file), "xxx" + repeated(8997, '\0'));
  EXPECT_TRUE(file->truncate(0).ok());
  EXPECT_EQ(*file->size(), 0u);
}

TEST_P(file_conformance, allocates_zeros_and_keeps_content) {
  const auto file = open("a");
  EXPECT_TRUE(put(*file, 0, "abc").ok());
  EXPECT_TRUE(file->allocate(0, 8192).ok());
  EXPECT_EQ(whole_text(*file), "abc" + repeated(8189, '\0'));
  EXPECT_TRUE(file->allocate(0, 10).ok());
  EXPECT_EQ(*file->size(), 8192u);
  EXPECT_TRUE(file->allocate(10000, 10).ok());
  EXPECT_EQ(*file->size(), 10010u);
  EXPECT_TRUE(file->allocate(20000, 0).ok());
  EXPECT_EQ(*file->size(), 10010u);
}

TEST_P(file_conformance, syncs) {
  const auto file = open("a");
  EXPECT_TRUE(put(*file, 0, "abc").ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_TRUE(files().sync_directory(directory_).ok());
  EXPECT_EQ(whole_text(*file), "abc");
}

TEST_P(file_conformance, keeps_content_when_closed_and_opened_again) {
  { EXPECT_TRUE(put(*open("a"), 0, "abc").ok()); }
  EXPECT_EQ(whole_text(*open("a", to_read)), "abc");
  EXPECT_EQ(whole_text(*open("a")), "abc");
}

TEST_P(file_conformance, shares_content_between_handles) {
  const auto one = open("a");
  const auto other = open("a");
  EXPECT_TRUE(put(*one, 0, "abc").ok());
  EXPECT_EQ(whole_text(*other), "abc");
  EXPECT_EQ(one->identity(), other->identity());
  EXPECT_NE(one->identity(), open("b")->identity());
}

TEST_P(file_conformance, does_not_find_what_is_not_there) {
  const Result<std::unique_ptr<File>> missing = files().open(path("a"), to_write);
  EXPECT_EQ(missing, Code::not_found);
  EXPECT_NE(missing.message().find(path("a")), std::string_view::npos) << missing.message();
  EXPECT_EQ(files().remove(path("a")), Code::not_found);
  EXPECT_EQ(files().rename(path("a"), path("b")), Code::not_found);
  EXPECT_FALSE(*files().exists(path("a")));
}

TEST_P(file_conformance, creates_only_what_must_not_exist) {
  const OpenFile fresh{.write = true, .create = true, .must_not_exist = true};
  { const auto file = open("a", fresh); }
  EXPECT_EQ(files().open(path("a"), fresh), Code::exists);
  EXPECT_TRUE(*files().exists(path("a")));
}

TEST_P(file_conformance, refuses_senseless_flags) {
  EXPECT_EQ(files().open(path("a"), {.write = false, .create = true, .must_not_exist = false}), Code::invalid);
  EXPECT_EQ(files().open(path("a"), {.write = true, .create = false, .must_not_exist = true}), Code::invalid);
}

TEST_P(file_conformance, refuses_to_open_a_directory) {
  const auto file = open("a");
  const Result<std::unique_ptr<File>> opened = files().open(directory_, to_read);
  EXPECT_EQ(opened, Code::invalid);
  EXPECT_NE(opened.message().find("directory"), std::string_view::npos) << opened.message();
}

TEST_P(file_conformance, refuses_to_change_what_was_opened_for_reading) {
  { EXPECT_TRUE(put(*open("a"), 0, "abc").ok()); }
  const auto file = open("a", to_read);
  EXPECT_EQ(put(*file, 0, "x"), Code::read_only);
  EXPECT_EQ(file->truncate(0), Code::read_only);
  EXPECT_EQ(file->allocate(0, 100), Code::read_only);
  EXPECT_EQ(file->lock(LockMode::exclusive), Code::read_only);
  EXPECT_EQ(whole_text(*file), "abc");
}

TEST_P(file_conformance, stores_nothing_into_what_was_opened_for_reading) {
  EXPECT_TRUE(put(*open("a"), 0, "text").ok());
  const auto file = open("a", {});
  EXPECT_EQ(file->store_at(0, as_bytes("T")), Code::read_only);
  EXPECT_EQ(whole_text(*file), "text");
}

TEST_P(file_conformance, refuses_offsets_beyond_every_file) {
  const auto file = open("a");
  std::byte byte{};
  EXPECT_EQ(put(*file, ~std::uint64_t{0}, "x"), Code::limit);
  EXPECT_EQ(file->truncate(~std::uint64_t{0}), Code::limit);
  EXPECT_EQ(file->allocate(~std::uint64_t{0} - 5, 10), Code::limit);
  const Result<std::size_t> got = file->read_at(std::uint64_t{1} << 62, {&byte, 1});
  EXPECT_TRUE(got.ok() && *got == 0);
}

TEST_P(file_conformance, renames_over_another_file) {
  { EXPECT_TRUE(put(*open("a"), 0, "from a").ok()); }
  { EXPECT_TRUE(put(*open("b"), 0, "from b").ok()); }
  EXPECT_TRUE(files().rename(path("a"), path("b")).ok());
  EXPECT_FALSE(*files().exists(path("a")));
  EXPECT_EQ(whole_text(*open("b")), "from a");
  EXPECT_TRUE(files().rename(path("b"), path("b")).ok());
  EXPECT_TRUE(*files().exists(path("b")));
}

TEST_P(file_conformance, renames_to_a_new_name_only_when_it_is_free) {
  { EXPECT_TRUE(put(*open("a"), 0, "from a").ok()); }
  { EXPECT_TRUE(put(*open("b"), 0, "from b").ok()); }
  EXPECT_EQ(files().rename_new(path("a"), path("b")).code(), Code::exists);
  EXPECT_EQ(whole_text(*open("a")), "from a");
  EXPECT_EQ(whole_text(*open("b")), "from b");
  EXPECT_TRUE(files().rename_new(path("a"), path("c")).ok());
  EXPECT_FALSE(*files().exists(path("a")));
  EXPECT_EQ(whole_text(*open("c")), "from a");
}

TEST_P(file_conformance, lists_names_in_order) {
  for (const char* name : {"c", "a", "b"}) open(name);
  EXPECT_EQ(*files().list(directory_), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(files().remove(path("b")).ok());
  EXPECT_EQ(*files().list(directory_), (std::vector<std::string>{"a", "c"}));
}

TEST_P(file_conformance, keeps_a_removed_file_until_it_is_closed) {
  const auto file = open("a");
  EXPECT_TRUE(put(*file, 0, "abc").ok());
  EXPECT_TRUE(files().remove(path("a")).ok());
  EXPECT_EQ(whole_text(*file), "abc");
  EXPECT_TRUE(put(*file, 3, "def").ok());
  EXPECT_EQ(whole_text(*file), "abcdef");
  EXPECT_EQ(whole_text(*open("a")), "");
}

TEST_P(file_conformance, lets_one_handle_hold_the_exclusive_lock) {
  const auto one = open("a");
  const auto other = open("a");
  EXPECT_TRUE(one->lock(LockMode::exclusive).ok());
  EXPECT_TRUE(one->lock(LockMode::exclusive).ok());
  const Status refused = other->lock(LockMode::exclusive);
  EXPECT_EQ(refused, Code::busy);
  EXPECT_NE(refused.message().find("is in use by another handle of this process"), std::string_view::npos)
      << refused.message();
  EXPECT_EQ(other->lock(LockMode::shared), Code::busy);
}

TEST_P(file_conformance, lets_many_handles_hold_the_shared_lock) {
  const auto one = open("a");
  const auto other = open("a", to_read);
  EXPECT_TRUE(one->lock(LockMode::shared).ok());
  EXPECT_TRUE(other->lock(LockMode::shared).ok());
  EXPECT_EQ(one->lock(LockMode::exclusive), Code::busy);
}

TEST_P(file_conformance, gives_the_lock_up_when_closed) {
  auto one = open("a");
  const auto other = open("a");
  EXPECT_TRUE(one->lock(LockMode::exclusive).ok());
  one.reset();
  EXPECT_TRUE(other->lock(LockMode::exclusive).ok());
}

TEST_P(file_conformance, weakens_a_lock) {
  const auto one = open("a");
  const auto other = open("a");
  EXPECT_TRUE(one->lock(LockMode::exclusive).ok());
  EXPECT_TRUE(one->lock(LockMode::shared).ok());
  EXPECT_TRUE(other->lock(LockMode::shared).ok());
}

TEST_P(file_conformance, resolves_names_that_do_not_exist_yet) {
  EXPECT_EQ(*files().resolve(path("new")), path("new"));
  EXPECT_EQ(*files().resolve(directory_ + "/./new"), path("new"));
}

// Model: a string per file, all operations in a random order.
TEST_P(file_conformance, agrees_with_a_string) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    const std::string name = "model" + std::to_string(seed);
    const auto file = open(name);
    std::string model;
    for (int step = 0; step < 100; ++step) {
      const auto offset = static_cast<std::size_t>(random.below(20000));
      const auto bytes = static_cast<std::size_t>(random.below(9000));
      switch (random.below(4)) {
        case 0:
          ASSERT_TRUE(file->truncate(offset).ok());
          model.resize(offset);
          break;
        case 1:
          ASSERT_TRUE(file->allocate(offset, bytes).ok());
          if (bytes > 0) model.resize(std::max(model.size(), offset + bytes));
          break;
        case 2:
          ASSERT_EQ(text_at(*file, offset, bytes), offset < model.size() ? model.substr(offset, bytes) : "");
          break;
        default:
          ASSERT_TRUE(put(*file, offset, repeated(bytes, static_cast<char>('a' + step % 26))).ok());
          if (bytes > 0) {
            model.resize(std::max(model.size(), offset + bytes));
            model.replace(offset, bytes, repeated(bytes, static_cast<char>('a' + step % 26)));
          }
      }
    }
    ASSERT_EQ(whole_text(*file), model) << "seed " << seed;
  }
}

TEST(path, finds_the_directory_of_a_path) {
  EXPECT_EQ(directory_of("a/b/c"), "a/b");
  EXPECT_EQ(directory_of("c"), ".");
  EXPECT_EQ(directory_of("/c"), "/");
  EXPECT_EQ(directory_of(""), ".");
}

}  // namespace
}  // namespace quire::os
