// ReadAhead against what mincore says: what the system has in memory after reads from anywhere, and after reads that follow each other.
#include "os/posix/read_ahead.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/random.hpp"
#include "os/posix/posix_file_system.hpp"
#include "os/sync.hpp"

namespace quire::os {
namespace {

constexpr std::size_t file_bytes = std::size_t{8} << 20;
constexpr std::size_t read_bytes = 8192;
constexpr std::size_t system_page = 4096;

class ReadAheadOfAFile : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "read-ahead.XXXXXX";
    const int made = ::mkstemp(name);
    ASSERT_GE(made, 0);
    ::close(made);
    path_ = files_.resolve(name).value();
    {
      const std::unique_ptr<File> file = files_.open(path_, {.write = true}).value();
      ASSERT_TRUE(file->write_at(0, std::vector<std::byte>(file_bytes, std::byte{1})).ok());
      ASSERT_TRUE(file->sync().ok());
    }
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(descriptor_, 0);
    ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED);
    if (cached() > file_bytes / system_page / 10) GTEST_SKIP() << "this file system keeps files in memory";
  }
  void TearDown() override {
    ::close(descriptor_);
    ::unlink(path_.c_str());
  }

  // Pages of the file that are in memory.
  std::size_t cached() const {
    void* at = ::mmap(nullptr, file_bytes, PROT_READ, MAP_SHARED, descriptor_, 0);
    EXPECT_NE(at, MAP_FAILED);
    std::vector<unsigned char> pages(file_bytes / system_page);
    EXPECT_EQ(::mincore(at, file_bytes, pages.data()), 0);
    ::munmap(at, file_bytes);
    return static_cast<std::size_t>(std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1) != 0; }));
  }

  PosixFileSystem files_;
  std::string path_;
  int descriptor_ = -1;
};

TEST_F(ReadAheadOfAFile, fetches_nothing_behind_reads_from_anywhere) {
  const std::unique_ptr<File> file = files_.open(path_, {.random_reads = true}).value();
  std::vector<std::byte> page(read_bytes);
  Random random(1);
  std::set<std::uint64_t> read;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t at = random.below(file_bytes / read_bytes);
    read.insert(at);
    ASSERT_EQ(file->read_at(at * read_bytes, page).value(), read_bytes);
  }
  EXPECT_LE(cached(), read.size() * read_bytes / system_page);
}

TEST_F(ReadAheadOfAFile, fetches_what_comes_after_reads_that_follow_each_other) {
  const std::unique_ptr<File> file = files_.open(path_, {.random_reads = true}).value();
  std::vector<std::byte> page(read_bytes);
  constexpr std::size_t reads = 20;
  for (std::size_t i = 0; i < reads; ++i) ASSERT_EQ(file->read_at(i * read_bytes, page).value(), read_bytes);
  for (int wait = 0; wait < 1000 && cached() <= reads * read_bytes / system_page; ++wait) sleep_us(1000);
  EXPECT_GT(cached(), reads * read_bytes / system_page);
}

}  // namespace
}  // namespace quire::os
