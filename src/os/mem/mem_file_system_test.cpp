// Goal: what only files in memory have: a quota that can be raised, and space that comes back.
// Method: examples. What all file systems have in common is in os/file_conformance_test.cpp.
#include "os/mem/mem_file_system.hpp"

#include <gtest/gtest.h>

#include "os/test_files.hpp"

namespace quire::os {
namespace {

TEST(mem_file_system, stops_at_the_quota_and_goes_on_when_it_is_raised) {
  MemFileSystem files(100);
  const auto one = open_or_stop(files, "/one");
  const auto other = open_or_stop(files, "/other");
  EXPECT_TRUE(put(*one, 0, repeated(60, 'x')).ok());
  EXPECT_EQ(put(*other, 0, repeated(41, 'x')), Code::full);
  EXPECT_EQ(*other->size(), 0u);
  EXPECT_EQ(other->allocate(0, 41), Code::full);
  EXPECT_EQ(other->truncate(41), Code::full);
  EXPECT_TRUE(put(*other, 0, repeated(40, 'x')).ok());
  EXPECT_TRUE(put(*other, 0, repeated(40, 'y')).ok());
  files.set_quota(101);
  EXPECT_TRUE(put(*other, 40, "z").ok());
  EXPECT_EQ(files.used_bytes(), 101u);
}

TEST(mem_file_system, lets_files_shrink_below_a_lowered_quota) {
  MemFileSystem files(100);
  const auto file = open_or_stop(files, "/a");
  EXPECT_TRUE(put(*file, 0, repeated(80, 'x')).ok());
  files.set_quota(10);
  EXPECT_TRUE(put(*file, 0, "y").ok());
  EXPECT_EQ(put(*file, 80, "y"), Code::full);
  EXPECT_TRUE(file->truncate(5).ok());
  EXPECT_TRUE(put(*file, 5, "y").ok());
}

TEST(mem_file_system, gives_space_back_with_the_last_name_and_handle) {
  MemFileSystem files;
  auto file = open_or_stop(files, "/a");
  auto replaced = open_or_stop(files, "/b");
  EXPECT_TRUE(put(*file, 0, repeated(60, 'x')).ok());
  EXPECT_TRUE(put(*replaced, 0, repeated(40, 'x')).ok());
  EXPECT_TRUE(files.rename("/a", "/b").ok());
  EXPECT_EQ(files.used_bytes(), 100u);
  replaced.reset();
  EXPECT_EQ(files.used_bytes(), 60u);
  file.reset();
  EXPECT_EQ(files.used_bytes(), 60u);
  EXPECT_TRUE(files.remove("/b").ok());
  EXPECT_EQ(files.used_bytes(), 0u);
}

TEST(mem_file_system, knows_one_name_for_each_file) {
  MemFileSystem files;
  { EXPECT_TRUE(put(*open_or_stop(files, "a/./b//c"), 0, "x").ok()); }
  EXPECT_EQ(whole_text(*open_or_stop(files, "/a/d/../b/c", to_read)), "x");
  EXPECT_EQ(*files.resolve("a/b/c/"), "/a/b/c");
  EXPECT_EQ(*files.resolve(""), "/");
}

TEST(mem_file_system, has_files_unlike_those_of_another) {
  MemFileSystem one;
  MemFileSystem other;
  EXPECT_NE(open_or_stop(one, "/a")->identity(), open_or_stop(other, "/a")->identity());
}

}  // namespace
}  // namespace quire::os
