// Goal: files and file systems may be used from several threads at once.
// Method: threads work on regions of one file and on names of their own, on all file systems; run under
//         ThreadSanitizer.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/mem/mem_file_system.hpp"
#include "os/overlay.hpp"
#include "os/posix/posix_file_system.hpp"
#include "os/sim/sim_file_system.hpp"
#include "os/test_files.hpp"

namespace quire::os {
namespace {

void work(FileSystem& files, const std::string& directory, File& shared, std::size_t number) {
  const std::size_t region = number * 10000;
  const std::string own = directory + "/own" + std::to_string(number);
  for (int round = 0; round < 50; ++round) {
    const std::string text = repeated(10000, static_cast<char>('a' + round % 26));
    EXPECT_TRUE(put(shared, region, text).ok());
    EXPECT_EQ(text_at(shared, region, text.size()), text);
    EXPECT_TRUE(shared.sync().ok());
    {
      const auto file = open_or_stop(files, own);
      EXPECT_TRUE(put(*file, 0, text).ok());
      EXPECT_TRUE(file->lock(LockMode::exclusive).ok());
    }
    EXPECT_TRUE(files.rename(own, own + "x").ok());
    EXPECT_TRUE(files.sync_directory(directory).ok());
    EXPECT_TRUE(files.remove(own + "x").ok());
  }
}

void run_threads(FileSystem& files, const std::string& directory) {
  {
    const auto shared = open_or_stop(files, directory + "/shared");
    std::vector<Thread> threads;
    for (std::size_t number = 0; number < 4; ++number) {
      threads.emplace_back([&files, &directory, &shared, number] { work(files, directory, *shared, number); });
    }
    threads.clear();
  }
  EXPECT_EQ(files.open(directory + "/shared", to_read).value()->size().value(), 40000u);
  EXPECT_EQ(*files.list(directory), std::vector<std::string>{"shared"});
  EXPECT_TRUE(files.remove(directory + "/shared").ok());
}

TEST(file_threads, share_files_of_the_system) {
  char place[] = "threads.XXXXXX";
  ASSERT_NE(::mkdtemp(place), nullptr);
  PosixFileSystem files;
  run_threads(files, place);
  ::rmdir(place);
}

TEST(file_threads, share_files_in_memory) {
  MemFileSystem files;
  run_threads(files, "/place");
}

TEST(file_threads, share_files_of_an_overlay) {
  for (const std::uint64_t memory_bytes : {std::uint64_t{1} << 20, std::uint64_t{20000}}) {
    MemFileSystem below;
    { ASSERT_TRUE(put(*open_or_stop(below, "/place/shared"), 0, repeated(25000, 'z')).ok()); }
    OverlayFileSystem files(below, {.memory_bytes = memory_bytes});
    run_threads(files, "/place");
    EXPECT_EQ(whole_text(*open_or_stop(below, "/place/shared", to_read)), repeated(25000, 'z'));
  }
}

TEST(file_threads, share_simulated_files) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    SimFileSystem files({.seed = seed});
    run_threads(files, "/place");
  }
}

}  // namespace
}  // namespace quire::os
